"""Formulas of chapter 13: the limit of the rate, and what knowing nothing costs.

That a step multiplies by 1 − ηλ (cell limit-question) is in test_chapter_13.py: test_descent_on_a_…
"""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.chapter import Chapter, draw
from tests.formulas.stated import formula


@pytest.fixture(scope="module")
def chapter():
    return Chapter("13").names([])


@formula("13", "limit-question", r"\eta\,\lambda_{\max}/2 > 1")
@pytest.mark.parametrize("share", [0.6, 0.98, 1.02, 1.5])
def test_on_a_bowl_the_loss_grows_exactly_beyond_the_limit(chapter, share):
    x, label = draw(30, 5), torch.zeros(30, 1, dtype=torch.float64)
    H = 2 * x.numpy().T @ x.numpy() / 30                     # of the mean squared error
    lr = share * 2 / np.linalg.eigvalsh(H)[-1]
    torch.manual_seed(0)
    net = nn.Linear(5, 1, bias=False).double()
    start = torch.from_numpy(np.linalg.eigh(H)[1][:, -1])    # along λmax, where it shows at once
    run = SimpleNamespace(start=net, loss=F.mse_loss, lr=lr, x_train=x, label_train=label)

    number = chapter.of_limit(run, n=30)
    assert number == pytest.approx(share, rel=1e-6)
    _, losses = chapter.descend(lambda w: F.mse_loss(x @ w[:, None], label), start, lr, 10)
    assert (losses[-1] > losses[0]) == (number > 1)
    assert losses[1:] / losses[:-1] == pytest.approx((1 - 2 * share) ** 2)   # (1 − ηλmax)²


def test_knowing_nothing_costs_the_logarithm_of_ten():                       # cell gallery-question
    alike = torch.zeros(7, 10, dtype=torch.float64)
    assert F.cross_entropy(alike, torch.arange(7)).item() == pytest.approx(math.log(10))
