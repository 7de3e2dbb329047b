"""The decision map: which way is lit, what it says in words, and that nothing overlaps."""

import itertools

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Text

from course_utils.exercises import banks
from course_utils.figures import new_figure
from course_utils.widgets.decision_map import (
    BOXES,
    FINDINGS,
    PLACES,
    DecisionMap,
    in_words,
    way_to,
)

# Each finding and the answers that lead to it, as the lectures' map has them.
ANSWERS = {
    "model bias": ["large", "no"],
    "optimisation": ["large", "yes"],
    "overfitting": ["small", "large", "yes"],
    "mismatch": ["small", "large", "no"],
    "fine": ["small", "small"],
}


def drawn(remedies=True, size=(9, 4.6)):
    fig, ax = new_figure(size=size)
    return fig, DecisionMap(ax, remedies=remedies)


def pixels(fig):
    canvas = FigureCanvasAgg(fig)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba()).astype(int)


def lit(board):
    return {name for name, artists in board._lit.items() if all(a.get_visible() for a in artists)}


@pytest.mark.parametrize("finding", ANSWERS)
def test_the_answers_on_the_way_lead_to_the_finding(finding):
    way = way_to(finding)
    assert way[0] == "training" and way[-1] == finding
    assert [BOXES[name].answer for name in way[1:]] == ANSWERS[finding]


def test_the_findings_are_those_of_the_exercise():
    bank = banks.bank("ch03")
    assert set(FINDINGS) == set(bank.five_diagnoses().values()) == set(ANSWERS)


def test_everything_that_the_exercise_may_answer_can_be_lit():
    bank = banks.bank("ch03")
    nan = float("nan")
    curves = [([2.0, 0.1], [2.0, 0.2]), ([2.0, 0.1], [2.0, 1.9]), ([2.0, 2.0], [2.0, 2.0]),
              ([2.0, 1.9, 1.2], [2.0, 2.0, 1.3]), ([2.0, nan], [2.0, 2.0])]
    answers = {bank.diagnose(*pair, 2.0) for pair in curves}
    assert len(answers) == 5
    _, board = drawn()
    for answer in answers:
        assert "training loss" in board.light(answer)


@pytest.mark.parametrize("place", PLACES)
def test_exactly_the_way_is_lit_and_can_be_seen(place):
    fig, board = drawn()
    dark = pixels(fig)
    words = board.light(place)
    assert lit(board) == set(way_to(place))
    bright = (pixels(fig)[..., :3] == [0xFF, 0xE9, 0xB8]).all(axis=2)
    assert bright.mean() > 0.02 * len(way_to(place)) - 0.01
    assert words == in_words(place) and words.endswith(place)
    board.light(None)
    np.testing.assert_array_equal(pixels(fig), dark)


def test_every_place_looks_different_from_every_other_finding():
    fig, board = drawn()
    pictures = {}
    for place in FINDINGS:
        board.light(place)
        pictures[place] = pixels(fig)
    for one, other in itertools.combinations(FINDINGS, 2):
        assert (pictures[one] != pictures[other]).any()


@pytest.mark.parametrize("guess", FINDINGS)
def test_the_guess_is_marked_below_its_own_box(guess):
    fig, board = drawn(remedies=False, size=(5.2, 4.0))
    dark = pixels(fig)
    board.light(None, guess)
    shown = [name for name, artists in board._guess.items() if artists[0].get_visible()]
    rows, columns = np.nonzero((pixels(fig) != dark).any(axis=2))
    assert shown == [guess]
    assert abs(columns.mean() / dark.shape[1] - BOXES[guess].x / 100) < 0.05
    assert rows.min() > 0.8 * dark.shape[0]


def test_words_say_the_questions_and_their_answers():
    assert in_words(None) == "nothing is lit on the map"
    assert in_words("mismatch") == (
        "lit on the map: training loss: small; held-out loss: large; large too on fresh rows like "
        "the training rows?: no → mismatch")
    assert "still falling → train longer" in in_words("train longer")


def test_an_unknown_place_or_guess_is_refused_with_those_there_are():
    _, board = drawn()
    with pytest.raises(ValueError, match="'bias' is no place on the map; there are: model bias"):
        board.light("bias")
    with pytest.raises(ValueError, match="cannot be guessed"):
        board.light(None, "train longer")


@pytest.mark.parametrize(("remedies", "size"), [(True, (9, 4.6)), (False, (5.25, 4.0))])
def test_texts_stay_in_their_boxes_and_boxes_apart(remedies, size):
    fig, board = drawn(remedies, size)
    (ax,) = fig.axes
    fig.canvas.draw()
    renderer = fig.canvas.get_renderer()
    inside = [patch.get_window_extent(renderer) for patch in ax.patches
              if isinstance(patch, FancyBboxPatch) and patch.get_visible()]
    assert len(inside) == len(BOXES)
    for one, other in itertools.combinations(inside, 2):
        assert not one.overlaps(other)
    answers = {box.answer for box in BOXES.values()}
    texts = [text for text in ax.findobj(Text)
             if text.get_visible() and text.get_text() and text.get_text() not in answers]
    assert len(texts) >= len(BOXES)
    for text in texts:
        extent = text.get_window_extent(renderer)
        assert any(box.x0 <= extent.x0 and extent.x1 <= box.x1 and box.y0 <= extent.y0
                   and extent.y1 <= box.y1 for box in inside), text.get_text()
