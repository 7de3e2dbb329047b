"""Exercises of chapter 09: right answers in other forms, wrong ones named, facts behind them."""

import numpy as np
import torch
from torch import nn
from torch.testing import assert_close

from course_utils.exercises import banks, ch09
from course_utils.exercises.judging import examine
from tests.chapter import Chapter

f64 = torch.float64


def found(id, answer):
    return examine(banks.find(id), answer)


def test_a_proximal_step_with_torchs_softshrink_in_two_clamps_or_with_where():
    def by_clamps(w, b, grad_w, grad_b, lr, strength):
        v, t = w - lr * grad_w, lr * strength
        return (v - t).clamp(min=0) + (v + t).clamp(max=0), b - lr * grad_b

    def by_torch(w, b, grad_w, grad_b, lr, strength):
        shrunk = nn.functional.softshrink(w - lr * grad_w, lr * strength)
        return [shrunk, b - lr * grad_b]

    def by_where(w, b, grad_w, grad_b, lr, strength):
        v, t = w - lr * grad_w, lr * strength
        return torch.where(v > t, v - t, torch.where(v < -t, v + t, 0.0)), b - lr * grad_b

    for answer in (by_clamps, by_where):
        assert found("regul-proximal", answer).passed
    assert_close(by_torch(*banks.find("regul-proximal").cases()[6].args)[0],
                 ch09.proximal_step(*banks.find("regul-proximal").cases()[6].args)[0])


def test_a_proximal_step_that_changes_its_input_is_refused():
    def in_place(w, b, grad_w, grad_b, lr, strength):
        w -= lr * grad_w
        return w.sign() * (w.abs() - lr * strength).clamp(min=0), b - lr * grad_b

    finding = found("regul-proximal", in_place)
    assert not finding.passed and "changes its input w" in finding.message


def test_lambda_chosen_with_folds_that_are_cut_in_another_way_of_writing():
    def by_slices(x, label, strengths, k):
        losses = torch.zeros(len(strengths), dtype=f64)
        for fold in np.array_split(np.arange(len(x)), k):
            rest = [row for row in range(len(x)) if row not in fold]
            for place, strength in enumerate(strengths):
                w, b = ch09.ridge(x[rest], label[rest], strength)
                losses[place] += (x[fold] @ w + b - label[fold]).square().mean()
        return float(strengths[int(losses.argmin())])

    assert found("regul-choose", by_slices).passed


def test_every_choice_of_lambda_is_clear_enough_to_survive_rounding():
    for case in banks.find("regul-choose").cases():
        assert ch09.choose_strength(*case.args) == ch09._choose_plainly(*case.args)


def test_fitting_all_rows_is_named_too():
    def peeking(x, label, strengths, k):
        losses = [torch.stack([(x[f] @ w + b - label[f]).square().mean()
                               for f in torch.arange(len(x)).tensor_split(k)]).mean()
                  for w, b in (ch09.ridge(x, label, s) for s in strengths)]
        return strengths[torch.stack(losses).argmin()].item()

    assert found("regul-choose", peeking).mistake == "measured on fitted rows"


def test_the_banks_ridge_is_the_chapters():
    chapter = Chapter("09").names([])
    g = torch.Generator().manual_seed(3)
    x, label = torch.randn(9, 4, generator=g, dtype=f64), torch.randn(9, generator=g, dtype=f64)
    assert_close(ch09.ridge(x, label, 0.3), chapter.ridge(x, label, 0.3))


def test_adamw_with_the_bias_correction_inside_the_rate_as_torch_writes_it():
    def as_torch(theta, grad, m, v, step, lr, weight_decay, beta1=0.9, beta2=0.999, eps=1e-8):
        theta = theta * (1 - lr * weight_decay)
        m, v = m + (1 - beta1) * (grad - m), beta2 * v + (1 - beta2) * grad * grad
        root = v.sqrt() / (1 - beta2 ** (step + 1)) ** 0.5 + eps
        return theta - lr / (1 - beta1 ** (step + 1)) * m / root, m, v

    assert found("regul-adamw", as_torch).passed


def test_adam_with_l2_is_told_apart_although_it_is_torchs_adam():
    def torchs_adam(theta, grad, m, v, step, lr, weight_decay, beta1=0.9, beta2=0.999, eps=1e-8):
        p = nn.Parameter(theta.clone())
        rule = torch.optim.Adam([p], lr=lr, weight_decay=weight_decay, betas=(beta1, beta2),
                                eps=eps)
        p.grad = grad.clone()
        rule.state[p] = {"step": torch.tensor(float(step)), "exp_avg": m.clone(),
                         "exp_avg_sq": v.clone()}
        rule.step()
        return p.detach(), rule.state[p]["exp_avg"], rule.state[p]["exp_avg_sq"]

    finding = found("regul-adamw", torchs_adam)
    assert finding.mistake == "Adam with L2"
