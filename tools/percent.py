"""Notebook as text and back, without loss: for drafting and for reading in an editor.

    python -m tools.percent to-text NOTEBOOK.ipynb > DRAFT.py
    python -m tools.percent to-notebook DRAFT.py NOTEBOOK.ipynb

    # %% [markdown] id=surface-question
    # ## What does the loss look like?

    # %% id=surface-run tags=["verdict", "nbval-check-output"]
    code

Ids, tags and sources survive the round trip (outputs are not part of the text). Blank lines
around a cell do not count. A line of a cell that would itself read as a header gets one more
"# " in front, which reading takes off again. The notebook stays the only source: keep no text copy.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tools import bootstrap, canonical

HEADER = re.compile(r"# %%(?: \[(?P<kind>markdown|raw)\])?(?: id=(?P<id>\S+))?"
                    r"(?: tags=(?P<tags>\[.*\]))?\s*")
LOOKS_LIKE_HEADER = re.compile(r"#( #)* %%")
ESCAPED_HEADER = re.compile(r"#( #)+ %%")
CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def to_text(notebook: NotebookNode) -> str:
    """The notebook's sources, ids and tags as percent text.

    Raises:
        ValueError: a cell has attachments, which text cannot hold.
    """
    notebook = canonical.canonical(notebook)
    return "\n".join(_cell_text(cell) for cell in notebook.cells)


def to_notebook(text: str) -> NotebookNode:
    """The notebook written as percent text; canonical, without outputs.

    Raises:
        ValueError: says which line is wrong: text before the first header, a header that cannot
            be read, a missing or repeated id, a markdown line without its "# ".
    """
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    starts = [n for n, line in enumerate(lines) if line.startswith("# %%")]
    before = lines[: starts[0]] if starts else lines
    if any(line.strip() for line in before):
        raise ValueError("line 1: the text begins with a cell header '# %% id=…'")
    cells, first_seen = [], {}
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        cell = _read_cell(lines[start], lines[start + 1 : end], start + 1)
        if cell["id"] in first_seen:
            raise ValueError(f"line {start + 1}: id {cell['id']} was used before, "
                             f"in line {first_seen[cell['id']]}")
        first_seen[cell["id"]] = start + 1
        cells.append(cell)
    return canonical.canonical(nbformat.from_dict({
        "cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))


def _cell_text(cell: NotebookNode) -> str:
    if cell.get("attachments"):
        raise ValueError(f"cell {cell.id} has attachments; text cannot hold them: draw the "
                         "picture in a code cell instead")
    kind = "" if cell.cell_type == "code" else f" [{cell.cell_type}]"
    tags = cell.metadata.get("tags")
    tagged = f" tags={json.dumps(tags, ensure_ascii=False)}" if tags else ""
    lines = cell.source.split("\n") if cell.source else []
    if kind:
        lines = [f"# {line}" if line else "#" for line in lines]
    lines = [f"# {line}" if LOOKS_LIKE_HEADER.match(line) else line for line in lines]
    return "\n".join([f"# %%{kind} id={cell.id}{tagged}", *lines]) + "\n"


def _read_cell(header: str, lines: list[str], number: int) -> dict:
    found = HEADER.fullmatch(header)
    if found is None:
        raise ValueError(f"line {number}: cannot read the header {header!r}; expected "
                         '\'# %% [markdown] id=speaking-id tags=["verdict"]\'')
    if found["id"] is None or not CELL_ID.fullmatch(found["id"]):
        raise ValueError(f"line {number}: the cell needs an id of letters, digits and hyphens, "
                         "for example id=surface-run")
    lines = [line[2:] if ESCAPED_HEADER.match(line) else line for line in lines]
    kind = found["kind"] or "code"
    if kind != "code":
        lines = [_uncomment(line, number + n) for n, line in enumerate(lines, 1)]
    cell = {"cell_type": kind, "id": found["id"], "metadata": {}, "source": "\n".join(lines)}
    if found["tags"]:
        cell["metadata"]["tags"] = _read_tags(found["tags"], number)
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    return cell


def _read_tags(text: str, number: int) -> list[str]:
    try:
        return json.loads(text)
    except ValueError:
        raise ValueError(f"line {number}: cannot read tags={text}; expected a list of words in "
                         'double quotes, for example tags=["verdict"]') from None


def _uncomment(line: str, number: int) -> str:
    if line.startswith("# "):
        return line[2:]
    if line.strip() in ("", "#"):
        return ""
    raise ValueError(f"line {number}: a line of a markdown cell begins with '# ', got {line!r}")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.percent", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("to-text").add_argument("notebook", type=Path)
    back = commands.add_parser("to-notebook")
    back.add_argument("text", type=Path)
    back.add_argument("notebook", type=Path)
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "to-text":
            sys.stdout.reconfigure(encoding="utf-8", newline="\n")
            sys.stdout.write(to_text(canonical.read(chosen.notebook)))
        else:
            notebook = to_notebook(chosen.text.read_text(encoding="utf-8"))
            canonical.write(bootstrap.fill(notebook), chosen.notebook)
            print(f"wrote {chosen.notebook}: {len(notebook.cells)} cells, not executed yet")
    except (ValueError, OSError) as error:
        print(f"percent: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
