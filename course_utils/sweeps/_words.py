"""How a sweep's settings and measured values are named, ordered and compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ._calls import frozen

if TYPE_CHECKING:
    from ._table import Sweep

WORDS = {"train_loss": "training loss", "held_out_loss": "held-out loss", "lr": "learning rate",
         "batch_size": "batch size", "weight_decay": "weight decay"}  # fmt: skip


def words(table: Sweep, name: str) -> str:
    """A column's name as it is said: "train_loss" is "training loss"."""
    if name in WORDS:
        return WORDS[name]
    said = name.replace("_", " ")
    if name.startswith("train "):
        return f"training {said.removeprefix('train ')}"
    return f"held-out {said}" if f"train {name}" in table.curves else said


def brief(value: Any) -> str:
    """A setting's value as a short text: 0.1, 3e-05, "Adam", none."""
    if value is None:
        return "none"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | float | np.number):
        return f"{value:.10g}" if float(value).is_integer() and abs(value) < 1e5 else f"{value:.3g}"
    return getattr(value, "__name__", str(value))


def distinct(values: Iterable[Any]) -> list[Any]:
    """The different values: numbers ascending, anything else in order of appearance."""
    listed = values.tolist() if isinstance(values, np.ndarray) else list(values)
    found = list({frozen(value): value for value in listed}.values())
    return sorted(found) if numbers(found) else found


def by_ratios(values: Sequence[float]) -> bool:
    """Whether values are spaced more evenly by ratios than by differences, and span a decade."""
    if len(values) < 2 or min(values) <= 0 or max(values) < 9.99 * min(values):
        return False
    if len(values) == 2:
        return True
    steps, ratios = np.diff(values), np.diff(np.log(values))
    return bool(ratios.std() / ratios.mean() < steps.std() / steps.mean())


def numbers(values: Iterable[Any]) -> bool:
    return all(isinstance(v, int | float | np.number) and not isinstance(v, bool | np.bool_)
               for v in values)  # fmt: skip


def equals(column: np.ndarray, value: Any) -> np.ndarray:
    return np.array([one is value or one == value for one in column.tolist()], dtype=bool)
