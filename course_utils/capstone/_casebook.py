"""The five cases: which faults a seed plants, and in which script."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass

from .. import cards, seeding
from ._script import FAULTS, written

LETTERS = "ABCDE"
UNLIKE = 8  # lines that a case does not share with the healthy script: more than a mending changes


@dataclass(frozen=True, repr=False)
class Case:
    """One script with something wrong in it.

    Attributes:
        letter: "A" to "E".
        script: its text; shown with line numbers as the last expression of a cell.
    """

    letter: str
    script: str

    def __repr__(self) -> str:
        return f"Case {self.letter}: a script of {len(self.script.splitlines())} lines"

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        lines = self.script.splitlines()
        text = "\n".join(f"{n:2d}  {line}" for n, line in enumerate(lines, 1))
        return {"text/plain": repr(self), "text/html": cards.block(text)}


class Casebook:
    """Five cases, drawn by a seed.

    `book["A"]` is a `Case`; going through the book gives its cases from A to E.

    Args:
        seed: draws faults and wordings.
        faults: five faults for A to E, instead of drawn ones.
    """

    def __init__(self, seed: int, faults: tuple[str, ...] | None = None) -> None:
        draw = random.Random(f"capstone {seed}")
        self.seed = seed
        drawn = draw.sample(FAULTS, len(LETTERS)) if faults is None else faults
        self._faults = dict(zip(LETTERS, drawn, strict=True))
        self._cases = {letter: Case(letter, _worded(fault, f"{seed} {letter}"))
                       for letter, fault in self._faults.items()}

    def __getitem__(self, letter: str) -> Case:
        if letter not in self._cases:
            raise KeyError(f"there is no case {letter!r}; there are {', '.join(LETTERS)}")
        return self._cases[letter]

    def fault_in(self, letter: str) -> str:
        """What is wrong with a case: the answer, for the judge and for worked answers."""
        return self._faults[letter]

    def __iter__(self):
        return iter(self._cases.values())

    def __len__(self) -> int:
        return len(self._cases)

    def __repr__(self) -> str:
        return f"Casebook: {len(self)} cases, {', '.join(LETTERS)}"


def _worded(fault: str, seed: str) -> str:
    """The script with this fault, worded so that the healthy script cannot be put in its place."""
    plain = set(written(None).splitlines())
    for trial in itertools.count():
        script = written(fault, f"{seed} {trial}")
        if len(set(script.splitlines()) - plain) >= UNLIKE:
            return script


_open: dict[str, Casebook] = {}


def draw_faults(seed: int | None = None) -> Casebook:
    """Five scripts, each with one of the eight faults; the judge goes by the book drawn last.

    Args:
        seed: None takes the course's seed. Another seed plants other faults, in other places.
    Raises:
        TypeError, ValueError: `seed` is not a whole number of at least 0.
    """
    seed = seeding.course_seed() if seed is None else seeding.checked_seed(seed, "seed")
    _open["book"] = Casebook(seed)
    return _open["book"]


def current() -> Casebook:
    """The book that the judge goes by: the one drawn last, else the course's seed's."""
    return _open.get("book") or draw_faults()
