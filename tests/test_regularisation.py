"""Pictures of chapter 09: what is drawn against plain formulas; every control changes something."""

import numpy as np
import pytest
import torch

from course_utils.figures import new_figure
from course_utils.widgets.regularisation import (
    limit_picture,
    nearest,
    outline,
    paths_picture,
    wiggle_picture,
)

f64 = torch.float64
PRICES = torch.tensor([0.01, 0.1, 1.0], dtype=f64)
WAY = torch.tensor([[1.0, -2.0], [0.5, -1.0], [0.0, -0.3]], dtype=f64)


def test_the_disc_passes_through_w_and_is_round():
    edge = outline("disc", torch.tensor([3.0, -4.0], dtype=f64))
    np.testing.assert_allclose(np.hypot(*edge.T), 5.0)


def test_the_diamond_has_its_corners_on_the_axes_and_passes_through_w():
    edge = outline("diamond", torch.tensor([3.0, -4.0], dtype=f64))
    np.testing.assert_allclose(np.abs(edge).sum(1), 7.0)
    assert ((edge == 0).sum(1) == 1).all()


@pytest.mark.parametrize(("value", "index"), [(0.01, 0), (0.02, 0), (0.05, 1), (0.9, 2), (50.0, 2)])
def test_the_nearest_strength_is_nearest_by_ratio(value, index):
    assert nearest(PRICES, value) == index


@pytest.fixture
def limit():
    def loss(w):
        return ((w - torch.tensor([1.0, -2.0], dtype=f64)) ** 2).sum(-1)

    fig, axes = new_figure(2)
    paths = {("a, b", "disc"): WAY + 0.1, ("a, b", "diamond"): WAY}
    artists, update = limit_picture({"a, b": loss}, paths, PRICES)(axes, {})

    def move(**settings):
        return update({"pair": "a, b", "shape": "diamond", "strength": 0.1} | settings)

    return axes, artists, move


def test_the_limit_shows_place_way_region_and_says_what_is_zero(limit):
    (left, right), _, move = limit
    words = move(strength=1.0)
    assert "1 of 2 weights exactly zero" in words and "Σ|w| = 0.3" in words and "λ = 1" in words
    way, least, place = left.lines[-3:]
    np.testing.assert_allclose(np.array(way.get_data()).T, WAY.numpy())
    np.testing.assert_allclose(np.array(least.get_data())[:, 0], [1.0, -2.0])
    np.testing.assert_allclose(np.array(place.get_data())[:, 0], [0.0, -0.3])
    np.testing.assert_allclose(np.abs(left.patches[0].get_xy()).sum(1), 0.3)
    assert right.lines[-1].get_xdata() == [1.0, 1.0]
    low, high = left.get_xlim()
    assert low == -high and high > 2.0
    assert left.get_xlabel() == "weight of a" and left.get_ylabel() == "weight of b"


def test_the_disc_speaks_of_squares(limit):
    _, _, move = limit
    words = move(shape="disc")
    assert f"Σw² = {0.6**2 + 0.9**2:.3g}" in words and "0 of 2 weights exactly zero" in words


def test_bars_and_zeros_are_the_weights_at_the_strength():
    paths = {"L1": torch.tensor([[1.0, 2.0, 3.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]], dtype=f64),
             "L2": torch.ones(3, 3, dtype=f64)}
    held_out = {name: torch.tensor([3.0, 2.0, 1.0], dtype=f64) for name in paths}
    fig, (left, right) = new_figure(2)
    artists, update = paths_picture(PRICES, paths, held_out, 2)([left, right], {})
    assert {left.title, right.title} <= set(artists)       # else they stay as they were
    words = update({"method": "L1", "strength": 0.1})
    assert [bar.get_height() for bar in right.patches] == [0.0, 1.0, 0.0]
    assert list(right.lines[0].get_xdata()) == [0, 2]
    assert "2 of 3 weights exactly zero" in words and "1 of 2 measured" in words
    assert "0 of 1 noise" in words and "2.000" in words
    np.testing.assert_allclose(left.lines[1].get_ydata(), [2.0, 1.0, 0.0])
    assert "0 of 3" in update({"method": "L2", "strength": 0.1})


def test_the_wiggle_shows_the_curve_and_its_steepness():
    at = torch.linspace(-1, 1, 5, dtype=f64)
    fig, ax = new_figure()
    (dots, curve, title), update = wiggle_picture(at, at)(ax, {})
    words = update({"points": [torch.tensor([0.5]), torch.tensor([1.0])], "curve": 3 * at,
                    "norm": [2.5]})
    assert "steepness 3" in words and "2.5" in words and "2.5" in title.get_text()
    np.testing.assert_allclose(curve.get_ydata(), 3 * at)
    assert dots.get_xdata()[0] == 0.5
