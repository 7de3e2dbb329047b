"""Exercises of chapter 06: what is said to rules that do not beat the bent valley."""

import torch

from course_utils.exercises import banks
from course_utils.exercises.judging import examine


def found(rule):
    return examine(banks.find("opt-beat"), rule)


def momentum(lr, mu, within=torch.inf):
    def my_rule(theta, grad, state, step):
        state["m"] = mu * state.get("m", 0) - lr * grad
        return (theta + state["m"]).clamp(-within, within)
    return my_rule


def test_a_rule_that_diverges_is_not_taken_for_another_one_that_does():
    for rule in (momentum(0.00286, 0.5), momentum(0.01, 0.9)):   # as fast as "uphill", "too fast"
        assert not found(rule).mistake and found(rule).message.startswith("It diverged")
    assert found(momentum(-0.001, 0)).mistake == "uphill"


def test_a_rule_that_fails_at_another_place_is_told_what_happens_there():
    finding = found(momentum(0.001, 0.95, within=3))

    assert not finding.mistake
    assert "moved to another place and turned. There after 300 gradients" in finding.message
    assert finding.got.startswith("losses 12.5, ")


def test_memory_outside_state_is_told():
    memory = {"m": 0}

    def my_rule(theta, grad, state, step):
        memory["m"] = 0.95 * memory["m"] - 0.001 * grad
        return theta + memory["m"]

    assert "belongs in `state`" in found(my_rule).message


def test_a_rule_may_draw_at_random():
    def my_rule(theta, grad, state, step):
        state["m"] = 0.95 * state.get("m", 0) - 0.001 * grad
        return theta + state["m"] + 1e-5 * torch.randn(2, dtype=theta.dtype)

    assert found(my_rule).passed
