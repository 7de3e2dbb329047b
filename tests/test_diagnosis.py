"""Chapter 03's live picture: dark until there is a guess, then lit by the handed-in function."""

import itertools
import math

import pytest

from course_utils.widgets import Choice, Playground, Slider
from course_utils.widgets.decision_map import FINDINGS
from course_utils.widgets.diagnosis import ENOUGH, GUESSES, NOT_YET, compared, diagnosis_picture


def training(settings):
    """Curves whose ends the settings choose."""
    fitted, held_out = [], []
    for step in itertools.count():
        fall = math.exp(-step / 3)
        fitted.append(settings.train + fall)
        held_out.append(settings.held + fall)
        yield {"train": fitted[-1], "held_out": held_out[-1], "shallower": settings.shallower,
               "curves": (fitted, held_out, settings.shallower)}


def by_hand(train, held_out, shallower):
    if train[-1] > 1:
        return "optimisation" if shallower < 1 else "model bias"
    return "overfitting" if held_out[-1] > 1 else "fine"


def play(diagnose=by_hand, **start):
    controls = {"guess": Choice(GUESSES, start.get("guess", NOT_YET)),
                "train": Slider(0.0, 2.0, start.get("train", 0.1)),
                "held": Slider(0.0, 3.0, start.get("held", 2.0)),
                "shallower": Slider(0.0, 2.0, start.get("shallower", 0.1))}
    playground = Playground("test-diagnosis", training, diagnosis_picture(diagnose), controls,
                            steps=30, headless_steps=1, mode="click", figsize=(10.5, 4.0))
    playground.reset()
    return playground


def picture(playground):
    return playground._live.png()


def test_the_map_stays_dark_until_there_is_a_guess():
    playground = play()
    playground.run_now(30)
    assert "stays dark until you guess" in playground.alt and "lit on" not in playground.alt.lower()


@pytest.mark.parametrize(("ends", "place"), [
    ({"train": 0.1, "held": 0.2}, "fine"),
    ({"train": 0.1, "held": 2.0}, "overfitting"),
    ({"train": 1.5, "held": 2.0, "shallower": 0.5}, "optimisation"),
    ({"train": 1.5, "held": 2.0, "shallower": 1.5}, "model bias"),
])
def test_the_place_comes_from_the_curves(ends, place):
    playground = play(guess="mismatch", **ends)
    playground.run_now(30)
    assert f"→ {place}; you guessed mismatch" in playground.alt


def test_the_place_comes_through_the_function_that_was_handed_in():
    seen = []

    def mine(train, held_out, baseline):
        seen.append((len(train), len(held_out), baseline))
        return "mismatch"

    playground = play(mine, guess="mismatch")
    playground.run_now(30)
    assert seen[-1] == (31, 31, 0.1)
    assert playground.alt.endswith("→ mismatch; you guessed mismatch too.")


def test_few_values_are_not_read():
    def never(*curves):
        raise AssertionError("read too early")

    playground = play(never, guess="fine")
    playground.run_now(ENOUGH - 2)
    assert "too short to read" in playground.alt


def test_the_picture_is_read_anew_while_it_runs():
    playground = play(guess="fine", train=0.9, held=0.9, shallower=1.5)
    playground.run_now(ENOUGH)                        # both losses start at 1.9: large
    assert "→ model bias" in playground.alt
    playground.run_now(25)
    assert "→ fine" in playground.alt


@pytest.mark.parametrize("guess", FINDINGS)
def test_a_guess_made_after_the_run_lights_the_map_at_once(guess):
    playground = play()
    playground.run_now(30)
    before = picture(playground), playground.alt
    playground.move(guess=guess)
    assert picture(playground) != before[0]
    assert "→ overfitting" in playground.alt and f"you guessed {guess}" in playground.alt
    playground.move(guess=NOT_YET)
    assert (picture(playground), playground.alt) == before


@pytest.mark.parametrize(("name", "value"), [("train", 1.5), ("held", 0.5)])
def test_a_moved_control_changes_what_is_lit(name, value):
    playground = play(guess="fine")
    playground.run_now(10)
    before = picture(playground), playground.alt
    playground.move(**{name: value})
    playground.run_now(20)
    assert picture(playground) != before[0] and playground.alt != before[1]
    assert "→ overfitting" not in playground.alt.split("Lit on the map")[1]


def test_an_answer_that_is_no_place_is_said_on_the_page_and_stops_nothing_else():
    playground = play(lambda *curves: "hopeless", guess="fine")
    playground.run_now(30)
    assert playground.state == "error"
    assert "is no place on the map" in playground._frame._status.value


@pytest.mark.parametrize(("found", "guess", "words"), [
    ("fine", "fine", "you guessed fine too"),
    ("fine", "mismatch", "you guessed mismatch"),
    ("overfitting or mismatch", "mismatch", "you guessed mismatch, which is one of the two"),
    ("bias or optimisation", "model bias", "you guessed model bias, which is one of the two"),
])
def test_the_comparison_in_words(found, guess, words):
    assert compared(found, guess) == words
