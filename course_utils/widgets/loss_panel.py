"""The loss curves beside a playground's picture: this run, earlier ones, the reference."""

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ..figures import COLORS, STYLES
from .run import Run

_MAX_POINTS = 800  # more cannot be told apart in a panel of 400 pixels
_LINE, _NARROW = 40, 13  # characters of a line of the legend inside, beside
_ORDER = ["-", ":", (0, (6, 1, 1, 1, 1, 1)), "-.", (0, (9, 2)), STYLES["reference"]["linestyle"]]
_KNOWN = {"train": "train", "held_out": "held_out", "validation": "held_out", "test": "held_out"}


class LossPanel:
    """Curves of every scalar a run yields, on `ax`; earlier runs faint, the reference dashed.

    Args:
        ylabel: what the curves are, where they are not losses.
        ylim: limits that stay as they are; None: as the curves need them.
        legend: "inside", or "beside": right of the axes, where no curve crosses it.
    """

    def __init__(
        self, ax: Axes, steps: int, *, log: bool,
        looks: Mapping[str, Mapping[str, Any]] | None = None, ylabel: str = "loss",
        ylim: tuple[float, float] | None = None, legend: str = "inside",
    ):
        self.ax = ax
        self._log = log
        self._looks = dict(looks or {})
        self._ylim, self._beside = ylim, legend == "beside"
        self._lines: dict[str, Line2D] = {}
        self._old: list[Artist] = []
        self._floor, self._ceiling = -math.inf, math.inf
        ax.set_xlim(0, steps)
        ax.set_xlabel("step")
        ax.set_ylabel(ylabel)
        if log:
            ax.set_yscale("log")

    @property
    def artists(self) -> list[Artist]:
        """What moves: the curves of the current run."""
        return list(self._lines.values())

    def start(self, run: Run, earlier: Sequence[Run], reference: Run | None) -> None:
        """Begin a run: clear the curves, draw the old ones into the background."""
        for artist in [*self._old, *self._lines.values()]:
            artist.remove()
        self._old = []
        self._lines = {}
        shown = [old for old in earlier if old is not reference]
        for age, old in enumerate(reversed(shown)):
            self._draw_old(old, _label(old, run), alpha=max(0.25, 0.6 - 0.12 * age))
        if reference is not None:
            self._draw_old(reference, "reference: " + _label(reference, run), reference=True)
        for name, look in looks_of(run.curves).items():
            look |= self._looks.get(name, {})
            (self._lines[name],) = self.ax.plot([], [], label=name.replace("_", "-"), zorder=4,
                                                **look)
        self._set_limits(run, [*shown, *([reference] if reference else [])])
        if self._beside:
            named = [old for old in self._old if not old.get_label().startswith("_")]
            self.ax.legend(handles=[*self._lines.values(), *named], loc="upper left",
                           bbox_to_anchor=(1.0, 1.0), fontsize=8, handlelength=1.4)  # fmt: skip
        elif self._lines or self._old:
            self.ax.legend(loc="upper right", fontsize=8, framealpha=0.85)

    def follow(self, run: Run) -> None:
        """Move the current run's curves; widen the axis when one leaves it."""
        low, high = self.ax.get_ylim()
        for name, line in self._lines.items():
            x, y = _thin(run.at.get(name, []), run.curves.get(name, []))
            line.set_data(x, y)
            low, high = self._widened(low, high, y)
        if (low, high) != self.ax.get_ylim():
            self.ax.set_ylim(low, high)

    def _draw_old(
        self, run: Run, label: str, *, alpha: float = 1.0, reference: bool = False
    ) -> None:
        wide = _NARROW if self._beside else _LINE
        for index, (name, values) in enumerate(run.curves.items()):
            x, y = _thin(run.at[name], values)
            style = "--" if reference else ("-" if index == 0 else ":")
            lines = self.ax.plot(
                x, y, color=COLORS["reference"], ls=style, lw=1.4 if reference else 1.0,
                alpha=alpha, zorder=3,
                label=textwrap.fill(label, wide) if index == 0 else None,
            )
            self._old += lines

    def _set_limits(self, run: Run, others: Sequence[Run]) -> None:
        runs = [run, *others]
        starts = [v[0] for r in runs for v in r.curves.values() if v and math.isfinite(v[0])]
        top = max(starts, default=1.0)
        # a run that diverges must not flatten all others
        self._ceiling = top * (1e6 if self._log else 4.0) if top > 0 else math.inf
        self._floor = top / 1e15 if self._log else -math.inf  # below it stand rounding errors
        values = [v for r in runs for curve in r.curves.values() for v in curve]
        low, high = (top / 10, top * 1.1) if self._log else (0.0, top * 1.1)
        if not self._log and min(starts, default=0.0) < 0:
            low = min(starts) * 1.1
        if not high > low:
            high = low + 1.0
        self.ax.set_ylim(self._widened(low, high, values))

    def _widened(self, low: float, high: float, values: Sequence[float]) -> tuple[float, float]:
        """Limits that hold `values` too; given ones stay as they are."""
        if self._ylim is not None:
            return self._ylim
        finite = [v for v in values if math.isfinite(v) and (v > 0 or not self._log)]
        if not finite:
            return low, high
        smallest, largest = max(min(finite), self._floor), min(max(finite), self._ceiling)
        # Generous: every change of the axis draws the whole picture anew.
        if largest > high:
            high = largest * (5.0 if self._log else 1.3)
        if smallest < low:
            low = (max(smallest * min(0.1, (smallest / high) ** 0.6), self._floor) if self._log
                   else smallest - 0.2 * (high - smallest))
        return low, high


def looks_of(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Colour and line style of each curve; two curves never differ by their colour alone.

    Training and held-out look as in all figures. The others take the line styles that are left,
    the reference's dashes last. Beyond those styles a chapter chooses looks itself.
    """
    names = list(names)
    known = {name: _KNOWN[name] for name in names if name in _KNOWN}
    taken = [STYLES[key]["linestyle"] for key in known.values()]
    free = [s for s in _ORDER if s not in taken]
    found = {}
    for name in names:
        if name in known:
            color, style = COLORS[known[name]], STYLES[known[name]]["linestyle"]
        else:
            color = COLORS["extra"][len(found) % 4]
            style = free.pop(0) if free else "-"
        found[name] = {"color": color, "linestyle": style, "linewidth": 1.8}
    return found


def _thin(x: list[int], y: list[float]) -> tuple[list[int], list[float]]:
    stride = max(1, -(-len(y) // _MAX_POINTS))
    if stride == 1:
        return x, y
    return [*x[::stride], x[-1]], [*y[::stride], y[-1]]


def _label(old: Run, current: Run) -> str:
    """The settings in which `old` differs from `current`, moves during the run included."""
    parts = []
    for name, trail in old.changes.items():
        if len(trail) > 1 or trail[-1] != current.settings.get(name):
            ends = trail if len(trail) == 1 else (trail[0], trail[-1])
            parts.append(f"{name} " + "→".join(map(_short, ends)))
    return ", ".join(parts) or "same settings"


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return ("−" if value < 0 else "") + f"{abs(value):.3g}"
    text = str(value)  # a typed sentence may be long, and "$" would begin a formula
    return (text if len(text) <= 18 else text[:17] + "…").replace("$", r"\$")


def summary(run: Run) -> str:
    """The newest values in words, `train 0.123, held-out 0.2`; without what only began."""
    return ", ".join(f"{name.replace('_', '-')} {values[-1]:.3g}"
                     for name, values in run.curves.items()
                     if values and (run.at[name][-1] > 0 or run.step < 1))
