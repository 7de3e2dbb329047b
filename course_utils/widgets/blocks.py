"""A tensor drawn as blocks, one per number: rows down, columns across, sheets side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from torch import Tensor

MOST_BLOCKS = 40
CENTRED = {"ha": "center", "va": "center", "clip_on": False}


def palette(groups: Tensor) -> list[tuple[float, float, float]]:
    """A light colour per block: one per group, −1 is grey. Text on it is black and readable."""
    colormap = matplotlib.colormaps["viridis"]
    top = max(1, int(groups.max()))
    colors = []
    for group in groups.reshape(-1).tolist():
        strong = (0.8, 0.8, 0.8) if group < 0 else colormap(group / top)[:3]
        colors.append(tuple(0.45 * part + 0.55 for part in strong))
    return colors


def layout(shape: Sequence[int], box: tuple[float, float, float, float]) -> tuple[list, float]:
    """Where the blocks of a tensor stand: rows down, columns across, sheets side by side.

    Args:
        shape: the last dim runs across, the one before it down, all others make sheets.
        box: x, y, width, height: the room there is.
    Returns:
        corners: (x, y) of each block's lower left corner, in memory order of a contiguous tensor.
        side: of a block.
    """
    rows, columns = ([1, 1] + list(shape))[-2:]
    sheets = math.prod(shape[:-2]) if len(shape) > 2 else 1
    x0, y0, width, height = box

    def side(across: int) -> float:
        down = math.ceil(sheets / across)
        return min(width / (across * (columns + 0.4) - 0.4), height / (down * (rows + 0.4) - 0.4))

    across = max(range(1, sheets + 1), key=side)
    size = min(1.0, side(across))
    down = math.ceil(sheets / across)
    left = x0 + (width - size * (across * (columns + 0.4) - 0.4)) / 2
    top = y0 + (height + size * (down * (rows + 0.4) - 0.4)) / 2
    corners = []
    for sheet in range(sheets):
        sheet_left = left + sheet % across * (columns + 0.4) * size
        sheet_top = top - sheet // across * (rows + 0.4) * size
        corners += [(sheet_left + column * size, sheet_top - (row + 1) * size)
                    for row in range(rows) for column in range(columns)]
    return corners, size


class Blocks:
    """The blocks of one tensor on `ax`: artists made once, moved by `show`."""

    def __init__(self, ax: Axes):
        self.squares = PolyCollection([], edgecolors="0.25", linewidths=0.8)
        ax.add_collection(self.squares, autolim=False)
        self.numbers = [ax.text(0, 0, "", **CENTRED) for _ in range(MOST_BLOCKS)]
        self.title = ax.text(0, 0, "", **CENTRED, fontsize=10)

    @property
    def artists(self) -> list[Artist]:
        return [self.squares, *self.numbers, self.title]

    def show(self, title: str, values: Tensor, groups: Tensor,
             box: tuple[float, float, float, float]) -> None:
        """Draw `values` in `box`, its title above the blocks."""
        corners, size = layout(values.shape, box)
        self.squares.set_verts([[(x, y), (x + size, y), (x + size, y + size), (x, y + size)]
                                for x, y in corners])
        self.squares.set_facecolor(palette(groups))
        flat = values.reshape(-1).tolist()
        for k, number in enumerate(self.numbers):
            number.set_text(f"{flat[k]:.3g}" if k < len(flat) else "")
            if k < len(flat):
                number.set_position((corners[k][0] + size / 2, corners[k][1] + size / 2))
                number.set_fontsize(min(11, 13 * size))
        self.title.set_text(title)
        self.title.set_position((box[0] + box[2] / 2, max(y for _, y in corners) + size + 0.45))

    def hide(self) -> None:
        self.squares.set_verts([])
        for text in (*self.numbers, self.title):
            text.set_text("")


def draw_blocks(ax: Axes, *tensors: tuple[str, Tensor, Tensor], signs: str = "") -> None:
    """Draw tensors from left to right, for a picture that stays.

    Args:
        ax: its axes are switched off.
        tensors: (title, values, groups) of each; blocks of one group share a colour, −1 is grey.
        signs: one character between each two of them, such as "+="; a blank shows nothing.
    """
    height = 2.0 * ax.figure.get_size_inches()[1] - 0.5
    width = blank(ax, height)
    slot, room = width / len(tensors), height - 0.9
    for k, (title, values, groups) in enumerate(tensors):
        Blocks(ax).show(title, values, groups, (k * slot + 0.4, 0.1, slot - 0.8, room))
    for k, sign in enumerate(signs):
        ax.text((k + 1) * slot, 0.1 + room / 2, sign, **CENTRED, fontsize=16)


def blank(ax: Axes, height: float) -> float:
    """Empty axes, `height` units high; returns how many units wide they are."""
    fig_width, fig_height = ax.figure.get_size_inches()
    width = height * fig_width / fig_height
    ax.set(xlim=(0, width), ylim=(0, height), aspect="equal")
    ax.set_axis_off()
    return width
