"""Surfaces from above, with their critical points and paths over them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.contour import QuadContourSet
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation

from ..figures import COLORS, STYLES, contour, path
from ._grid import loss_grid
from ._named import Surface

MARKS = {
    "minimum": {"color": COLORS["minimum"], **STYLES["minimum"]},
    "saddle": {"color": COLORS["saddle"], **STYLES["saddle"]},
    "maximum": {"color": COLORS["maximum"], **STYLES["maximum"]},
    "undecided": {"color": COLORS["reference"], "linestyle": "none", "marker": "D"},
}
BLUE, RED, SKY, GREY = COLORS["train"], COLORS["held_out"], COLORS["extra"][0], COLORS["reference"]
PATHS = [(BLUE, "-"), (RED, "--"), (SKY, "-."), (GREY, "-"), (BLUE, ":"), (RED, "-.")]
DEPTH = 1e-3  # of the median height: where logarithmic contours stop
TICKS = 5  # steps along x, so that their numbers keep apart
BELOW = 0.48  # inches from the axis to the legend: room for its numbers and its name
FAR = 100  # widths of the picture: where a path that runs away is cut off


def draw_surface(
    ax: Axes, surface: Surface, *, points: int = 101, paths: Mapping[str, Any] | None = None
) -> QuadContourSet:
    """A named surface from above: contours, critical points by kind, and paths.

    Args:
        ax: where to draw; the legend names kinds and paths.
        surface: from `SURFACES`, or your own.
        points: heights per side.
        paths: label → places (n, 2) in order. The label "yours" is drawn as the learner's.
    Returns:
        the filled contours, for `fig.colorbar`.
    """
    xs = torch.linspace(*surface.x_range, points, dtype=torch.float64)
    ys = torch.linspace(*surface.y_range, points, dtype=torch.float64)
    Z = loss_grid(surface.f, xs, ys)
    if surface.log:  # a minimum of 0 has no logarithm
        Z = Z.clamp(min=DEPTH * float(Z.median()))
    filled = contour(ax, xs, ys, Z, log=surface.log)
    _draw_paths(ax, paths or {}, surface.x_range, surface.y_range)
    for kind, mark in MARKS.items():
        places = [(p.x, p.y) for p in surface.critical_points if p.kind == kind]
        if places:
            ax.plot(*np.transpose(places), **mark, label=kind, markersize=9, zorder=5,
                    markeredgecolor="white", markeredgewidth=1.2)  # fmt: skip
    ax.set(xlabel="x", ylabel="y", xlim=surface.x_range, ylim=surface.y_range)
    ax.xaxis.set_major_locator(MaxNLocator(TICKS, steps=[1, 2, 2.5, 5, 10]))
    _legend_below(ax)
    return filled


def _legend_below(ax: Axes) -> None:
    """Beside the picture, not on it: a critical point may lie anywhere."""
    if ax.get_legend_handles_labels()[0]:
        below = ax.transAxes + ScaledTranslation(0, -BELOW, ax.figure.dpi_scale_trans)
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0), bbox_transform=below, ncols=3,
                  borderaxespad=0, columnspacing=1.2, handlelength=1.6)  # fmt: skip


def _draw_paths(
    ax: Axes, paths: Mapping[str, Any], x_range: tuple[float, float], y_range: tuple[float, float]
) -> None:
    looks = cycle(PATHS)
    for label, places in paths.items():
        places = _near(places, x_range, y_range)
        if label == "yours":
            path(ax, places, COLORS["yours"], label)[0].set_linewidth(2.0)
        else:
            color, style = next(looks)
            path(ax, places, color, label, style)


def _near(places: Any, x_range: tuple[float, float], y_range: tuple[float, float]) -> np.ndarray:
    """The path up to where it becomes infinite or leaves for good: (n, 2) -> (m, 2)."""
    if isinstance(places, torch.Tensor):
        places = places.detach().cpu().numpy()
    places = np.asarray(places, dtype=float)
    if places.ndim != 2 or places.shape[1] != 2 or not len(places):
        return places  # `path` says what is wrong
    middle, width = np.mean([x_range, y_range], axis=1), np.ptp([x_range, y_range], axis=1)
    with np.errstate(invalid="ignore"):
        near = (np.abs(places - middle) < FAR * width).all(axis=1)
    return places if near.all() else places[: max(1, int(near.argmin()))]
