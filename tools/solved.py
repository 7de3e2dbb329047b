"""A chapter as it is after a learner solved every exercise, and what is wrong with it."""

from __future__ import annotations

import copy

from nbformat import NotebookNode

from course_utils.exercises import banks
from course_utils.exercises.model import Exercise
from course_utils.exercises.show import worked_text
from tools import execute, seeds


def fill(notebook: NotebookNode, exercises: list[Exercise]) -> NotebookNode:
    """A copy in which each exercise's cell has its worked answer pasted before the check.

    Raises:
        LookupError: no cell asks for one of `exercises`.
    """
    notebook = copy.deepcopy(notebook)
    for exercise in exercises:
        cell = _asking(notebook, exercise)
        *stub, check = exercise.stub.rstrip().splitlines()     # the stub may hold helpers
        cell.source = "\n".join([*stub, worked_text(exercise).rstrip(), "", check])
    return notebook


def problems(solved: NotebookNode, stored: NotebookNode, exercises: list[Exercise]) -> list[str]:
    """What did not come out as it should in the executed copy `solved`, in words.

    Every check says ✓, every later cell takes the learner's answer, the facts come out as stored,
    and nothing goes to standard error.
    """
    texts = [line for cell in solved.cells if cell.cell_type == "code"
             for line in execute.said(cell).splitlines()]
    found = [f"{exercise.id}: not ✓" for exercise in exercises
             if f"{exercise.id}: ✓" not in texts]
    found += [text for text in texts if "the worked answer is used until" in text]
    found += seeds.changed_facts(stored, solved)
    return found + [f"warning in cell {line}" for line in execute.warnings_in(solved)]


def of_chapter(number: str) -> list[Exercise]:
    """The exercises of a chapter, "02"."""
    return [exercise for exercise in banks.exercises() if exercise.chapter == number]


def _asking(notebook: NotebookNode, exercise: Exercise) -> NotebookNode:
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.source.strip() == exercise.stub.strip():
            return cell
    raise LookupError(f"no cell is the stub of {exercise.id}")
