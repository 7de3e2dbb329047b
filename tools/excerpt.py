"""A chapter cut down to some of its cells and what these need."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable

from nbformat import NotebookNode

from tools import bootstrap, slices

PART = "-part"      # ends the id of a cell of which only some statements are left


def code(notebook: NotebookNode) -> dict[str, str]:
    """id -> source of every code cell but the one that sets up Colab."""
    return {cell.id: cell.source for cell in notebook.cells
            if cell.cell_type == "code" and not bootstrap.is_bootstrap(cell)}


def of(notebook: NotebookNode, wanted: Iterable[str]) -> NotebookNode:
    """A copy with the code cells `wanted` whole, and of the others the statements that they need.

    Words and the cell that sets up Colab stay. Cells of which statements are left end in PART.

    Raises:
        KeyError, NameError: as slices.needed.
    """
    wanted = set(wanted)
    needed = slices.needed(code(notebook), wanted)
    short = copy.deepcopy(notebook)
    short.cells = [cell for cell in short.cells if cell.cell_type != "code"
                   or cell.id in needed or bootstrap.is_bootstrap(cell)]
    for cell in short.cells:
        if cell.id in needed and cell.id not in wanted:
            cell.source = "\n".join(map(ast.unparse, needed[cell.id]))
            cell.id += PART
    return short
