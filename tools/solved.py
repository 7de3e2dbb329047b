"""A chapter as it is after a learner solved every exercise, and what is wrong with it."""

from __future__ import annotations

import copy
from collections.abc import Iterable

from nbformat import NotebookNode

from course_utils.exercises import banks
from course_utils.exercises.model import Exercise
from course_utils.exercises.show import worked_text
from tools import excerpt, execute, seeds, slices


def fill(notebook: NotebookNode, exercises: list[Exercise]) -> NotebookNode:
    """A copy in which each exercise's cell has its worked answer pasted before the check.

    Raises:
        LookupError: no cell asks for one of `exercises`.
    """
    notebook = copy.deepcopy(notebook)
    for exercise in exercises:
        cell = asking(notebook, exercise)
        *stub, check = exercise.stub.rstrip().splitlines()     # the stub may hold helpers
        cell.source = "\n".join([*stub, worked_text(exercise).rstrip(), "", check])
    return notebook


def touched(notebook: NotebookNode, answers: Iterable[str]) -> NotebookNode:
    """A copy without what is the same whatever the answers are: it has run in the chapter as given.

    Args:
        answers: ids of the cells that hold answers.
    """
    return excerpt.of(notebook, slices.depending(excerpt.code(notebook), answers))


def problems(solved: NotebookNode, stored: NotebookNode, exercises: list[Exercise]) -> list[str]:
    """What did not come out as it should in the executed copy `solved`, in words.

    Every check says ✓, every later cell takes the learner's answer, the facts come out as stored
    (those of the cells that were run whole), and nothing goes to standard error.
    """
    texts = [line for cell in solved.cells if cell.cell_type == "code"
             for line in execute.said(cell).splitlines()]
    found = [f"{exercise.id}: not ✓" for exercise in exercises
             if f"{exercise.id}: ✓" not in texts]
    found += [text for text in texts if "the worked answer is used until" in text]
    ran = {cell.id for cell in solved.cells}
    whole = {**stored, "cells": [cell for cell in stored.cells if cell.id in ran]}
    found += seeds.changed_facts(whole, solved)
    return found + [f"warning in cell {line}" for line in execute.warnings_in(solved)]


def of_chapter(number: str) -> list[Exercise]:
    """The exercises of a chapter, "02"."""
    return [exercise for exercise in banks.exercises() if exercise.chapter == number]


def asking(notebook: NotebookNode, exercise: Exercise) -> NotebookNode:
    """The cell that asks for an exercise.

    Raises:
        LookupError: there is none.
    """
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.source.strip() == exercise.stub.strip():
            return cell
    raise LookupError(f"no cell is the stub of {exercise.id}")
