"""The window slider: which pairs blocks compute in vain, what each form costs, what is seen."""

import numpy as np
import pytest
import torch

from course_utils.figures import new_figure
from course_utils.widgets import Explorer, Mission
from course_utils.widgets.windowed import (
    cost_ratios,
    known,
    pair_codes,
    window_controls,
    window_picture,
)
from tests.chapter import assert_follows


def near(length, radius):
    place = torch.arange(length)
    return (place[:, None] - place).abs() <= radius


COSTS = {
    "full": lambda length, radius, size: (length**2, 4 * length**2),
    "windowed": lambda length, radius, size: (length * (2 * radius + 1), 40 * length * radius),
    "blocks": lambda length, radius, size: (length * (size + 2 * radius), 4 * length * size),
}
ACCURACY = {"near": {0: 0.3, 2: 0.9, 8: 0.95}, "far": {0: 0.1, 2: 0.12, 8: 0.2}}


@pytest.mark.parametrize(("length", "radius", "size"), [
    (12, 2, 4), (10, 1, 4), (9, 0, 8), (7, 9, 4)])
def test_what_blocks_compute_in_vain_is_what_a_loop_over_them_meets(length, radius, size):
    met = np.zeros((length, length), dtype=bool)
    for first in range(0, length, size):  # slow and obvious: block after block
        rows = range(first, min(first + size, length))
        for key in range(max(0, first - radius), min(length, first + size + radius)):
            met[list(rows), key] = True
    pairs = near(length, radius)
    codes = pair_codes(pairs, radius, size)

    assert np.array_equal(codes == 2, pairs.numpy())
    assert np.array_equal(codes == 1, met & ~pairs.numpy())
    assert np.array_equal(codes == 0, ~met & ~pairs.numpy())


def test_costs_are_shares_of_the_first_form():
    ratios = cost_ratios(COSTS, 64, 4, 16)

    assert ratios["full"] == (1, 1)
    assert ratios["windowed"] == pytest.approx((9 / 64, 40 * 4 / (4 * 64)))
    assert ratios["blocks"] == pytest.approx((24 / 64, 16 / 64))


def test_the_accuracy_read_is_that_of_the_largest_measured_radius_not_above():
    table = {1: 0.5, 4: 0.7}

    assert [known(table, radius) for radius in (0, 1, 3, 4, 99)] == [1, 1, 1, 4, 4]


def explorer(**more):
    return Explorer("window-test", window_picture(near, COSTS, ACCURACY), window_controls(),
                    panels=3, figsize=(11.0, 3.8), **more)


@pytest.mark.parametrize("moves", [{"length": 16}, {"length": 1024}, {"radius": 9}, {"size": 64}])
def test_every_control_moves_picture_and_words(moves):
    assert_follows(explorer(), moves)


def test_the_words_say_share_costs_and_accuracy():
    window = explorer()
    window.move(length=16, radius=3, size=4)
    share = near(16, 3).float().mean()

    assert f"{share:.1%} of the pairs allowed" in window.alt
    assert "windowed 0.438 of the multiply-adds and 1.88 of the bytes" in window.alt
    assert "near: 90% (measured at radius 2); far: 12%" in window.alt


def test_bars_end_at_their_share_and_the_slider_stands_at_its_radius():
    _, axes = new_figure(3)
    artists, update = window_picture(near, COSTS, ACCURACY)(axes, {})
    image, bars, line = artists[0], artists[1:7], artists[-1]
    update({"length": 64, "radius": 4, "size": 16})
    ends = [bar.get_x() + bar.get_width() for bar in bars]

    assert ends == pytest.approx([1, 9 / 64, 24 / 64, 1, 40 / 64, 16 / 64])
    assert list(line.get_xdata()) == [4, 4]
    assert image.get_array().shape == (64, 64) and axes[0].get_xlim() == (-0.5, 63.5)
    update({"length": 1024, "radius": 0, "size": 16})
    assert image.get_array().shape == (256, 256)
    assert bars[4].get_width() == 0  # no byte at all: an empty bar, not one that turns round


def test_a_mask_of_another_rule_is_shown_as_it_is():
    backwards = Explorer(
        "window-back", window_picture(lambda t, r: near(t, r).tril(), COSTS, ACCURACY),
        window_controls(), panels=3)

    assert backwards._live.png() != explorer()._live.png()
    assert f"{near(64, 4).tril().float().mean():.1%}" in backwards.alt


def test_nothing_to_compare_is_refused_and_an_error_of_the_learners_code_is_said():
    with pytest.raises(ValueError, match="full form"):
        window_picture(near, {}, ACCURACY)
    with pytest.raises(ValueError, match="one to 3"):
        window_picture(near, COSTS, {})
    with pytest.raises(ValueError, match="one to 3"):
        window_picture(near, COSTS, {str(number): {0: 0.5} for number in range(4)})

    def moody(length, radius):
        if radius > 5:
            raise RuntimeError("no such window")
        return near(length, radius)

    window = Explorer("window-moody", window_picture(moody, COSTS, ACCURACY), window_controls(),
                      panels=3)
    before = window.alt
    window.move(radius=6)
    assert "no such window" in window._frame._status.value and window.alt == before
    window.move(radius=2)
    assert "no such window" not in window._frame._status.value and window.alt != before


def test_it_can_be_set_again_from_its_settings_string_and_missions_are_reached():
    window = explorer(missions=[Mission("Radius 7.", lambda run: run.settings["radius"] == 7)])
    window.move(length=128, radius=7, size=32)
    again = explorer().from_code(window.code)

    assert again.code == window.code == "window-test length=128 radius=7 size=32"
    assert again.alt == window.alt
    assert "✓ done: Radius 7." in window._frame._mission_list.value
    with pytest.raises(ValueError, match="radius"):
        again.from_code("window-test radius=33")
