"""The banks there are: modules `chNN.py` in this folder, found by name."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

from ..cards import nearest
from .model import Exercise, Question

_FOLDER = Path(__file__).parent


@cache
def bank_names() -> tuple[str, ...]:
    """("ch00", "ch01", …)."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("ch[0-9][0-9].py")))


def bank(name: str) -> ModuleType:
    """The module of a bank."""
    return importlib.import_module(f"{__package__}.{name}")


def exercises() -> Iterator[Exercise]:
    """All exercises, chapter by chapter; a bank is imported only when it is reached."""
    for name in bank_names():
        yield from bank(name).EXERCISES


def questions(before: str) -> list[Question]:
    """Recall questions of the chapters before `before` ("02"), in the order of the banks."""
    earlier = [name for name in bank_names() if name < f"ch{before}"]
    return [question for name in earlier for question in bank(name).QUESTIONS]


def find(id: str) -> Exercise:
    """The exercise with this id.

    Raises:
        KeyError: there is none; the message names the nearest ids.
    """
    for exercise in exercises():
        if exercise.id == id:
            return exercise
    known = [exercise.id for exercise in exercises()]
    advice = nearest(str(id), known) or f" There are: {', '.join(known)}."
    raise KeyError(f"there is no exercise {id!r}.{advice}")


def totals() -> dict[str, dict[str, str]]:
    """What `study.progress` counts against: kind → id → chapter."""
    return {"exercise": {exercise.id: exercise.chapter for exercise in exercises()}}
