"""The heat map of a sweep: medians over the nets that two settings have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize

from ..figures import new_figure
from ..heat_maps import heat_map, norm_of
from ._words import brief, distinct, equals, numbers, words

if TYPE_CHECKING:
    from ._table import Sweep


def heat(
    table: Sweep, x: str, y: str, value: str, ax: Axes | None, log: bool | None
) -> Axes:
    """Median of the column `value` for each pair of the settings `x` and `y`, as coloured cells."""
    columns, rows = distinct(table[x]), distinct(table[y])
    if ax is None:
        wide, high = 1.6 + 0.62 * max(len(columns), 5), 1.2 + 0.42 * max(len(rows), 4)
        ax = new_figure(size=(min(max(6.0, wide), 10.0), min(max(3.6, high), 8.0)))[1]
    middle, lost, count = _pivot(table, x, y, value, columns, rows)
    norm = norm_of(middle, log)
    mesh = heat_map(ax, middle, [brief(v) for v in rows], [brief(v) for v in columns],
                    norm=norm or Normalize(0, 1), lost=lost, count=count)  # fmt: skip
    ax.set(xlabel=words(table, x), ylabel=words(table, y))
    if not numbers(rows):
        ax.invert_yaxis()
    if norm is not None:
        seeds = int(count.max())
        label = words(table, value) + (f"\n(median of {seeds} nets)" if seeds > 1 else "")
        ax.figure.colorbar(mesh, ax=ax, label=label)
    return ax


def _pivot(
    table: Sweep, x: str, y: str, value: str, columns: Sequence[Any], rows: Sequence[Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Median of the finite values, number of nets without one, number of nets: (rows, columns)."""
    shape = (len(rows), len(columns))
    middle, lost = np.full(shape, np.nan), np.zeros(shape, dtype=int)
    count, measured = np.zeros(shape, dtype=int), table[value]
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            cell = equals(table[y], row) & equals(table[x], column)
            here = measured[table.finished & cell]
            finite = here[np.isfinite(here)]
            lost[i, j], count[i, j] = len(here) - len(finite), len(here)
            if len(finite):
                middle[i, j] = np.median(finite)
    return middle, lost, count
