"""The result of a sweep: a small table, one row a net, that can be asked and drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from torch import nn

from ..cards import Card, code, escape, measured, paragraph, table_html
from . import _heat, _pictures
from ._train import Outcome
from ._words import brief, words

Done = tuple[list[int], Outcome, tuple[int, ...]]  # numbers of the nets, results, update counts


class Sweep:
    """What became of the nets of a sweep: one row a net, in the order of the settings.

    Attributes:
        settings: the dict of each net.
        curves: name -> (R, T): `train_loss`, `held_out_loss`, the metrics (`train ` + name on the
            training data where there is held-out data); NaN after a net diverged.
        steps: (T,) the update counts at which they were measured; (R, T) if the nets differ.
        diverged: (R,) whether the loss stopped being a finite number.
        finished: (R,) False for nets that a kernel interrupt left untrained.
        reason: why nets were trained one by one instead of together, or "".
        halved: whether the memory did not suffice for a chunk, which was then trained in halves.
    """

    def __init__(
        self, settings: Sequence[Mapping[str, Any]], curves: Mapping[str, np.ndarray],
        steps: np.ndarray, diverged: np.ndarray, finished: np.ndarray, nets: Sequence[Any],
        reason: str = "", halved: bool = False,
    ) -> None:
        self.settings = [dict(one) for one in settings]
        self.curves = dict(curves)
        self.steps = steps
        self.diverged, self.finished = diverged, finished
        self.reason, self.halved = reason, halved
        self._nets = list(nets)

    @classmethod
    def collect(
        cls, settings: Sequence[Mapping[str, Any]], done: Sequence[Done], halved: bool
    ) -> Sweep:
        """Put the rows of all chunks back into the order of the settings."""
        count, length = len(settings), max(len(records) for _, _, records in done)
        names = [name for _, outcome, _ in done for name in outcome.curves]
        curves = {name: np.full((count, length), np.nan) for name in names}
        steps = np.zeros((count, length), dtype=int)
        diverged, finished = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
        nets: list[Any] = [None] * count
        for rows, outcome, records in done:
            for name, values in outcome.curves.items():
                curves[name][rows, : len(records)] = values.numpy()
                curves[name][rows, len(records) :] = values.numpy()[:, -1:]
            steps[rows] = [*records, *[records[-1]] * (length - len(records))]
            diverged[rows], finished[rows] = outcome.diverged.numpy(), True
            for k, row in enumerate(rows):
                nets[row] = (outcome, k)
        ends = {name: values[:, -1] for name, values in curves.items()}
        diverged |= finished & ~np.isfinite(ends["train_loss"])
        same = (steps[finished] == steps[finished][0]).all()
        reason = next((outcome.nets.reason for _, outcome, _ in done if outcome.nets.reason), "")
        return cls(settings, curves, steps[finished][0] if same else steps, diverged, finished,
                   nets, reason, halved)

    def __len__(self) -> int:
        return len(self.settings)

    def __getitem__(self, name: str) -> np.ndarray:
        """(R,): a setting of each net, or a curve's value after the last update.

        Raises:
            KeyError: no column of that name; says which there are.
        """
        if name in self.curves:
            return self.curves[name][:, -1]
        if any(name in one for one in self.settings):
            return _column([one.get(name) for one in self.settings])
        raise KeyError(f"no column {name!r}; there are {', '.join(self.columns)}")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of settings, then of measured values."""
        return tuple(dict.fromkeys([*(k for one in self.settings for k in one), *self.curves]))

    def where(self, **values: Any) -> Sweep:
        """The nets with these settings, as a table of their own.

        Raises:
            KeyError: no such setting. ValueError: no net has these values.
        """
        keep = np.ones(len(self), dtype=bool)
        for name, value in values.items():
            keep &= np.array([one == value for one in self[name]])
        if not keep.any():
            asked = ", ".join(f"{name}={value!r}" for name, value in values.items())
            raise ValueError(f"no net has {asked}")
        return self._rows(np.flatnonzero(keep))

    def over_seeds(self, name: str, *by: str) -> dict[Any, np.ndarray]:
        """Values of the column `name` over the seeds, for each value of the settings `by`.

        Returns:
            {value: (seeds,)}, or {(value, value): (seeds,)} for several settings; in their order.
        """
        columns = ([tuple(v) if isinstance(v, list) else v for v in self[one]] for one in by)
        keys = list(zip(*columns, strict=True))
        column = self[name]
        return {key[0] if len(by) == 1 else key:
                column[[i for i, other in enumerate(keys) if other == key]]
                for key in dict.fromkeys(keys)}  # fmt: skip

    def best(self, name: str = "held_out_loss", largest: bool = False) -> dict[str, Any]:
        """The row with the smallest (or largest) value of a column, as a dict; NaN never wins.

        Raises:
            KeyError: no column of that name.
            ValueError: every net diverged.
        """
        column = self[name]
        if np.isnan(column).all():
            raise ValueError(f"no net has a finite {name}: all of them diverged")
        row = int(np.nanargmax(column) if largest else np.nanargmin(column))
        ends = {key: float(values[row, -1]) for key, values in self.curves.items()}
        return {"row": row, **self.settings[row], **ends}

    def model(self, row: int) -> nn.Module:
        """The trained net of a row, in eval mode.

        Raises:
            ValueError: an interrupt left it untrained.
        """
        if self._nets[row] is None:
            raise ValueError(f"net {row} was not trained: the sweep was interrupted before it")
        outcome, k = self._nets[row]
        return outcome.nets.module(k)

    def plot(self, x: str, y: str, by: str | None = None, ax: Axes | None = None) -> Axes:
        """A measured column against a setting: median over the rest, and its spread.

        Args:
            x: the setting. y: the column.
            by: another setting, a line for each of its values.
            ax: where to draw; None makes a figure.
        Raises:
            KeyError: no column of that name.
        """
        return _pictures.curve(self, x, y, by, ax)

    def heat(
        self, x: str, y: str, value: str, ax: Axes | None = None, log: bool | None = None
    ) -> Axes:
        """Median of a measured column for each pair of two settings, as a heat map.

        Args:
            x, y: the settings along the axes. value: the column.
            ax: where to draw; None makes a figure.
            log: colours at equal ratios; None decides by the range.
        Raises:
            KeyError: no column of that name.
        """
        return _heat.heat(self, x, y, value, ax, log)

    def __repr__(self) -> str:
        nets = f"{len(self)} {'net' if len(self) == 1 else 'nets'}"
        updates = np.unique(np.max(self.steps, axis=-1))
        many = f"{updates[0]}" if len(updates) == 1 else f"{updates[0]} to {updates[-1]}"
        left = int((~self.finished).sum())
        return (f"Sweep: {nets}, {many} updates each"
                + (f", {left} not trained: interrupted" if left else "")
                + ("; trained one after another (see .reason)" if self.reason else ""))  # fmt: skip

    def _rows(self, rows: np.ndarray) -> Sweep:
        steps = self.steps if self.steps.ndim == 1 else self.steps[rows]
        return Sweep(
            [self.settings[i] for i in rows], {k: v[rows] for k, v in self.curves.items()}, steps,
            self.diverged[rows], self.finished[rows], [self._nets[i] for i in rows], self.reason,
            self.halved,
        )  # fmt: skip

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        return _as_card(self)._repr_mimebundle_()


