"""The cross-attention viewer: a toy reader whose words, weights and chances are known."""

import pytest
import torch

from course_utils.figures import new_figure
from course_utils.widgets import Explorer, Mission
from course_utils.widgets.decoding import (
    GREEDY,
    TEACHER,
    WeightTable,
    decoding_controls,
    decoding_picture,
    in_words,
    reading_of,
)
from tests.chapter import assert_follows

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "⏎", "lost"]


def answer(text):
    if not (text.isdecimal() and text.isascii()):
        raise ValueError(f"type digits such as 36; “{text}” is none")
    return [*(WORDS[int(sign)] for sign in text), "⏎"]


def read(text, right=None):
    """Names the signs one by one, but after its own “four” it is lost; 0.8 of it looks there."""
    words, weights, chances, lost = [], [], [], False
    for place in range(len(text) + 1):
        said = "⏎" if place == len(text) else "lost" if lost else WORDS[int(text[place])]
        lost = lost or (said == "four" and right is None)
        words.append(said)
        row = torch.full((len(text),), 0.2 / max(len(text) - 1, 1))
        row[min(place, len(text) - 1)] = 0.8 if len(text) > 1 else 1.0
        weights.append(row)
        chance = torch.full((len(WORDS),), 0.1 / (len(WORDS) - 1))
        chance[WORDS.index(said)] = 0.9
        chances.append(chance)
    return words, torch.stack(weights), torch.stack(chances)


def viewer(start="253", **more):
    return Explorer("decoding-test", decoding_picture(read, answer, WORDS),
                    decoding_controls(start), panels=2, figsize=(9.0, 4.2), **more)


@pytest.mark.parametrize(("start", "moves"), [
    ("253", {"typed": "16"}), ("253", {"step": 1}), ("1425", {"feeding": TEACHER}),
    ("253", {"typed": "two"})])
def test_every_control_moves_picture_and_words(start, moves):
    assert_follows(viewer(start), moves)


def test_the_words_say_what_was_written_where_it_looked_and_how_sure_it_was():
    shown = viewer("253")
    shown.move(step=2)

    assert "“253” becomes “two five three ⏎”: all of it right" in shown.alt
    assert "Word 2 of 4: “five”, with chance 90.0%; it looks most at sign 2, “5” (80%)" in shown.alt


def test_what_is_wrong_is_named_with_the_right_words_and_teaching_mends_it():
    shown = viewer("1425")
    shown.move(step=3)
    assert "wrong; right would be “one four two five ⏎”" in shown.alt
    assert "Word 3 of 5: “lost” instead of “two”" in shown.alt
    shown.move(feeding=TEACHER)
    assert "Fed the right words" in shown.alt and "all of it right" in shown.alt


def test_a_step_beyond_the_last_word_stays_there():
    shown = viewer("25")
    shown.move(step=12)

    assert "Word 3 of 3: “⏎”" in shown.alt


@pytest.mark.parametrize("typed", ["", "2a", "two words", "²"])
def test_a_text_that_cannot_be_read_gives_a_clear_line_and_the_next_one_is_read_again(typed):
    shown = viewer("253")
    good = shown._live.png()
    shown.move(typed=typed)
    bad = shown._live.png()

    assert shown.alt == f"Nothing was read. Type digits such as 36; “{typed}” is none."
    assert "stopped" not in shown._frame._status.value and bad != good
    shown.move(typed="253")
    assert shown._live.png() == good


def test_a_text_that_is_too_long_and_blanks_around_it():
    shown = viewer("253")
    shown.move(typed="1" * 17)
    assert shown.alt == "Nothing was read. 17 signs are too many: at most 16."
    shown.move(typed="  16 ")
    assert "“16” becomes “one six ⏎”" in shown.alt


def test_a_reader_that_returns_other_shapes_is_told_which():
    with pytest.raises(ValueError, match=r"weights \(n, 2\)"):
        reading_of(lambda text, right: (["one"], torch.ones(1, 3), torch.ones(1, 9)), answer,
                   "12", GREEDY)
    with pytest.raises(ValueError, match="n ≥ 1"):
        reading_of(lambda text, right: ([], torch.ones(0, 2), torch.ones(0, 9)), answer, "12",
                   GREEDY)


def test_the_reader_is_asked_once_a_text_and_gets_the_right_words_from_the_teacher_alone():
    asked = []

    def watched(text, right):
        asked.append((text, right))
        return read(text, right)

    shown = Explorer("decoding-watched", decoding_picture(watched, answer, WORDS),
                     decoding_controls("25"), panels=2)
    shown.move(step=1)
    shown.move(step=2)
    shown.move(feeding=TEACHER)

    assert asked == [("25", None), ("25", ["two", "five", "⏎"])]


def test_the_table_shows_the_words_so_far_with_their_percents_and_marks_wrong_ones():
    _, ax = new_figure()
    table = WeightTable(ax)
    table.show(reading_of(read, answer, "143", GREEDY), 2)
    texts = [text.get_text() for text in ax.texts if text.get_visible()]

    assert texts[:6] == ["one", "four", "✗ lost", "1", "4", "3"]
    assert texts[6:] == ["80", "10", "10", "10", "80", "10", "10", "10", "80"]
    assert table._image.get_array().mask[3].all()  # not yet written
    assert table._frame.get_y() == 1.5


def test_the_right_word_is_offered_however_unlikely_it_is():
    _, axes = new_figure(2)
    decoder = decoding_picture(read, answer, WORDS)
    _, update = decoder(axes, {})
    update({"typed": "143", "step": 3, "feeding": GREEDY})
    offered = [text.get_text() for text in axes[1].texts if text.get_visible()]

    assert offered[0] == "lost: 90.0%" and any(text.startswith("three (right)") for text in offered)


def test_every_word_that_is_read_can_be_said_in_words():
    reading = reading_of(read, answer, "40", GREEDY)

    assert in_words(reading, 0, GREEDY).startswith("Fed its own words, “40” becomes “four lost ⏎”")


def test_it_can_be_set_again_from_its_settings_string_and_missions_are_reached():
    def wrong(run):
        return not reading_of(read, answer, run.settings["typed"], GREEDY).exact

    shown = viewer(missions=[Mission("Find digits it reads wrong.", wrong)])
    shown.move(typed="a b", step=5, feeding=TEACHER)
    assert "○ to do" in shown._frame._mission_list.value
    assert "stopped" not in shown._frame._status.value  # a goal that cannot read the text is silent
    code = shown.code
    shown.move(typed="42")
    assert "✓ done: Find" in shown._frame._mission_list.value
    again = viewer().from_code(code)
    assert again.code == code and again.settings["typed"] == "a b"
    with pytest.raises(ValueError, match="step"):
        again.from_code("decoding-test step=13")
    with pytest.raises(ValueError, match="2 to 16"):
        decoding_controls("1", longest=17)
