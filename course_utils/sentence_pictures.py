"""Chapter 11's pictures: weights between words, positional encodings, a dot for each net."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from torch import Tensor

from .figures import COLORS, SIGNED, STYLES

WEIGHT = LinearSegmentedColormap.from_list("weight", ["#FFFFFF", "#7DB4D8", COLORS["train"]])


def weight_maps(
    axes: Sequence[Axes], maps: Mapping[str, Tensor], columns: Sequence[Any], rows: Sequence[Any],
    *, marks: Tensor | None = None,
) -> None:
    """Tables of attention weights, white (0) to blue (1), one a panel.

    Args:
        maps: title → weights (rows, columns): the row looks, the column is looked at.
        columns, rows: the words beside them.
        marks: (rows,) a cross in this column of each row.
    Raises:
        ValueError: there are not as many panels as maps, or a map does not fit the words.
    """
    if len(axes) != len(maps):
        raise ValueError(f"{len(maps)} maps need as many panels, got {len(axes)}")
    for number, (ax, (title, weights)) in enumerate(zip(axes, maps.items(), strict=True)):
        values = weights.detach().numpy()
        if values.shape != (len(rows), len(columns)):
            raise ValueError(f"{title}: weights {values.shape} for {len(rows)} rows and "
                             f"{len(columns)} columns")  # fmt: skip
        ax.pcolormesh(np.arange(len(columns) + 1) - 0.5, np.arange(len(rows) + 1) - 0.5, values,
                      cmap=WEIGHT, vmin=0, vmax=1, edgecolors="#DDDDDD", linewidth=0.4)
        if marks is not None:
            ax.plot(marks.numpy(), range(len(rows)), "x", color=COLORS["held_out"], markersize=7)
        turn = 90 if any(len(str(column)) > 2 for column in columns) else 0
        ax.set_xticks(range(len(columns)), columns, rotation=turn)
        ax.set_yticks(range(len(rows)), rows if number == 0 or marks is not None else [])
        ax.set(title=title, aspect="equal")
        ax.invert_yaxis()
        ax.grid(False)


def encodings(axes: Sequence[Axes], table: Tensor, places: Sequence[int] = (10, 20, 40)) -> None:
    """Left a table of positional encodings; right how much each resembles those of `places`.

    Args:
        axes: two panels.
        table: (T, d).
    """
    left, right = axes
    mesh = left.pcolormesh(table.numpy(), cmap=SIGNED, vmin=-1, vmax=1)
    left.figure.colorbar(mesh, ax=left, label="value")
    left.set(title="each row encodes a place", xlabel="number in the vector", ylabel="place t")
    left.invert_yaxis()
    left.grid(False)
    colors = (COLORS["yours"], *COLORS["extra"])
    for place, color, style in zip(places, colors, STYLES["extra"], strict=False):
        alike = table @ table[place] / (table[place] @ table[place])
        right.plot(alike, color=color, label=f"to place {place}", **style)
    right.set(title="likeness depends on the distance", xlabel="place t",
              ylabel="dot product, divided by its largest")
    right.legend()


def dots(ax: Axes, groups: Mapping[str, Any]) -> None:
    """One row a group, from above: a dot for each net, a stroke at their median with its number.

    Args:
        groups: label → values, shape (nets,).
    """
    low = min(float(np.min(values)) for values in groups.values())
    high = max(float(np.max(values)) for values in groups.values())
    for row, values in enumerate(map(np.asarray, groups.values())):
        ax.plot(values, [row] * len(values), "o", color=COLORS["held_out"], alpha=0.6, markersize=6)
        middle = float(np.median(values))
        ax.plot([middle] * 2, [row - 0.25, row + 0.25], color=COLORS["yours"], linewidth=2)
        ax.annotate(f"{middle:.0f}", (middle, row - 0.25), (0, 2),
                    textcoords="offset points", ha="center", va="bottom", fontsize=9)
    room = 0.1 * (high - low + 1)
    ax.set(xlim=(low - room, high + room), ylim=(len(groups) - 0.4, -0.8))
    ax.set_yticks(range(len(groups)), list(groups))
    ax.grid(axis="y", visible=False)
