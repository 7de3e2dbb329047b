"""Chapter 02: its own code, taken from the notebook, against slow oracles; missions; pictures."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from course_utils import datasets
from course_utils.exercises import banks
from course_utils.seeding import generator
from tests.chapter import Chapter, assert_follows, draw, missions

CHAPTER = Chapter("02")
# Cells that are run as they stand; of the others only the functions are taken. Order counts.
RUN = ["data-load", "line-model", "loss-code", "surface-run", "line-playground", "minimum-model",
       "outlier-code", "day-load", "piece-figure", "build-playground", "pieces-train",
       "live-train", "live-playground"]
f64 = torch.float64


@pytest.fixture(scope="module")
def chapter():
    """The chapter's names; `shown` holds what the cells of RUN displayed last."""

    def scale(id, names):
        if id == "piece-figure":  # the next cells need it; its own cell trains for long
            names["fine_scaled"] = (names["fine"] - names["hour"].mean()) / names["hour"].std()

    return CHAPTER.names(RUN, between=scale)


def seed(number):
    return torch.Generator().manual_seed(number)


# ---- the line ------------------------------------------------------------------------------------


def test_the_pairs_are_a_day_and_the_day_after_it(chapter):
    births = datasets.births()
    assert len(chapter.x) == len(chapter.label) == births.split["train"].stop - 1
    for n in (0, 1, 2500, 4016):
        assert chapter.x[n] * 1000 == births.count[n].double()
        assert chapter.label[n] * 1000 == births.count[n + 1].double()


def test_no_line_of_a_fine_grid_has_a_lower_mae_than_the_best_mae_line(chapter):
    x, label = 12 + draw(40, number=4), 12 + 2 * draw(40, number=5)
    w, b = chapter.best_mae_line(x, label)
    found = chapter.mae(b + w * x, label)
    for turn in torch.linspace(-0.3, 0.3, 61):
        for lift in torch.linspace(-0.5, 0.5, 41):
            # turned around the middle of the cloud, so that the grid follows the valley
            other = b + lift + (w + turn) * x - turn * x.mean()
            assert chapter.mae(other, label) >= found - 1e-12


def test_a_line_between_two_equal_features_is_left_out(chapter):
    x = torch.tensor([1.0, 1.0] + list(range(2, 40)), dtype=f64)
    w, b = chapter.best_mae_line(x, 3 * x + 1)
    assert_close(torch.stack([w, b]), torch.tensor([3.0, 1.0], dtype=f64))


def test_the_shift_is_the_root_of_the_mean_squared_move(chapter):
    clean = draw(2, 40, number=6)
    lifted = (clean[0], clean[1] + 2)
    assert_close(chapter.shift(chapter.best_line, clean, lifted), torch.tensor(2.0, dtype=f64))


@pytest.mark.parametrize(("n", "size"), [(10, 4), (12, 4), (3, 8), (1, 1)])
def test_batches_deal_every_example_once_and_anew(chapter, n, size):
    g = seed(7)
    dealt, again = chapter.batches(n, size, g), chapter.batches(n, size, g)

    assert sorted(torch.cat(dealt).tolist()) == list(range(n))
    assert [len(batch) for batch in dealt[:-1]] == [size] * (math.ceil(n / size) - 1)
    assert n < 5 or torch.cat(dealt).tolist() != torch.cat(again).tolist()


# ---- many days -----------------------------------------------------------------------------------


def test_lagged_rows_hold_the_days_before_their_label(chapter):
    series = torch.arange(20, dtype=f64) ** 2
    rows, label = chapter.lagged(series, [1, 3, 7])
    assert rows.shape == (13, 3) and label.shape == (13,)
    for i in range(13):
        day = i + 7
        assert label[i] == series[day]
        assert rows[i].tolist() == [series[day - 1], series[day - 3], series[day - 7]]


def test_a_linear_fit_is_numpys(chapter):
    features, label = draw(40, 3, number=8), draw(40, number=9)
    ones = np.concatenate([np.ones((40, 1)), features], axis=1)
    assert np.allclose(chapter.fit_linear(features, label), np.linalg.lstsq(ones, label)[0])
    assert np.array_equal(chapter.with_ones(features), ones)


def test_days_ago_shifts_and_fills_with_zero():
    module = banks.bank("ch02")
    assert module.days_ago(torch.tensor([5.0, 6.0, 7.0]), 2).tolist() == [0, 0, 5]


# ---- pieces --------------------------------------------------------------------------------------


def test_a_curve_is_a_constant_plus_its_ramps(chapter):
    x, c, b, w = draw(9, number=10), draw(4, number=11), draw(4, number=12), draw(4, number=13)
    found = chapter.curve(x, torch.tensor([0.3], dtype=f64), c, b, w)
    for n in range(9):
        ramps = sum(c[k] * min(1, max(0, b[k] + w[k] * x[n])) for k in range(4))
        assert_close(found[n], 0.3 + ramps)


