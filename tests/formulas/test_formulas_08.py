"""Chapter 08: normalising a feature and a batch, and the running statistics, from the formulas."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from course_utils.exercises.ch08 import batch_norm, update_running
from tests.chapter import Chapter, draw
from tests.formulas.stated import formula

CHAPTER = Chapter("08").names(run=[])
TIGHT = {"rtol": 1e-12, "atol": 1e-14}
f64 = torch.float64


def mean_and_variance(values):
    """μ_B and σ_B² of one neuron, in plain Python: both divided by B."""
    mean = math.fsum(values) / len(values)
    return mean, math.fsum((z - mean) ** 2 for z in values) / len(values)


@formula("08", "fix-question", r"\tilde x_i = \frac{x_i - m_i}{\sigma_i}")
def test_feature_normalisation():
    x = 5 * draw(40, 3, number=4) + 7
    columns = []
    for values in x.T.tolist():
        mean, variance = mean_and_variance(values)
        columns.append([(value - mean) / math.sqrt(variance) for value in values])

    assert_close(CHAPTER.standardised(x), torch.tensor(columns, dtype=f64).T, **TIGHT)


@formula("08", "layer-question",
         r"\mu_B = \frac1B\sum_n z^n,\qquad \sigma_B^2 = \frac1B\sum_n (z^n-\mu_B)^2,\qquad "
         r"\tilde z^n = \frac{z^n-\mu_B}{\sqrt{\sigma_B^2+\varepsilon}}")
@pytest.mark.parametrize(("B", "eps"), [(2, 1e-5), (7, 1e-5), (7, 0.5)])
def test_batch_normalisation(B, eps):
    z = 3 * draw(B, 4, number=5) - 1
    columns = []
    for values in z.T.tolist():
        mean, variance = mean_and_variance(values)
        columns.append([(value - mean) / math.sqrt(variance + eps) for value in values])
    expected = torch.tensor(columns, dtype=f64).T
    # cell forward-text: γ z̃ + β
    gamma, beta = draw(4, number=6), draw(4, number=7)
    layer = CHAPTER.BatchNorm(4, eps=eps).double()
    layer.load_state_dict({"weight": gamma, "bias": beta}, strict=False)

    assert_close(CHAPTER.normalised(z, eps), expected, **TIGHT)
    assert_close(layer(z), gamma * expected + beta, rtol=1e-12, atol=1e-13)
    assert_close(batch_norm(z, gamma, beta, eps), gamma * expected + beta, rtol=1e-12, atol=1e-13)
    assert_close(nn.functional.batch_norm(z, None, None, training=True, eps=eps), expected, **TIGHT)


@formula("08", "running-question",
         r"m \leftarrow (1-a)\,m + a\,\mu_B,\qquad "
         r"s^2 \leftarrow (1-a)\,s^2 + a\,\frac{B}{B-1}\,\sigma_B^2")
@pytest.mark.parametrize("a", [0.1, 0.7])
def test_running_statistics(a):
    layer, m, s2 = CHAPTER.BatchNorm(1, momentum=a).double(), 0.0, 1.0
    theirs = nn.BatchNorm1d(1, momentum=a).double()
    for number, B in enumerate((2, 5, 64)):
        z = 2 * draw(B, 1, number=10 + number) + 1
        mean, variance = mean_and_variance(z[:, 0].tolist())
        old = torch.tensor([m], dtype=f64), torch.tensor([s2], dtype=f64)
        m, s2 = (1 - a) * m + a * mean, (1 - a) * s2 + a * B / (B - 1) * variance
        layer(z), theirs(z)
        for one in (layer, theirs):
            assert one.running_mean.item() == pytest.approx(m, rel=1e-13)
            assert one.running_var.item() == pytest.approx(s2, rel=1e-13)
        by_exercise = [part.item() for part in update_running(*old, z, a)]
        assert by_exercise == pytest.approx([m, s2], rel=1e-13)


def test_the_factor_makes_the_variance_unbiased():    # cell running-question
    values, B = [0.0, 1.0, 5.0], 3
    _, of_all = mean_and_variance(values)
    found = [mean_and_variance(batch)[1] for batch in itertools.product(values, repeat=B)]
    assert B / (B - 1) * np.mean(found) == pytest.approx(of_all, rel=1e-13)
    assert np.mean(found) < 0.7 * of_all


def test_a_bend_grows_with_the_square_of_the_scale():    # cell scale-why; hessian: 2 xᵀx / N
    x, k = draw(30, 2, number=8), 7.0
    bend = 2 * sum(value**2 for value in x[:, 1].tolist()) / 30
    assert CHAPTER.hessian(x)[1, 1].item() == pytest.approx(bend, rel=1e-13)
    assert CHAPTER.hessian(CHAPTER.scaled(x, 1, k))[1, 1].item() == pytest.approx(k**2 * bend)
    values = np.linalg.eigvalsh(2 * x.numpy().T @ x.numpy() / 30)
    assert CHAPTER.condition(x) == pytest.approx(values.max() / values.min(), rel=1e-12)


def test_the_variance_after_normalising():    # cell unit-figure: σ²/(σ² + ε)
    z = draw(16, 3, number=9) * torch.tensor([1.0, 3e-3, 1e-5])
    for before, after in zip(z.T.tolist(), CHAPTER.normalised(z).T.tolist(), strict=True):
        variance = mean_and_variance(before)[1]
        assert mean_and_variance(after)[1] == pytest.approx(variance / (variance + 1e-5), rel=1e-10)


def test_two_values_become_minus_and_plus_one():    # cell small-layernorm
    z = torch.tensor([[3.0, -1.0], [-5.0, 40.0]], dtype=f64)
    assert_close(CHAPTER.normalised(z, eps=0.0), torch.tensor([[1.0, -1.0], [-1.0, 1.0]],
                                                              dtype=f64))


def test_ten_of_twelve_by_chance():    # cell small-text: "about one case in 26"
    ways = 2 * sum(math.comb(12, agree) for agree in (10, 11, 12))
    assert round(2**12 / ways) == 26
