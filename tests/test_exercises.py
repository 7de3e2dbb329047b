"""Exercises: every bank's answers, and how the check treats what learners write."""

import functools
import html
import inspect
import itertools
import json
import linecache
import random
import re
import sys
import time

import numpy as np
import pytest
import torch
from torch import nn

from course_utils import exercises as package
from course_utils import paths, study
from course_utils.exercises import banks, check, engine, hint, recall, solution, use
from course_utils.exercises.compare import difference
from course_utils.exercises.judging import examine
from course_utils.exercises.model import Case, Exercise, Mistake, Question, Verdict
from course_utils.exercises.outcomes import call, same_randomness
from course_utils.exercises.recall import choose
from course_utils.exercises.show import highlighted, short, worked_text
from course_utils.exercises.stubs import is_untouched, stub_name

EXERCISES = list(banks.exercises())
QUESTIONS = banks.questions(before="99")
each_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda one: one.id)
counter = itertools.count()


def define(source, **names):
    """Run a cell's text as a kernel does, with its source kept for tracebacks."""
    name = f"<cell {next(counter)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    exec(compile(source, name, "exec"), names)
    return names


def answer_of(source, **names):
    """The last thing that a cell defines."""
    return list(define(source, torch=torch, nn=nn, np=np, **names).values())[-1]


# ---- all banks ------------------------------------------------------------------------------


def test_there_are_banks_with_exercises_and_questions():
    assert banks.bank_names()[0] == "ch00"
    assert EXERCISES and QUESTIONS


def test_ids_are_unique_and_belong_to_their_chapter():
    ids = [one.id for one in EXERCISES + QUESTIONS]
    assert len(ids) == len(set(ids))
    for name in banks.bank_names():
        module = banks.bank(name)
        assert {one.chapter for one in module.EXERCISES + module.QUESTIONS} <= {name[2:]}
    prefixes = {}
    for one in EXERCISES + QUESTIONS:
        prefixes.setdefault(one.id.partition("-")[0], set()).add(one.chapter)
    claims = paths.table("claims")["claims"]
    for id, row in claims.items():
        prefixes.setdefault(id.partition("-")[0], set()).add(row["chapter"])
    assert prefixes.pop("att") == {"11", "12"}   # attention, in two chapters
    assert all(len(chapters) == 1 for chapters in prefixes.values()), prefixes


@each_exercise
def test_the_solution_passes(exercise):
    finding = examine(exercise, exercise.solution)
    assert finding.passed, finding


@each_exercise
def test_the_stub_is_not_tried_yet(exercise):
    names = dict(vars(sys.modules[exercise.solution.__module__]))
    stub = re.sub(r"(?m)^check\(.*\)\s*$", "", exercise.stub)

    untouched = define(stub, **names)[stub_name(exercise.stub)]

    assert examine(exercise, untouched).state == "not tried"


@each_exercise
def test_the_stub_ends_with_its_check(exercise):
    last = exercise.stub.rstrip().splitlines()[-1]
    name = exercise.solution.__name__
    assert last == f'check("{exercise.id}", {name})' and stub_name(exercise.stub) == name


@each_exercise
def test_the_stub_is_the_notebooks_cell(exercise):
    found = sorted(paths.notebooks_dir().glob(f"{exercise.chapter}_*.ipynb"))
    if not found:
        pytest.skip(f"chapter {exercise.chapter} has no notebook yet")
    cells = json.loads(found[0].read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]).strip() for cell in cells if cell["cell_type"] == "code"]
    asking = [source for source in sources if f'check("{exercise.id}"' in source]
    assert asking == [exercise.stub.strip()]


@each_exercise
def test_each_listed_mistake_gets_its_own_message(exercise):
    messages = {}
    for mistake in exercise.mistakes:
        finding = examine(exercise, mistake.answer)
        assert finding.state == "failed", mistake.name
        assert (finding.mistake, finding.message) == (mistake.name, mistake.message)
        messages[mistake.message] = mistake.name
    assert len(messages) == len(exercise.mistakes)


@each_exercise
def test_an_exercise_is_well_formed(exercise):
    assert exercise.hints and all(text.strip() for text in exercise.hints)
    assert exercise.title and not exercise.title.endswith(".")
    assert inspect.getsource(exercise.solution).startswith(("def ", "class "))
    assert exercise.judge or exercise.cases(), "nothing to compare"
    assert exercise.mistakes, "no typical mistake is recognised"
    text = " ".join([*exercise.hints, *(mistake.message for mistake in exercise.mistakes)])
    assert "!" not in re.sub(r"`[^`]*`|!=", "", text)


