"""Do chapters come out here as they are stored? The cheap proof that tools/matrix.py repeats.

    python -m tools.proof 00 02 06                    each in a fresh kernel
    python -m tools.proof 02 --twice                  every cell run twice
    python -m tools.proof 02 06 --one-kernel 7        in one kernel, in an order drawn with seed 7
    python -m tools.proof 02 --copies my_course       the copies in that folder
    python -m tools.proof 02 --set LC_ALL=C --unset LANG     for the kernel only

Verdicts of facts must be the stored ones, and so must the text of cells tagged
nbval-check-output. What goes to standard error is told, and is no failure: an older package may
have its say.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tools import canonical, chapters, execute, seeds

FACT = "nbval-check-output"
JOINT = "--"                       # between a mark and a cell's own id
Changes = Mapping[str, str | None]


def joined(cells: list[tuple[str, NotebookNode]]) -> NotebookNode:
    """One notebook of these (mark, cell), in this order; `part` takes a mark's cells out again."""
    marked = [{**cell, "id": f"{mark}{JOINT}{cell.id}"} for mark, cell in cells]
    return nbformat.from_dict({"cells": marked, "metadata": {}, "nbformat": 4,
                               "nbformat_minor": 5})


def part(notebook: NotebookNode, mark: str) -> NotebookNode:
    """The cells of a joined notebook that have this mark, under their own ids."""
    start = mark + JOINT
    cells = [{**cell, "id": cell.id.removeprefix(start)} for cell in notebook.cells
             if cell.id.startswith(start)]
    return nbformat.from_dict({**notebook, "cells": cells})


def twice(notebook: NotebookNode) -> NotebookNode:
    """Every cell two times in a row, marked "first" and "again"."""
    return joined([(mark, cell) for cell in notebook.cells for mark in ("first", "again")])


def shuffled(paths_of_chapters: list[Path], seed: int) -> list[Path]:
    """The chapters in an order that `seed` decides, on every computer the same."""
    return random.Random(seed).sample(paths_of_chapters, len(paths_of_chapters))


def facts(notebook: NotebookNode) -> dict[str, str]:
    """id -> text of the cells whose text is a fact."""
    return {cell.id: execute.said(cell) for cell in notebook.cells
            if cell.cell_type == "code" and FACT in cell.metadata.get("tags", [])}


def complaints(stored: NotebookNode, run: NotebookNode) -> list[str]:
    """Where the executed copy `run` says something else than the stored chapter."""
    now = facts(run)
    return seeds.changed_facts(stored, run) + [
        f"cell {id}: {now.get(id, 'is missing')!r}, stored: {said!r}"
        for id, said in facts(stored).items() if now.get(id) != said]


Run = tuple[str, NotebookNode, NotebookNode]     # name, stored chapter, executed copy


def each(every: list[Path], changes: Changes, copies: Path | None) -> Iterator[Run]:
    """Each chapter in a kernel of its own."""
    for path in every:
        source = copies / path.name if copies else path
        run = execute.execute(canonical.read(source), source.parent, changes=changes)
        yield chapters.number(path), canonical.read(path), run


def each_twice(every: list[Path], changes: Changes) -> Iterator[Run]:
    """Each chapter in a kernel of its own, every cell twice: both times it must come out so."""
    for path in every:
        stored = canonical.read(path)
        run = execute.execute(twice(stored), path.parent, changes=changes)
        for mark in ("first", "again"):
            yield f"{chapters.number(path)} {mark}", stored, part(run, mark)


def one_kernel(every: list[Path], changes: Changes, seed: int) -> Iterator[Run]:
    """All chapters one after another in one kernel: none may hang on what another left behind."""
    order = shuffled(every, seed)
    print("order: " + " ".join(map(chapters.number, order)), flush=True)
    stored = {chapters.number(path): canonical.read(path) for path in order}
    run = execute.execute(joined([(number, cell) for number, chapter in stored.items()
                                  for cell in chapter.cells]), every[0].parent, changes=changes)
    for number, chapter in stored.items():
        yield number, chapter, part(run, number)


def report(runs: Iterator[Run]) -> int:
    """Say how each came out; returns how many did not come out as stored."""
    wrong, verdicts, texts, notes = [], 0, 0, 0
    for name, stored, run in runs:
        found, warned = complaints(stored, run), execute.warnings_in(run)
        wrong += [name] if found else []
        verdicts, texts = verdicts + len(seeds.verdicts(run)), texts + len(facts(run))
        notes += len(warned)
        print(f"{name}: {'DIFFERENT' if found else 'as stored'}", flush=True)
        for line in found + [f"on standard error, cell {line}" for line in warned]:
            print(f"    {line}", flush=True)
    words = f"{verdicts} verdicts, {texts} texts"
    words += f", {notes} lines on standard error" if notes else ""
    print(f"{'DIFFERENT: ' + ', '.join(wrong) if wrong else 'as stored'} ({words})", flush=True)
    return len(wrong)


def options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.proof", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chapter", nargs="*", help="02, or a file name; every chapter if none")
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--twice", action="store_true")
    way.add_argument("--one-kernel", type=int, metavar="SEED")
    way.add_argument("--copies", type=Path, metavar="FOLDER")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--unset", action="append", default=[], metavar="NAME")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    chosen = options(arguments)
    changes: dict[str, str | None] = dict.fromkeys(chosen.unset)
    changes |= dict(setting.split("=", 1) for setting in chosen.set)
    try:
        every = chapters.choose(chosen.chapter)
        if chosen.twice:
            runs = each_twice(every, changes)
        elif chosen.one_kernel is not None:
            runs = one_kernel(every, changes, chosen.one_kernel)
        else:
            runs = each(every, changes, chosen.copies)
        return 1 if report(runs) else 0
    except (execute.ChapterFailed, ValueError, OSError) as error:
        print(f"FAILED: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