def _column(values: Sequence[Any]) -> np.ndarray:
    """(R,): numbers as numbers, anything else (lists, functions, None) as it is."""
    if all(isinstance(value, int | float) for value in values):
        return np.array(values)
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _as_card(table: Sweep, most: int = 12) -> Card:
    """One line for each combination of settings, over seeds; measured numbers are marked so."""
    settings = [name for name in table.columns if name not in table.curves]
    names = [name for name in settings if name != "seed"] if len(table) > most else settings
    keys = [tuple(brief(one.get(name)) for name in names) for one in table.settings]
    together = {key: [i for i, other in enumerate(keys) if other == key]
                for key in dict.fromkeys(keys)}  # fmt: skip
    ends = {name: table[name] for name in table.curves}
    heads = [*map(code, names), *(["nets"] if len(together) < len(table) else []),
             *(escape(words(table, name)) for name in ends)]  # fmt: skip
    lines = []
    for key, rows in list(together.items())[:most]:
        count = [str(len(rows))] if len(together) < len(table) else []
        cells = [measured(_middle(ends[name][rows], table.finished[rows])) for name in ends]
        lines.append([*map(escape, key), *count, *cells])
    notes = ["Values after the last update."]
    if len(together) < len(table):
        notes = ["Values after the last update: median of the nets (lowest to highest)."]
    if len(together) > most:
        notes.append(f"{len(together) - most} further lines are not shown.")
    if table.reason:
        notes.append("The nets were trained one after another, which is slower; "
                     f"why: {table.reason}.")  # fmt: skip
    if table.halved:
        notes.append("The memory did not suffice for the planned chunks: they were trained in "
                     "halves; give a smaller memory=….")  # fmt: skip
    body = table_html(heads, lines) + paragraph(escape(" ".join(notes)), quiet=True)
    return Card("sweep", "", "", repr(table).removeprefix("Sweep: "), body, repr(table))


def _middle(values: np.ndarray, finished: np.ndarray) -> str:
    """Median and range of the finite values in words, and how many nets have none."""
    if not finished.any():
        return "not trained"
    finite = values[np.isfinite(values)]
    lost = int(finished.sum()) - len(finite)
    if not len(finite):
        return "diverged"
    text = f"{np.median(finite):.3g}"
    if len(finite) > 1:
        text += f" ({finite.min():.3g} to {finite.max():.3g})"
    return text + (f"; {lost} diverged" if lost else "")
