"""Pictures of chapter 10: weight matrices, photographs, rows of small maps, fields, boards."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from torch import Tensor

from . import figures
from .figures import COLORS

SIGNED = figures.SIGNED.with_extremes(bad="#B8B8B8")  # what is not there, or between tiles
GREY = LinearSegmentedColormap.from_list("grey", ["black", "white"]).with_extremes(bad="#7FA6B8")
GAP = 1  # pixels between tiles


def matrices(axes: Sequence[Axes], weights: Mapping[str, Tensor]) -> None:
    """One weight matrix a panel, a cell for each weight: zero white, NaN (no weight) grey.

    Args:
        weights: title → (neurons, inputs).
    Raises:
        ValueError: there are not as many panels as matrices, or one is not two-dimensional.
    """
    if len(axes) != len(weights):
        raise ValueError(f"{len(weights)} matrices need as many panels, got {len(axes)}")
    top = max(float(matrix.abs().nan_to_num().max()) for matrix in weights.values())
    for ax, (title, matrix) in zip(axes, weights.items(), strict=True):
        if matrix.ndim != 2:
            raise ValueError(f"{title}: a matrix has 2 dimensions, got {tuple(matrix.shape)}")
        rows, columns = matrix.shape
        ax.pcolormesh(np.arange(columns + 1), np.arange(rows + 1), matrix.detach().numpy(),
                      cmap=SIGNED, vmin=-top, vmax=top, edgecolors="#DDDDDD", linewidth=0.4)
        ax.set(title=title, xlabel="pixel", ylabel="neuron", xticks=[], yticks=[], aspect="equal")
        ax.invert_yaxis()
        ax.grid(False)


def photograph(ax: Axes, image: Tensor, title: str = "", *, signed: bool = False) -> AxesImage:
    """A picture, (3, height, width) in 0 … 1 or (height, width), without axes.

    Args:
        signed: blue below zero, white at zero, vermillion above; else black (lowest) to white.
    """
    _bare(ax, title)
    if image.ndim == 3:
        return ax.imshow(image.permute(1, 2, 0).numpy(), interpolation="nearest")
    values = image.detach().numpy()
    low, high = limits(values, signed)
    return ax.imshow(values, cmap=SIGNED if signed else GREY, vmin=low, vmax=high,
                     interpolation="nearest")


def limits(values: np.ndarray, signed: bool) -> tuple[float, float]:
    """Lowest and highest value for the colours: zero in the middle, if signed."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if signed:
        low, high = -max(-low, high, 1e-9), max(-low, high, 1e-9)
    return low, max(high, low + 1e-9)


def mosaic(stack: Tensor, columns: int, *, signed: bool = False) -> np.ndarray:
    """Pictures of one size in rows, each scaled to its own largest number; NaN between them.

    Args:
        stack: (n, height, width).
    Returns:
        one picture; values 0 … 1, or −1 … 1 if signed.
    """
    stack = stack.detach().double().numpy()
    n, height, width = stack.shape
    rows = math.ceil(n / columns)
    out = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP), np.nan)
    for i, tile in enumerate(stack):
        low, high = limits(tile, signed)
        r, c = (i // columns) * (height + GAP), (i % columns) * (width + GAP)
        out[r : r + height, c : c + width] = (
            tile / high if signed else (tile - low) / (high - low))
    return out


def tiles(ax: Axes, stack: Tensor, *, titles: Iterable[Any] = (), signed: bool = False,
          columns: int | None = None) -> AxesImage:
    """Small pictures in rows, (n, height, width), with a number or word in each one's corner."""
    n, height, width = stack.shape
    columns = columns or math.ceil(math.sqrt(n))
    _bare(ax, "")
    shown = ax.imshow(mosaic(stack, columns, signed=signed), cmap=SIGNED if signed else GREY,
                      vmin=-1 if signed else 0, vmax=1, interpolation="nearest")
    for i, title in zip(range(n), titles, strict=False):
        x, y = (i % columns) * (width + GAP), (i // columns) * (height + GAP)
        ax.text(x - 0.3, y - 0.3, str(title), fontsize=8, va="top", ha="left",
                bbox={"facecolor": "white", "alpha": 0.75, "pad": 1, "edgecolor": "none"})
    return shown


def picture_rows(ax: Axes, images: Tensor, labels: Sequence[str], columns: int = 5) -> None:
    """Pictures (n, height, width) in rows with a label of one or two lines under each."""
    n, height, width = images.shape
    rows, room = math.ceil(n / columns), round(0.5 * height)
    _bare(ax, "")
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        left, top = (i % columns) * (width + 6), (i // columns) * (height + room)
        ax.imshow(image.numpy(), cmap="gray", extent=(left, left + width, top + height, top))
        ax.text(left + width / 2, top + height + 1, label, fontsize=8, ha="center", va="top")
    ax.set(xlim=(-3, columns * (width + 6) - 3), ylim=(rows * (height + room), -1))


def draw_field(ax: Axes, influence: Tensor, side: int, effective: float) -> None:
    """How strongly one neuron depends on each pixel, its field (solid) and effective one (dashed).

    Args:
        influence: (size, size), not negative, the neuron's own place in the middle.
        side, effective: sides of the two squares, in pixels.
    """
    _bare(ax, "")
    for spine in ax.spines.values():
        spine.set_visible(True)
    ax.imshow((influence / influence.max()).sqrt().numpy(), cmap="gray_r", vmin=0, vmax=1)
    for square, style, color in ((side, "-", COLORS["train"]),
                                 (effective, "--", COLORS["held_out"])):
        ax.add_line(Line2D(*around(len(influence) // 2, square), linestyle=style, color=color,
                           linewidth=2))


def around(middle: float, side: float) -> tuple[list[float], list[float]]:
    """Corners (x, y) of a square of that side around a pixel, closed."""
    low, high = middle - side / 2, middle + side / 2
    return [low, high, high, low, low], [low, low, high, high, low]


def board_picture(ax: Axes, board: Tensor, title: str, point: Tensor | None = None) -> None:
    """Stones (black) on the points of a board, (n, n); a ring at the diamond's point.

    Args:
        point: number of the inner point, row by row, 0 … (n − 2)² − 1; None marks nothing.
    """
    n = len(board)
    _bare(ax, title)
    lines = range(n)
    ax.hlines(lines, 0, n - 1, color="#BBBBBB", linewidth=0.8)
    ax.vlines(lines, 0, n - 1, color="#BBBBBB", linewidth=0.8)
    rows, columns = torch.nonzero(board > 0, as_tuple=True)
    ax.scatter(columns, rows, s=(12 if n > 6 else 17) ** 2, color="black", zorder=2)
    if point is not None:
        row, column = divmod(int(point), n - 2)
        ax.plot(column + 1, row + 1, "o", markersize=15, markerfacecolor="none",
                markeredgecolor=COLORS["held_out"], markeredgewidth=2.5, zorder=3)
    ax.set(xlim=(-0.7, n - 0.3), ylim=(n - 0.3, -0.7), aspect="equal")


def _bare(ax: Axes, title: str) -> None:
    ax.set(title=title, xticks=[], yticks=[])
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set_visible(False)
