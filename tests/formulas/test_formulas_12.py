"""Formulas of chapter 12: costs of windows, scores of a head, a recurrent cell and its gates."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from course_utils.exercises import ch12
from tests.chapter import Chapter, draw
from tests.formulas.stated import formula


@pytest.fixture(scope="module")
def chapter():
    return Chapter("12").names(["window-costs"])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("T, radius, size", [(64, 4, 16), (100, 16, 32)])
def test_the_costs_are_those_of_the_words(chapter, T, radius, size):         # cell window-count
    d, heads, w = 8, 8, 2 * radius + 1
    said = {"full": 2 * T**2 * d, "windows": 2 * T * w * d,
            "blocks": 2 * T * (size + 2 * radius) * d}
    for name, adds in said.items():
        found, kept = chapter.costs[name](T, radius, size)
        assert found == heads * adds
        assert kept == 4 * heads * adds // (2 * d)           # 4 bytes for each weight


@formula("12", "conv-question",
         r"\text{score}_{ij} = -\alpha\,\lVert (p_j - p_i) - \Delta \rVert^2")
@pytest.mark.parametrize("n, offset, alpha", [(3, (-1, 1), 2.5), (4, (0, 1), 1.0), (2, (1, 0), 3)])
def test_the_scores_of_a_head_are_the_formula(n, offset, alpha):
    p = np.array([(row, column) for row in range(n) for column in range(n)])
    score = [[-alpha * np.linalg.norm((p[j] - p[i]) - np.array(offset)) ** 2
              for j in range(n * n)] for i in range(n * n)]

    assert_close(ch12.head_scores(n, offset, alpha), torch.tensor(score, dtype=torch.float64))


@pytest.mark.parametrize("alpha", [0.5, 3.0, 30.0])
def test_a_pixel_beside_the_wanted_one_weighs_e_to_the_minus_alpha_of_it(alpha):  # cell conv-words
    weights = ch12.head_scores(5, (-1, -1), alpha).softmax(-1)[12].view(5, 5)    # of the middle
    beside = torch.stack([weights[0, 1], weights[2, 1], weights[1, 0], weights[1, 2]])

    assert_close(beside / weights[1, 1], torch.full((4,), np.exp(-alpha), dtype=torch.float64))


@formula("12", "cell-question", r"h_t = \tanh(W_x x_t + W_h h_{t-1} + b), \qquad h_0 = 0.")
def test_the_states_are_those_of_the_formula_and_of_torch(chapter):
    x, W_x, W_h, b = draw(6, 3), draw(5, 3, number=1), draw(5, 5, number=2), draw(5, number=3)
    h, states = np.zeros(5), []
    for x_t in x.numpy():
        h = np.tanh(W_x.numpy() @ x_t + W_h.numpy() @ h + b.numpy())
        states.append(h)
    right = torch.from_numpy(np.stack(states))

    assert_close(chapter.recurrent(x[None], W_x, W_h, b)[0], right)
    rnn = nn.RNN(3, 5, batch_first=True).double()
    for name, value in (("weight_ih", W_x), ("weight_hh", W_h), ("bias_ih", b), ("bias_hh", 0 * b)):
        getattr(rnn, f"{name}_l0").data.copy_(value)
    assert_close(rnn(x[None])[0][0], right)


@formula("12", "gate-text", r"c_t = f_t \odot c_{t-1} + i_t \odot g_t, \qquad "
         r"f_t = \sigma(\dots + b_f),")
def test_the_cell_of_an_lstm_keeps_and_adds_as_the_formula_says(chapter):
    torch.manual_seed(0)
    forget = 1.5
    cell = chapter.Recurrent(nn.LSTM, forget=forget, d=4).double().cell
    W_x, W_h = cell.weight_ih_l0.detach().numpy(), cell.weight_hh_l0.detach().numpy()
    b = (cell.bias_ih_l0 + cell.bias_hh_l0).detach().numpy()
    assert_close(cell.bias_ih_l0[4:8].detach(), torch.full((4,), forget, dtype=torch.float64))
    x, h, c = draw(7, 4), np.zeros(4), np.zeros(4)
    for x_t in x.numpy():
        i, f, g, o = np.split(W_x @ x_t + W_h @ h + b, 4)    # b_f is in f
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)

    _, (state, kept) = cell(x[None])
    assert_close(kept[0, 0].detach(), torch.from_numpy(c))
    assert_close(state[0, 0].detach(), torch.from_numpy(h))


@pytest.mark.parametrize("b_f", [0.0, 1.0, 4.0])
def test_a_share_sigma_of_b_f_to_the_t_is_left_after_t_steps(chapter, b_f):  # cell gate-text
    T, d = 12, 32
    cell = chapter.Recurrent(nn.LSTM, forget=b_f).double().cell
    with torch.no_grad():
        for weight in (cell.weight_ih_l0, cell.weight_hh_l0, cell.bias_hh_l0):
            weight.zero_()
        cell.bias_ih_l0[2 * d : 3 * d] = 0.0     # g = tanh(0): nothing is added
        start = torch.zeros(1, 1, d).double(), torch.ones(1, 1, d).double()
        _, (_, kept) = cell(torch.zeros(1, T, d).double(), start)

    assert_close(kept, torch.full_like(kept, sigmoid(b_f) ** T))
