"""Each chapter with every exercise solved: the worked answers pass in the chapter itself.

nbval runs each chapter as a learner gets it; this is the other end. (Their own part of
`python course.py test`, since they take as long as the chapters do.)
"""

import pytest

from tools import canonical, chapters, execute, solved


@pytest.mark.parametrize("path", chapters.notebooks(), ids=chapters.number)
def test_a_chapter_with_every_exercise_solved(path):
    stored, exercises = canonical.read(path), solved.of_chapter(chapters.number(path))
    run = execute.execute(solved.fill(stored, exercises), path.parent)

    assert exercises
    assert solved.problems(run, stored, exercises) == []
