"""Controls and settings strings: what is accepted, what is refused and in which words."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_utils.widgets.controls import (
    Choice,
    Seed,
    Slider,
    Text,
    Toggle,
    escape,
    from_code,
    to_code,
)

CONTROLS = {
    "lr": Slider(1e-4, 1, 0.1, log=True, label="learning rate"),
    "n": Slider(1, 20, 5, step=1),
    "w": Slider(-2.0, 2.0, 1.0, step=0.01),
    "rule": Choice(["SGD", "Adam with rate decay"], label="rule"),
    "noise": Toggle(True),
    "words": Text("a = 1"),
    "seed": Seed(7),
}
START = {name: control.start() for name, control in CONTROLS.items()}


def test_the_settings_string_of_the_start_is_short_and_readable():
    code = "play lr=0.1 n=5 w=1 rule=SGD noise=on words=a_%3D_1 seed=7"
    assert to_code("play", CONTROLS, START) == code


@given(
    st.sampled_from(CONTROLS["lr"].grid), st.integers(1, 20), st.integers(-200, 200),
    st.sampled_from(CONTROLS["rule"].options), st.booleans(), st.text(), st.integers(0, 2**32 - 1),
)
def test_any_settings_come_back_from_their_string(lr, n, w, rule, noise, words, seed):
    values = (lr, n, round(w / 100, 2), rule, noise, words, seed)
    values = dict(zip(CONTROLS, values, strict=True))
    assert from_code(to_code("play", CONTROLS, values), "play", CONTROLS) == values


def test_a_logarithmic_grid_holds_its_start_and_stays_inside_the_range():
    grid = Slider(1e-3, 3, 0.05, log=True, step=0.25).grid
    assert 0.05 in grid
    assert grid[0] >= 1e-3 and grid[-1] <= 3
    ratios = [math.log10(b / a) for a, b in zip(grid, grid[1:], strict=False)]
    assert all(abs(ratio - 0.25) < 0.01 for ratio in ratios)


def test_a_typed_rate_off_the_grid_goes_to_its_nearest_position():
    assert from_code("lr=0.0997", "play", CONTROLS) == {"lr": 0.1}


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("", "no settings"),
        ("play", "no settings"),
        ("other lr=0.1", "these settings are of 'other'"),
        ("play depth=3", "names no setting"),
        ("play lr", "names no setting"),
        ("play lr=fast", "'fast' is not a number"),
        ("play lr=nan", "outside"),
        ("play lr=2", "outside"),
        ("play rule=Lion", "is not one of SGD, Adam_with_rate_decay"),
        ("play noise=perhaps", "neither on nor off"),
        ("play seed=-1", "not a whole number"),
        ("play seed=4294967296", "not a whole number"),
    ],
)
def test_a_wrong_settings_string_is_refused_in_words(code, words):
    with pytest.raises(ValueError, match=words):
        from_code(code, "play", CONTROLS)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"low": 1, "high": 1, "value": 1}, "low < high"),
        ({"low": 0, "high": 1, "value": 2}, "outside"),
        ({"low": 0, "high": 1, "value": 0.5, "step": 0}, "step above 0"),
        ({"low": 0, "high": 1, "value": 0.5, "log": True}, "low > 0"),
        ({"low": 0, "high": math.nan, "value": 0.5}, "finite"),
    ],
)
def test_a_slider_that_cannot_work_says_why(arguments, words):
    with pytest.raises(ValueError, match=words):
        Slider(**arguments)


def test_a_choice_needs_options_that_can_be_told_apart():
    with pytest.raises(ValueError, match="at least one"):
        Choice([])
    with pytest.raises(ValueError, match="do not all differ"):
        Choice(["a b", "a_b"])
    with pytest.raises(ValueError, match="not one of"):
        Choice(["a"], "b")


@pytest.mark.parametrize("text", [
    "", " ", "they work hard", "a = 1", "50 % of a_b", "no%20blank", "我們\u3000學習", "tab\tend",
    "don't; \"so\" & <b>", "=", "%", "_", "😀",
])
def test_any_text_comes_back_from_one_readable_word(text):
    code = escape(text)
    assert not any(sign.isspace() or sign == "=" for sign in code)
    assert Text().parse(code) == text
    assert from_code(f"play words={code}", "play", CONTROLS) == {"words": text}


def test_a_text_typed_into_a_settings_string_by_hand_is_taken_as_it_stands():
    control = Text("They work.")
    assert control.format("They work hard, 我 too.") == "They_work_hard,_我_too."
    assert control.parse("100%_sure") == "100% sure"
    assert control.parse("1=2") == "1=2"


def test_a_text_is_taken_over_when_it_is_finished_not_letter_by_letter():
    field = Text("They work.", label="your sentence").widget("words")
    assert field.continuous_update is False
    assert field.description == "your sentence"


def test_a_text_starts_with_text():
    with pytest.raises(TypeError, match="got 5"):
        Text(5)


@pytest.mark.parametrize("name", CONTROLS)
def test_every_widget_starts_at_the_control_s_start(name):
    assert CONTROLS[name].widget(name).value == START[name]


def test_a_long_label_gets_more_room():
    room = [float(Slider(0, 9, 1, label=label).widget("n").style.description_width.rstrip("em"))
            for label in ("η", "start south–north", "lessons turned up to")]
    assert room[0] == room[1] == 9.5 and room[2] == 11
    box = Toggle(label="x is transposed first").widget("n")  # in line with the boxes above it
    assert box.style.description_width == "9.5em"
