"""Chapter 06: its own code, taken from the notebook, against plain oracles; missions."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from tests.chapter import Chapter, draw
from tools import canonical

CHAPTER = Chapter("06")
# Cells that are run as they stand; of the others only functions and classes are taken.
RUN = ["race-yours", "race-train", "race-controls", "race-playground", "real-train",
       "real-playground"]
f64 = torch.float64


@pytest.fixture(scope="module")
def chapter():
    """The chapter's names; `shown` holds what the cells of RUN displayed last."""
    return CHAPTER.names(RUN, corner=torch.tensor([10.0, 1.0], dtype=f64))


# ---- the rules (their formulas: formulas/test_formulas_06.py) -----------------------------------


def test_plain_descent_subtracts_the_rate_times_the_gradient(chapter):
    assert chapter.plain(-0.2, -1.0, {}, 1, lr=0.1) == pytest.approx(-0.1)


@pytest.mark.parametrize("rule", ["plain", "momentum", "adagrad", "rmsprop", "adam", "yours"])
def test_no_rule_changes_what_it_was_given(chapter, rule):
    theta, grad = draw(3), draw(3, number=1)
    before = theta.clone(), grad.clone()
    state = {}
    for step in range(3):
        getattr(chapter, rule)(theta, grad, state, step, lr=0.1)
        assert torch.equal(theta, before[0]) and torch.equal(grad, before[1])


# ---- walking and comparing -----------------------------------------------------------------------


def test_walk_follows_a_rate_that_changes(chapter):
    places = chapter.walk(chapter.plain, lambda theta: (theta**2).sum() / 2,
                          torch.ones(2, dtype=f64), 3, lambda t: 0.1 * (t + 1))
    assert_close(places[:, 0], torch.tensor([1.0, 0.9, 0.72, 0.504], dtype=f64))


def test_apart_is_zero_for_the_same_rule_and_sees_another_rate(chapter):
    def f(theta):
        return (theta**4).sum()

    places = chapter.walk_torch(lambda p: torch.optim.SGD(p, lr=9.0), f, draw(4), 20, 0.01)
    assert_close(places, chapter.walk(chapter.plain, f, draw(4), 20, 0.01))
    assert chapter.apart(chapter.plain, places, f, 0.01) < 1e-14
    assert chapter.apart(chapter.plain, places, f, 0.015) == pytest.approx(0.5, rel=1e-6)


def test_steps_until_counts_as_a_loop_does(chapter):
    lr = torch.tensor([0.1, 0.5, 1e-6], dtype=f64)
    count = chapter.steps_until(1.0, chapter.momentum, lambda theta: theta**2 / 2, 4.0, lr, 50,
                                mu=0.0)
    by_hand = [math.ceil(math.log(1 / 4) / math.log(1 - rate)) for rate in (0.1, 0.5)]
    by_hand[1] += 1                                  # 4 · ½² = 1 is not yet below 1
    assert count.tolist() == [*by_hand, math.inf]


def test_needed_steps_of_plain_descent_are_those_of_the_gentle_direction(chapter):
    for ratio in (20, 200):
        share = 2e-6                                 # both directions count 1 at the start
        by_hand = math.ceil(math.log(share) / (2 * math.log(1 - 1 / ratio)))
        assert chapter.needed(chapter.plain, ratio, 1.0) == by_hand


def test_sigma_read_off_the_steps_is_the_root_mean_square(chapter):
    series = chapter.change_at(5, 12)
    assert series.tolist() == [1.0] * 5 + [10.0] * 7
    sums = np.cumsum(series.numpy() ** 2)
    by_hand = np.sqrt(sums / np.arange(1, 13))
    np.testing.assert_allclose(chapter.sigmas(chapter.adagrad, series), by_hand, rtol=1e-8)


@pytest.mark.parametrize("t", [10, 100])
def test_steps_to_half_follow_from_the_formulas(chapter, t):
    k = next(k for k in range(1, 10**4) if math.sqrt((t + 100 * k) / (t + k)) > 5.5)
    assert chapter.steps_to_half(chapter.adagrad, t) == k
    k = next(k for k in range(1, 10**4) if math.sqrt(0.9**k + 100 * (1 - 0.9**k)) > 5.5)
    assert chapter.steps_to_half(chapter.rmsprop, t) == k


def test_the_schedule_warms_up_and_stays(chapter):
    settings = {"lr": torch.tensor([0.1, 0.2]), "warm": torch.tensor([4.0, 1.0])}
    rates = torch.stack([chapter.warm_up(step, settings) for step in range(6)])
    assert_close(rates[:, 0], torch.tensor([0.025, 0.05, 0.075, 0.1, 0.1, 0.1]))
    assert_close(rates[:, 1], torch.full((6,), 0.2))


