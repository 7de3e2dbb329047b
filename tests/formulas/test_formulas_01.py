"""Chapter 01 displays no formula; what its sentences state in signs is evaluated here."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from tests.chapter import Chapter, draw

CHAPTER = Chapter("01")


@pytest.fixture(scope="module")
def chapter():
    return CHAPTER.names(run=[], device=torch.device("cpu"))


# cell twins-rounding: 24 bits, so an operation is off by up to 6 parts in 10⁸
def test_rounding_to_float32_is_off_by_at_most_six_parts_in_a_hundred_million():
    numbers = np.random.default_rng(0).uniform(1, 2, 200_000)
    off = np.abs(numbers.astype(np.float32) - numbers) / numbers
    assert off.max() <= 2.0**-24 < 6e-8 and off.max() > 5.5e-8


# cell twins-break: PyTorch divides by one less than the number of values, NumPy by the number
def test_the_two_spreads_differ_in_what_they_divide_by():
    values = draw(7).numpy()
    squares = sum((value - sum(values) / 7) ** 2 for value in values)
    assert torch.from_numpy(values).std().item() == pytest.approx(math.sqrt(squares / 6))
    assert values.std() == pytest.approx(math.sqrt(squares / 7))


# cell autograd-question: z = Σ xᵢ², ∂z/∂xᵢ = 2xᵢ
def test_the_slopes_of_a_sum_of_squares_are_twice_the_numbers(chapter):
    x = draw(5, number=1).requires_grad_()
    z = chapter.sum_of_squares(x)
    (slopes,) = torch.autograd.grad(z, x)
    numbers = x.tolist()
    assert z.item() == pytest.approx(sum(number * number for number in numbers))
    assert slopes.tolist() == [2 * number for number in numbers]


# cell difference-question: ((xᵢ + h)² − xᵢ²) / h = 2xᵢ + h
@pytest.mark.parametrize("h", [0.5, 1e-2, 1e-4])
def test_the_finite_difference_of_a_square_is_off_by_h(chapter, h):
    x = draw(4, number=2)
    found = chapter.finite_difference(chapter.sum_of_squares, x, h)
    # rounding of z, divided by h, is what remains
    assert np.allclose(found, [2 * number + h for number in x.tolist()], rtol=0, atol=1e-14 / h)


# cell difference-run: ε, and the expected error h + ε z / h
def test_the_expected_error_is_smallest_near_the_root_of_epsilon():
    names = CHAPTER.names(run=["difference-run"])
    assert names.epsilon == 2.0**-52
    z = sum(number**2 for number in names.point.tolist())
    for h, known in zip(names.steps.tolist(), names.expected.tolist(), strict=True):
        assert known == pytest.approx(h + 2.0**-52 * z / h, rel=1e-12)
    best = names.steps[names.expected.argmin()].item()
    assert best == pytest.approx(10 ** round(math.log10(math.sqrt(2.0**-52 * z))))


# cell linear-question: y = x Wᵀ + b
def test_a_layer_computes_weighted_sums_plus_a_constant():
    layer, x = nn.Linear(4, 3).double(), draw(2, 4, number=3)
    W, b, y = layer.weight.tolist(), layer.bias.tolist(), layer(x)
    for n in range(2):
        for k in range(3):
            known = sum(x[n, j].item() * W[k][j] for j in range(4)) + b[k]
            assert y[n, k].item() == pytest.approx(known, rel=1e-13)


# cell activation-question: two layers equal one with W = W₂W₁
def test_two_layers_in_a_row_are_one():
    first, second, x = nn.Linear(4, 6).double(), nn.Linear(6, 2).double(), draw(5, 4, number=4)
    W1, b1, W2, b2 = (p.detach().numpy() for layer in (first, second) for p in layer.parameters())
    known = x.numpy() @ (W2 @ W1).T + W2 @ b1 + b2
    assert np.allclose(second(first(x)).detach(), known, rtol=1e-12, atol=1e-14)


# cell activation-run, in the legend: max(0, t) and 1 / (1 + e⁻ᵗ)
def test_the_activations_are_what_the_legend_says():
    t = np.linspace(-4, 4, 41)
    assert torch.relu(torch.from_numpy(t)).tolist() == [max(0.0, number) for number in t]
    assert np.allclose(torch.sigmoid(torch.from_numpy(t)), 1 / (1 + np.exp(-t)), rtol=1e-14)


# cell loss-question: shares of an example sum to 1; the loss of classes is small with a large share
def test_shares_and_the_loss_of_classes():
    logits, classes = draw(6, 4, number=5), torch.tensor([0, 3, 1, 1, 2, 0])
    powers = np.exp(logits.numpy())
    shares = powers / powers.sum(axis=1, keepdims=True)
    assert np.allclose(nn.Softmax(dim=1)(logits), shares, rtol=1e-13)
    known = np.mean([-math.log(row[k]) for row, k in zip(shares, classes.tolist(), strict=True)])
    assert nn.CrossEntropyLoss()(logits, classes).item() == pytest.approx(known, rel=1e-13)


# cells four-lines-question and four-lines-run: θ ← θ − ηg
def test_plain_sgd_moves_against_the_slope():
    start, g = draw(2, 5, number=6)
    theta = start.clone().requires_grad_()
    optimizer = torch.optim.SGD([theta], lr=0.0005)
    theta.grad = g.clone()
    optimizer.step()
    known = [one - 0.0005 * slope for one, slope in zip(start.tolist(), g.tolist(), strict=True)]
    assert np.allclose(theta.detach(), known, rtol=1e-15)


# cell average-question: 148, 148 and 1; in the plain mean the last image weighs 1/3, not 1/297
def test_the_last_image_weighs_a_third_in_the_plain_mean(chapter):
    last = torch.zeros(297, dtype=torch.float64)
    last[-1] = 1.0
    assert [len(batch) for batch in last.split(148)] == [148, 148, 1]
    plain, weighted = chapter.averages(last, 148).tolist()
    assert plain == pytest.approx(1 / 3, rel=1e-15)
    assert weighted == pytest.approx(1 / 297, rel=1e-15)


# cells module-question and eval-question: one in five is 0, the others times 1 / (1 − 0.2)
def test_what_dropout_leaves_keeps_the_sum_on_average(chapter):
    torch.manual_seed(0)
    dropped = chapter.Classifier().train().dropout(torch.ones(200_000))
    assert {round(value, 6) for value in dropped.unique().tolist()} == {0.0, 1 / (1 - 0.2)}
    share = (dropped == 0).double().mean().item()
    assert abs(share - 0.2) < 5 * math.sqrt(0.2 * 0.8 / 200_000)
    assert dropped.double().mean().item() == pytest.approx((1 - share) / 0.8, rel=1e-6)
