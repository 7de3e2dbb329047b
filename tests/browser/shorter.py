"""A chapter without what takes its time: with what its playgrounds and exercises need."""

from nbformat import NotebookNode

from tools import canonical, excerpt

KEPT_TAGS = {"playground", "exercise"}
# Cells that a test looks at besides, by chapter.
ALSO = {"13": {"case-a-script", "report", "keep", "test-once"},
        "14": {"same-verdict", "sweep-verdict"}}


def shortened(notebook: NotebookNode) -> NotebookNode:
    """The chapter as a learner gets it, less the statements that no playground or exercise needs.

    Whole chapters run in nbval; in a browser the measurements would be run once more, for minutes.
    """
    also = ALSO.get(notebook.cells[0].source[2:4], set())        # "# 14 · Beyond one computer"
    wanted = [cell.id for cell in notebook.cells
              if KEPT_TAGS & set(cell.metadata.get("tags", [])) or cell.id in also]
    return canonical.without_outputs(excerpt.of(notebook, wanted))
