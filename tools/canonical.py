"""The one form in which a notebook is stored, so that a diff shows what changed and nothing else.

nbformat 4.5, speaking cell ids, tags as the only cell metadata, run counts in order, no timings,
no widget state and no widget views in outputs (a stored view without its model shows an error
where the picture should be), LF line ends, indent 1, letters as they are.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import nbformat
import nbformat.v4
from nbformat import NotebookNode

from course_utils.files import write_whole

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
# The computer's part of a path in a shown traceback; what names the file stays.
INSTALLED = re.compile(r"(?:[A-Za-z]:\\|~?/)[^\s:'\"]*?"
                       r"(?=site-packages|course_utils|python3\.\d+[/\\])")
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def read(path: Path | str) -> NotebookNode:
    """Read a notebook as version 4.

    Raises:
        ValueError: the file is not a notebook of format 4.5 (older ones have no cell ids).
    """
    text, name = Path(path).read_text(encoding="utf-8"), Path(path).name
    try:
        found = json.loads(text)
        version = found["nbformat"], found["nbformat_minor"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{name} is not a notebook: {error!r}") from None
    if version[0] != 4 or version[1] < 5:
        raise ValueError(f"{name} has format {version[0]}.{version[1]}; cell ids need 4.5")
    try:
        notebook = nbformat.v4.reads(text)
        _validate(notebook)
    except Exception as error:
        raise ValueError(f"{name} is not a notebook: {error}") from None
    return notebook


def repeated_ids(notebook: NotebookNode) -> list[str]:
    """Ids that more than one cell has."""
    return [id for id, n in Counter(cell.id for cell in notebook.cells).items() if n > 1]


def _validate(notebook: NotebookNode) -> None:
    """Check the form, but leave repeated ids alone, which nbformat would replace unasked."""
    if not repeated_ids(notebook):
        nbformat.validate(notebook)


def write(notebook: NotebookNode, path: Path | str) -> None:
    """Write `notebook` in canonical form; the file is replaced in one move, or not at all.

    Raises:
        ValueError: two cells have the same id.
        NotWrittenError: the disk is full, the folder cannot be written.
    """
    if repeated := repeated_ids(notebook):
        raise ValueError(f"more than one cell has the id {repeated[0]}")
    write_whole(path, dumps(notebook))


def dumps(notebook: NotebookNode) -> str:
    """The canonical text of `notebook`, which is not modified."""
    clean = canonical(notebook)
    _validate(clean)
    return nbformat.v4.writes(clean).rstrip("\n") + "\n"


def canonical(notebook: NotebookNode) -> NotebookNode:
    """A copy of `notebook` in canonical form."""
    cells, count = [], 0
    for cell in notebook.cells:
        ran = cell.cell_type == "code" and cell.get("execution_count") is not None
        count += ran
        cells.append(_cell(cell, count if ran else None))
    return nbformat.from_dict({
        "cells": cells,
        "metadata": {"kernelspec": dict(KERNEL), "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    })


def without_outputs(notebook: NotebookNode) -> NotebookNode:
    """A canonical copy without outputs and run counts: what a learner is handed."""
    clean = canonical(notebook)
    for cell in clean.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return clean


def source(text: str) -> str:
    """A cell's source with LF line ends and no blank lines around it."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")


def _cell(cell: NotebookNode, count: int | None) -> dict[str, Any]:
    tags = list(dict.fromkeys(cell.metadata.get("tags", [])))
    clean = {
        "cell_type": cell.cell_type,
        "id": cell.id,
        "metadata": {"tags": tags} if tags else {},
        "source": source(cell.source),
    }
    if cell.get("attachments"):
        clean["attachments"] = cell.attachments
    if cell.cell_type == "code":
        clean["execution_count"] = count
        clean["outputs"] = _outputs(cell.outputs, count)
    return clean


def _outputs(outputs: list[NotebookNode], count: int | None) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = []
    for output in outputs:
        clean = _output(output, count)
        if clean is None:
            continue
        previous = kept[-1] if kept else {}
        if clean["output_type"] == "stream" and previous.get("name") == clean["name"]:
            previous["text"] += clean["text"]
        else:
            kept.append(clean)
    return kept


def _output(output: NotebookNode, count: int | None) -> dict[str, Any] | None:
    clean = {key: value for key, value in output.items() if key != "transient"}
    if clean["output_type"] == "stream":
        return clean if clean["text"] else None
    if "data" in clean:
        dropped = (WIDGET_VIEW, WIDGET_STATE)
        clean["data"] = {k: v for k, v in clean["data"].items() if k not in dropped}
        clean["metadata"] = {k: v for k, v in clean["metadata"].items() if k not in dropped}
        if not clean["data"]:
            return None
    if clean["output_type"] == "error":
        clean["traceback"] = [INSTALLED.sub("…/", line) for line in clean["traceback"]]
    if clean["output_type"] == "execute_result":
        clean["execution_count"] = count
    return clean
