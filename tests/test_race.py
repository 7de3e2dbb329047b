"""The races of chapter 06: bookkeeping against a plain loop, pictures, every control."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from course_utils.figures import new_figure
from course_utils.surfaces import SURFACES
from course_utils.widgets import Choice, Playground, Slider, playground
from course_utils.widgets.loss_panel import LossPanel
from course_utils.widgets.playground import FRAME
from course_utils.widgets.race import (
    fits_picture,
    looks,
    loss_and_slope,
    race,
    race_picture,
    standings,
)

f64 = torch.float64
START = torch.tensor([1.0, -2.0], dtype=f64)
BENDS = torch.tensor([1.0, 4.0], dtype=f64)


def bowl(theta):
    return (BENDS * theta**2).sum() / 2


def plain(theta, grad, state, step, *, lr):
    return theta - lr * grad


def in_place(theta, grad, state, step, *, lr):
    theta -= lr * grad
    return theta


def counting(theta, grad, state, step, *, lr, mu):
    state["calls"] = state.get("calls", 0) + 1
    assert state["calls"] == step + 1                # its own state, and steps from 0
    return theta - (lr + mu) * grad


def yields(count, *args):
    found, turns = [], race(*args)
    for _ in range(count):
        found.append(next(turns))
    return found


def always(**values):
    return lambda name: values


def test_a_rule_walks_as_in_a_plain_loop():
    states = yields(6, {"plain": plain}, bowl, START, always(lr=0.1))
    theta = START.numpy().copy()
    for state in states:
        assert_close(state["thetas"]["plain"], torch.from_numpy(theta))
        assert state["plain"] == pytest.approx(float((BENDS.numpy() * theta**2).sum() / 2))
        theta = theta - 0.1 * BENDS.numpy() * theta
    assert_close(torch.stack(list(states[-1]["places"]["plain"])),
                 torch.stack([s["thetas"]["plain"] for s in states]))


def test_a_rule_that_works_in_place_walks_alike_and_moves_no_other():
    states = yields(4, {"in place": in_place, "plain": plain}, bowl, START.clone(), always(lr=0.1))
    mine, other = (torch.stack(list(states[-1]["places"][name])) for name in ("in place", "plain"))
    assert_close(mine, other)
    assert_close(mine[0], START)


def test_each_rule_has_its_own_memory_and_gets_only_what_it_names():
    states = yields(4, {"a": counting, "b": counting, "plain": plain}, bowl, START,
                    always(lr=0.1, mu=0.05, alpha=9.0))
    assert_close(states[-1]["thetas"]["a"], START * (1 - 0.15 * BENDS) ** 3)
    assert_close(states[-1]["thetas"]["plain"], START * (1 - 0.1 * BENDS) ** 3)


def test_hyperparameters_are_asked_at_every_step():
    settings = {"lr": 0.1}
    turns = race({"plain": plain}, bowl, START, lambda name: settings)
    next(turns), next(turns)
    settings["lr"] = 0.2
    assert_close(next(turns)["thetas"]["plain"], START * (1 - 0.1 * BENDS) * (1 - 0.2 * BENDS))


@pytest.mark.parametrize("bad", [math.inf, math.nan, 1e9])
def test_who_runs_away_is_out_and_stays_where_it_was(bad):
    def runs_away(theta, grad, state, step, *, lr):
        return theta * bad if step == 2 else plain(theta, grad, state, step, lr=lr)

    states = yields(6, {"bad": runs_away, "plain": plain}, bowl, START, always(lr=0.1))
    assert [state["out"] for state in states] == [{}] * 3 + [{"bad": 3}] * 3
    assert_close(states[-1]["thetas"]["bad"], states[2]["thetas"]["bad"])
    assert len(states[-1]["places"]["bad"]) == 3
    assert math.isfinite(states[-1]["bad"])
    assert_close(states[-1]["thetas"]["plain"], START * (1 - 0.1 * BENDS) ** 5)


def test_an_infinite_place_is_out_even_where_the_loss_is_finite():
    def hill(theta):
        return torch.exp(-(theta**2).sum())              # 0 at infinity

    states = yields(3, {"far": lambda theta, grad, state, step: theta * math.inf}, hill, START,
                    always())
    assert states[-1]["out"] == {"far": 1}
    assert_close(states[-1]["thetas"]["far"], START)


def test_the_start_is_left_as_it_was_and_places_are_kept_for_two_parameters_only():
    start = torch.ones(3, dtype=f64)
    state = yields(3, {"plain": plain}, lambda theta: (theta**2).sum(), start, always(lr=0.1))[-1]
    assert state["places"] == {}
    assert_close(start, torch.ones(3, dtype=f64))


def test_wrong_rules_are_said_in_words():
    with pytest.raises(ValueError, match="at least one rule"):
        next(race({}, bowl, START, always(lr=1)))
    turns = race({"mine": lambda theta, grad, state, step: theta.sum()}, bowl, START, always())
    next(turns)
    with pytest.raises(ValueError, match=r"'mine' returned theta of shape \(\)"):
        next(turns)


def test_loss_and_slope_are_value_and_gradient():
    loss, gradient = loss_and_slope(bowl, START)
    assert loss == pytest.approx(8.5)
    assert_close(gradient, BENDS * START)
    assert not START.requires_grad


def test_looks_tell_rules_apart_and_yours_is_black():
    names = ["a", "b", "c", "yours", "d", "e", "f"]
    styles = looks(names)
    assert styles["yours"]["color"] == "#000000"
    assert len({(style["color"], str(style["linestyle"])) for style in styles.values()}) == 7
    assert looks(["yours", "a"])["a"] == styles["a"]
    with pytest.raises(ValueError, match="at most 6"):
        looks("abcdefg")


def test_the_map_shows_every_path_with_a_ring_at_its_end():
    fig, ax = new_figure()
    names = ["plain", "yours"]
    picture = race_picture(SURFACES, names)
    artists, update = picture(ax, {"surface": "rotated valley"})
    state = yields(5, {name: plain for name in names}, SURFACES["rotated valley"].f, START / 2,
                   always(lr=0.01))[-1]
    words = update(state)
    for line, name in zip(artists[:2], names, strict=True):
        np.testing.assert_allclose(np.transpose(line.get_data())[:5],
                                   torch.stack(state["places"][name]).numpy())
    assert artists[2].get_xdata() == [state["thetas"]["plain"][0].item()]
    assert words.startswith("lowest: ")
    fig.canvas.draw()


def test_the_fits_are_drawn_as_given():
    _, ax = new_figure()
    x = torch.arange(5.0)
    artists, update = fits_picture(x, x**2, x, ["a", "b"], "hour", "rentals")(ax, {})
    update({"a": 1.0, "b": 2.0, "out": {}, "shape": lambda theta: theta * x,
            "thetas": {"a": torch.tensor(2.0), "b": torch.tensor(3.0)}})
    assert artists[1].get_ydata().tolist() == (3 * x).tolist()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("hour", "rentals")


def test_standings_name_who_leads_and_who_is_out():
    state = {"a": 3.0, "b": 1.0, "c": 0.5, "out": {"c": 7}}
    assert standings(state, ["a", "b", "c"]) == "lowest: b; c has been out since step 7"


def test_a_playground_takes_its_curves_looks_from_the_rules():
    def train(settings):
        yield from race({"plain": plain, "yours": plain}, SURFACES[settings.surface].f, START / 2,
                        lambda name: {"lr": settings.lr})

    names = ["plain", "yours"]
    shown = Playground(
        "race-test", train, race_picture(SURFACES, names),
        {"surface": Choice(["bowl", "saddle"], live=False), "lr": Slider(0.001, 1.0, 0.1)},
        steps=5, log_loss=True, looks=looks(names), speed="50 steps a second")
    assert shown._transport.speed.value == "50 steps a second"
    lines = {line.get_label(): line for line in shown._loss.artists}
    assert lines["yours"].get_color() == "#000000" and lines["yours"].get_linewidth() == 2.4
    before = shown.current.curves["plain"][-1]
    shown.move(lr=0.2).reset()
    shown.run_now(5)
    assert shown.current.curves["plain"][-1] != before
    shown.move(surface="saddle").reset()
    assert "saddle" in shown._axes[0].get_title()


def test_frames_keep_their_time_but_leave_a_third_to_training(monkeypatch):
    now = [100.0]
    clock = SimpleNamespace(perf_counter=lambda: now[0])
    p = Playground("race-pace", lambda settings: race({"plain": plain}, bowl, START,
                                                      always(lr=0.1)),
                   race_picture(SURFACES, ["plain"]), {"surface": Choice(["bowl", "saddle"])})
    p._planned = p._next_frame = 0.0
    monkeypatch.setattr(playground, "time", clock)

    def draw(at, lasts):                                 # → when the next frame is due
        now[0] = at
        monkeypatch.setattr(p._live, "redraw", lambda *a, **k: now.__setitem__(0, at + lasts))
        p._draw(moving=True)
        assert p._slice() <= playground.SLICE
        return p._next_frame

    due = draw(100.0, 0.01)
    assert due == pytest.approx(100.015)                 # after idling one frame is made up for
    due = draw(due, 0.01)
    assert due == pytest.approx(100.0 + FRAME)
    assert draw(due + 0.02, 0.01) == pytest.approx(due + FRAME)          # late, and caught up
    due = draw(due + FRAME, 0.06)
    assert due == pytest.approx(now[0] + 0.03)           # a long frame: training has its turn
    now[0] = due - 0.004
    assert p._slice() == pytest.approx(0.004)            # and stops when the frame is due


def test_the_loss_axis_moves_seldom_and_never_below_rounding():
    _, ax = new_figure()
    panel = LossPanel(ax, 2000, log=True)
    run = SimpleNamespace(curves={"plain": [1.0]}, at={"plain": [0]}, settings={}, changes={})
    panel.start(run, [], None)
    limits = []
    for step in range(1, 2000):
        run.curves["plain"].append(0.97**step)           # down to 1e-26
        run.at["plain"].append(step)
        panel.follow(run)
        limits.append(ax.get_ylim())
    assert len(set(limits)) <= 7
    assert limits[-1][0] == pytest.approx(1e-15)
    assert all(low <= max(0.97 ** (k + 1), 1e-15) for k, (low, _) in enumerate(limits))
