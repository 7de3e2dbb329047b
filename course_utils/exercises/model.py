"""What an exercise and a recall question are. Banks (`ch00.py`, `ch01.py`, …) are built from these.

A bank is a module `chNN.py` beside this file with two tuples, `EXERCISES` and `QUESTIONS`. Of this
package it imports what is here, and small helpers (`nets`, `show`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Case:
    """One input on which an answer is tried.

    Attributes:
        args: positional arguments; every call gets its own copy.
        note: what this input is, in words ("an empty batch", "random, 5 × 3").
        raises: the exception that a right answer raises on this input, if it should.
    """

    args: tuple
    note: str = ""
    raises: type[Exception] | None = None


@dataclass(frozen=True)
class Mistake:
    """A typical wrong answer, as code that runs.

    It is recognised when the learner's outcomes equal its outcomes on all cases (the same values
    of the same type, shape and dtype, or the same exception), and the inputs that it changes are
    changed by theirs, too. For an exercise with a judge: when the judge says the same about both.

    Attributes:
        name: short and unique within its exercise ("sum instead of mean").
        answer: the wrong answer, a function or class that could have been the learner's.
        message: what to tell the learner: what went wrong and where to look, not the answer.
    """

    name: str
    answer: Callable
    message: str


@dataclass(frozen=True)
class Verdict:
    """What a judge says about an answer.

    Attributes:
        ok: the answer passes.
        message: one or two sentences: what is wrong, or (if ok) what was reached.
        given, got, expected: shown if not None; a string as it is, anything else by its value.
    """

    ok: bool
    message: str = ""
    given: Any = None
    got: Any = None
    expected: Any = None


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Attributes:
        id: the chapter's prefix and a word, "torch-mse".
        chapter: "01".
        title: a short noun phrase.
        solution: worked answer, a function or class defined in the bank; `solution(id)` shows its
            source, so it has the learner's name, comments, and no leading underscore.
        cases: makes the inputs: fixed, random (from a seeded generator) and edge cases. Called
            once per check, always with the same random state.
        hints: from a nudge to nearly the answer; at least one.
        mistakes: typical wrong answers, each with its own message.
        stub: the whole text of the cell the learner starts from, as in the notebook, with its
            last line `check("torch-mse", mse)`. Names it needs are looked up in the bank's module.
        oracle: slow, plain reference; the solution if None.
        judge: for answers that are not compared output by output (classes, "improve this
            number"): takes the answer, returns a Verdict. What it raises from the learner's code
            is shown as theirs. Cases are then not used.
        tolerance: (relative, absolute) if the ones that belong to the dtype do not fit.
        forbidden: names of PyTorch's functions and methods ("softmax", "backward") that the text
            rules out: an answer that uses one is refused, however right its result.
        in_place: the answer is meant to change its arguments; else a changed input is refused.
        worked: the text that `solution(id)` shows, where it depends on what was drawn; the
            solution's source if None.
    """

    id: str
    chapter: str
    title: str
    solution: Callable
    cases: Callable[[], list[Case]]
    hints: tuple[str, ...]
    mistakes: tuple[Mistake, ...] = ()
    stub: str = ""
    oracle: Callable | None = None
    judge: Callable[[Any], Verdict] | None = None
    tolerance: tuple[float, float] | None = None
    forbidden: tuple[str, ...] = ()
    in_place: bool = False
    worked: Callable[[], str] | None = None


@dataclass(frozen=True)
class Question:
    """A recall question, answered with a click.

    Attributes:
        id: unique over all banks, "torch-q-shape".
        chapter: the chapter it is about.
        choices: two to four answers, about equally long.
        answer: index of the right one.
        why: one or two sentences shown with any answer.
    """

    id: str
    chapter: str
    text: str
    choices: tuple[str, ...]
    answer: int
    why: str
