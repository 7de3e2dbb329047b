"""The heat map of a sweep: medians in coloured cells, with what diverged said in each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize
from matplotlib.patches import Rectangle

from ..figures import new_figure
from ._words import SAID, WIDEST, brief, distinct, equals, numbers, words

if TYPE_CHECKING:
    from ._table import Sweep

CELLS = LinearSegmentedColormap.from_list("cells", ["#F2F7FA", "#8FC1DD", "#2A7FB0", "#003E66"])
MOST_NUMBERS = 12  # columns of a heat map up to which each cell shows its number


def heat(
    table: Sweep, x: str, y: str, value: str, ax: Axes | None, log: bool | None
) -> Axes:
    """Median of the column `value` for each pair of the settings `x` and `y`, as coloured cells."""
    columns, rows = distinct(table[x]), distinct(table[y])
    if ax is None:
        wide, high = 1.6 + 0.62 * max(len(columns), 5), 1.2 + 0.42 * max(len(rows), 4)
        ax = new_figure(size=(min(max(6.0, wide), 10.0), min(max(3.6, high), 8.0)))[1]
    middle, lost, count = _pivot(table, x, y, value, columns, rows)
    finite = middle[np.isfinite(middle)]
    norm = _norm(finite, log)
    mesh = ax.pcolormesh(np.ma.masked_invalid(middle), cmap=CELLS, norm=norm,
                         edgecolors="white", linewidth=1.0)  # fmt: skip
    small = len(columns) <= MOST_NUMBERS
    for (i, j), number in np.ndenumerate(middle):
        _cell(ax, i, j, number, lost[i, j], count[i, j], mesh, small)
    ax.set(xlim=(0, len(columns)), ylim=(0, len(rows)), xlabel=words(table, x),
           ylabel=words(table, y))  # fmt: skip
    if not numbers(rows):
        ax.invert_yaxis()
    ax.set_xticks(np.arange(len(columns)) + 0.5, [brief(v) for v in columns])
    ax.set_yticks(np.arange(len(rows)) + 0.5, [brief(v) for v in rows])
    ax.grid(False)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    if len(finite):
        seeds = int(count.max())
        label = words(table, value) + (f"\n(median of {seeds} nets)" if seeds > 1 else "")
        ax.figure.colorbar(mesh, ax=ax, label=label)
    _explain_cells(ax, lost, count, small)
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
            here = measured[equals(table[y], row) & equals(table[x], column)]
            finite = here[np.isfinite(here)]
            lost[i, j], count[i, j] = len(here) - len(finite), len(here)
            if len(finite):
                middle[i, j] = np.median(finite)
    return middle, lost, count


def _norm(finite: np.ndarray, log: bool | None) -> Normalize:
    if not len(finite):
        return Normalize(0, 1)
    low, high = float(finite.min()), float(finite.max())
    if log and low <= 0:
        raise ValueError(f"log=True needs values above 0; the lowest is {low:g}")
    if log is None:
        log = low > 0 and high > WIDEST * low
    if low == high:
        low, high = low - 0.5 * abs(low) - 1e-9, high + 0.5 * abs(high) + 1e-9
    return LogNorm(low, high) if log else Normalize(low, high)


def _cell(
    ax: Axes, i: int, j: int, number: float, lost: int, count: int, mesh: Any, small: bool
) -> None:
    """The number in a cell; hatching where all its nets diverged; "×2" where two of them did."""
    at = (j + 0.5, i + 0.5)
    if math.isnan(number):
        if count:
            ax.add_patch(Rectangle((j, i), 1, 1, facecolor="#F3E3CC", edgecolor=SAID,
                                   hatch="////", linewidth=0))  # fmt: skip
        if small and not count:
            ax.text(*at, "–", ha="center", va="center", color="#777777")
        return
    light = sum(c * w for c, w in zip(mesh.to_rgba(number)[:3], (0.3, 0.59, 0.11), strict=True))
    color = "black" if light > 0.55 else "white"
    if small:
        text = compact(number) + (f"\n×{lost}" if lost else "")
        ax.text(*at, text, ha="center", va="center", fontsize=8.5, color=color, linespacing=0.95)
    elif lost:
        ax.text(*at, "×", ha="center", va="center", fontsize=8, color=color)


def _explain_cells(ax: Axes, lost: np.ndarray, count: np.ndarray, small: bool) -> None:
    said = []
    if ((lost == count) & (count > 0)).any():
        said.append("hatched: all nets diverged")
    if ((lost > 0) & (lost < count)).any():
        said.append("×n: n nets diverged, left out" if small else "×: some nets diverged")
    if said:
        ax.annotate("; ".join(said), (0.0, 1.0), xycoords="axes fraction", xytext=(0, 4),
                    textcoords="offset points", fontsize=8, color=SAID)  # fmt: skip


def compact(number: float) -> str:
    """Two significant digits in few characters: .083, 2.3, 140, 3e−5."""
    if number == 0:
        return "0"
    size = abs(number)
    if size >= 1e4 or size < 1e-3:
        mantissa, exponent = f"{number:.0e}".split("e")
        return f"{mantissa}e{int(exponent)}".replace("-", "−")
    digits = max(0, 1 - math.floor(math.log10(float(f"{size:.1e}"))))
    text = f"{number:.{digits}f}"
    return text.replace("0.", ".", 1) if size < 1 and text.lstrip("-").startswith("0.") else text