def test_restarts_in_front_are_each_their_own_curve(chapter):
    x, restarts = draw(9, number=14), chapter.random_pieces(4, 3, seed(15))
    together = chapter.curve(x, *restarts, torch.sigmoid)

    assert together.shape == (3, 9)
    for r in range(3):
        alone = chapter.curve(x, *[p[r] for p in restarts], torch.sigmoid)
        assert_close(together[r], alone)


def test_pieces_through_points_join_them_and_stay_flat_outside(chapter):
    knots = torch.tensor([0.0, 1.0, 4.0, 4.5], dtype=f64)
    heights = torch.tensor([2.0, -1.0, 3.0, 0.5], dtype=f64)
    x = torch.linspace(-2, 7, 91, dtype=f64)
    found = chapter.curve(x, *chapter.pieces_through(knots, heights))
    assert np.allclose(found, np.interp(x, knots, heights))


def test_no_other_heights_come_nearer(chapter):
    x, knots = torch.linspace(0, 1, 401, dtype=f64), torch.linspace(0, 1, 9, dtype=f64)
    found = chapter.best_heights(torch.exp, knots, x)

    hats = np.stack([np.interp(x, knots, row) for row in np.eye(9)], axis=1)
    oracle = hats @ np.linalg.lstsq(hats, np.exp(x.numpy()))[0]
    assert found.item() == pytest.approx(np.sqrt(np.mean((oracle - np.exp(x.numpy())) ** 2)))
    assert found < chapter.joined(torch.exp, knots, x)


def test_the_error_of_joined_points_is_the_textbooks(chapter):
    x, knots = torch.linspace(0, 1, 2001, dtype=f64), torch.linspace(0, 1, 11, dtype=f64)
    found = chapter.joined(lambda x: x**2, knots, x)
    assert found.item() == pytest.approx(2 * 0.1**2 / 8, rel=1e-6)     # max |f″| · width² / 8


def test_best_places_stand_close_where_the_curve_bends(chapter):
    x = torch.linspace(0, 1, 4001, dtype=f64)
    knots = chapter.best_places(lambda x: torch.tanh(20 * (x - 0.3)), 20, x)

    assert len(knots) == 21 and knots[0] == 0 and knots[-1] == 1 and (knots.diff() > 0).all()
    inside = ((knots > 0.15) & (knots < 0.45)).sum()
    assert inside > 14
    even = torch.linspace(0, 1, 21, dtype=f64)
    assert (chapter.joined(lambda x: torch.tanh(20 * (x - 0.3)), knots, x)
            < 0.3 * chapter.joined(lambda x: torch.tanh(20 * (x - 0.3)), even, x))


def test_restarts_trained_together_end_where_each_ends_alone(chapter):
    loss, theta = chapter.train_pieces(3, steps=60, restarts=4)
    start = chapter.random_pieces(3, 4, generator(23))
    alone = [p[2:3].detach().clone().requires_grad_() for p in start]
    optimizer = torch.optim.Adam(alone, lr=0.1)
    for _ in range(60):
        optimizer.zero_grad()
        last = ((chapter.curve(chapter.hour_scaled, *alone, torch.sigmoid)[0]
                 - chapter.rentals) ** 2).mean()
        last.backward()
        optimizer.step()

    assert loss.shape == (4,)
    assert_close(loss[2], last.detach())
    for together, one in zip(theta, alone, strict=True):
        assert_close(together[2], one[0].detach())


# ---- nets ----------------------------------------------------------------------------------------


def test_nets_in_one_tensor_are_pytorchs_nets(chapter):
    layers, x = chapter.random_nets([5, 7, 4, 1], 3, seed(16)), torch.randn(9, 5)
    found = chapter.run_nets(layers, x)

    assert found.shape == (3, 9)
    for r in range(3):
        net = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 4), nn.ReLU(), nn.Linear(4, 1))
        for linear, W, b in zip(net[::2], layers[::2], layers[1::2], strict=True):
            linear.weight.data, linear.bias.data = W[r].T.detach(), b[r, 0].detach()
        assert_close(found[r], net(x)[:, 0])


def test_each_run_is_dealt_every_example_once_in_an_order_of_its_own(chapter):
    first, second = chapter.deal(2, 10, 4, seed(18)), chapter.deal(2, 10, 4, seed(19))
    order = torch.cat(first, dim=1)                                   # (runs, n)

    assert [tuple(batch.shape) for batch in first] == [(2, 4), (2, 4), (2, 2)]
    assert order.sort(dim=1).values.tolist() == [list(range(10))] * 2
    assert order[0].tolist() != order[1].tolist()
    assert order.tolist() != torch.cat(second, dim=1).tolist()
    assert chapter.deal(2, 10, 10, seed(18)) == [slice(None)]


def test_nets_with_examples_of_their_own_are_each_net_with_its_examples(chapter):
    layers, x = chapter.random_nets([5, 4, 1], 3, seed(16)), torch.randn(3, 9, 5)
    found = chapter.run_nets(layers, x)
    for r in range(3):
        assert_close(found[r], chapter.run_nets([p[r:r + 1] for p in layers], x[r])[0])


