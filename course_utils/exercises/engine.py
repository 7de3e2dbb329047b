"""What the notebooks call: `check`, `hint`, `solution`, `use`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import study
from ..cards import QUIET, Card, block, code, escape, pairs_html, paragraph, prose
from .banks import find, totals
from .judging import Finding, examine
from .model import Exercise
from .show import highlighted, worked_text

_hints_given: dict[str, int] = {}
_asked_for_solution: set[str] = set()
_passed: set[str] = set()

study.add_totals(totals)


def check(id: str, answer: Any) -> Card:
    """Try an answer and say what was found; the last expression of its cell.

    Args:
        id: the exercise, "torch-mse".
        answer: the function or class itself, not what it returns.
    Returns:
        a card: not tried yet; ✗ with what was given, got and expected, and the first hint; or ✓.
    Raises:
        KeyError: there is no such exercise; the message names the nearest ids.
    """
    exercise = find(id)
    if answer is exercise.solution:  # handed over by `use`
        return _not_tried(exercise, "This is the worked answer, not yours.")
    finding = examine(exercise, answer)
    if finding.state == "not tried":
        return _not_tried(exercise)
    if finding.passed:
        _passed.add(id)
        study.record("exercise", id, "passed")
        body = paragraph(prose(finding.message)) + study.notice()
        return Card("check", "✓", "passed", _title(exercise), body, f"{id}: ✓")
    return _failed(exercise, finding)


def hint(id: str) -> Card:
    """The next hint, below those already given; the last expression of its cell.

    Raises:
        KeyError: there is no such exercise; the message names the nearest ids.
    """
    exercise = find(id)
    total = len(exercise.hints)
    given = _hints_given[id] = min(_hints_given.get(id, 0) + 1, total)
    lines = "".join(f'<li style="margin:.2em 0">{prose(h)}</li>' for h in exercise.hints[:given])
    after = f"{code(_call('hint', id))} gives the next one."
    if given == total:
        after = f"That was the last one. {code(_call('solution', id))} shows a worked answer."
    body = f'<ol style="margin:.3em 0">{lines}</ol>' + paragraph(after, quiet=True)
    word = f"hint {given} of {total}"
    return Card("exercise", "", word, _title(exercise), body, f"{id}: {word}")


def solution(id: str) -> Card:
    """A worked answer, after asking once; the last expression of its cell.

    Raises:
        KeyError: there is no such exercise; the message names the nearest ids.
    """
    exercise = find(id)
    done = id in _passed or study.recorded("exercise", id) is not None
    if not done and id not in _asked_for_solution:
        _asked_for_solution.add(id)
        used, total = _hints_given.get(id, 0), len(exercise.hints)
        left = f"{total - used} of {total} hints are unread ({code(_call('hint', id))}). "
        body = paragraph(f"{left if used < total else ''}Run this cell again to see the answer.")
        return Card("exercise", "", "show the worked answer?", _title(exercise), body,
                    f"{id}: run again to see the worked answer")
    body = highlighted(worked_text(exercise))
    return Card("exercise", "", "a worked answer", _title(exercise), body, f"{id}: worked answer")


def use(id: str, answer: Any) -> Callable:
    """The learner's answer if it passes, until then the worked one; says which.

    For later cells that need it: `mse = use("torch-mse", mse)`. Prints one line, the same on
    every computer.

    Raises:
        KeyError: there is no such exercise; the message names the nearest ids.
    """
    exercise = find(id)
    if answer is not exercise.solution and examine(exercise, answer).passed:
        print(f"{id}: your answer is used")
        return answer
    print(f"{id}: the worked answer is used until yours passes the check")
    return exercise.solution


def _not_tried(exercise: Exercise, why: str = "") -> Card:
    help = f"{code(_call('hint', exercise.id))} gives a hint."
    body = paragraph(f"{escape(why)} Write your code above and run the cell again. {help}")
    return Card("check", "·", "not tried yet", _title(exercise), body,
                f"{exercise.id}: not tried yet")


def _failed(exercise: Exercise, finding: Finding) -> Card:
    found = [
        ("Given", (block(finding.given) if finding.given else "")
         + (f'<span style="{QUIET}">{escape(finding.note)}</span>' if finding.note else "")),
        ("Got", block(finding.got) if finding.got else ""),
        ("Expected", block(finding.expected) if finding.expected else ""),
        ("Your code", block(finding.line) if finding.line else ""),
        ("Printed", block(finding.printed) if finding.printed else ""),
        ("Warning", block(finding.warned) if finding.warned else ""),
    ]
    rows = [(name, content) for name, content in found if content]
    total = len(exercise.hints)
    body = paragraph(prose(finding.message)) + (pairs_html(rows) if rows else "")
    body += paragraph(f"<strong>Hint 1 of {total}:</strong> {prose(exercise.hints[0])}")
    body += paragraph(f"{code(_call('hint', exercise.id))} gives them one by one.", quiet=True)
    return Card("check", "✗", "not yet", _title(exercise), body,
                f"{exercise.id}: ✗ {finding.message}")


def _title(exercise: Exercise) -> str:
    return f"{exercise.title} ({exercise.id})"


def _call(function: str, id: str) -> str:
    return f'{function}("{id}")'
