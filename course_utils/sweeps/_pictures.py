"""Curves of a sweep: medians with their spread. How many nets diverged is said in the picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from ..figures import COLORS, SHADE, SPREAD, STYLES, new_figure
from ..heat_maps import SAID, WIDEST
from ._words import WORDS, brief, by_ratios, distinct, equals, numbers, words

if TYPE_CHECKING:
    from ._table import Sweep

ORDERED = LinearSegmentedColormap.from_list(
    "ordered", ["#0B2E59", "#1F77A8", "#56B4E9", "#E69F00", "#B3410A"]
)  # curves of an ordered setting: dark blue to dark orange, told apart without red and green
MARKERS = ("o", "s", "^", "D", "v", "P")
MOST_MARKED = 12  # places up to which each has a marker
MOST_INSIDE = 5  # lines up to which the legend stands inside the picture


def curve(table: Sweep, x: str, y: str, by: str | None, ax: Axes | None) -> Axes:
    """The column `y` against the setting `x`: median of the nets, their middle 80 % as a band."""
    ax = new_figure()[1] if ax is None else ax
    places = distinct(table[x])
    at = np.array(places, dtype=float) if numbers(places) else np.arange(len(places), dtype=float)
    parts = _parts(table, by)
    lines = _looks(y, by, parts)
    lost = np.zeros(len(places), dtype=int)
    for (_, rows), look in zip(parts, lines, strict=True):
        cells = [rows[equals(table[x][rows], place)] for place in places]
        lost += [int((table.finished[cell] & ~np.isfinite(table[y][cell])).sum()) for cell in cells]
        spread = np.array([_quantiles(table[y][cell]) for cell in cells])
        if numbers(places):
            _draw(ax, at, spread, look if len(places) <= MOST_MARKED else look | {"marker": None})
        else:
            _draw_apart(ax, at + 0.08 * len(ax.containers), spread, look)
    _scale_x(ax, places)
    _finish(ax, table, x, y)
    _say_lost(ax, at, lost)
    return ax


def _parts(table: Sweep, by: str | None) -> list[tuple[Any, np.ndarray]]:
    """(value of `by`, numbers of the nets that have it); one part with all nets without `by`."""
    if by is None:
        return [(None, np.arange(len(table)))]
    column = table[by]
    return [(one, np.flatnonzero(equals(column, one))) for one in distinct(column)]


def _looks(y: str, by: str | None, parts: Sequence[tuple[Any, Any]]) -> list[dict[str, Any]]:
    """Colour, line style, marker and label of each line; colour is never the only cue."""
    if by is None:
        held_out = not y.startswith("train")
        key = "held_out" if held_out else "train"
        label = WORDS.get(y, y.replace("train ", "training ").replace("_", " "))
        return [{"color": COLORS[key], **STYLES[key], "marker": "s" if held_out else "o",
                 "label": label}]  # fmt: skip
    values = [value for value, _ in parts]
    ordered = numbers(values) and len(values) > 2
    looks = []
    for i, value in enumerate(values):
        extra = COLORS["extra"][i % 4] if i < 4 else COLORS["yours"]
        color = ORDERED(i / (len(values) - 1)) if ordered or len(values) > 5 else extra
        label = brief(value) if isinstance(value, str) else f"{WORDS.get(by, by)} {brief(value)}"
        looks.append({"color": color, **STYLES["extra"][i % 5], "marker": MARKERS[i % 6],
                      "label": label})  # fmt: skip
    return looks


def _draw(ax: Axes, at: np.ndarray, spread: np.ndarray, look: dict) -> None:
    low, middle, high = spread.T
    ax.plot(at, middle, markersize=4.5, **look)
    if not np.array_equal(low, high, equal_nan=True):
        ax.fill_between(at, low, high, color=look["color"], **SHADE)


def _draw_apart(ax: Axes, at: np.ndarray, spread: np.ndarray, look: dict) -> None:
    """Points with bars, for settings that are no numbers: nothing lies between two of them."""
    low, middle, high = spread.T
    look = look | {"linestyle": "none", "markersize": 6, "capsize": 3}
    ax.errorbar(at, middle, yerr=[middle - low, high - middle], **look)


def _quantiles(values: np.ndarray) -> np.ndarray:
    finite = values[np.isfinite(values)]
    return np.quantile(finite, SPREAD) if len(finite) else np.full(3, np.nan)


def _scale_x(ax: Axes, places: Sequence[Any]) -> None:
    """Tick marks at the values of the setting; logarithmic where they are spaced by ratios."""
    if not numbers(places):
        ax.set_xticks(range(len(places)), [brief(place) for place in places])
        ax.set_xlim(-0.5, len(places) - 0.5)
        return
    low, high = min(places), max(places)
    if by_ratios(places):
        ax.set_xscale("log")
        ax.set_xlim(low * (low / high) ** 0.04, high * (high / low) ** 0.04)
    elif low < high:
        ax.set_xlim(low - 0.04 * (high - low), high + 0.04 * (high - low))
    if len(places) <= 8:
        ax.xaxis.set_major_locator(FixedLocator(places))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.set_xticklabels([brief(place) for place in places])


def _finish(ax: Axes, table: Sweep, x: str, y: str) -> None:
    """Scale, names and legend, once all lines are drawn."""
    values = table[y][np.isfinite(table[y])]
    if len(values) and values.min() > 0 and values.max() > WIDEST * values.min():
        _log_y(ax, values)
    ax.set(xlabel=words(table, x), ylabel=words(table, y))
    labels = [t for t in ax.get_legend_handles_labels()[1] if not t.startswith("_")]
    if labels:
        middle, spread = ("point", "bar") if ax.containers else ("line", "band")
        title = f"{middle}: median, {spread}: middle 80 %" if ax.collections else None
        beside = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.02)}
        place = beside if len(labels) > MOST_INSIDE else {}
        ax.legend(title=title, title_fontsize=8, alignment="left", **place)


def _log_y(ax: Axes, values: np.ndarray) -> None:
    """A logarithmic height, with plain numbers where few powers of ten are in sight."""
    ax.set_yscale("log")
    if values.max() < 1e3 * values.min() and values.min() > 1e-3 and values.max() < 1e4:
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.yaxis.set_minor_locator(NullLocator())


def _say_lost(ax: Axes, at: np.ndarray, lost: np.ndarray) -> None:
    """Above each value of the setting, how many nets diverged there and are left out."""
    for place, number in zip(at, lost, strict=True):
        if number:
            ax.annotate(f"× {number}", (place, 1.0), xycoords=("data", "axes fraction"),
                        xytext=(0, 2), textcoords="offset points", ha="center", va="bottom",
                        fontsize=8, color=SAID)  # fmt: skip
    if lost.any():
        ax.annotate("× n: n nets diverged here and are left out", (1.0, 1.0),
                    xycoords="axes fraction", xytext=(0, 14), textcoords="offset points",
                    ha="right", va="bottom", fontsize=8, color=SAID)  # fmt: skip