@each_exercise
def test_the_inputs_are_the_same_each_time_and_say_what_they_are(exercise):
    if exercise.judge:
        pytest.skip("judged by other means")
    with same_randomness():
        first = exercise.cases()
    with same_randomness():
        second = exercise.cases()
    assert [short(case.args) for case in first] == [short(case.args) for case in second]
    assert all(case.note for case in first)
    assert len(first) >= 3


@each_exercise
def test_an_exercise_is_checked_quickly(exercise):
    examine(exercise, exercise.solution)         # a judge trains its runs to compare with once
    started = time.process_time()
    examine(exercise, exercise.solution)
    assert time.process_time() - started < 5


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.id)
def test_a_question_is_well_formed(question):
    assert question.text.rstrip().endswith(("?", ".", ":", "…"))
    assert 2 <= len(question.choices) <= 4
    assert len(set(question.choices)) == len(question.choices)
    assert 0 <= question.answer < len(question.choices)
    assert question.why.strip().endswith((".", ")"))
    assert "!" not in question.text + question.why


def test_the_right_answers_do_not_all_stand_at_one_place():
    for name in banks.bank_names():
        places = [question.answer for question in banks.bank(name).QUESTIONS]
        assert not places or max(map(places.count, set(places))) <= 0.7 * len(places) + 1, name


# ---- an exercise of our own, to see what the check does --------------------------------------


def centred(x: torch.Tensor) -> torch.Tensor:
    return x - x.mean()


def _cases():
    return [Case((torch.tensor([1.0, 2.0, 6.0]),), "three numbers"),
            Case((torch.rand(4),), "random, 4"),
            Case((torch.zeros(1),), "a single zero")]


STUB = 'def centred(x):\n    ...          # your code\n\ncheck("t-centred", centred)'
CENTRED = Exercise(
    "t-centred", "01", "Centre a vector", centred, _cases,
    hints=("What is the mean?", "Take `x.mean()` away from x.", "x - x.mean()"),
    mistakes=(Mistake("only the mean", lambda x: x.mean(), "This is the mean alone."),
              Mistake("crash", lambda x: x - missing, "There is no such name.")),  # noqa: F821
    stub=STUB,
)


@pytest.fixture(autouse=True)
def own(monkeypatch):
    """The exercise above is known, and the kernel is fresh."""
    real = banks.find
    monkeypatch.setattr(engine, "find", lambda id: CENTRED if id == "t-centred" else real(id))
    for name in ("_hints_given", "_asked_for_solution", "_passed"):
        monkeypatch.setattr(engine, name, type(getattr(engine, name))())


