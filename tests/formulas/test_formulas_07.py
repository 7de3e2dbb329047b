"""Chapter 07: softmax, cross-entropy, both gradients and the two bounds, from the formulas."""

import math
from decimal import Decimal, getcontext

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from course_utils.exercises.ch07 import gradient_by_hand
from tests.chapter import Chapter, draw
from tests.formulas.stated import formula

CHAPTER = Chapter("07").names(run=[])
TIGHT = {"rtol": 1e-12, "atol": 1e-14}
f64 = torch.float64


def shares_of(logits):
    """y′ᵢ = exp(yᵢ)/Σⱼ exp(yⱼ) of one row, in NumPy; complex rows are allowed."""
    return np.exp(logits) / np.exp(logits).sum()


def derivative(function, at):
    """∂/∂yₖ of a function of a row by complex steps: exact to rounding, and no autograd."""
    step = 1e-30
    return np.array([function(at + 1j * step * unit).imag / step for unit in np.eye(len(at))])


def rows_and_labels(count=6, K=4):
    """Random rows of logits and one-hot labels, each class at least once."""
    return (2 * draw(count, K, number=7)).numpy(), np.eye(K)[np.arange(count) % K]


@formula("07", "softmax-question", r"y'_i = \frac{\exp(y_i)}{\sum_j \exp(y_j)}")
def test_softmax():
    logits = draw(2, 3, 4)
    for y, shares in zip(logits.reshape(-1, 4).tolist(),
                         CHAPTER.softmax(logits).reshape(-1, 4).tolist(), strict=True):
        below = math.fsum(math.exp(one) for one in y)
        assert shares == pytest.approx([math.exp(one) / below for one in y], rel=1e-14)


@formula("07", "sigmoid-question",
         r"y'_1 = \frac{\exp(y_1)}{\exp(y_1) + \exp(y_2)} = \frac{1}{1 + \exp(-(y_1 - y_2))} "
         r"= \sigma(y_1 - y_2)")
def test_softmax_of_two_is_a_sigmoid_of_the_difference():
    pairs = 5 * draw(50, 2, number=1)
    shares, sigma = CHAPTER.softmax(pairs)[:, 0], torch.sigmoid(pairs[:, 0] - pairs[:, 1])
    for (y1, y2), share, sigmoid in zip(pairs.tolist(), shares.tolist(), sigma.tolist(),
                                        strict=True):
        first = math.exp(y1) / (math.exp(y1) + math.exp(y2))
        second = 1 / (1 + math.exp(-(y1 - y2)))
        assert first == pytest.approx(second, rel=1e-12)
        assert [share, sigmoid] == pytest.approx([first, second], rel=1e-12)


@formula("07", "log-text",
         r"L = \frac1N \sum_{n=1}^N e_n, \qquad e = -\sum_i \hat y_i \ln y'_i")
def test_cross_entropy_and_its_likelihood():
    logits, labels = rows_and_labels()
    e = [-sum(label * math.log(share) for label, share in zip(row, shares_of(y), strict=True))
         for y, row in zip(logits, labels, strict=True)]
    found = CHAPTER.cross_entropy(torch.from_numpy(logits), torch.from_numpy(labels)).item()

    assert found == pytest.approx(sum(e) / len(e), rel=1e-13)
    # cell likelihood-question: the likelihood is the product of the right classes' shares
    likelihood = math.prod(shares_of(y)[row.argmax()] for y, row in zip(logits, labels,
                                                                        strict=True))
    assert found == pytest.approx(-math.log(likelihood) / len(e), rel=1e-13)


@formula("07", "gradient-question", r"\frac{\partial e}{\partial y_k} = y'_k - \hat y_k")
def test_the_gradient_of_cross_entropy():
    logits, labels = rows_and_labels()
    by_formula = np.array([shares_of(y) - label for y, label in zip(logits, labels, strict=True)])
    for y, label, found in zip(logits, labels, by_formula, strict=True):
        c = label.argmax()
        assert derivative(lambda y, c=c: -np.log(shares_of(y)[c]), y) == pytest.approx(
            found, rel=1e-12, abs=1e-14)
        # the text's other way to write e, from which it differentiates
        assert -y[c] + math.log(np.exp(y).sum()) == pytest.approx(-math.log(shares_of(y)[c]))

    y, label = torch.from_numpy(logits), torch.from_numpy(labels)
    slopes = [torch.func.grad(CHAPTER.cross_entropy)(a[None], b[None])
              for a, b in zip(y, label, strict=True)]
    assert_close(torch.cat(slopes), torch.from_numpy(by_formula), **TIGHT)
    assert_close(gradient_by_hand(y, label.argmax(1)), torch.from_numpy(by_formula) / 6, **TIGHT)
    lengths = [CHAPTER.gradient_lengths(CHAPTER.cross_entropy, a[None], b).item()
               for a, b in zip(y, label, strict=True)]
    assert lengths == pytest.approx(np.linalg.norm(by_formula, axis=1), rel=1e-12)


