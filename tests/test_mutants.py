"""Every check rejects plausible wrong answers, and accepts right ones in another style."""

import importlib

import pytest

from course_utils.exercises import banks
from course_utils.exercises.judging import examine

EXERCISES = {one.id: one for one in banks.exercises()}
TABLES = {name: importlib.import_module(f"tests.mutants.{name}") for name in banks.bank_names()}


def answers(kind):
    return [pytest.param(id, answer, id=f"{id}: {words}") for table in TABLES.values()
            for id, each in getattr(table, kind).items() for words, answer in each.items()]


@pytest.mark.parametrize(("id", "answer"), answers("WRONG"))
def test_a_wrong_answer_is_rejected_with_words(id, answer):
    finding = examine(EXERCISES[id], answer)

    assert finding.state == "failed", "a wrong answer passes"
    assert finding.message.strip()


@pytest.mark.parametrize(("id", "answer"), answers("RIGHT"))
def test_a_right_answer_in_another_style_is_accepted(id, answer):
    finding = examine(EXERCISES[id], answer)

    assert finding.passed, finding


@pytest.mark.parametrize("name", TABLES)
def test_every_exercise_of_the_chapter_is_tried_with_several_answers(name):
    table, asked = TABLES[name], {one.id for one in banks.bank(name).EXERCISES}

    assert set(table.WRONG) == asked and set(table.RIGHT) == asked
    for id in asked:
        assert len(table.WRONG[id]) >= 5 and table.RIGHT[id], id
        assert len(table.WRONG[id]) + len(EXERCISES[id].mistakes) >= 8, id