def test_a_change_of_means_comes_with_two_standard_errors(chapter):
    first, second = draw(8, number=20), 1 + draw(8, number=21)
    step, margin = chapter.mean_change(first, second)
    spread = [np.var(one.numpy(), ddof=1) / 8 for one in (first, second)]
    assert step.item() == pytest.approx(second.mean().item() - first.mean().item())
    assert margin.item() == pytest.approx(2 * math.sqrt(sum(spread)))


def test_weeks_are_means_of_seven_days_and_a_rest_is_left_out(chapter):
    squares = torch.arange(34, dtype=f64).reshape(2, 17)
    assert chapter.by_week(squares).tolist() == [[3.0, 10.0], [20.0, 27.0]]


# ---- playgrounds ---------------------------------------------------------------------------------


def test_the_missions_of_the_line_can_be_reached(chapter):
    average, smallest, different = missions(chapter, "line-playground")
    for goal, w, b in ((average, 0.6, 4.5), (smallest, 0.43, 6.5), (different, 0.19, 9.3)):
        assert goal(SimpleNamespace(settings={"w": w, "b": b}))
    assert not average(SimpleNamespace(settings={"w": 1.0, "b": 0.5}))
    assert not different(SimpleNamespace(settings={"w": 0.19, "b": 6.5}))


def test_the_missions_of_the_pieces_can_be_reached(chapter):
    explorer = chapter.shown["build-playground"]
    one, four = missions(chapter, "build-playground")
    start = dict(explorer.settings)
    assert one(SimpleNamespace(settings=start | {"c1": 1.85}))
    built = {"n": 4, "b0": 0.15, "c1": 2.4, "b1": -2.0, "w1": 0.4, "c2": -1.0, "b2": -4.0,
             "w2": 0.5, "c3": 1.9, "b3": -7.5, "w3": 0.5, "c4": -2.8, "b4": -3.5, "w4": 0.2}
    for kind in ("hard", "soft"):
        assert four(SimpleNamespace(settings=start | built | {"kind": kind}))


def run_live(chapter, steps, **changes):
    """The live training without its widget: losses, and what it yielded last."""
    settings = SimpleNamespace(seed=1, lr=0.1, batch_size=24, rule="Adam", model="pieces", n=5)
    vars(settings).update(changes)
    losses = []
    for state, _ in zip(chapter.train(settings), range(steps + 1), strict=False):
        losses.append(state["train"].item())
    return SimpleNamespace(settings=vars(settings), step=steps, curves={"train": losses},
                           state=state, diverged=not math.isfinite(losses[-1]))


def test_the_missions_of_the_live_training_can_be_reached(chapter):
    diverge, steady, five = missions(chapter, "live-playground")
    wild = run_live(chapter, 300, rule="SGD", lr=10.0, model="line")
    assert diverge(wild) and not steady(wild)
    calm = run_live(chapter, 300, rule="SGD", lr=0.2)
    assert steady(calm) and not diverge(calm)
    assert any(five(run_live(chapter, 1000, seed=seed)) for seed in range(1, 6))


def test_the_live_line_ends_at_the_best_line(chapter):
    run = run_live(chapter, 400, rule="SGD", model="line")
    assert run.curves["train"][-1] == pytest.approx(chapter.line_loss, rel=1e-6)
    assert_close(run.state["curve"], chapter.best_line_curve, rtol=1e-5, atol=1e-5)


def test_every_live_setting_acts_on_the_running_training(chapter):
    def losses(**at_step_5):
        settings = SimpleNamespace(seed=1, lr=0.1, batch_size=24, rule="SGD", model="pieces", n=5)
        found = []
        for step, state in enumerate(chapter.train(settings)):
            found.append(state["train"].item())
            if step == 5:
                vars(settings).update(at_step_5)
            if step == 12:
                return found

    before = losses()
    for change in ({"lr": 0.5}, {"batch_size": 1}, {"rule": "Adam"}):
        after = losses(**change)
        assert after[:6] == before[:6] and after[8:] != before[8:], change


@pytest.mark.parametrize(("cell", "moves"), [
    ("line-playground", {"w": 0.5, "b": 3.0}),
    ("build-playground", {"n": 2, "kind": "soft", "b0": 1.0, "c1": 1.0, "b1": -3.0, "w1": 0.5}),
])
def test_each_control_changes_picture_and_words(chapter, cell, moves):
    explorer = chapter.shown[cell]
    explorer.move(c2=1.0) if "n" in moves else None       # a second piece that can be seen
    for name, value in moves.items():
        assert_follows(explorer, {name: value})


def test_the_live_picture_follows_the_curve(chapter):
    playground = chapter.shown["live-playground"]
    playground.reset()
    before = playground._live.png(), playground.alt
    playground.run_now(50)
    assert playground._live.png() != before[0] and playground.alt != before[1]
    assert "peak" in playground.alt


# ---- the chapter as a whole ----------------------------------------------------------------------


def test_the_corrections_of_the_notes_are_told():
    text = CHAPTER.prose
    assert text.count("*Correction to the notes:*") == 3
    for word in ("e^{-(b + wx)}", "belongs to the update", "one example's squared error"):
        assert word in text
