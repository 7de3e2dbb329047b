"""Ties a test to the formula it checks: a formula that changes, or is new, makes a test fail."""

import re
from collections.abc import Callable

from course_utils import paths
from tools import canonical

DISPLAYED = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)

checked: dict[tuple[str, str], set[str]] = {}    # (chapter, cell) -> formulas with a test
not_numeric: dict[tuple[str, str, str], str] = {}    # (chapter, cell, formula) -> why there is none


def displayed(number: str) -> dict[tuple[str, str], set[str]]:
    """(chapter, cell id) -> the formulas between $$ in that cell, white space made one space."""
    (path,) = paths.notebooks_dir().glob(f"{number}_*.ipynb")
    return {(number, cell.id): found for cell in canonical.read(path).cells
            if cell.cell_type == "markdown"
            and (found := {_one_line(text) for text in DISPLAYED.findall(cell.source)})}


def formula(number: str, cell: str, latex: str) -> Callable:
    """Decorator of the test that evaluates the formula `latex` displayed in a cell.

    Raises:
        LookupError: that cell does not display this formula (any more).
    """
    text = _find(number, cell, latex)
    checked.setdefault((number, cell), set()).add(text)
    return lambda test: test


def without_number(number: str, cell: str, latex: str, why: str) -> None:
    """A displayed formula that nothing can be computed from, with the reason.

    Raises:
        LookupError: that cell does not display this formula (any more).
    """
    not_numeric[number, cell, _find(number, cell, latex)] = why


def _find(number: str, cell: str, latex: str) -> str:
    text, found = _one_line(latex), displayed(number).get((number, cell), set())
    if text not in found:
        raise LookupError(f"chapter {number}, cell {cell!r} does not display {text!r}; "
                          f"it displays {sorted(found)}. Test the new formula.")
    return text


def _one_line(text: str) -> str:
    return " ".join(text.split())
