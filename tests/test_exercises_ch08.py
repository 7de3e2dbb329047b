"""Exercises of chapter 08: right answers in other forms, wrong ones named, facts behind them."""

import torch
from torch import nn
from torch.testing import assert_close

from course_utils.exercises import banks, ch08
from course_utils.exercises.judging import examine


def found(id, answer):
    return examine(banks.find(id), answer)


def test_other_right_ways_to_normalise():
    def by_module(z, gamma, beta, eps=1e-5):
        if not len(z):                                       # torch refuses a batch of one itself
            raise ValueError("empty")
        layer = nn.BatchNorm1d(z.shape[1], eps=eps, affine=False).double()
        return torch.addcmul(beta, layer(z), gamma)

    def by_sums(z, gamma, beta, eps=1e-5):
        n = len(z)
        if n < 2:
            raise ValueError("alone")
        centred = z - z.sum(0) / n
        return gamma * centred * torch.rsqrt(centred.pow(2).sum(0) / n + eps) + beta

    assert found("bn-forward", by_module).passed and found("bn-forward", by_sums).passed


def test_other_right_ways_to_keep_statistics():
    def by_lerp(running_mean, running_var, z, momentum=0.1):
        b = len(z)
        var = z.var(0, correction=0) * b / (b - 1)
        return running_mean.lerp(z.mean(0), momentum), running_var.lerp(var, momentum)

    assert found("bn-running", by_lerp).passed


def test_another_right_way_to_test_a_net():
    def with_try(model, x, label, batch_size):
        before, hits = model.training, []
        try:
            model.eval()
            with torch.inference_mode():
                for some, names in zip(x.split(batch_size), label.split(batch_size), strict=True):
                    hits += (model(some).argmax(1) == names).tolist()
        finally:
            model.train(before)
        return sum(hits) / len(hits)

    assert found("bn-forgotten-eval", with_try).passed


def test_the_test_rows_are_sorted_and_the_forgotten_eval_costs_most():
    model, x, y = ch08._trained()

    assert_close(y, y.sort().values)
    right = ch08.held_out_accuracy(model, x, y, 20)
    assert right > 0.85 and ch08._forgotten(model.train(), x, y, 20) < right - 0.3
