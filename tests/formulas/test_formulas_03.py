"""Chapter 03: the gap, dropout's average, and what its sentences state in signs."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from course_utils.exercises import ch03
from tests.chapter import Chapter, draw
from tests.formulas.stated import formula

CHAPTER = Chapter("03")
f64 = torch.float64


@pytest.fixture(scope="module")
def chapter():
    return CHAPTER.names(run=[], start=None, cross_entropy=nn.functional.cross_entropy,
                         know_nothing=math.log(10))


@formula("03", "cures-gap-text", r"\text{gap} = \text{held-out loss} - \text{training loss}")
def test_the_gap_is_the_held_out_loss_minus_the_training_loss(chapter):
    table = {"held_out_loss": np.array([1.5, 0.25]), "train_loss": np.array([0.5, 1.0]),
             "accuracy": np.array([0.7, 0.8])}
    assert chapter.outcome(table)["gap"].tolist() == [1.5 - 0.5, 0.25 - 1.0]


@formula("03", "dropout-text", r"p \cdot 0 + (1-p) \cdot \frac{a}{1-p} = a,")
def test_dropout_keeps_the_average():
    u = (torch.arange(1000, dtype=f64) + 0.5) / 1000       # evenly: exactly a share p is below p
    for p in (0.2, 0.4, 0.5, 0.9):
        for a in (-2.0, 3.0):
            x = torch.full((1000,), a, dtype=f64)
            found = ch03.dropout(x, p, u, True)
            assert {round(one, 12) for one in found.tolist()} == {0.0, round(a / (1 - p), 12)}
            assert found.mean().item() == pytest.approx(p * 0 + (1 - p) * a / (1 - p), rel=1e-12)
            assert p * 0 + (1 - p) * a / (1 - p) == pytest.approx(a, rel=1e-15)
        torch.manual_seed(0)
        dropped = nn.Dropout(p)(torch.full((100_000,), 3.0, dtype=f64))
        assert dropped.max().item() == pytest.approx(3 / (1 - p), rel=1e-12)
        spread = 3 * math.sqrt(p / (1 - p)) / math.sqrt(100_000)
        assert abs(dropped.mean().item() - 3) < 5 * spread


# cell digits-loss: minus ln of the right digit's share, averaged; −ln(1/10) = ln 10, about 2.3
def test_cross_entropy_is_minus_the_logarithm_of_the_right_share(chapter):
    scores, names = draw(6, 10), torch.tensor([3, 0, 9, 9, 1, 5])
    shares = np.exp(scores.numpy()) / np.exp(scores.numpy()).sum(axis=1, keepdims=True)
    known = np.mean([-math.log(row[k]) for row, k in zip(shares, names.tolist(), strict=True)])
    assert chapter.cross_entropy(scores, names).item() == pytest.approx(known, rel=1e-13)
    nothing = chapter.cross_entropy(torch.zeros(6, 10, dtype=f64), names).item()
    assert nothing == pytest.approx(-math.log(1 / 10)) and round(nothing, 1) == 2.3
    sure = 50 * nn.functional.one_hot(names, 10).double()
    assert chapter.cross_entropy(sure, names).item() < 1e-20


# cell deep-plain-text: He's spread is √(2 / inputs), so that what passes keeps its size
def test_he_s_spread_keeps_the_mean_square_of_what_passes(chapter):
    torch.manual_seed(1)
    layer = chapter.hidden_layer(800, 800, "He")
    assert layer[0].weight.std().item() == pytest.approx(math.sqrt(2 / 800), rel=0.01)
    x = torch.randn(200, 800)
    assert layer(x).square().mean().item() == pytest.approx(x.square().mean().item(), rel=0.05)
    small = chapter.hidden_layer(800, 800, "default")      # cell deep-default-words: it shrinks
    assert small(x).square().mean() < 0.3 * x.square().mean()


# cell deep-skip-text: x + layer(x), and weights divided by the depth
def test_a_skip_connection_adds_what_came_in(chapter):
    layer, x = nn.Linear(5, 5).double(), draw(3, 5, number=1)
    known = x.numpy() + x.numpy() @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
    assert np.allclose(chapter.Residual(layer)(x).detach(), known, rtol=1e-13)
    torch.manual_seed(2)
    plain = chapter.hidden_layer(8, 8, "He")[0].weight
    torch.manual_seed(2)
    assert torch.equal(chapter.hidden_layer(8, 8, "He", size=1 / 4)[0].weight, plain / 4)


# cell cures-verdict-text: the mean change lies three standard errors below zero
def test_a_standard_error_is_the_spread_over_the_root_of_the_number(chapter):
    change = draw(6, number=3).numpy()
    mean = sum(change) / 6
    error = math.sqrt(sum((one - mean) ** 2 for one in change) / 5) / math.sqrt(6)
    for errors, found in ((3.001, (True, True)), (2.999, (False, False))):
        shifted = change - mean - errors * error
        assert chapter.narrows(np.zeros(6), shifted) == found


# cell decay-text: weight_decay · θ is added to the gradient, as ½ weight_decay · Σθ² in the loss
@pytest.mark.parametrize("optimiser", [torch.optim.SGD, torch.optim.Adam])
def test_weight_decay_is_half_of_itself_times_the_sum_of_squares(chapter, optimiser):
    torch.manual_seed(3)
    net, twin = nn.Linear(5, 3).double(), nn.Linear(5, 3).double()
    twin.load_state_dict(net.state_dict())
    rule = optimiser(net.parameters(), lr=0.05)
    plain = optimiser(twin.parameters(), lr=0.05)
    images, names = draw(7, 5, number=4), torch.tensor([0, 1, 2, 2, 1, 0, 0])
    settings = SimpleNamespace(lr=0.05, weight_decay=0.3, dropout=0.0)
    for _ in range(4):
        chapter.update(net, rule, settings, images, names)
        plain.zero_grad()
        squares = sum((p**2).sum() for p in twin.parameters())
        (nn.functional.cross_entropy(twin(images), names) + 0.3 / 2 * squares).backward()
        plain.step()
        for one, other in zip(net.parameters(), twin.parameters(), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


# cell folds-question: b + w₁x + … + w₉x⁹, fitted by least squares; the basis is only a way to it
def test_mixtures_of_powers_are_the_family_of_polynomials(chapter):
    places = torch.linspace(-1, 1, 30, dtype=f64)
    for degree in (0, 3, 9):
        w = draw(degree + 1, number=5).tolist()
        values = sum(w[k] * places**k for k in range(degree + 1))
        assert np.allclose(chapter.fitted(places, values, degree)(places), values, atol=1e-12)


# cell folds-text: the first n % k folds hold out one row more
def test_folds_differ_by_one_row_at_most():
    for n, k in ((10, 3), (11, 4), (103, 10)):
        sizes = [len(held_out) for _, held_out in ch03.folds(n, k)]
        assert sizes == [n // k + 1] * (n % k) + [n // k] * (k - n % k) and sum(sizes) == n


# cell board-theory: a binomial count; the best of many has at most k only if all have
def test_the_best_of_many_guessers_has_the_power_of_a_binomial(chapter):
    for models, images in ((1, 40), (7, 20), (1000, 50)):
        counts = np.arange(images + 1)
        at_most = stats.binom.cdf(counts, images, 0.1) ** models
        exactly = np.diff(at_most, prepend=0)
        known = (counts * exactly).sum() / images          # the mean, from its definition
        assert chapter.expected_best(models, images).item() == pytest.approx(known, rel=1e-10)
