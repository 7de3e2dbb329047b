"""Pictures of chapter 08's playgrounds: level lines, percentiles, spreads, and what moves."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from course_utils.figures import new_figure
from course_utils.widgets.normalisation import (
    CEILING,
    FLOOR,
    layers_picture,
    level_line,
    quantiles,
    skew_picture,
    spread_of,
)

f64 = torch.float64
H = torch.tensor([[2.0, 0.6], [0.6, 9.0]], dtype=f64)
BEST = torch.tensor([0.3, -0.7], dtype=f64)


# (LAPACK gives symmetric eigenvectors for 2 × 2: a transpose in the code changes nothing.)
@pytest.mark.parametrize(("first", "mixed", "last"), [
    (2.0, 0.6, 9.0), (2.0, -0.6, 9.0), (9.0, 0.6, 2.0), (9.0, -0.6, 2.0)])
def test_every_place_of_a_level_line_has_its_height(first, mixed, last):
    hessian = torch.tensor([[first, mixed], [mixed, last]], dtype=f64)
    line = level_line(hessian, BEST, 0.4)

    for place in line:
        v = (place - BEST).numpy()
        assert v @ hessian.numpy() @ v / 2 == pytest.approx(0.4)
    assert_close(line[0], line[-1])


def test_a_surface_that_does_not_close_is_refused():
    with pytest.raises(ValueError, match="positive"):
        level_line(torch.diag(torch.tensor([1.0, -1.0])), torch.zeros(2), 1.0)


def test_spread_is_the_median_neurons_standard_deviation_over_the_examples():
    z = torch.tensor([[0.0, 5.0, 1.0], [2.0, 5.0, 7.0]])     # deviations 1, 0 and 3

    assert spread_of([z, 10 * z]) == pytest.approx([1.0, 10.0])


def test_percentiles_are_numpys():
    z = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))

    assert quantiles(z) == pytest.approx(np.percentile(z, [10, 25, 50, 75, 90]), abs=1e-6)


def test_the_skew_picture_follows_hessian_and_path():
    _, ax = new_figure()
    (*artists, title), update = skew_picture((-2, 2), (-2, 2))(ax, {})
    places = [torch.tensor([1.0, 1.0], dtype=f64), torch.tensor([0.5, 0.2], dtype=f64)]
    words = update({"hessian": H, "best": BEST, "places": places})
    assert title is ax.title and title.get_text().split(",")[0] in words
    first = [artist.get_xydata().copy() for artist in artists]
    squeezed = H * torch.tensor([[1.0, 4.0], [4.0, 16.0]])
    update({"hessian": squeezed, "best": BEST, "places": [*places, BEST]})
    moved = [not np.array_equal(a, artist.get_xydata())
             for a, artist in zip(first, artists, strict=True)]

    values = np.linalg.eigvalsh(H.numpy())
    assert f"condition number {values[1] / values[0]:.3g}" in words
    assert f"η = {2 / values[1]:.2g}" in words
    assert moved == [True] * 8 + [False, True, False, True]  # the star and the start stay
    assert artists[-1].get_xydata().tolist() == [BEST.tolist()]


def test_the_layers_picture_shows_each_layer_and_nothing_beyond():
    _, axes = new_figure(2)
    artists, update = layers_picture(4)(axes, {})
    z = torch.randn(64, 8, generator=torch.Generator().manual_seed(1))
    words = update({"layers": [z, z * 1e-9, z * 1e9]})
    wide, narrow, (middle, spread) = artists[:4], artists[4:8], artists[8:]

    assert wide[0].get_ydata() == pytest.approx(np.percentile(z, [10, 90]), abs=1e-6)
    assert narrow[0].get_ydata() == pytest.approx(np.percentile(z, [25, 75]), abs=1e-6)
    assert len(wide[3].get_xdata()) == len(narrow[3].get_xdata()) == 0
    assert list(middle.get_xdata()) == list(spread.get_xdata()) == [1, 2, 3]
    assert spread.get_ydata() == pytest.approx([spread_of([z])[0], FLOOR, CEILING])
    assert f"first layer {spread_of([z])[0]:.2g}" in words
