"""Chapter 05's formulas, each evaluated from its text, against the chapter's own code."""

import itertools
import math

import numpy as np
import pytest
import torch

from course_utils.exercises import ch05
from tests.chapter import Chapter, draw
from tests.formulas.stated import formula

CHAPTER = Chapter("05")
NOISE = (r"\sigma^2 = \frac1N\sum_{i=1}^N \lVert g_i - g\rVert^2, \qquad "
         r"\text{noise of a batch} = \frac{\sigma}{\sqrt B}")


def noise_of_one(gradients):
    """σ, from the formula in plain numbers; gradients: (N, P) rows."""
    n = len(gradients)
    g = [sum(column) / n for column in zip(*gradients, strict=True)]
    return math.sqrt(sum(math.dist(g_i, g) ** 2 for g_i in gradients) / n)


@formula("05", "noise-of-text", NOISE)
def test_the_drawn_noise_is_that_of_the_formula():
    drawn_noise = CHAPTER.names([]).drawn_noise
    g = torch.Generator().manual_seed(6)
    gradients = torch.randn(40, 6, generator=g, dtype=torch.float64)
    sigma = noise_of_one(gradients.tolist())
    with_it = drawn_noise(gradients, 8, True, g, draws=2000)
    without = drawn_noise(gradients, 8, False, g, draws=2000)
    assert with_it == pytest.approx(sigma / 8**0.5, rel=0.06)
    assert without == pytest.approx(sigma / 8**0.5 * (32 / 39) ** 0.5, rel=0.06)
    assert drawn_noise(gradients, 40, False, g, draws=3) < 1e-12


@formula("05", "noise-of-text", NOISE)
@pytest.mark.parametrize("size", [1, 2, 4])
def test_the_noise_of_all_possible_draws_with_replacement_is_exactly_that(size):
    gradients = draw(5, 3, number=2)
    rows = gradients.numpy()
    means = np.array([rows[list(batch)].mean(0)
                      for batch in itertools.product(range(5), repeat=size)])
    counted = math.sqrt(((means - rows.mean(0)) ** 2).sum(1).mean())
    by_formula = noise_of_one(rows.tolist()) / math.sqrt(size)
    assert counted == pytest.approx(by_formula, rel=1e-12)
    assert ch05.noise_of(gradients, size) == pytest.approx(by_formula, rel=1e-12)


# epoch-text, in the line: what an epoch costs, and the two costs that two updates supply
def test_an_epoch_costs_overheads_and_examples():
    source = CHAPTER.code["epoch-run"].source
    lines = [line for line in source.splitlines() if line.startswith(("per_example", "overhead"))]
    names = {"seconds": {1: {1: 0.0007 + 0.00002, 4096: 0.0007 + 4096 * 0.00002}}}
    exec("\n".join(lines), names)
    assert names["per_example"] == pytest.approx(0.00002, rel=1e-9)
    assert names["overhead"] == pytest.approx(0.0007, rel=1e-9)
    batches = [300, 300, 300, 100]                   # of 1,000 examples, B = 300
    assert ch05.epoch_seconds(1000, 300, 0.0007, 0.00002) == pytest.approx(
        sum(0.0007 + size * 0.00002 for size in batches), rel=1e-12)


# noise-later, in its heading: σ/√B equals the length of g at B = (σ/length)²
def test_the_crossing_of_noise_and_slope_solves_the_formula():
    assert "{(sigma / length) ** 2:" in CHAPTER.code["noise-later"].source
    sigma, length = 1.7, 0.4
    assert sigma / math.sqrt((sigma / length) ** 2) == pytest.approx(length, rel=1e-12)


# fair-rule-words: four times the batch and four times the rate cover the same distance an epoch
def test_the_linear_scaling_rule_keeps_rate_times_updates():
    for size, rate in ((16, 1 / 8), (64, 1 / 2), (256, 2.0)):
        assert rate * (1024 / size) == 8
