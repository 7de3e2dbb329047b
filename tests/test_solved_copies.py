"""The copies of chapters with worked answers, and what is seen in them when they ran."""

import pytest

from course_utils.exercises.model import Exercise
from tests.notebook_maker import code, notebook, verdict_output
from tools import solved

STUB = 'def double(x):\n    ...\n\ncheck("torch-double", double)'


def double(x):
    return 2 * x


DOUBLE = Exercise("torch-double", "01", "Twice", double, cases=list, hints=("Add.",), stub=STUB)
DRAWN = Exercise("torch-double", "01", "Twice", double, cases=list, hints=("Add.",), stub=STUB,
                 worked=lambda: "double = float")


def stream(name, text):
    return {"output_type": "stream", "name": name, "text": text}


def test_the_worked_answer_stands_before_the_check():
    chapter = notebook(code("other", "1"), code("twice", STUB))
    filled = solved.fill(chapter, [DOUBLE])

    assert filled.cells[1].source == (
        'def double(x):\n    return 2 * x\n\ncheck("torch-double", double)')
    assert filled.cells[0].source == "1" and chapter.cells[1].source == STUB
    assert solved.fill(chapter, [DRAWN]).cells[1].source.startswith("double = float\n\ncheck(")


def test_an_exercise_without_its_cell_is_an_error():
    with pytest.raises(LookupError, match="no cell is the stub of torch-double"):
        solved.fill(notebook(code("other", "1")), [DOUBLE])


@pytest.mark.parametrize(("outputs", "found"), [
    ([stream("stdout", "torch-double: ✓\n")], []),
    ([stream("stdout", "torch-double: not tried yet\n")], ["torch-double: not ✓"]),
    ([stream("stdout", "torch-double: ✓\n"),
      stream("stdout", "x: the worked answer is used until yours passes the check\n")],
     ["x: the worked answer is used until yours passes the check"]),
    ([stream("stdout", "torch-double: ✓\n"), stream("stderr", "careful\n")],
     ["warning in cell twice: careful"]),
])
def test_what_is_not_as_it_should_be_is_said(outputs, found):
    run = notebook(code("twice", STUB, outputs, 1))

    assert solved.problems(run, run, [DOUBLE]) == found


def test_a_verdict_that_hangs_on_the_answer_is_said(monkeypatch):
    monkeypatch.setattr(solved.paths, "table",
                        lambda name: {"claims": {"reg-a": {"kind": "fact"}}})
    stored = notebook(code("claim", "1", [verdict_output("reg-a", "holds")], 1))
    run = notebook(code("claim", "1", [verdict_output("reg-a", "not decided")], 1))

    assert solved.problems(run, stored, []) == ["reg-a: not decided, stored: holds"]
