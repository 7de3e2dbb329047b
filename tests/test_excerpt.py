"""A chapter cut down to some of its cells and what these need."""

from tests.notebook_maker import code, notebook, prose
from tools import excerpt


def example():
    return notebook(prose("title", "# Title"),
                    code("start", "import math\nsize, other = 2, 3\nprint(size)"),
                    code("dear", "slow = math.pi"), prose("words", "Words."),
                    code("wanted", "print(size)\nsize"))


def test_what_is_wanted_is_whole_and_of_the_rest_what_it_needs():
    chapter = example()
    short = excerpt.of(chapter, ["wanted"])

    assert [(cell.id, cell.source) for cell in short.cells if cell.cell_type == "code"] == [
        ("start-part", "size, other = (2, 3)"), ("wanted", "print(size)\nsize")]
    assert [cell.source for cell in short.cells if cell.cell_type == "markdown"] == [
        "# Title", "Words."]
    assert chapter == example()


def test_the_cell_that_sets_up_colab_stays_and_needs_nothing():
    chapter = example()
    chapter.cells.insert(1, code("colab-setup", "anything %at all", tags=["bootstrap"]))
    short = excerpt.of(chapter, ["wanted"])

    assert "colab-setup" not in excerpt.code(chapter)
    assert short.cells[1] == chapter.cells[1]
