"""A chapter without what takes its time: with what its playgrounds and exercises need."""

import ast

from nbformat import NotebookNode

from tools import bootstrap, canonical, slices

KEPT_TAGS = {"playground", "exercise"}
# Cells that a test looks at besides, by chapter.
ALSO = {"13": {"case-a-script", "report", "keep", "test-once"},
        "14": {"same-verdict", "sweep-verdict"}}


def shortened(notebook: NotebookNode) -> NotebookNode:
    """The chapter as a learner gets it, less the statements that no playground or exercise needs.

    Whole chapters run in nbval; in a browser the measurements would be run once more, for minutes.
    """
    code = {cell.id: cell.source for cell in notebook.cells
            if cell.cell_type == "code" and not bootstrap.is_bootstrap(cell)}
    also = ALSO.get(notebook.cells[0].source[2:4], set())        # "# 14 · Beyond one computer"
    wanted = [cell.id for cell in notebook.cells
              if KEPT_TAGS & set(cell.metadata.get("tags", [])) or cell.id in also]
    needed = slices.needed(code, wanted)
    short = canonical.without_outputs(notebook)
    for cell in short.cells:
        if cell.id in needed and cell.id not in wanted:
            cell.source = "\n".join(map(ast.unparse, needed[cell.id]))
    short.cells = [cell for cell in short.cells if cell.cell_type == "markdown"
                   or cell.id in needed or bootstrap.is_bootstrap(cell)]
    return short
