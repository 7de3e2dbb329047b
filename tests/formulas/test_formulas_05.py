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
def test_the_crossing_of_noise_and_slope_is_where_drawn_batches_are_as_loud_as_the_slope(capsys):
    one = torch.tensor([[3, 12, 0], [3, -12, 0], [3, 0, 12], [3, 0, -12]], dtype=torch.float64)
    chapter = CHAPTER.names(["noise-later"], net=torch.nn.Linear(1, 1), batches=lambda *_: [],
                            all_gradients=lambda _: one)     # nothing is trained
    _, first, *_ = capsys.readouterr().out.splitlines()
    epochs, length, sigma, crossing = map(float, first.split())

    assert (epochs, length, sigma, crossing) == (0, 3, 12, 16)   # by construction
    assert noise_of_one(one.tolist()) / math.sqrt(crossing) == pytest.approx(length, rel=1e-12)
    g = torch.Generator().manual_seed(8)
    assert chapter.drawn_noise(one, 16, True, g, draws=1500) == pytest.approx(length, rel=0.05)
    assert chapter.louder == [12 / math.sqrt(32) > 3] * 4


# fair-rule-words: four times the batch and four times the rate cover the same distance an epoch
def test_the_linear_scaling_rule_leads_to_the_same_place_where_the_slope_is_constant():
    slopes, chapter = draw(32, 2, number=4), CHAPTER.names([])
    chapter.walk.__globals__["batch_loss"] = lambda _, theta, rows: (slopes[rows] @ theta).mean()
    ways = [chapter.walk("plain", [1.0, -2.0], size, rate, epochs=3)
            for size, rate in ((2, 1 / 16), (8, 1 / 4), (32, 1.0))]

    assert [len(way) for way in ways] == [1 + 3 * 16, 1 + 3 * 4, 1 + 3]
    for way in ways:
        torch.testing.assert_close(way[-1], torch.tensor([1.0, -2.0]) - 3 * slopes.mean(0))


def test_the_rate_that_the_chapter_finds_is_that_of_the_rule_where_the_rule_holds():
    sizes, rates, told = [4, 16, 64, 256, 1024], [2.0**k for k in range(-5, 2)], {}
    losses = torch.tensor([[[rate / size] * 2 for rate in rates] for size in sizes]).numpy()
    CHAPTER.names(["fair-rule"], losses={"equal epochs": losses}, rates=rates, sizes_raced=sizes,
                  compare=told.__setitem__)

    assert told == {"batch-rate-rule": "1/2"}
