"""Exercises of chapter 05: right answers in other forms, wrong ones named, facts behind them."""

import math

import pytest
import torch

from course_utils.exercises import banks, ch05
from course_utils.exercises.judging import examine

f64 = torch.float64


def found(id, answer):
    return examine(banks.find(id), answer)


def test_other_right_ways_to_deal():
    def by_split(n, size, g):
        if size < 1 or size > n:
            raise ValueError("no")
        return list(torch.randperm(n, generator=g).split(size))

    def by_argsort(n, size, g):
        if not 0 < size <= n:
            raise ValueError("no")
        return torch.rand(n, generator=g, dtype=f64).argsort().split(size)

    for answer in (by_split, by_argsort):
        assert found("batch-deal", answer).passed


def test_dealing_the_same_row_twice_is_found_though_lengths_fit():
    def twice(n, size, g):
        if not 1 <= size <= n:
            raise ValueError
        order = torch.randperm(n, generator=g)
        order[-1] = order[0]
        return list(order.split(size))

    finding = found("batch-deal", twice)
    assert not finding.passed and "come twice" in finding.message


def test_epoch_seconds_as_a_closed_formula_with_math_ceil():
    assert found("batch-epoch-seconds",
                 lambda n, b, o, p: math.ceil(n / b) * o + n * p).passed


def test_the_noise_oracle_counts_draws_and_agrees_with_the_formula():
    g = torch.Generator().manual_seed(9)
    gradients = torch.randn(4, 3, generator=g, dtype=f64)
    for size in (1, 2, 3, 5):
        assert ch05._noise_by_enumeration(gradients, size) == pytest.approx(
            ch05.noise_of(gradients, size))


def test_noise_by_std_without_correction_passes():
    def by_std(gradients, batch_size):
        return (gradients.std(0, correction=0).norm() / math.sqrt(batch_size)).item()

    assert found("batch-noise-of", by_std).passed
