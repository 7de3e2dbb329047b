"""Nothing is told by colour alone: lines, points, buttons and verdicts have a second cue."""

import itertools
import re

import pytest

from course_utils import claims
from course_utils.cards import Card
from course_utils.figures import COLORS, STYLES
from course_utils.sweeps import _pictures
from course_utils.widgets import drawing, race, recurrence
from course_utils.widgets.loss_panel import looks_of
from tests.access.seeing import lab

LINES = ["train", "held_out", "reference", "warning"]


def differ_without_colour(one, other):
    """Two looks have another line, marker or hatch; or one is black and thick, the other not."""
    cues = ("linestyle", "marker", "hatch")
    if any(str(one.get(cue)) != str(other.get(cue)) for cue in cues):
        return True
    bright = [lab(look["color"])[0] for look in (one, other)]
    wide = [look.get("linewidth", 1.5) for look in (one, other)]
    return abs(bright[0] - bright[1]) > 30 and abs(wide[0] - wide[1]) >= 0.5


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(LINES, 2)))
def test_lines_with_a_meaning_differ(one, other):
    assert STYLES[one]["linestyle"] != STYLES[other]["linestyle"]


def test_the_learner_s_own_line_is_thicker_than_the_training_line():
    one = {"color": COLORS["yours"], **STYLES["yours"]}
    assert differ_without_colour(one, {"color": COLORS["train"], **STYLES["train"]})


def test_points_with_a_meaning_differ_in_shape():
    markers = {STYLES[key]["marker"] for key in ("minimum", "saddle", "maximum")}
    assert len(markers) == 3


def test_further_lines_all_differ():
    assert len({str(style) for style in STYLES["extra"]}) == len(STYLES["extra"])


@pytest.mark.parametrize("names", [
    ["train"], ["train", "held_out"], ["train", "gradient"], ["train", "held_out", "shallower"],
    ["loss", "gradient", "curvature"], ["train", "held_out", "a", "b", "c", "d"],
    ["a", "b", "c", "d", "e", "f"],
])  # fmt: skip
def test_curves_of_a_playground_differ_by_their_lines(names):
    looks = looks_of(names)
    assert list(looks) == names
    for one, other in itertools.combinations(looks.values(), 2):
        assert differ_without_colour(one, other)


def test_a_playground_draws_training_and_held_out_as_the_figures_do():
    looks = looks_of(["train", "validation"])
    for name, key in (("train", "train"), ("validation", "held_out")):
        assert looks[name]["color"] == COLORS[key]
        assert looks[name]["linestyle"] == STYLES[key]["linestyle"]


def test_the_reference_s_dashes_are_left_to_it():
    dashes = STYLES["reference"]["linestyle"]
    assert all(look["linestyle"] != dashes
               for look in looks_of(["train", "held_out", "a", "b", "c"]).values())


def test_rules_of_a_race_differ_by_their_lines():
    looks = race.looks(["plain", "momentum", "AdaGrad", "RMSprop", "Adam", "more", "yours"])
    for one, other in itertools.combinations(looks.values(), 2):
        assert differ_without_colour(one, other)


def test_nets_of_a_recall_race_differ_by_their_markers():
    looks = recurrence.recall_looks(["RNN", "LSTM", "LSTM (bias +4)", "GRU", "attention"])
    assert len({look["marker"] for look in looks.values()}) == 5


@pytest.mark.parametrize("values", [["a", "b", "c"], [0.1, 0.2, 0.3, 0.4, 0.5]])
def test_curves_of_a_sweep_differ_by_line_and_marker(values):
    looks = _pictures._looks("train_loss", "lr", [(value, None) for value in values])
    for one, other in itertools.combinations(looks, 2):
        assert one["linestyle"] != other["linestyle"] and one["marker"] != other["marker"]


@pytest.mark.parametrize("verdict", ["holds", "holds when", "does not hold", "not decided"])
def test_a_verdict_is_a_word_and_a_sign_of_its_own(verdict):
    signs = claims._SIGNS
    assert len(set(signs.values())) == len(signs) and signs[verdict].strip()


def test_a_card_says_its_verdict_without_any_colour():
    made = Card("check", "✗", "not yet", "torch-mse", "<p>the mean is missing</p>", "x")
    words = re.sub(r"<[^>]+>", " ", made.html)
    assert "not yet" in words and "✗" in words
    assert 'aria-label="check: not yet"' in made.html


def test_pixels_to_draw_on_have_a_sign_and_a_word_for_each_level():
    assert len(set(drawing._SIGNS)) == len(set(drawing._WORDS)) == drawing.INKS + 1
