"""What holds for each chapter, whatever it teaches. (What a chapter computes: test_chapter_NN.)"""

import pytest

from course_utils.exercises import banks
from tests.chapter import Chapter
from tools import chapters

NUMBERS = [path.name[:2] for path in chapters.notebooks()]
CHAPTERS = {number: Chapter(number) for number in NUMBERS}
AFTER_THE_FIRST = [number for number in NUMBERS if number != "00"]


def test_there_are_chapters():
    assert NUMBERS[:2] == ["00", "01"]


@pytest.mark.parametrize("number", NUMBERS)
def test_every_prediction_is_compared_once_and_after_it_was_made(number):
    predicted, compared = (CHAPTERS[number].calls(f) for f in ("predict", "compare"))
    places = dict(predicted)

    assert predicted and len(places) == len(predicted)
    assert sorted(places) == sorted(id for id, _ in compared)
    assert all(places[id] < place for id, place in compared)


@pytest.mark.parametrize("number", AFTER_THE_FIRST)
def test_it_opens_with_recall_and_has_enough_to_ask_and_to_break(number):
    chapter = CHAPTERS[number]

    assert len(chapter.tagged("recall")) == 1 and len(chapter.tagged("break-it")) >= 2
    assert len(banks.bank(f"ch{number}").QUESTIONS) >= 8


@pytest.mark.parametrize("number", NUMBERS)
def test_every_exercise_of_its_bank_stands_in_it_and_no_other(number):
    asked = {eval(id) for id, _ in CHAPTERS[number].calls("check")}

    assert asked == {exercise.id for exercise in banks.bank(f"ch{number}").EXERCISES}


@pytest.mark.parametrize("number", NUMBERS)
def test_cells_stay_short_and_the_file_small(number):
    chapter = CHAPTERS[number]
    long = {id: len(cell.source.splitlines()) for id, cell in chapter.code.items()
            if id not in ("bootstrap", chapter.imports) and len(cell.source.splitlines()) > 22}

    assert long == {}
    assert chapter.path.stat().st_size < 1_500_000
