"""Chapter 00's pictures follow what is set."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from course_utils import start_pictures
from course_utils.figures import new_figure


def drawn(picture, panels=1):
    """The artists that move, and `update`."""
    _, axes = new_figure(panels)
    return picture(axes, SimpleNamespace())


def test_the_guess_is_the_days_before_and_misses_are_kept():
    count = torch.arange(100.0)
    picture = start_pictures.guess_and_miss(count, slice(50, 60), miss=float, baseline=1.0)
    (guess, dots, now), update = drawn(picture, 2)

    assert "off by 3.00" in update(SimpleNamespace(back=3))
    np.testing.assert_array_equal(guess.get_ydata(), np.arange(47, 57))
    update(SimpleNamespace(back=7))

    assert list(dots.get_xdata()) == [3, 7] and list(now.get_xdata()) == [7]
    np.testing.assert_array_equal(guess.get_ydata(), np.arange(43, 53))


def test_the_day_shows_what_came_before_it_and_what_came():
    before = torch.arange(12.0).reshape(3, 4)
    dates = np.arange("2012-01-01", "2012-01-04", dtype="datetime64[D]")
    picture = start_pictures.day_to_predict(before, torch.tensor([1.0, 2, 3]),
                                            torch.tensor([4.0, 5, 6]), dates)
    (line, dot, ring), update = drawn(picture)

    words = update(SimpleNamespace(day=2))

    assert words == "2012-01-03: prediction 3.00 thousand, what came 6.00"
    np.testing.assert_array_equal(line.get_ydata(), [8, 9, 10, 11])
    assert dot.get_ydata() == [3] and ring.get_ydata() == [6]


@pytest.mark.parametrize(("number", "words"), [
    (0, "it says 3 with a share of 0.91; it is 3: right"),
    (1, "it says 5 with a share of 0.82; it is 8: wrong")])
def test_the_digit_and_its_shares(number, words):
    images = torch.stack([torch.zeros(1, 8, 8), torch.ones(1, 8, 8)])
    shares = torch.full((2, 10), 0.01)
    shares[0, 3], shares[1, 5], shares[1, 0] = 0.91, 0.82, 0.10
    picture = start_pictures.digit_and_shares(images, shares, torch.tensor([3, 8]))
    (image, *bars), update = drawn(picture, 2)

    assert update(SimpleNamespace(number=number)) == words

    np.testing.assert_allclose([bar.get_width() for bar in bars], shares[number])
    assert image.get_array().max() == number


@pytest.mark.parametrize(("theta", "words"), [
    ([0.5, 2.0], "y = 0.50 + 2.00 x"), ([0.5, -2.0], "y = 0.50 − 2.00 x"),
    ([-3e20, -float("inf")], "y = -3.0e+20 − inf x")])
def test_the_line_follows_theta(theta, words):
    picture = start_pictures.cloud_and_line(torch.zeros(3), torch.zeros(3))
    (line,), update = drawn(picture)

    assert update({"theta": torch.tensor(theta, requires_grad=True)}).endswith(words)

    b, w = theta
    np.testing.assert_allclose(line.get_ydata(), [b - 6 * w, b + 6 * w])


def test_the_table_of_tags_has_a_place_for_every_word():
    shares = torch.eye(3)[[2, 0]]
    assert start_pictures.tag_table(["a", "b"], shares, ["X", "Y", "Z"]).png.startswith(b"\x89PNG")
