"""Picture of chapter 05's playground: the path of two parameters, and what each update costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.ticker import LogFormatter
from torch import Tensor

from ..figures import COLORS, contour, move_path, path
from ..surfaces import loss_grid

GRID = 81  # heights per side of a map
LONGEST = 3000  # places of the path that are drawn
Loss = Callable[[Tensor], Tensor]


def batch_picture(
    losses: Mapping[str, Loss],
    windows: Mapping[str, tuple[tuple[float, float], tuple[float, float]]],
    seconds: Mapping[str, Mapping[int, float]],
) -> Callable:
    """Left: the path over the loss of all examples. Right: measured time of one update.

    Args:
        losses: problem → loss of all examples, (…, 2) -> (…).
        windows: problem → ((w low, w high), (b low, b high)).
        seconds: way of computing → batch size → measured seconds of one update.
    Returns:
        picture for two panels; its settings are problem, batch_size and way. What the training
        yields has "places", a list of tensors (2,), and "cost", the examples and the measured
        seconds so far.
    """

    def picture(axes: np.ndarray, settings: Mapping[str, Any]) -> tuple[list[Artist], Callable]:
        left, right = axes
        loss, window = losses[settings["problem"]], windows[settings["problem"]]
        _draw_map(left, loss, window)
        left.set(title=f"{settings['problem']}, from above", xlabel="w", ylabel="b")
        line, dot, ring = path(left, [[0.0, 0.0]], COLORS["yours"])
        line.set(linewidth=1.0)
        here = _draw_times(right, seconds)

        def update(state: Mapping[str, Any]) -> str:
            places = torch.stack(list(state["places"])[-LONGEST:]).numpy()  # (n, 2)
            move_path((line, dot, ring), places)
            size, way = settings["batch_size"], settings["way"]
            here.set_data([size], [1000 * seconds[way][size]])
            examples, spent = state["cost"]
            clock = f"{1000 * spent:.3g} ms" if spent < 1 else f"{spent:.3g} s"
            right.set_title(f"{examples} examples, {clock}")
            w, b = places[-1]
            return f"at w {w:.3g}, b {b:.3g}; {examples} examples used; {clock} of measured time"

        return [line, dot, ring, here, right.title], update

    return picture


def batch_sizes_below(ax: Axes, sizes: Sequence[int]) -> None:
    """Batch sizes at equal ratios below `ax`, each by its number; plain numbers on a log y axis."""
    ax.set(xscale="log", xlabel="batch size B")
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.xaxis.minorticks_off()
    if ax.get_yscale() == "log":
        ax.yaxis.set_major_formatter(_Plain())
        ax.yaxis.set_minor_formatter(_Plain(minor_thresholds=(2, 0.5)))


class _Plain(LogFormatter):
    """0.02 where LogFormatter writes 2e-02."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return f"{x:g}" if super().__call__(x, pos) else ""


def _draw_map(ax: Axes, loss: Loss, window: tuple) -> None:
    (w_low, w_high), (b_low, b_high) = window
    ws = torch.linspace(w_low, w_high, GRID, dtype=torch.float64)
    bs = torch.linspace(b_low, b_high, GRID, dtype=torch.float64)
    contour(ax, ws, bs, loss_grid(loss, ws, bs).sqrt())  # the root: more level lines in the valley
    ax.set(xlim=window[0], ylim=window[1])


def _draw_times(ax: Axes, seconds: Mapping[str, Mapping[int, float]]) -> Artist:
    for (way, times), style in zip(seconds.items(), ("o-", "s--"), strict=False):
        color = COLORS["train"] if style == "o-" else COLORS["reference"]
        ax.plot(list(times), [1000 * value for value in times.values()], style, color=color,
                markersize=4, label=way)  # fmt: skip
    (ring,) = ax.plot([], [], "o", markersize=13, markerfacecolor="none", markeredgewidth=2,
                      color=COLORS["yours"], label="yours now")
    ax.set(yscale="log", ylabel="ms for one update")
    batch_sizes_below(ax, sorted({size for times in seconds.values() for size in times}))
    ax.legend(loc="upper left", fontsize=8)
    return ring
