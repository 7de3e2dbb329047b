"""Chapter 12's window slider: which pairs a window lets through, what it saves, what it costs.

The mask, the formulas of the cost and the measured accuracies are the learner's, handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from torch import Tensor

from ..figures import COLORS
from .controls import Choice, Control, Slider

Allowed = Callable[[int, int], Tensor]
Cost = Callable[[int, int, int], tuple[float, float]]
Updater = Callable[[Mapping[str, Any]], str]

PAIRS = ListedColormap(["white", "#D9D9D9", COLORS["train"]])  # outside, computed in vain, allowed
CELLS = 256  # a longer mask is drawn from every second, third … token
_RELATIONS = ((COLORS["train"], "-", "o"), (COLORS["held_out"], "--", "s"),
              (COLORS["saddle"], "-.", "^"))


def window_controls(
    lengths: Sequence[int] = (16, 32, 64, 128, 256, 1024), length: int = 64, radius: int = 4,
    widest: int = 32, size: int = 16,
) -> dict[str, Control]:
    """Controls: `length` (tokens T), `radius` (0 … widest) and `size`, the queries of a block."""
    return {
        "length": Choice(lengths, value=length, label="tokens T"),
        "radius": Slider(0, widest, radius, label="radius r"),
        "size": Choice((4, 8, 16, 32, 64), value=size, label="block size"),
    }


def window_picture(
    allowed: Allowed, costs: Mapping[str, Cost], accuracy: Mapping[str, Mapping[int, float]]
) -> Callable:
    """Left: the pairs. Middle: cost against the full form. Right: what accuracy is left.

    Args:
        allowed: allowed(T, r) -> bool (T, T), True where query (row) may see key (column).
        costs: form → cost(T, r, size) -> (multiply-adds, bytes); the first is the full form.
        accuracy: relation → radius → accuracy, as measured; at most three relations.
    Returns:
        picture for three panels, for the controls of `window_controls`.
    Raises:
        ValueError: no form, no relation, or more relations than can be told apart.
    """
    if not costs:
        raise ValueError("costs is empty; name at least the full form")
    if not 0 < len(accuracy) <= len(_RELATIONS):
        raise ValueError(f"accuracy needs one to {len(_RELATIONS)} relations, got {len(accuracy)}")

    def picture(axes: np.ndarray, settings: Mapping[str, Any]) -> tuple[list[Artist], Updater]:
        left, middle, right = axes
        image = left.imshow(np.zeros((2, 2)), cmap=PAIRS, vmin=0, vmax=2, interpolation="nearest")
        left.set(title="blue: allowed; grey:\ncomputed in vain by blocks", xlabel="key j",
                 ylabel="query i", yticks=[])  # labels that grow would not find room
        left.grid(False)
        left.spines[:].set_visible(True)
        bars = CostBars(middle, list(costs))
        line = accuracy_lines(right, accuracy)

        def update(settings: Mapping[str, Any]) -> str:
            length, radius, size = (settings[key] for key in ("length", "radius", "size"))
            pairs = allowed(length, radius)
            shown = pair_codes(pairs, radius, size)
            image.set_data(shown[:: -(-length // CELLS), :: -(-length // CELLS)])
            image.set_extent((-0.5, length - 0.5, length - 0.5, -0.5))
            left.set(xlim=(-0.5, length - 0.5), ylim=(length - 0.5, -0.5))
            ratios = cost_ratios(costs, length, radius, size)
            bars.show(ratios)
            line.set_xdata([radius, radius])
            share = float(pairs.float().mean())
            said = "; ".join(f"{form} {work:.3g} of the multiply-adds and {held:.3g} of the bytes"
                             for form, (work, held) in list(ratios.items())[1:])
            left_over = "; ".join(f"{name}: {table[known(table, radius)]:.0%} (measured at radius "
                                  f"{known(table, radius)})" for name, table in accuracy.items())
            return (f"T = {length}, radius {radius}, blocks of {size}: {share:.1%} of the pairs "
                    f"allowed. Against the full form: {said}. Accuracy left: {left_over}.")

        return [image, *bars.artists, line], update

    return picture


def pair_codes(pairs: Tensor, radius: int, size: int) -> np.ndarray:
    """For each pair: 2 allowed, 1 computed in vain by blocks of `size` queries, 0 neither, (T, T).

    A block meets the keys from `radius` before its first query to `radius` after its last.
    """
    places = np.arange(len(pairs))
    first = places[:, None] // size * size
    met = (places >= first - radius) & (places <= first + size - 1 + radius)
    return np.where(pairs.numpy(), 2, met.astype(int))


def cost_ratios(
    costs: Mapping[str, Cost], length: int, radius: int, size: int
) -> dict[str, tuple[float, float]]:
    """Multiply-adds and bytes of each form, as shares of the first form's."""
    found = {form: cost(length, radius, size) for form, cost in costs.items()}
    work, held = next(iter(found.values()))
    return {form: (w / work, h / held) for form, (w, h) in found.items()}