@pytest.fixture
def learner(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_HEADLESS", "0")
    monkeypatch.setenv("COURSE_STUDY_DIR", str(tmp_path))
    monkeypatch.setattr(study, "_stores", {})


def judged(source, exercise=CENTRED, **names):
    return examine(exercise, answer_of(source, **names))


@pytest.mark.parametrize("source", [
    "def centred(x):\n    ...",
    "def centred(x): ...",
    "def centred(x):\n    # my plan\n    ...  # later",
    'def centred(x):\n    """What it does."""\n    ...',
    'def centred(x):\n    """What it does."""',
    "def centred(x):\n    pass",
    "def centred(x):\n    raise NotImplementedError",
])
def test_an_untouched_function_is_not_tried_yet(source):
    assert judged(source).state == "not tried"


def test_an_untouched_function_is_recognised_without_its_source():
    def without_source(body):
        names = {}
        exec(f"def f(x):\n    {body}", names)
        return names["f"]

    assert is_untouched(without_source("..."))
    assert is_untouched(without_source("'What it does.'"))
    for body in ("x - 1", "return x", "return 3", "return ...", "print(x)"):
        assert not is_untouched(without_source(body)), body


def test_a_lambda_is_never_a_stub():
    assert not is_untouched(lambda x: ...)
    assert not is_untouched(lambda x: None)


@pytest.mark.parametrize("source", [
    "def centred(x):\n    x - x.mean()",
    "def centred(x):\n    return None",
    "def centred(x):\n    ...\n    x.mean()",
])
def test_a_forgotten_return_is_not_an_untouched_function(source):
    finding = judged(source)
    assert finding.state == "failed" and "Is the `return` missing?" in finding.message


def test_code_that_was_handed_out_with_a_bug_counts_as_untouched():
    stub = 'def total(x):\n    y = x.mean()   # mend me\n    return y\n\ncheck("t-total", total)'
    buggy = stub.split("\n\n")[0]
    assert is_untouched(answer_of(buggy), stub)
    assert is_untouched(answer_of(buggy.replace("# mend me", "# looking")), stub)
    assert not is_untouched(answer_of(buggy.replace("mean", "sum")), stub)


CLASS_STUB = """
class Data:
    def __init__(self, n):
        self.n = n

    def __len__(self):
        ...

    def __getitem__(self, i):
        ...

check("t-data", Data)
"""


def test_a_class_is_untouched_until_one_of_its_open_methods_is_written():
    source = CLASS_STUB.split("check")[0]
    assert is_untouched(answer_of(source), CLASS_STUB)

    begun = answer_of(source.replace("...", "return self.n", 1))

    assert not is_untouched(begun, CLASS_STUB)
    finding = examine(Exercise("t-data", "01", "t", type("Data", (), {}), list, ("h",),
                               stub=CLASS_STUB, judge=lambda data: Verdict(True)), begun)
    assert finding.message == "Still to write: __getitem__."


def test_a_right_answer_passes_also_when_it_is_a_lambda_or_a_class_or_partial():
    assert judged("def centred(x):\n    return x - x.sum() / len(x)").passed
    assert examine(CENTRED, lambda x: x - x.mean()).passed
    assert examine(CENTRED, functools.partial(torch.sub, alpha=1)).state == "failed"
    assert examine(CENTRED, functools.partial(lambda k, x: x - k * x.mean(), 1)).passed


def test_an_exception_is_shown_as_theirs_with_input_and_line():
    finding = judged("def helper(x):\n    return x.meen()\n\ndef centred(x):\n    return helper(x)")
    assert finding.message.startswith("Your code raised AttributeError")
    assert "meen" in finding.message
    assert finding.line == "line 2: return x.meen()"
    assert finding.given == "x = tensor([1.0, 2.0, 6.0]), shape (3,), float32"
    assert finding.note == "three numbers"


def test_an_exception_deep_inside_torch_points_at_the_learners_line():
    finding = judged("def centred(x):\n    y = x\n    return torch.cat([y, 3])")
    assert "TypeError" in finding.message and finding.line == "line 3: return torch.cat([y, 3])"

    for line in ("return nn.Linear(2, 2)(x)", "return json.loads('{')"):  # raised in Python code
        assert judged(f"import json\ndef centred(x):\n    {line}").line == f"line 3: {line}"


def test_only_the_input_that_fails_is_shown():
    finding = judged("def centred(x):\n    return x - x.mean() if len(x) != 4 else 1 / 0")
    assert finding.note == "random, 4" and "ZeroDivisionError" in finding.message


def test_wrong_arguments_are_said_in_words():
    assert judged("def centred(x, y):\n    return x").message == (
        "Your function takes (x, y); it is called with (x).")
    assert "takes (nothing)" in judged("def centred():\n    return 1").message


def test_what_their_code_prints_and_what_torch_warns_of_stand_on_the_card():
    finding = judged("import warnings\ndef centred(x):\n    print('mean', len(x))\n"
                     "    warnings.warn('mind the shapes')\n    return x")
    assert finding.printed == "mean 3" and finding.warned == "mind the shapes"


def test_nothing_is_printed_by_a_check(capsys):
    judged("def centred(x):\n    print('mean', len(x))\n    return x - x.mean()")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("line", "message"), [
    ("return x.tolist()", "returned a list; a tensor is expected"),
    ("return (x - x.mean())[:, None]", "The shape is (3, 1); it should be (3,)"),
    ("return x - x.mean()[None, None]", "The shape is (1, 3); it should be (3,)"),
    ("return (x - x.mean()).double()", "The dtype is float64; it should be float32"),
    ("return x - x", "3 of 3 values are wrong"),
    ("return x.mean() - x", "The sign is turned"),
    ("return 3 * (x - x.mean())", "All of yours are 3 times what is expected"),
    ("return (x - x.mean()) / 0", "There is nan or inf among yours"),
    ("return ...", "A `...` is still left"),
    ("return x - x.mean() + 1e-2", "the first is at [0]"),
])
def test_what_is_wrong_is_named_shape_before_dtype_before_values(line, message):
    finding = judged(f"def centred(x):\n    {line}")
    assert finding.state == "failed" and message in finding.message
    assert finding.expected == "tensor([-2.0, -1.0, 3.0]), shape (3,), float32"


