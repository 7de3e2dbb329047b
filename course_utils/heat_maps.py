"""Heat maps of measured values over two settings: alone, or several with one scale of colours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize
from matplotlib.patches import Rectangle

from .figures import COLORS, ink_on

CELLS = LinearSegmentedColormap.from_list("cells", ["#F2F7FA", "#8FC1DD", "#2A7FB0", "#003E66"])
SAID = "#8A4B00"  # the colour of remarks on runs that diverged
WIDEST = 30  # largest / smallest from which a measured quantity is shown by ratios
MOST_NUMBERS = 12  # columns of a heat map up to which each cell shows its number


def heat_maps(
    axes: Sequence[Axes], maps: Mapping[str, Any], rows: Sequence[Any], columns: Sequence[Any],
    *, label: str, names: tuple[str, str] = ("", ""), log: bool | None = None,
    best: str | None = None,
) -> QuadMesh:
    """One heat map for each entry of `maps`, all with one scale and one colour bar.

    Args:
        axes: as many as there are maps.
        maps: title → values, shape (rows, columns); NaN where a run diverged.
        rows: what stands beside the rows, from below.
        columns: what stands under the columns.
        label: of the colour bar.
        names: of the rows' and of the columns' setting.
        log: colours at equal ratios; None decides by the range.
        best: "lowest" or "highest" frames that cell of each row.
    Returns:
        the last map's cells.
    Raises:
        ValueError: a map's shape does not fit, or nothing in any map is finite.
    """
    arrays = {title: np.asarray(values, dtype=float) for title, values in maps.items()}
    shape = len(rows), len(columns)
    for title, values in arrays.items():
        if values.shape != shape:
            raise ValueError(f"{title!r} has shape {values.shape}; {shape} is needed: one row for "
                             "each of `rows`, one column for each of `columns`")  # fmt: skip
    norm = norm_of(np.stack(list(arrays.values())), log)
    if norm is None:
        raise ValueError(f"nothing to colour: no finite value in {', '.join(map(repr, arrays))}")
    for ax, (title, values) in zip(axes, arrays.items(), strict=True):
        mesh = heat_map(ax, values, rows, columns, norm=norm, best=best)
        ax.set(title=title, xlabel=names[1])
    axes[0].set_ylabel(names[0])
    axes[0].figure.colorbar(mesh, ax=list(axes), label=label)
    return mesh


def heat_map(
    ax: Axes, values: np.ndarray, rows: Sequence[Any], columns: Sequence[Any], *,
    norm: Normalize, lost: np.ndarray | None = None, count: np.ndarray | None = None,
    best: str | None = None,
) -> QuadMesh:
    """Coloured cells with their numbers; hatched where all runs of a cell diverged.

    Args:
        values: (rows, columns); not finite where no run is left.
        rows, columns: what stands beside and under the cells.
        norm: the scale of the colours.
        lost: how many runs of a cell diverged and are left out, (rows, columns).
        count: how many runs a cell has; a cell without any shows a dash.
        best: "lowest" or "highest" frames that cell of each row.
    """
    values = np.where(np.isfinite(values), values, np.nan)
    lost = np.isnan(values).astype(int) if lost is None else lost
    count = np.maximum(lost, 1) if count is None else count
    mesh = ax.pcolormesh(np.ma.masked_invalid(values), cmap=CELLS, norm=norm,
                         edgecolors="white", linewidth=1.0)  # fmt: skip
    small = len(columns) <= MOST_NUMBERS
    for (i, j), number in np.ndenumerate(values):
        _cell(ax, i, j, number, lost[i, j], count[i, j], mesh, small)
    if best is not None:
        _frame(ax, values, {"lowest": np.nanargmin, "highest": np.nanargmax}[best])
    ax.set(xlim=(0, len(columns)), ylim=(0, len(rows)))
    ax.set_xticks(np.arange(len(columns)) + 0.5, [_text(value) for value in columns])
    ax.set_yticks(np.arange(len(rows)) + 0.5, [_text(value) for value in rows])
    ax.grid(False)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    _explain_cells(ax, lost, count, small)
    return mesh


def norm_of(values: np.ndarray, log: bool | None = None) -> Normalize | None:
    """The scale of colours of all finite values; None if there are none.

    Args:
        log: colours at equal ratios; None decides by the range.
    Raises:
        ValueError: log=True and a value that is not above 0.
    """
    finite = values[np.isfinite(values)]
    if not len(finite):
        return None
    low, high = float(finite.min()), float(finite.max())
    if log and low <= 0:
        raise ValueError(f"log=True needs values above 0; the lowest is {low:g}")
    if log is None:
        log = low > 0 and high > WIDEST * low
    if low == high:
        low, high = low - 0.5 * abs(low) - 1e-9, high + 0.5 * abs(high) + 1e-9
    return LogNorm(low, high) if log else Normalize(low, high)


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


def _text(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _frame(ax: Axes, values: np.ndarray, find: Any) -> None:
    for row, line in enumerate(values):
        if np.isfinite(line).any():
            ax.add_patch(Rectangle((int(find(line)) + 0.05, row + 0.05), 0.9, 0.9, fill=False,
                                   edgecolor=COLORS["held_out"], linewidth=2))  # fmt: skip


def _cell(
    ax: Axes, i: int, j: int, number: float, lost: int, count: int, mesh: Any, small: bool
) -> None:
    """The number in a cell; hatching where all its runs diverged; "×2" where two of them did."""
    at = (j + 0.5, i + 0.5)
    if math.isnan(number):
        if count:
            ax.add_patch(Rectangle((j, i), 1, 1, facecolor="#F3E3CC", edgecolor=SAID,
                                   hatch="////", linewidth=0))  # fmt: skip
        if small and not count:
            ax.text(*at, "–", ha="center", va="center", color="#555555")
        return
    color = ink_on(mesh.to_rgba(number)[:3])
    if small:
        text = compact(number) + (f"\n×{lost}" if lost else "")
        ax.text(*at, text, ha="center", va="center", fontsize=8.5, color=color, linespacing=0.95)
    elif lost:
        ax.text(*at, "×", ha="center", va="center", fontsize=8, color=color)


def _explain_cells(ax: Axes, lost: np.ndarray, count: np.ndarray, small: bool) -> None:
    said = []
    if ((lost == count) & (count > 0)).any():
        said.append("hatched: all diverged")
    if ((lost > 0) & (lost < count)).any():
        said.append("×n: n diverged, left out" if small else "×: some diverged")
    if said:
        ax.annotate("; ".join(said), (0.0, 1.0), xycoords="axes fraction", xytext=(0, 4),
                    textcoords="offset points", fontsize=8, color=SAID)  # fmt: skip