def known(table: Mapping[int, float], radius: int) -> int:
    """The largest radius in `table` that is not above `radius` (or its smallest)."""
    return max((measured for measured in table if measured <= radius), default=min(table))


class CostBars:
    """Two bars a form, on a logarithmic axis: multiply-adds full, bytes hatched."""

    LOW, HIGH = 1e-3, 30.0

    def __init__(self, ax: Axes, forms: Sequence[str]):
        rows = np.arange(len(forms))
        look = {"height": 0.36, "left": self.LOW, "edgecolor": "white", "linewidth": 0}
        self._work = ax.barh(rows - 0.19, 1.0, color=COLORS["train"], label="multiply-adds", **look)
        self._held = ax.barh(rows + 0.19, 1.0, color=COLORS["extra"][0], hatch="////",
                             label="bytes", **look)
        ground = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}  # where it meets the line
        self._words = [ax.text(0, row + shift, "", va="center", fontsize=8, bbox=ground)
                       for shift in (-0.19, 0.19) for row in rows]
        ax.plot([1.0, 1.0], [-0.5, len(forms) - 0.4], "--", color=COLORS["reference"])
        ax.set(xscale="log", xlim=(self.LOW, self.HIGH), yticks=rows, yticklabels=forms,
               ylim=(len(forms) - 0.4, -1.4), xlabel="share of the full form", title="cost")
        ax.set_xticks([0.001, 0.01, 0.1, 1, 10], labels=["0.001", "0.01", "0.1", "1", "10"])
        ax.minorticks_off()
        ax.grid(False, axis="y")
        ax.legend(loc="upper left", ncols=2, fontsize=8, borderaxespad=0.2)
        self.artists: list[Artist] = [*self._work, *self._held, *self._words]

    def show(self, ratios: Mapping[str, tuple[float, float]]) -> None:
        """Set the bars' ends, and the numbers beside them."""
        values = [pair[which] for which in (0, 1) for pair in ratios.values()]
        for bar, words, value in zip([*self._work, *self._held], self._words, values, strict=True):
            end = float(np.clip(value, self.LOW, self.HIGH / 3))
            bar.set_width(end - self.LOW)
            words.set(x=end * 1.15, text=f"{value:.3g}")


def accuracy_lines(ax: Axes, accuracy: Mapping[str, Mapping[int, float]]) -> Artist:
    """Measured accuracy of each relation against the radius; returns the line of the slider."""
    for (name, table), (color, style, marker) in zip(accuracy.items(), _RELATIONS, strict=False):
        ax.plot(list(table), list(table.values()), color=color, linestyle=style, marker=marker,
                markersize=5, label=name)
    most = max(max(table) for table in accuracy.values())
    ax.set(xlim=(-0.5, most * 1.05), ylim=(0, 1.3), xlabel="radius r", ylabel="accuracy, held out",
           title="what is left", yticks=[0, 0.2, 0.4, 0.6, 0.8, 1.0])
    ax.legend(loc="upper left", ncols=2, fontsize=8)
    (line,) = ax.plot([0, 0], [0, 1.05], color=COLORS["yours"], linewidth=2)  # below the legend
    return line
