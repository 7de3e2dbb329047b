"""Chapter 09: penalties, ridge, soft-thresholding, a limit and weight decay, from the formulas."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from tests.chapter import Chapter, draw
from tests.formulas.stated import formula

CHAPTER = Chapter("09").names(run=["ridge-train"])
f64 = torch.float64


def legendre(x, degree):
    """φ₁(x) … by the recurrence (j + 1) φⱼ₊₁ = (2j + 1) x φⱼ − j φⱼ₋₁, from φ₀ = 1 and φ₁ = x."""
    found = [1.0, x]
    for j in range(1, degree):
        found.append(((2 * j + 1) * x * found[j] - j * found[j - 1]) / (j + 1))
    return found[1:]


def penalised(X, label, strength):
    """(w, b) → L_λ(w, b) with the MSE as L, in NumPy; complex weights are allowed."""
    return lambda w, b: ((X @ w + b - label) ** 2).sum() / len(X) + strength * (w**2).sum()


def derivatives(function, w, b):
    """Slopes by w and by b, by complex steps: exact to rounding."""
    step = 1e-30
    by_w = [function(w + 1j * step * unit, b).imag / step for unit in np.eye(len(w))]
    return np.array(by_w), function(w, b + 1j * step).imag / step


@formula("09", "wiggle-question", r"y = b + \sum_{j=1}^{12} w_j\, \varphi_j(x)")
def test_a_polynomial_of_weighted_features():
    x, w = torch.linspace(-1, 1, 9, dtype=f64), draw(2, 12)
    b = draw(2, number=1)
    found = CHAPTER.predicted(CHAPTER.features(x.expand(2, 9)), w, b)
    for k in range(2):
        expected = [b[k].item() + sum(weight * value for weight, value in zip(
            w[k].tolist(), legendre(at, 12), strict=True)) for at in x.tolist()]
        assert found[k].tolist() == pytest.approx(expected, rel=1e-12)


@formula("09", "penalty-question", r"L_\lambda(w, b) = L(w, b) + \lambda \sum_j w_j^2")
def test_ridge_is_lowest_for_the_penalised_loss_and_the_bias_pays_nothing():
    x, label = draw(25, 3), draw(25, number=1) + 5
    w, b = (part.numpy() for part in CHAPTER.ridge(x, label, 0.3))
    loss = penalised(x.numpy(), label.numpy(), 0.3)
    by_w, by_b = derivatives(loss, w, b)
    assert np.abs(by_w).max() < 1e-13 and abs(by_b) < 1e-13
    for move in np.random.default_rng(0).normal(size=(50, 4)):
        assert loss(w + move[:3], b + move[3]) > loss(w, b)


def test_weight_decay_is_two_lambda():    # cell ridge-train-text
    X, label, strength = CHAPTER.measures.numpy(), CHAPTER.disease.numpy(), 0.3
    w, b = (part.numpy() for part in CHAPTER.trained(strength, 3, steps=0))
    by_w, by_b = derivatives(penalised(X, label, strength), w, b)
    after = CHAPTER.trained(strength, 3, steps=1)              # η = 0.1
    assert_close(after[0], torch.from_numpy(w - 0.1 * by_w), rtol=1e-12, atol=1e-14)
    assert after[1].item() == pytest.approx(b - 0.1 * by_b, rel=1e-12)
    # ½ weight_decay · Σθ² is λΣθ²: what torch adds to the slope is the slope of this
    p = nn.Parameter(draw(4))
    p.grad = torch.zeros(4, dtype=f64)
    start = p.detach().clone()
    torch.optim.SGD([p], lr=1.0, weight_decay=2 * strength).step()
    half = torch.func.grad(lambda theta: 0.5 * (2 * strength) * theta.square().sum())(start)
    assert_close(start - p.detach(), half)
    assert_close(half, torch.func.grad(lambda theta: strength * theta.square().sum())(start))


@formula("09", "ridge-form",
         r"\tfrac{2}{N} X^\top (Xw - \hat y) + 2\lambda w = 0 \quad\Longrightarrow\quad "
         r"w = \left(\tfrac1N X^\top X + \lambda I\right)^{-1} \tfrac1N X^\top \hat y")
@pytest.mark.parametrize("strength", [0.01, 1.0, 100.0])
def test_ridge_in_closed_form(strength):
    x, label = draw(20, 5) + 2, draw(20, number=1) - 7
    X, y = (x - x.mean(0)).numpy(), (label - label.mean()).numpy()
    N = len(X)
    w = np.linalg.inv(X.T @ X / N + strength * np.eye(5)) @ (X.T @ y / N)
    assert 2 / N * X.T @ (X @ w - y) + 2 * strength * w == pytest.approx(np.zeros(5), abs=1e-13)
    assert CHAPTER.ridge(x, label, strength)[0].numpy() == pytest.approx(w, rel=1e-11)


@formula("09", "ridge-directions", r"u^\top w_\lambda = \frac{s}{s + \lambda}\; u^\top w_0")
def test_what_is_left_along_each_eigenvector():
    x, label, strength = draw(30, 4) @ draw(4, 4, number=3), draw(30, number=1), 0.4
    X = (x - x.mean(0)).numpy()
    values, vectors = np.linalg.eigh(X.T @ X / 30)
    along = vectors.T @ CHAPTER.ridge(x, label, strength)[0].numpy()
    free = vectors.T @ CHAPTER.ridge(x, label, 0.0)[0].numpy()
    assert along == pytest.approx([s / (s + strength) * part for s, part in zip(values, free,
                                                                               strict=True)],
                                  rel=1e-10)


@formula("09", "soft-question", r"\tfrac12 (w - v)^2 + \tau\,|w|")
def test_soft_thresholding_is_lowest():
    v, tau = draw(200), 0.4
    found = CHAPTER.soft_threshold(v, tau)
    assert_close(found, nn.functional.softshrink(v, tau))
    tried = np.linspace(-4, 4, 4001)
    for wish, w in zip(v.tolist(), found.tolist(), strict=True):
        def pays(w, wish=wish):
            return (w - wish) ** 2 / 2 + tau * abs(w)

        assert pays(w) <= pays(tried).min() + 1e-15
        # convex, so lowest where it falls from the left and rises to the right
        left, right = (w - wish + tau * (math.copysign(1, w) if w else side) for side in (-1, 1))
        assert left <= 1e-15 and right >= -1e-15
    # with τw² instead: v/(1 + 2τ)
    square = v / (1 + 2 * tau)
    assert_close(torch.func.grad(lambda w: ((w - v) ** 2 / 2 + tau * w**2).sum())(square),
                 torch.zeros(200, dtype=f64), rtol=0, atol=1e-14)


@formula("09", "limit-question",
         r"\min_w L(w) \quad\text{subject to}\quad \sum_j w_j^2 \le t \qquad\text{or}\qquad "
         r"\sum_j |w_j| \le t")
@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("limit", [1.0, 4.0, 100.0])
def test_the_limited_minimum(power, limit):
    best = np.array([3.0, -4.0])
    w = CHAPTER.lowest_within(lambda w: (w - torch.from_numpy(best)).square().sum(),
                              torch.tensor(limit, dtype=f64), 2, power).numpy()
    assert (np.abs(w) ** power).sum() <= limit * (1 + 1e-7)
    # all places of the region on a fine grid, and its edge: none is lower
    side = np.linspace(-10, 10, 401)
    places = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)
    edge = places[(places**2).sum(1) > 0]
    edge = edge * (limit / (np.abs(edge) ** power).sum(1, keepdims=True)) ** (1 / power)
    allowed = np.concatenate([places[(np.abs(places) ** power).sum(1) <= limit], edge])
    assert ((w - best) ** 2).sum() <= ((allowed - best) ** 2).sum(1).min() + 1e-6
    if limit == 1.0:      # known: on the way to the best w; at a corner, as 4 − 3 = 1
        assert w == pytest.approx(best / 5 if power == 2 else [0.0, -1.0], abs=1e-6)
    if limit == 100.0:
        assert w == pytest.approx(best, abs=1e-5)


@formula("09", "decay-question",
         r"\theta - \eta\,(g + 2\lambda\theta) \;=\; (1 - 2\eta\lambda)\,\theta - \eta\, g")
def test_l2_and_decay_are_one_for_plain_sgd():
    theta, g, lr, strength = draw(6), draw(6, number=1), 0.1, 0.07
    left = [t - lr * (one + 2 * strength * t) for t, one in zip(theta.tolist(), g.tolist(),
                                                               strict=True)]
    right = [(1 - 2 * lr * strength) * t - lr * one for t, one in zip(theta.tolist(), g.tolist(),
                                                                     strict=True)]
    assert left == pytest.approx(right, rel=1e-13)
    for kind, expected in ((CHAPTER.with_l2, left), (CHAPTER.with_decay, right)):
        found = kind(CHAPTER.sgd)(theta, g, {}, 0, lr=lr, strength=strength)
        assert found.tolist() == pytest.approx(expected, rel=1e-14)


def test_momentum_repeats_a_pull():    # cell pull-question: 1/(1 − μ) times in all
    theta, state, mu = torch.zeros(1, dtype=f64), {}, 0.8
    for number in range(200):
        pull = torch.ones(1, dtype=f64) * (number == 0)
        theta = CHAPTER.sgd(theta, pull, state, number, lr=0.1, momentum=mu)
    assert theta.item() == pytest.approx(-0.1 / (1 - mu), rel=1e-12)


def test_decay_alone_leaves_the_power_of_the_factor():    # cell pull-figure: (1 − 2ηλ)¹⁰⁰⁰
    theta, state = torch.ones(1, dtype=f64), {}
    for number in range(1000):
        theta = CHAPTER.with_decay(CHAPTER.adam)(theta, torch.zeros(1, dtype=f64), state, number,
                                                 lr=0.01, strength=0.05)
    assert theta.item() == pytest.approx((1 - 2 * 0.01 * 0.05) ** 1000, rel=1e-12)