@formula("07", "mse-gradient",
         r"\frac{\partial e}{\partial y_k} = 2\, y'_k \Big[ (y'_k - \hat y_k) "
         r"- \sum_i y'_i\, (y'_i - \hat y_i) \Big]")
def test_the_gradient_of_mse_after_softmax():
    logits, labels = rows_and_labels()
    for y, label in zip(logits, labels, strict=True):
        share = shares_of(y)
        inner = sum(share[i] * (share[i] - label[i]) for i in range(4))
        by_formula = [2 * share[k] * ((share[k] - label[k]) - inner) for k in range(4)]
        given = derivative(lambda y, label=label: ((label - shares_of(y)) ** 2).sum(), y)
        assert by_formula == pytest.approx(given, rel=1e-11, abs=1e-14)

        row, hot = torch.from_numpy(y)[None], torch.from_numpy(label)
        expected = torch.tensor(by_formula, dtype=f64)
        assert_close(CHAPTER.mse_by_formula(row, hot)[0], expected, **TIGHT)
        assert_close(torch.func.grad(CHAPTER.mse)(row, hot[None])[0], expected, **TIGHT)
        assert CHAPTER.gradient_lengths(CHAPTER.mse, row, hot).item() == pytest.approx(
            np.linalg.norm(by_formula), rel=1e-11)


def test_the_slopes_of_softmax_itself():    # cell mse-gradient, in the sentence before
    y = draw(5, number=2).numpy()
    share = shares_of(y)
    for i in range(5):
        delta = np.eye(5)[i]
        assert derivative(lambda y, i=i: shares_of(y)[i], y) == pytest.approx(
            share[i] * (delta - share), rel=1e-12)


@formula("07", "stable-text",
         r"m = \max_j y_j, \qquad \ln y'_i = y_i - m - \ln \sum_j \exp(y_j - m)")
@pytest.mark.parametrize("row", [(3.0, 1.0, -3.0), (1000.0, 999.0, -1000.0), (-800.0, 0.0, -1.5)])
def test_log_sum_exp_against_fifty_digits(row):
    getcontext().prec = 50
    exact = [Decimal(y) for y in row]
    total = sum(y.exp() for y in exact)
    for first in range(3):
        y = [row[first], *row[:first], *row[first + 1:]]
        m = max(y)
        by_formula = y[0] - m - math.log(sum(math.exp(one - m) for one in y))
        assert by_formula == pytest.approx(float((exact[first].exp() / total).ln()), rel=1e-14)
        for dtype, rel in ((f64, 1e-14), (torch.float32, 1e-6)):
            found = CHAPTER.log_sum_exp(torch.tensor([y], dtype=dtype))
            assert found.dtype == dtype and found.item() == pytest.approx(-by_formula, rel=rel)


@formula("07", "double-question",
         r"y'_{\text{right}} = \frac{e}{e + (K - 1)}, \qquad "
         r"L \ge \ln\Big(1 + \frac{K - 1}{e}\Big)")
@pytest.mark.parametrize("K", [2, 3, 10, 100])
def test_the_floor_of_a_double_softmax(K):
    floor = math.log(1 + (K - 1) / math.e)
    one_hot = torch.eye(K, dtype=f64)[:1]
    assert CHAPTER.softmax(one_hot)[0, 0].item() == pytest.approx(math.e / (math.e + K - 1))
    assert CHAPTER.cross_entropy(one_hot, one_hot).item() == pytest.approx(floor, rel=1e-13)

    shares = CHAPTER.softmax(30 * draw(500, K, number=K))      # nearly one-hot rows among them
    losses = CHAPTER.cross_entropy(shares[:, None], one_hot)
    assert losses.min() >= floor - 1e-13 and losses.max() > floor + 0.1


def test_where_float32_ends():    # cell stable-question
    assert torch.finfo(torch.float32).max == pytest.approx(3.4e38, rel=2e-3)
    tiny = torch.tensor([2e-45, 0.5e-45], dtype=f64).float()
    assert tiny[0] > 0 and tiny[1] == 0 and torch.log(tiny[1]) == -math.inf
