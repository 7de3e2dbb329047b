"""Formulas of chapter 11: attention, its cost, the waves of its positions."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from course_utils.exercises import ch11
from tests.chapter import Chapter, draw
from tests.formulas.stated import formula


@pytest.fixture(scope="module")
def chapter():
    return Chapter("11").names(["heads-code"])


def softmax(scores):                             # of each row
    raised = np.exp(scores)
    return raised / raised.sum(-1, keepdims=True)


@formula("11", "qkv-words", r"\text{output} = \operatorname{softmax}\!\left("
         r"\frac{Q K^{\mathsf T}}{\sqrt{d_k}}\right) V")
@pytest.mark.parametrize("T, d_k, d_v", [(5, 3, 3), (4, 9, 2), (1, 2, 6)])
def test_attention_is_the_formula(chapter, T, d_k, d_v):
    q, k, v = draw(T, d_k), draw(T, d_k, number=1), draw(T, d_v, number=2)
    Q, K, V = (part.numpy() for part in (q, k, v))
    weights = softmax(Q @ K.T / np.sqrt(d_k))    # row i, column j: how much i looks at j

    for out in (chapter.attention(q, k, v)[0], ch11.my_attention(q, k, v)):
        assert_close(out, torch.from_numpy(weights @ V), rtol=1e-12, atol=1e-14)
    assert_close(chapter.attention(q, k, v)[1], torch.from_numpy(weights), rtol=1e-12, atol=1e-14)


@formula("11", "place-words", r"p_{t,2i} = \sin\frac{t}{10000^{2i/d}}, \qquad "
         r"p_{t,2i+1} = \cos\frac{t}{10000^{2i/d}}")
@pytest.mark.parametrize("T, d", [(64, 32), (7, 2), (3, 10)])
def test_the_waves_are_the_formula(T, d):
    p = np.empty((T, d))
    for t in range(T):
        for i in range(d // 2):
            p[t, 2 * i] = np.sin(t / 10000 ** (2 * i / d))
            p[t, 2 * i + 1] = np.cos(t / 10000 ** (2 * i / d))

    assert_close(ch11.sinusoids(T, d), torch.from_numpy(p).float(), rtol=0, atol=1e-5)


def test_to_a_dot_product_of_two_encodings_only_their_distance_counts():     # cell relative-text
    p = ch11.sinusoids(30, 16).double()
    products = p @ p.T
    for distance in range(30):
        apart = products.diagonal(distance)
        waves = np.cos(distance / 10000 ** (np.arange(0, 16, 2) / 16)).sum()
        assert_close(apart, torch.full_like(apart, waves), rtol=0, atol=1e-5)


@pytest.mark.parametrize("T, d", [(16, 32), (32, 32), (5, 3)])
def test_one_layer_for_the_whole_row_has_its_length_squared(chapter, T, d):  # cells full-question,
    assert chapter.full_layer(T, d).weight.numel() == (T * d) ** 2           # full-words
    assert chapter.full_layer(2 * T, d).weight.numel() == 4 * (T * d) ** 2


def test_a_dot_product_of_unit_variances_has_variance_d_k():                 # cell root-question
    for d_k in (1, 4, 64):
        q, k = draw(200_000 // d_k, d_k), draw(200_000 // d_k, d_k, number=1)
        n = len(q)
        assert (q * k).sum(-1).var().item() == pytest.approx(d_k, rel=15 / n**0.5)


def test_the_slope_of_a_weight_is_w_times_one_minus_w():                     # cell root-run
    scores = draw(6).requires_grad_()
    weights = scores.softmax(-1)
    slopes = torch.stack([torch.autograd.grad(w, scores, retain_graph=True)[0][i]
                          for i, w in enumerate(weights)])
    assert_close(slopes, (weights * (1 - weights)).detach())


@pytest.mark.parametrize("T, d, heads", [(16, 32, 4), (64, 32, 1), (7, 6, 3)])
def test_the_part_with_t_squared_is_as_large_as_the_rest_at_2d(T, d, heads):  # cell adds-words
    assert ch11.multiply_adds(T, d, heads) == 4 * T * d * d + 2 * T * T * d
    at = 2 * d
    assert ch11.multiply_adds(at, d, heads) == 2 * (4 * at * d * d)


@pytest.mark.parametrize("d, heads", [(32, 4), (6, 3)])
def test_the_layer_has_4_d_squared_weights_and_4_d_biases(chapter, d, heads):  # cell adds-words
    parameters = list(chapter.MultiHead(d, heads).parameters())
    assert sum(p.numel() for p in parameters if p.ndim == 2) == 4 * d * d
    assert sum(p.numel() for p in parameters if p.ndim == 1) == 4 * d
