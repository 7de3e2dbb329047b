"""Each chapter with every exercise solved: the worked answers pass in the chapter itself.

nbval runs each chapter as a learner gets it; this is the other end. What the answers do not touch
has run there and is left out.
"""

import pytest

from tools import canonical, chapters, execute, solved


@pytest.mark.parametrize("path", chapters.notebooks(), ids=chapters.number)
def test_a_chapter_with_every_exercise_solved(path):
    stored, exercises = canonical.read(path), solved.of_chapter(chapters.number(path))
    answers = [solved.asking(stored, exercise).id for exercise in exercises]
    chapter = solved.touched(solved.fill(stored, exercises), answers)
    run = execute.execute(chapter, path.parent)

    assert exercises
    assert solved.problems(run, stored, exercises) == []