def test_a_shape_that_would_broadcast_to_the_right_one_is_refused():
    exercise = Exercise("t", "01", "t", lambda x: torch.full((3,), 2.0), _cases, ("h",))
    assert "The shape is ()" in examine(exercise, lambda x: torch.tensor(2.0)).message
    assert "The shape is (1,)" in examine(exercise, lambda x: torch.tensor([2.0])).message


def test_a_recognised_mistake_gives_its_own_message():
    finding = judged("def centred(x):\n    return x.sum() / len(x)")
    assert (finding.mistake, finding.message) == ("only the mean", "This is the mean alone.")
    assert finding.got == "tensor(3.0), shape (), float32"
    assert judged("def centred(x):\n    return x - missing").mistake == "crash"
    assert not judged("def centred(x):\n    return x - lost").mistake


def test_a_mistake_is_recognised_on_all_inputs_or_not_at_all():
    half = "def centred(x):\n    return x.mean() if len(x) == 3 else x + 1"
    assert not judged(half).mistake


def test_changing_the_input_is_told_and_does_not_spoil_the_reference():
    finding = judged("def centred(x):\n    x -= x.mean()\n    return x")
    assert finding.state == "failed" and "changes its input x" in finding.message
    assert finding.given.startswith("x = tensor([1.0, 2.0, 6.0])")
    assert finding.got == finding.expected == "tensor([-2.0, -1.0, 3.0]), shape (3,), float32"


def test_an_exercise_about_changing_its_input_allows_it():
    def shift(x):
        x += 1

    exercise = Exercise("t", "01", "t", shift, _cases, ("h",), in_place=True)
    assert examine(exercise, answer_of("def shift(x):\n    x.add_(1)")).passed


def test_a_right_result_by_a_function_that_is_ruled_out_is_refused():
    def shift(x):
        return x - x.sum() / x.numel()

    exercise = Exercise("t", "01", "t", shift, _cases, ("h",), forbidden=("mean",))
    finding = examine(exercise, answer_of("def shift(x):\n    return x - x.mean()"))
    assert not finding.passed and "your code uses `mean`" in finding.message
    assert examine(exercise, answer_of(
        "def shift(x):\n    return x - x.sum() / x.numel()")).passed


@pytest.mark.parametrize("source", [
    "def f(x):\n    x[0] += 1", "def f(x):\n    x.resize_(1)", "def f(x):\n    x.t_()",
])
def test_every_way_of_changing_a_tensor_is_noticed(source):
    x = torch.arange(6.0).reshape(2, 3)
    outcome = call(answer_of(source), (x,))
    assert outcome.changed == (0,)
    torch.testing.assert_close(x, torch.arange(6.0).reshape(2, 3))


@pytest.mark.parametrize("value", [
    np.arange(3.0), [1, 2], {"a": torch.zeros(2)}, [np.nan], np.array(["a"]),
    torch.tensor([float("nan")]),
])
def test_reading_an_input_is_not_changing_it(value):
    assert call(lambda x: len(x), (value,)).changed == ()
    assert call(lambda x: x.clear(), ({"a": 1},)).changed == (0,)
    assert call(lambda x: x.append(1), ([],)).changed == (0,)


def test_inputs_that_share_memory_still_share_it_in_the_copies():
    x = torch.zeros(3)
    outcome = call(lambda a, b: (a.add_(1), b)[1].tolist(), (x, x.view(3)))
    assert outcome.value == [1, 1, 1] and x.tolist() == [0, 0, 0]


def test_inputs_with_a_graph_are_copied_too():
    x = torch.ones(2, requires_grad=True) * 2
    outcome = call(lambda x: torch.autograd.grad((x**2).sum(), x)[0].tolist(), (x,))
    assert outcome.value == [4, 4]


def test_random_answers_are_compared_under_one_seed_and_the_notebooks_stays():
    def noise(x):
        return x + torch.rand(3) + float(np.random.rand()) + random.random()

    exercise = Exercise("t", "01", "t", noise, lambda: [Case((torch.zeros(3),))], ("h",))
    torch.manual_seed(1)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    assert examine(exercise, noise).passed
    after = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    assert torch.equal(before[0], after[0]) and before[1:] == after[1:]


def test_random_inputs_do_not_depend_on_what_the_notebook_drew_before():
    def given(seed):
        torch.manual_seed(seed)
        return judged("def centred(x):\n    return x - x.mean() if len(x) != 4 else x").given

    assert given(1) == given(2)


