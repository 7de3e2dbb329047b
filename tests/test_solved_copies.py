"""The copies of chapters with worked answers, and what is seen in them when they ran."""

import ast
import builtins

import pytest

from course_utils.exercises import banks
from course_utils.exercises.model import Exercise
from course_utils.exercises.show import worked_text
from tests.chapter import Chapter
from tests.notebook_maker import code, notebook, verdict_output
from tools import seeds, solved

STUB = 'def double(x):\n    ...\n\ncheck("torch-double", double)'


def double(x: float, *, times: int = 2) -> "float":
    return times * x    # → a number


DOUBLE = Exercise("torch-double", "01", "Twice", double, cases=list, hints=("Add.",), stub=STUB)
DRAWN = Exercise("torch-double", "01", "Twice", double, cases=list, hints=("Add.",), stub=STUB,
                 worked=lambda: "double = float")


def stream(name, text):
    return {"output_type": "stream", "name": name, "text": text}


def test_the_worked_answer_stands_before_the_check():
    chapter = notebook(code("other", "1"), code("twice", STUB))
    filled = solved.fill(chapter, [DOUBLE])

    stub, check = STUB.rsplit("\n", 1)
    worked = "def double(x, *, times = 2):\n    return times * x    # → a number"  # not annotated
    assert filled.cells[1].source == f"{stub}\n{worked}\n\n{check}"
    assert filled.cells[0].source == "1" and chapter.cells[1].source == STUB
    drawn = solved.fill(chapter, [DRAWN]).cells[1].source
    assert drawn == f"{stub}\ndouble = float\n\n{check}"


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
    monkeypatch.setattr(seeds.paths, "table",
                        lambda name: {"claims": {"reg-a": {"kind": "fact"}}})
    stored = notebook(code("claim", "1", [verdict_output("reg-a", "holds")], 1))
    run = notebook(code("claim", "1", [verdict_output("reg-a", "not decided")], 1))

    assert solved.problems(run, stored, []) == ["reg-a: not decided, stored: holds"]


def test_only_what_an_answer_touches_is_left():
    chapter = notebook(code("start", "import math\ncheck, data = print, [1]\nprint(data)"),
                       code("dear", "slow = math.pi\nprint(slow)"), code("twice", STUB),
                       code("run", "print(double(data))"), code("late", "print(slow)"))
    short = solved.touched(chapter, ["twice"])

    assert {cell.id: cell.source for cell in short.cells} == {
        "start-part": "check, data = (print, [1])", "twice": STUB, "run": "print(double(data))"}
    assert [cell.id for cell in chapter.cells] == ["start", "dear", "twice", "run", "late"]


def test_verdicts_of_cells_that_did_not_run_are_not_missed(monkeypatch):
    monkeypatch.setattr(seeds.paths, "table",
                        lambda name: {"claims": {"reg-a": {"kind": "fact"}}})
    stored = notebook(code("claim", "1", [verdict_output("reg-a", "holds")], 1),
                      code("twice", STUB, [stream("stdout", "torch-double: ✓\n")], 1))
    run = notebook(*stored.cells[1:])

    assert solved.problems(run, stored, [DOUBLE]) == []


def bound_in(tree):
    """Names that code gives a value to, whether it runs or not."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]


@pytest.mark.parametrize("exercise", list(banks.exercises()), ids=lambda one: one.id)
def test_a_worked_answer_can_be_pasted_it_needs_no_name_that_the_chapter_lacks(exercise):
    cells = list(Chapter(exercise.chapter).code.values())
    here = next(n for n, cell in enumerate(cells) if cell.source.strip() == exercise.stub.strip())
    known = {name for cell in cells[:here + 1] for name in bound_in(ast.parse(cell.source))}
    tree = ast.parse(worked_text(exercise))
    used = {node.id for node in ast.walk(tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}

    assert used <= known | set(bound_in(tree)) | set(dir(builtins))
