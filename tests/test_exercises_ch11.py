"""Exercises of chapter 11: right answers in other forms pass, a call of PyTorch's own too."""

import math

import torch
from torch import nn

from course_utils.exercises import banks
from course_utils.exercises.judging import examine


def found(id, answer):
    return examine(banks.find(id), answer)


def test_other_right_forms_of_attention():
    def by_einsum(q, k, v):
        scores = torch.einsum("...id,...jd->...ij", q, k) / math.sqrt(q.shape[-1])
        return torch.einsum("...ij,...jd->...id", scores.softmax(-1), v)

    def scaled_first(q, k, v):
        return torch.softmax((q / q.shape[-1] ** 0.5) @ k.mT, -1) @ v

    for answer in (by_einsum, scaled_first, nn.functional.scaled_dot_product_attention):
        assert found("att-attention", answer).passed


def test_attention_without_batches_is_told_apart_from_a_right_one():
    assert not found("att-attention", lambda q, k, v: (q @ k.T / q.shape[-1] ** 0.5).softmax(-1) @ v
                     if q.ndim == 2 else v).passed


def test_the_count_may_be_one_line():
    assert found("att-adds", lambda T, d, heads: 4 * T * d * d + 2 * T * T * d).passed
    assert not found("att-adds", lambda T, d, heads: 4.0 * T * d * d + 2 * T * T * d + 1).passed


def test_the_encoding_may_be_made_by_stacking():
    def stacked(T, d):
        angle = torch.arange(T)[:, None] * torch.exp(-torch.arange(0, d, 2) / d * math.log(10000))
        return torch.stack([angle.sin(), angle.cos()], -1).flatten(1)

    assert found("att-sinusoids", stacked).passed


def test_other_right_masks():
    for answer in (lambda tokens: tokens.bool()[:, None, None],
                   lambda tokens: (tokens > 0).unsqueeze(1).unsqueeze(1)):
        assert found("att-mask", answer).passed