def test_an_interrupt_passes_through():
    def slow(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        examine(CENTRED, slow)


def test_a_fault_of_the_course_is_not_blamed_on_the_learner():
    def broken(x):
        raise ZeroDivisionError("in the bank")

    exercise = Exercise("t", "01", "t", centred, _cases, ("h",), oracle=broken)
    with pytest.raises(ZeroDivisionError, match="in the bank"):
        examine(exercise, lambda x: x)


@pytest.mark.parametrize("value", [3, None, "centred", torch.zeros(3), [centred]])
def test_what_is_no_function_is_refused_with_advice(value):
    message = examine(CENTRED, value).message
    assert 'check("t-centred", centred), without brackets' in message


def test_a_class_is_asked_for_where_a_class_is_meant():
    exercise = Exercise("t", "01", "t", type("Data", (), {}), list, ("h",), judge=Verdict)
    assert "the class itself" in examine(exercise, lambda: 1).message


def test_an_input_that_is_to_be_refused():
    def root(x):
        if x < 0:
            raise ValueError("negative")
        return x**0.5

    exercise = Exercise("t", "01", "t", root, lambda: [Case((4.0,)), Case((-1.0,), "below 0",
                                                                          ValueError)], ("h",))
    assert examine(exercise, root).passed
    assert "refused with a ValueError" in examine(exercise, lambda x: abs(x) ** 0.5).message
    assert "TypeError" in examine(exercise, answer_of(
        "def root(x):\n    if x < 0:\n        raise TypeError('no')\n    return x**0.5")).message


def test_a_mistake_is_recognised_whatever_words_the_learners_refusal_has():
    def root(x, words="negative"):
        if x < 0:
            raise ValueError(words)
        return x**0.5

    twice = Mistake("twice", lambda x: 2 * root(x), "Twice too large.")
    exercise = Exercise("t", "01", "t", root, lambda: [Case((4.0,)), Case((-1.0,), "below 0",
                                                                          ValueError)], ("h",),
                        mistakes=(twice,))
    assert examine(exercise, lambda x: 2 * root(x, "no root of this")).mistake == "twice"
    assert not examine(exercise, lambda x: 2 * abs(x) ** 0.5).mistake


def test_a_changed_list_is_told_without_talk_of_tensors():
    exercise = Exercise("t", "01", "t", sorted, lambda: [Case(([2, 1],))], ("h",))
    found = examine(exercise, lambda numbers: (numbers.sort(), numbers)[1])
    assert "changes its input" in found.message and "list(x)" in found.message


def test_a_changed_list_of_tensors_is_told_with_advice_that_helps():
    exercise = Exercise("t", "01", "t", sum, lambda: [Case(([torch.ones(2), torch.ones(2)],))],
                        ("h",))

    def change(parts):
        parts[0] += parts[1]
        return parts[0]

    message = examine(exercise, change).message
    assert "changes its input" in message
    assert "list(x)" not in message and "new items" in message


def test_a_mistake_about_a_changed_input_is_recognised_only_where_that_one_changes():
    def first_changed(x, y):
        x += y
        return x

    def second_changed(x, y):
        y += x
        return y

    exercise = Exercise("t", "01", "t", lambda x, y: x + y,
                        lambda: [Case((torch.ones(2), torch.ones(2)))], ("h",),
                        mistakes=(Mistake("x", first_changed, "x is changed."),))
    assert examine(exercise, first_changed).mistake == "x"
    found = examine(exercise, second_changed)
    assert not found.mistake and "changes its input input 2" not in found.message
    assert "changes its input y" in found.message


SWITCHES = [("torch.set_grad_enabled(False)", "gradients switched off"),
            ("torch.set_default_dtype(torch.float64)", "another default dtype")]


@pytest.mark.parametrize(("line", "message"), SWITCHES)
def test_what_an_answer_switches_for_everybody_is_told_and_put_back(line, message):
    source = f"def centred(x):\n    {line}\n    return x - x.mean()"
    judge = Exercise("t", "01", "t", centred, list, ("h",), stub=STUB,
                     judge=lambda answer: Verdict(bool(answer(torch.ones(2)).sum() == 0)))
    for exercise in (CENTRED, judge):
        finding = judged(source, exercise)
        assert finding.state == "failed" and message in finding.message
        assert torch.is_grad_enabled() and torch.get_default_dtype() == torch.float32


def test_an_answer_may_look_without_gradients():
    assert judged("def centred(x):\n    with torch.no_grad():\n        return x - x.mean()").passed


# ---- comparing outputs ----------------------------------------------------------------------


@pytest.mark.parametrize(("got", "expected"), [
    (1.0, 1.0), (1, 1.0), (np.float64(1), 1.0), (np.int64(3), 3), (True, True),
    ((1, 2.0), [1, 2.0]), ({"a": torch.ones(2)}, {"a": torch.ones(2)}), ("x", "x"), (None, None),
    (float("nan"), float("nan")), (np.ones(2), np.ones(2)), (np.array(["a"]), np.array(["a"])),
    (torch.tensor([1.0, 1 + 1e-6]), torch.ones(2)), (torch.empty(0), torch.empty(0)),
    (torch.tensor(float("inf")), torch.tensor(float("inf"))),
    (torch.ones(2, 2).to(torch.complex64), torch.ones(2, 2).to(torch.complex64)),
])
def test_equal_outputs(got, expected):
    assert difference(got, expected) is None


@pytest.mark.parametrize(("got", "expected", "message"), [
    (1.5, 1, "a whole number (int) is expected"),
    (torch.tensor(1.0), 1.0, "`.item()` makes one of a tensor"),
    (True, 1, "a bool"),
    (1, True, "returned a whole number"),
    (2, 1, "got 2, expected 1"),
    (0.3, 0.30001, "got 0.3, expected 0.30001"),
    (3.14159, 3.141642, "got 3.14159, expected 3.141642"),  # alike to five digits
    ([1, 2], [1, 2, 3], "2 items; 3 are expected"),
    ([1, 3], (1, 2), "Item [1]: The number is wrong"),
    ({"a": 1}, {"b": 1}, "The keys are ['a']; they should be ['b']"),
    ({"a": 1}, {"a": 2}, "Entry ['a']"),
    ("x", "y", "got 'x', expected 'y'"),
    (1, None, "None is expected"),
    (None, 1, "Is the `return` missing?"),
    (np.ones(2), torch.ones(2), "a NumPy array of shape (2,); a tensor is expected"),
    (torch.ones(2), np.ones(2), "a NumPy array is expected"),
    (np.ones(2), np.ones(2, dtype="float32"), "float64; it should be float32"),
    (torch.tensor([1, 2]), torch.tensor([1, 3]), "1 of 2 values are wrong; the first is at [1]"),
    (torch.tensor([True]), torch.tensor([False]), "got True, expected False"),
    (torch.ones(2, 3), torch.ones(3, 2), "Are two dimensions swapped?"),
    (torch.ones(6), torch.ones(3, 2), "The number of entries is right"),
    (torch.ones(3, 3), torch.ones(3), "Is a sum or mean over a dimension missing"),
    (torch.tensor([[1.0, 2], [3, 4]]), torch.tensor([[1.0, 3], [2, 4]]), "the transpose"),
    (torch.tensor(1.0), torch.tensor(2.0), "Yours is 0.5 times what is expected"),
    (torch.tensor(float("nan")), torch.tensor(2.0), "nan or inf"),
    (torch.tensor(1.0), torch.tensor(1.0, requires_grad=True), "cut off from the graph"),
])
def test_differences_in_words(got, expected, message):
    assert message in difference(got, expected)


def test_a_factor_that_reads_1_is_not_told():
    expected = torch.tensor([1.0, 2.0], dtype=torch.float64)
    assert difference(1.00002 * expected, expected).endswith("got 1.00002, expected 1.0.")


def test_an_exercises_own_tolerance_counts():
    assert difference(1.05, 1.0) and difference(1.05, 1.0, (0.1, 0.0)) is None


@pytest.mark.parametrize(("value", "text"), [
    (torch.tensor([[1, 2], [3, 4]]), "tensor([[1, 2],\n        [3, 4]]), shape (2, 2), int64"),
    (torch.zeros(0, 3), "tensor, empty, shape (0, 3), float32"),
    (torch.arange(99.0),
     "tensor, shape (99,), float32: 0.0, 1.0, 2.0, 3.0, … (from 0.0 to 98.0)"),
    (torch.ones(2, requires_grad=True), "tensor([1.0, 1.0]), shape (2,), float32"),
    (0.1 + 0.2, "0.3"), ([1, "a"], "[1, 'a']"), ((1,), "(1,)"), (centred, "centred"),
    (list(range(9)), "[0, 1, 2, 3, 4, 5, … 9 items]"), (None, "None"), (True, "True"),
    (torch.zeros(3, 3, 3, dtype=torch.bool), "tensor, shape (3, 3, 3), bool: False, False, "
                                             "False, False, …"),
])
def test_values_are_shown_shortly(value, text):
    assert short(value) == text


def test_a_value_that_cannot_be_printed_does_not_break_the_card():
    class Bad:
        def __repr__(self):
            raise RuntimeError

    assert short(Bad()) == "an object of type Bad"


# ---- judges ---------------------------------------------------------------------------------


def squares():
    return 4


def _judge(answer):
    value = answer()
    if value > 4:
        return Verdict(False, "Too large.", given="nothing", got=value, expected="at most 4")
    return Verdict(value == 4, f"It is {value}.", got=value, expected=4)


JUDGED = Exercise("t-judged", "01", "t", squares, list, ("h",), judge=_judge, mistakes=(
    Mistake("three", lambda: 3, "One short."), Mistake("nine", lambda: 9, "Squared once more."),
))


def test_a_judge_decides_with_its_own_words():
    assert examine(JUDGED, answer_of("def squares():\n    return 2 * 2")).message == "It is 4."
    finding = examine(JUDGED, lambda: 7)
    assert (finding.state, finding.message, finding.got) == ("failed", "Too large.", "7")
    assert finding.expected == "at most 4" and not finding.mistake


def test_a_judge_recognises_mistakes_by_what_it_says():
    assert examine(JUDGED, lambda: 9).message == "Squared once more."
    assert examine(JUDGED, lambda: 3).mistake == "three"


def test_what_a_judge_meets_in_their_code_is_shown_as_theirs():
    finding = examine(JUDGED, answer_of("def squares():\n    return 1 / 0"))
    assert "Your code raised ZeroDivisionError" in finding.message
    assert finding.line == "line 2: return 1 / 0"


# ---- the cards ------------------------------------------------------------------------------


def test_the_text_of_each_state():
    untouched = answer_of("def centred(x): ...")
    assert check("t-centred", untouched).text == "t-centred: not tried yet"
    assert check("t-centred", lambda x: x - x.mean()).text == "t-centred: ✓"
    assert check("t-centred", lambda x: x.mean()).text == "t-centred: ✗ This is the mean alone."


def test_a_failed_check_shows_given_got_expected_and_the_first_hint():
    shown = check("t-centred", answer_of("def centred(x):\n    return x + 1")).html
    for part in ("Given", "three numbers", "x = tensor([1.0, 2.0, 6.0])", "Got", "Expected",
                 "tensor([-2.0, -1.0, 3.0])", "Hint 1 of 3:", "What is the mean?"):
        assert part in shown
    assert "Take" not in shown  # the second hint


def test_learners_text_cannot_become_html_on_a_card():
    source = "def centred(x):\n    raise ValueError('<script>' + '`a` *b*')"
    assert "<script>" not in check("t-centred", answer_of(source)).html


def test_hints_come_one_by_one_and_stay():
    lines = [hint("t-centred") for _ in range(4)]
    assert [one.text for one in lines] == [
        "t-centred: hint 1 of 3", "t-centred: hint 2 of 3", "t-centred: hint 3 of 3",
        "t-centred: hint 3 of 3"]
    assert "Take" not in lines[0].html
    assert "What is the mean?" in lines[1].html and ">x.mean()</code>" in lines[1].html
    assert "solution(" in lines[2].html and "solution(" not in lines[1].html


def test_a_solution_is_shown_after_asking_once():
    hint("t-centred")
    asked, shown = solution("t-centred"), solution("t-centred")
    assert "2 of 3 hints are unread" in asked.html and "mean()" not in asked.html
    assert "mean" in re.sub(r"<[^>]+>", "", shown.html)
    assert worked_text(engine.find("t-centred")).strip() in _plain(shown.html)


def test_who_has_passed_is_not_asked():
    check("t-centred", lambda x: x - x.mean())
    assert solution("t-centred").text == "t-centred: worked answer"


def _plain(shown):
    return html.unescape(re.sub(r"<[^>]+>", "", shown))


def test_source_is_coloured_with_the_pages_own_colours_and_unchanged():
    source = 'def f(x):\n    """Text."""\n    return x < 1  # why\n'
    shown = highlighted(source)
    assert _plain(shown) == source.rstrip()
    assert "var(--jp-mirror-editor-keyword-color, #" in shown


def test_use_hands_over_the_learners_answer_once_it_passes(capsys):
    mine = answer_of("def centred(x):\n    return x - x.mean()")
    assert use("t-centred", mine) is mine
    assert use("t-centred", answer_of("def centred(x): ...")) is centred
    assert use("t-centred", answer_of("def centred(x):\n    return x")) is centred
    assert capsys.readouterr().out.splitlines() == [
        "t-centred: your answer is used",
        "t-centred: the worked answer is used until yours passes the check",
        "t-centred: the worked answer is used until yours passes the check",
    ]


def test_the_worked_answer_does_not_count_as_the_learners(learner):
    handed_over = use("t-centred", None)
    assert check("t-centred", handed_over).text == "t-centred: not tried yet"
    assert study.recorded("exercise", "t-centred") is None


@pytest.mark.parametrize("function", [
    lambda id: check(id, None), hint, solution, lambda id: use(id, None),
])
def test_an_unknown_exercise_names_the_nearest(function):
    with pytest.raises(KeyError, match=EXERCISES[0].id):
        function(EXERCISES[0].id + "s")
    with pytest.raises(KeyError, match="There are: "):
        function("zzzzzz")


def test_passing_is_kept_with_the_progress(learner):
    check("t-centred", lambda x: x)
    assert study.recorded("exercise", "t-centred") is None
    check("t-centred", lambda x: x - x.mean())
    assert study.recorded("exercise", "t-centred") == "passed"


def test_progress_knows_how_many_exercises_there_are(learner):
    total = sum(one.chapter == EXERCISES[0].chapter for one in EXERCISES)
    assert f"0 of {total}" in study.progress().html


def test_the_package_offers_what_notebooks_import():
    assert set(package.__all__) == {"check", "hint", "recall", "solution", "use"}


# ---- recall ---------------------------------------------------------------------------------


def bank_of(*counts):
    return [Question(f"q-{chapter}-{i}", f"{chapter:02}", f"Question {i}?", ("yes", "no"), 1, "So.")
            for chapter, count in enumerate(counts) for i in range(count)]


@pytest.fixture
def many(monkeypatch):
    stored = bank_of(10, 10, 10)
    module = sys.modules["course_utils.exercises.recall"]  # the package's `recall` is the function
    monkeypatch.setattr(module, "questions",
                        lambda before: [q for q in stored if q.chapter < before])


def test_recall_asks_three_different_questions_on_earlier_chapters(many):
    asked = choose("02")
    assert len({question.id for question in asked}) == 3
    assert {question.chapter for question in asked} <= {"00", "01"}


def test_the_first_question_is_on_the_chapter_before(many, monkeypatch):
    for seed in range(6):
        monkeypatch.setenv("COURSE_SEED", str(seed))
        assert choose("02")[0].chapter == "01"


def test_questions_come_from_earlier_banks_only():
    assert {question.chapter for question in banks.questions(before="01")} == {"00"}
    assert banks.questions(before="00") == []


def test_the_choice_of_questions_follows_the_seed(many, monkeypatch):
    def ids(seed, chapter="02"):
        monkeypatch.setenv("COURSE_SEED", str(seed))
        return [question.id for question in choose(chapter)]

    assert ids(1) == ids(1)
    assert len({tuple(ids(seed)) for seed in range(8)}) > 4
    assert ids(1, "02") != ids(1, "03")


def test_headless_recall_is_one_line_with_folded_answers(many):
    data, _ = recall("02")._repr_mimebundle_()
    assert data["text/plain"] == "recall 02: 3 questions"
    assert data["text/html"].count("<details><summary>Answer</summary>") == 3
    assert ".. " not in data["text/html"]         # a choice may end with a full stop
    assert set(data) == {"text/plain", "text/html"}


def test_recall_without_earlier_questions_is_refused(many):
    with pytest.raises(ValueError, match="'00'"):
        recall("00")


def test_a_click_is_explained_at_once_and_the_first_one_counts(many, learner):
    live = recall("02")
    widgets = list(live.widget.children)
    boxes = [w for w in widgets if type(w).__name__ == "Box"]
    explained = [widgets[widgets.index(box) + 1] for box in boxes]
    first, second, third = (box.children for box in boxes)

    first[0].click()

    assert "Not quite." in explained[0].value and "So." in explained[0].value
    assert [b.description.split()[0] for b in first] == ["✗", "✓"]
    assert explained[1].value == ""
    first[1].click()  # too late
    question = choose("02")[0].id
    assert study.recorded("recall", question) == {"right": False}

    second[1].click()
    third[1].click()
    assert "Right." in explained[2].value
    assert "2 of 3 right." in widgets[-1].value


def test_no_widget_uses_an_output_area():
    folder = paths.root() / "course_utils"
    files = [*folder.glob("study/*.py"), *folder.glob("exercises/*.py"), folder / "cards.py"]
    assert len(files) > 10
    for path in files:
        assert "Output(" not in path.read_text(encoding="utf-8"), path
