"""Pictures of chapter 04's playgrounds. Derivatives, test and step are the learner's: handed in.

Each function here makes a `picture(axes, settings)` for an `Explorer` or a `Playground`. A surface
is anything with `f` (shape (…, 2) to (…)), `x_range`, `y_range` and `log`, as in `surfaces`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from ..figures import COLORS, contour, move_path, path
from ..surfaces import loss_grid

Local = Callable[[Any, Tensor], tuple[Tensor, Tensor, Tensor]]
Updater = Callable[[Any], str]

GRID = 81  # heights per side of a map
WINDOW = 0.24  # half-width of the quadratic's contours, in widths of the map
FLAT = 0.01  # a gradient shorter than this counts as zero
SIGNS = {-1: (COLORS["saddle"], "--"), 0: (COLORS["reference"], ":"), 1: (COLORS["minimum"], "-")}


def bend_picture(
    surfaces: Mapping[str, Any],
    local: Local,
    classify: Callable[[Tensor], str],
    along: Callable[[Mapping[str, Any]], Tensor],
) -> Callable:
    """Left: a surface from above, with what is known at one point. Right: a section through it.

    Args:
        surfaces: name → surface.
        local: local(f, at (2,)) -> gradient (2,), eigenvalues (2,) ascending, eigenvectors (2, 2)
            in columns.
        classify: eigenvalues (2,) -> one word, such as "saddle".
        along: along(settings) -> the section's unit vector, (2,); zero if there is none.
    Returns:
        picture for two panels; its settings are surface, x, y and step (the step's length).
    """

    def picture(axes: np.ndarray, settings: Mapping[str, Any]) -> tuple[list[Artist], Updater]:
        left, right = axes
        maps = {name: _draw_map(left, surface) for name, surface in surfaces.items()}
        point, section = _Point(left), _Section(right)

        def update(settings: Mapping[str, Any]) -> str:
            name, step = settings["surface"], settings["step"]
            surface = surfaces[name]
            for other, artists in maps.items():
                for artist in artists:
                    artist.set_visible(other == name)
            left.set(xlim=surface.x_range, ylim=surface.y_range)
            left.set_title(f"{name} (blue dashes: the quadratic)", fontsize=11)
            at = torch.tensor([settings["x"], settings["y"]], dtype=torch.float64)
            g, values, vectors = local(surface.f, at)

            def quadratic(v: Tensor) -> Tensor:  # (…, 2) -> (…): its change of the loss
                return v @ g + ((v @ vectors) ** 2 * values).sum(-1) / 2

            point.move(surface, at, g, values, vectors, quadratic)
            changes = section.move(surface.f, at, along(settings), step, quadratic)
            return _words(surface, at, g, values, classify, step, changes)

        moving = [artist for artists in maps.values() for artist in artists]
        return [*moving, left.title, *point.artists, *section.artists], update

    return picture


def descent_picture(surfaces: Mapping[str, Any]) -> Callable:
    """Left: the path on the surface. Right: both eigenvalues of H at the places it passed.

    Args:
        surfaces: name → surface.
    Returns:
        picture for two panels; its setting is surface. What the training yields has "places", a
        list of tensors (2,), and "bends", a list of eigenvalues (2,), one for each step.
    """

    def picture(axes: np.ndarray, settings: Mapping[str, Any]) -> tuple[list[Artist], Updater]:
        left, right = axes
        surface = surfaces[settings["surface"]]
        _draw_map(left, surface)
        left.set(xlim=surface.x_range, ylim=surface.y_range,
                 title=f"{settings['surface']}, from above")
        line, dot, ring = path(left, [[0.0, 0.0]], COLORS["yours"])
        right.axhline(0, color=COLORS["reference"], linewidth=1)
        (small,) = right.plot([], [], "--", color=COLORS["saddle"], label="smallest λ")
        (large,) = right.plot([], [], "-", color=COLORS["minimum"], label="largest λ")
        right.set(title="bend where it stands", xlabel="step", ylabel="eigenvalues of H",
                  xlim=(0, 50), ylim=(-3, 5))
        right.legend(loc="upper left")

        def update(state: Mapping[str, Any]) -> str:
            places = torch.stack(list(state["places"])).numpy()  # (n, 2)
            bends = torch.stack(list(state["bends"])).numpy()
            move_path((line, dot, ring), places)
            for curve, column in zip((small, large), bends.T, strict=True):
                curve.set_data(np.arange(len(bends)), column)
            finite = bends[np.isfinite(bends)]
            right.set(xlim=(0, _nice(max(50, len(bends)))),
                      ylim=(-_nice(max(3.0, -finite.min())), _nice(max(5.0, finite.max()))))
            x, y = places[-1]
            return (f"at ({x:.3g}, {y:.3g}), {'down' if bends[-1, 0] < 0 else 'no way down'} along "
                    f"the smallest eigenvalue {bends[-1, 0]:.3g}")

        return [line, dot, ring, small, large], update

    return picture


class _Point:
    """What is known at the chosen point: downhill arrow, quadratic's contours, eigenvectors."""

    def __init__(self, ax: Axes):
        self._scratch = Figure().add_subplot()
        self._rings = LineCollection([], colors=COLORS["train"], linewidths=0.9, linestyles="--")
        ax.add_collection(self._rings)
        self._lines = [ax.plot([], [], linewidth=2.4)[0] for _ in range(2)]
        self._arrow = ax.annotate(
            "", xy=(0, 0), xytext=(0, 0), zorder=5,
            arrowprops={"arrowstyle": "-|>", "color": COLORS["held_out"], "linewidth": 2},
        )  # fmt: skip
        (self._dot,) = ax.plot([], [], "o", color=COLORS["yours"], markersize=7, zorder=6)
        ax.set(xlabel="x", ylabel="y")
        self.artists = [self._rings, *self._lines, self._arrow, self._dot]

    def move(
        self, surface: Any, at: Tensor, g: Tensor, values: Tensor, vectors: Tensor,
        quadratic: Callable[[Tensor], Tensor],
    ) -> None:
        sides = torch.tensor([surface.x_range, surface.y_range]).diff()[:, 0].double()  # (2,)
        self._rings.set_segments(self._contours(at, WINDOW * sides, quadratic))
        for line, value, u in zip(self._lines, values, vectors.T, strict=True):
            color, style = SIGNS[_sign(value, values)]
            half = 0.16 * sides.min() * u
            ends = torch.stack([at - half, at + half])
            line.set_data(*ends.T)
            line.set(color=color, linestyle=style)
        length = float(g.norm())
        tip = at - 0.2 * sides.min() * g / length if length > 1e-9 else at
        self._arrow.set_visible(length >= FLAT)
        self._arrow.xy, (x, y) = tuple(tip.tolist()), at.tolist()
        self._arrow.set_position((x, y))
        self._dot.set_data([x], [y])

    def _contours(
        self, at: Tensor, half: Tensor, quadratic: Callable[[Tensor], Tensor]
    ) -> list[np.ndarray]:
        """The level lines of the quadratic in an ellipse around the point."""
        turn = torch.linspace(-1, 1, 41, dtype=torch.float64)
        unit = torch.stack(torch.meshgrid(turn, turn, indexing="xy"), dim=-1)  # (41, 41, 2)
        heights = quadratic(unit * half)
        heights[unit.norm(dim=-1) > 1] = torch.nan
        low, high = (float(edge) for edge in np.nanpercentile(heights, [0, 100]))
        if not high - low > 1e-12:  # flat, or not a number
            return []
        steps = np.linspace(low, high, 9)[1:-1]
        x, y = (at + unit * half).unbind(-1)
        drawn = self._scratch.contour(x, y, np.ma.masked_invalid(heights), levels=steps)
        drawn.remove()
        return [segment for level in drawn.allsegs for segment in level]


class _Section:
    """Loss and quadratic along one direction, as changes from where the point stands."""

    def __init__(self, ax: Axes):
        self._ax = ax
        (self._true,) = ax.plot([], [], color=COLORS["train"], label="loss")
        (self._model,) = ax.plot([], [], "--", color=COLORS["reference"], label="quadratic")
        (self._here,) = ax.plot([0], [0], "o", color=COLORS["yours"], markersize=7)
        (self._there,) = ax.plot(
            [], [], "o", markersize=8, markeredgecolor=COLORS["yours"], markerfacecolor="white",
            markeredgewidth=1.8, label="after the step",
        )  # fmt: skip
        ax.set(title="section along the direction", xlabel="distance walked",
               ylabel="change of the loss")
        ax.xaxis.set_major_locator(MaxNLocator(6, prune="both"))  # a label at the edge is cut off
        ax.legend(loc="upper center", ncols=3, fontsize=8, columnspacing=1, handlelength=1.6)
        self.artists = [self._model, self._true, self._here, self._there]

    def move(
        self, f: Callable[[Tensor], Tensor], at: Tensor, u: Tensor, step: float,
        quadratic: Callable[[Tensor], Tensor],
    ) -> tuple[float, float]:
        """Returns the change of the loss after the step, and what the quadratic says."""
        reach = _nice(1.3 * step)
        walked = torch.linspace(-reach, reach, 121, dtype=torch.float64)[:, None]  # (121, 1)
        changes = torch.stack([f(at + walked * u) - f(at), quadratic(walked * u)])  # (2, 121)
        for curve, heights in zip((self._true, self._model), changes, strict=True):
            curve.set_data(walked[:, 0], heights)
        true, model = float(f(at + step * u) - f(at)), float(quadratic(step * u))
        self._there.set_data([step], [true])
        finite = changes[changes.isfinite()]
        top = _nice(max(1e-9, float(finite.abs().max()))) if len(finite) else 1.0
        low = -1.05 if len(finite) and finite.min() < -0.1 * top else -0.2
        high = 1.25 if len(finite) and finite.max() > 0.1 * top else 0.4
        self._ax.set(xlim=(-reach, reach), ylim=(low * top, high * top))
        return true, model


def _draw_map(ax: Axes, surface: Any) -> list[Artist]:
    """The surface's contours; returns what was drawn."""
    before = set(ax.collections)
    xs, ys = (torch.linspace(*edge, GRID, dtype=torch.float64)
              for edge in (surface.x_range, surface.y_range))
    Z = loss_grid(surface.f, xs, ys)
    Z = (Z - Z.min()) / (Z.max() - Z.min())
    # level lines of a growing function of the loss are level lines of the loss: more in the valleys
    contour(ax, xs, ys, Z + 1e-4 if surface.log else Z.sqrt(), log=surface.log)
    return [artist for artist in ax.collections if artist not in before]


def _words(
    surface: Any, at: Tensor, g: Tensor, values: Tensor, classify: Callable[[Tensor], str],
    step: float, changes: Sequence[float],
) -> str:
    x, y = at.tolist()
    (x_low, x_high), (y_low, y_high) = surface.x_range, surface.y_range
    where = f"At ({x:.3g}, {y:.3g})"
    if not (x_low <= x <= x_high and y_low <= y <= y_high):
        where += f", outside the map ({x_low:g} to {x_high:g} and {y_low:g} to {y_high:g})"
    length = float(g.norm())
    kind = f"critical point, {classify(values)}" if length < FLAT else (
        "no critical point, the gradient is too long")
    small, large = (values + 0.0).tolist()  # + 0.0: no "-0"
    return (f"{where}: loss {float(surface.f(at)):.3g}, gradient length {length:.2g}, eigenvalues "
            f"{small:.3g} and {large:.3g}: {kind}. A step of {step:g} changes the loss by "
            f"{changes[0]:+.2g}; the quadratic says {changes[1]:+.2g}.")


def _sign(value: Tensor, values: Tensor) -> int:
    """-1, 0 or 1; zero if it is small beside the largest."""
    largest = float(values.abs().max())
    return 0 if abs(float(value)) <= 1e-6 * max(1.0, largest) else int(math.copysign(1, value))


def _nice(value: float) -> float:
    """The next number of the row 1, 2, 5, 10, … that is not below `value` (> 0)."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= value * (1 - 1e-9))
