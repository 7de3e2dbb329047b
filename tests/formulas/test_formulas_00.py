"""Chapter 00 displays no formula; what its sentences state in signs is evaluated here."""

import numpy as np
import pytest
import torch
from torch import nn

from course_utils.exercises import ch00
from tests.chapter import Chapter, draw

CHAPTER = Chapter("00")
CHAPTER.code["imports"] = CHAPTER.code["start-imports"]
RUN = ["start-births-load", "start-run-miss", "ml-regression-data", "steps-run"]


@pytest.fixture(scope="module")
def chapter():
    return CHAPTER.names(RUN)


# cells start-run-note and start-exercise-note: the mean of |guess − number|
def test_the_miss_is_the_mean_distance(chapter):
    count = chapter.count.double().numpy()
    days = np.arange(chapter.test.start, chapter.test.stop)
    for lag in (1, 7, 364):
        known = np.mean([abs(count[day - lag] - count[day]) for day in days])
        assert chapter.miss(lag) == pytest.approx(known, rel=1e-6)
    guess, number = draw(2, 30).numpy()
    known = sum(abs(one - other) for one, other in zip(guess, number, strict=True)) / 30
    found = ch00.mean_loss(torch.from_numpy(guess), torch.from_numpy(number))
    assert found.item() == pytest.approx(known, rel=1e-14)


# cell ml-regression-fit-note: 5,451 rows, y = b + w₁x₁ + … + w₂₈x₂₈, 29 numbers
def test_the_regression_is_a_bias_and_28_weighted_numbers(chapter):
    assert chapter.x.shape == (5451, 28) and 5479 - 28 == 5451
    linear = nn.Linear(28, 1).double()
    assert sum(p.numel() for p in linear.parameters()) == 29
    w, b = linear.weight[0].tolist(), linear.bias.item()
    rows = chapter.x[[0, 100, 5450]].double()
    for row, y in zip(rows.tolist(), linear(rows)[:, 0].tolist(), strict=True):
        assert y == pytest.approx(b + sum(w[i] * row[i] for i in range(28)), rel=1e-12)


# cell steps-question: y = b + wx; the loss is the mean of the squared misses
def test_the_line_and_its_loss(chapter):
    theta = torch.tensor([0.4, -1.3], dtype=torch.float64)
    assert chapter.line(theta, torch.tensor(2.5)).item() == pytest.approx(0.4 - 1.3 * 2.5)
    x, label = (values.double().numpy() for values in (chapter.last_week, chapter.today))
    known = np.mean((0.4 - 1.3 * x - label) ** 2)
    assert chapter.loss(theta).item() == pytest.approx(known, rel=1e-6)      # the data are float32


# cell steps-gradient-note: θ ← θ − ηg, and g is how fast the loss rises with each parameter
def test_each_step_of_the_loop_goes_against_the_slopes(chapter):
    x, label = (values.double().numpy() for values in (chapter.last_week, chapter.today))
    (before, _), (after, _) = chapter.path[:2]
    b, w = before
    error = b + w * x - label
    g = np.array([2 * error.mean(), 2 * (error * x).mean()])
    assert np.allclose(after, before - 0.05 * g, rtol=1e-5)
    theta, slopes = draw(2, 4, number=1)
    found = ch00.step(theta, slopes, 0.3)
    known = [one - 0.3 * slope for one, slope in zip(theta.tolist(), slopes.tolist(), strict=True)]
    assert np.allclose(found, known, rtol=1e-15)
