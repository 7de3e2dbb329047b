"""No displayed formula without a test of its own."""

import importlib

import pytest

from tests.formulas import stated
from tools import chapters

NUMBERS = [path.name[:2] for path in chapters.notebooks()]


@pytest.mark.parametrize("number", NUMBERS)
def test_every_displayed_formula_is_evaluated_or_said_to_have_no_number(number):
    shown = stated.displayed(number)
    if shown:
        importlib.import_module(f"tests.formulas.test_formulas_{number}")
    excused = {(chapter, cell, text) for chapter, cell, text in stated.not_numeric}

    for (chapter, cell), texts in shown.items():
        tested = stated.checked.get((chapter, cell), set())
        left = {text for text in texts - tested if (chapter, cell, text) not in excused}
        assert not left, f"cell {cell}: {left}"


def test_a_formula_that_is_not_displayed_is_an_error():
    with pytest.raises(LookupError, match="does not display"):
        stated.formula("02", "no-such-cell", "1 + 1 = 2")
