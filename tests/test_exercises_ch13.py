"""Exercises of chapter 13: cases follow the draw; solutions are shown as they would be typed."""

import html
import inspect
import re

import pytest

from course_utils.capstone import FAULTS, draw_faults, judge
from course_utils.capstone import _casebook as casebook
from course_utils.capstone._casebook import Casebook
from course_utils.capstone._worked import edit, worked_text
from course_utils.exercises import banks, engine, solution
from course_utils.exercises.judging import examine


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    monkeypatch.setattr(casebook, "_open", {})
    monkeypatch.setattr(engine, "_asked_for_solution", set())
    monkeypatch.setattr(engine, "_passed", set())


def open_case(fault):
    others = tuple(other for other in FAULTS if other != fault)[:4]
    casebook._open["book"] = Casebook(7, (fault, *others))
    return casebook._open["book"]


@pytest.mark.parametrize("fault", FAULTS)
def test_the_worked_text_can_be_typed_into_the_cell_and_solves_the_case(fault):
    book = open_case(fault)
    text = worked_text("A")
    names = {"book": book}
    exec("import torch\nfrom course_utils.curvature import extreme_eigenpairs\n"
         "from course_utils.parameters import flat_loss", names)
    exec(text, names)
    assert max(map(len, text.splitlines())) <= 100
    assert judge("A", names["case_a"]).ok
    name, evidence, mended = names["case_a"]()
    assert (name, evidence.__name__) == (fault, "evidence_a") and mended != book["A"].script


def test_another_draw_has_another_solution():
    shown = set()
    for seed in range(4):
        draw_faults(seed)
        solution("cap-case-a")
        text = html.unescape(re.sub("<[^>]*>", "", solution("cap-case-a").html))
        assert "def case_a():" in text and 'book["A"].script.replace(old, new)' in text
        shown.add(text)
    assert len(shown) > 1


def test_the_shown_solution_is_asked_for_once_as_everywhere():
    assert repr(solution("cap-case-b")).endswith("run again to see the worked answer")
    assert repr(solution("cap-case-b")).endswith("worked answer")


def test_there_is_one_exercise_for_each_case():
    exercises = banks.bank("ch13").EXERCISES
    assert [exercise.title for exercise in exercises] == [f"Case {letter}" for letter in "ABCDE"]
    assert all(inspect.getsource(exercise.solution).startswith("def case_")
               for exercise in exercises)


def test_a_mended_script_with_an_error_is_told_with_its_line():
    book = open_case("wrong dim")
    old, new = edit("wrong dim", book["A"].script)
    script = book["A"].script.replace(old, new)

    def answer(text):
        def case_a():
            return "wrong dim", casebook_evidence, text

        return case_a

    for change, words in (
        (("optimizer.step()", "optimizer.stop()"), r"`optimizer.stop\(\)`: AttributeError"),
        (("for epoch in", "for epoch"), "no valid Python, line"),
        (("for epoch in", "while True:\n    continue\nfor epoch in"), "does not end"),
    ):
        finding = examine(banks.find("cap-case-a"), answer(script.replace(*change)))
        assert finding.state == "failed" and re.search(words, finding.message), finding
    assert examine(banks.find("cap-case-a"), answer(script)).passed


def casebook_evidence(run):
    scores, label = run.net.eval()(run.x_held), run.label_held
    parts = [run.loss(scores[rows], label[rows]) for rows in (slice(0, 300), slice(300, 600))]
    return (run.loss(scores, label) - sum(parts) / 2).abs()


def test_an_error_in_the_evidence_is_shown_as_the_learners():
    open_case("wrong dim")

    def case_a():
        return "wrong dim", lambda run: run.loss_of_train, "another text"

    finding = examine(banks.find("cap-case-a"), case_a)
    assert finding.state == "failed" and "AttributeError" in finding.message
    assert "run.loss_of_train" in finding.line