# ---- the races -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("cell", "mission", "settings", "steps"), [
    ("race-playground", 0, {"lr": 0.05}, 300),
    ("race-playground", 1, {"surface": "Rosenbrock", "x": 0.2, "y": 0.75, "lr": 0.001,
                            "mu": 0.95}, 300),
    ("race-playground", 2, {"surface": "plateau", "lr_yours": 0.01, "lr_own": 0.001, "lr": 0.001},
     300),
    ("real-playground", 0, {"lr": 0.1, "mu": 0.95}, 300),
    ("real-playground", 1, {"lr": 1.0}, 60),
    ("real-playground", 2, {"lr_yours": 0.001}, 400),
])
def test_a_mission_can_be_reached_and_is_not_reached_at_the_start(
    chapter, cell, mission, settings, steps
):
    playground = chapter.shown[cell]
    for key, control in playground._frame.controls.items():
        if key != "seed":
            playground.move(**{key: control.start()})
    playground.move(**settings).reset()
    goal = playground._frame.missions[mission].goal
    playground.run_now(steps)
    assert playground.current.error is None
    assert goal(playground.current)


@pytest.mark.parametrize("cell", ["race-playground", "real-playground"])
def test_no_mission_is_done_before_anything_was_moved(chapter, cell):
    playground = chapter.shown[cell]
    for key, control in playground._frame.controls.items():
        playground.move(**{key: control.start()})
    playground.reset()
    run = playground.run_now(playground.steps)
    assert not any(mission.goal(run) for mission in playground._frame.missions)


def test_the_start_is_a_share_of_the_map(chapter):
    playground = chapter.shown["race-playground"]
    playground.move(surface="Rosenbrock", x=0.25, y=0.5).reset()
    assert playground.current.state["thetas"]["Adam"].tolist() == [-1.0, 1.0]


def test_own_rates_and_shared_ones_go_to_the_right_rules(chapter):
    of = chapter.hyper_of(SimpleNamespace(lr=1, lr_own=2, lr_yours=3, mu=4, alpha=5))
    rates = {name: of(name)["lr"] for name in chapter.RULES}
    assert rates == {"plain": 1, "momentum": 1, "AdaGrad": 2, "RMSprop": 2, "Adam": 2, "yours": 3}


def test_the_curves_of_the_network_are_those_of_its_parameters(chapter):
    playground = chapter.shown["real-playground"]
    playground.reset()
    state = playground.run_now(3).state
    net = chapter.bike_net().double()
    torch.nn.utils.vector_to_parameters(state["thetas"]["Adam"], net.parameters())
    assert_close(state["shape"](state["thetas"]["Adam"]), net(chapter.fine)[:, 0].detach())


@pytest.mark.parametrize(("cell", "moves"), [
    ("race-playground", {"surface": "Beale"}), ("race-playground", {"x": 0.5}),
    ("race-playground", {"y": 0.8}), ("race-playground", {"lr": 0.005}),
    ("race-playground", {"lr_own": 0.02}), ("race-playground", {"lr_yours": 0.03}),
    ("race-playground", {"mu": 0.5}), ("race-playground", {"alpha": 0.6}),
    ("real-playground", {"lr": 0.01}), ("real-playground", {"lr_own": 0.003}),
    ("real-playground", {"lr_yours": 0.001}), ("real-playground", {"mu": 0.5}),
    ("real-playground", {"alpha": 0.6}),
])
def test_each_control_of_the_races_changes_the_picture(chapter, cell, moves):
    playground = chapter.shown[cell]

    def picture(**settings):
        for key, control in playground._frame.controls.items():
            playground.move(**{key: settings.get(key, control.start())})
        playground.reset()
        playground.earlier.clear()                   # no faint curve of the run before
        playground.reset()
        playground.run_now(25)
        return playground._live.png()

    assert picture() != picture(**moves)


# ---- what the text says --------------------------------------------------------------------------


def test_the_noisy_walks_are_twenty_loops_over_plain_numbers(chapter):
    places = chapter.noisy_walk(chapter.plain, 0.1, 4, 2, decay=True)
    assert places.shape == (4, 20, 2) and (places[0] == torch.tensor([10.0, 1.0])).all()
    noise = (places[0] - places[1]) / 0.1 - torch.tensor([0.1, 1.0], dtype=f64)
    assert 1e-4 < noise.std() < 3e-3
    steps = (places[:-1] - places[1:]) / places[:-1]
    by_hand = 0.1 / torch.arange(1, 4).double().sqrt() * 0.01
    assert_close(steps[:, :, 0].mean(1), by_hand, atol=1e-4, rtol=0)


def test_how_settings_were_found_is_told():
    assert "*Chosen after looking:*" in CHAPTER.prose
    assert "the last of six that were tried" in CHAPTER.code["warmup-break"].source
    assert CHAPTER.prose.count("*Correction to the notes:*") == 3


def test_cells_that_other_pages_link_to_are_there():
    ids = {"momentum-question", "torch-question", "plateau-question", "stuck-question",
           "limit-question", "needed-question", "rates-question", "adagrad-question",
           "sum-question", "burst-question", "rmsprop-question", "rms-torch-question",
           "schedule-question"}
    assert not ids - {cell.id for cell in canonical.read(CHAPTER.path).cells}
