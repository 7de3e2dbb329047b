"""Chapter 08: its own code, taken from the notebook, against plain oracles; missions."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from course_utils.widgets.run import Run
from course_utils.widgets.settings import Settings
from tests.chapter import Chapter, draw

CHAPTER = Chapter("08")
# Cells that are run as they stand; of the others only functions and classes. Order counts.
RUN = ["scale-code", "scale-tables", "skew-train", "skew-controls", "skew-playground",
       "inside-network", "inside-code", "live-train", "live-controls", "live-playground"]
f64 = torch.float64


@pytest.fixture(scope="module")
def chapter():
    return CHAPTER.names(RUN, cross_entropy=nn.functional.cross_entropy)


# ---- scales --------------------------------------------------------------------------------------


def test_the_hessian_is_autograds(chapter):
    x, label = draw(20, 3), draw(20, number=1)
    found = torch.func.hessian(lambda w: (x @ w - label).square().mean())(draw(3, number=2))

    assert_close(chapter.hessian(x), found)


def test_the_condition_number_is_numpys_squared_for_the_table_itself(chapter):
    x = draw(30, 4, number=3)

    assert chapter.condition(x) == pytest.approx(np.linalg.cond(x.numpy()) ** 2)


def test_scaling_changes_one_column_only(chapter):
    x = draw(5, 3, number=5)
    found = chapter.scaled(x, 1, 10)

    assert_close(found, x * torch.tensor([1.0, 10.0, 1.0]))
    assert_close(chapter.scaled(x, 2, 3), x * torch.tensor([1.0, 1.0, 3.0]))


def test_the_power_of_two_independent_features_is_two(chapter):
    x = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]], dtype=f64)

    assert chapter.power(x, 1, [1, 3, 10]) == pytest.approx(2)


def test_halves_are_half_the_rows_five_times_and_differ(chapter):
    halves = list(chapter.halves("wine"))

    assert len(halves) == 5 and all(x.shape == (71, 13) and len(y) == 71 for x, y in halves)
    assert not torch.equal(halves[0][0], halves[1][0])


def test_steps_are_those_of_descent_by_autograd(chapter):
    x, label = draw(50, 3, number=6) * torch.tensor([1.0, 2.0, 4.0]), draw(50, number=7)
    label = label + x @ torch.tensor([1.0, 0.5, -0.2], dtype=f64) + 3
    rows = torch.cat([torch.ones(50, 1, dtype=f64), x], dim=1)
    least = np.linalg.lstsq(rows.numpy(), label.numpy(), rcond=None)[1][0] / 50
    goal = least + 0.01 * (label.var(correction=0).item() - least)
    lr = 1 / np.linalg.eigvalsh((2 * rows.T @ rows / 50).numpy())[-1]
    theta, steps = torch.zeros(4, dtype=f64, requires_grad=True), 0
    while (loss := (rows @ theta - label).square().mean()) > goal:
        (g,) = torch.autograd.grad(loss, theta)
        theta, steps = (theta - lr * g).detach().requires_grad_(), steps + 1

    assert steps > 5 and chapter.steps_needed(x, label) == steps
    assert chapter.steps_needed(x, label, most=steps) == math.inf


# ---- the layer -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [2, 5, 64])
def test_the_layer_is_torchs_in_both_modes(chapter, size):
    mine, theirs = chapter.BatchNorm(4).double(), nn.BatchNorm1d(4).double()
    with torch.no_grad():
        for layer in (mine, theirs):
            layer.weight.copy_(draw(4, number=8))
            layer.bias.copy_(draw(4, number=9))
    for number in range(3):
        z = 3 * draw(size, 4, number=10 + number) - 1
        assert_close(mine(z), theirs(z))
    assert_close(mine.running_mean, theirs.running_mean)
    assert_close(mine.running_var, theirs.running_var)
    assert_close(mine.eval()(z), theirs.eval()(z))
    assert torch.equal(mine.running_mean, mine.eval().running_mean)


def test_a_batch_of_one_is_refused_in_train_mode_only(chapter):
    layer = chapter.BatchNorm(4)
    with pytest.raises(ValueError, match="alone"):
        layer(torch.zeros(1, 4))
    layer.eval()(torch.zeros(1, 4))


def test_gaps_see_another_eps_another_momentum_and_nothing_else(chapter):
    same = chapter.gaps(chapter.BatchNorm(7), nn.BatchNorm1d(7), 0)
    eps = chapter.gaps(chapter.BatchNorm(7, 1e-2), nn.BatchNorm1d(7), 0)
    momentum = chapter.gaps(chapter.BatchNorm(7, momentum=0.2), nn.BatchNorm1d(7), 0)

    assert max(same) < 1e-10
    assert eps[0] > 1e-4 and eps[1] < 1e-10
    assert momentum[0] < 1e-10 and momentum[1] > 1e-2 and momentum[2] > 1e-3


def test_layer_normalised_is_torchs(chapter):
    z = draw(6, 5, number=14)

    assert_close(chapter.layer_normalised(z), nn.functional.layer_norm(z, (5,)))


def test_moved_is_zero_off_the_diagonal_for_a_layer_without_coupling(chapter):
    batch, spare = draw(5, 3, number=15), draw(3, number=16)
    found = chapter.moved(lambda z: 2 * z, batch, spare)

    assert_close(found, torch.diag(2 * (spare - batch).abs().amax(1)).float())
    coupled = chapter.moved(lambda z: z - z.mean(0), batch, spare)
    assert (coupled > 0).all()


# ---- networks ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("place", "kinds"), [
    ("before", ["Linear", "BatchNorm", "ReLU", "Linear", "BatchNorm", "ReLU", "Linear"]),
    ("after", ["Linear", "ReLU", "BatchNorm", "Linear", "ReLU", "BatchNorm", "Linear"])])
def test_the_network_puts_the_layer_where_it_is_asked_to(chapter, place, kinds):
    net = chapter.network(2, "BatchNorm", place=place)

    assert [type(layer).__name__ for layer in net] == kinds


def test_hes_start_has_its_spread_and_the_default_a_smaller_one(chapter):
    torch.manual_seed(0)
    he, default = (chapter.network(6, start=start)[4].weight.std().item()
                   for start in ("He", "default"))

    assert he == pytest.approx(math.sqrt(2 / 32), rel=0.1)
    assert default == pytest.approx(1 / math.sqrt(3 * 32), rel=0.1)


def test_before_relu_is_what_hooks_see(chapter):
    net, images, seen = chapter.network(3), torch.rand(5, 64), []
    for layer in net:
        if isinstance(layer, nn.ReLU):
            layer.register_forward_hook(lambda layer, got, out: seen.append(got[0].clone()))
    found = chapter.before_relu(net, images)
    net(images)

    assert len(found) == 3 and all(map(torch.equal, found, seen[3:]))


def test_wider_asks_for_more_rates_and_larger_ones(chapter):
    assert chapter.wider([0.1, 1.0], [0.3]) and chapter.wider([0.1], [])
    assert not chapter.wider([0.1, 0.3], [1.0]) and not chapter.wider([1.0], [0.3])
    assert not chapter.wider([0.1, 0.3], [0.1, 0.3]) and not chapter.wider([], [])


def test_a_difference_counts_if_25_of_36_pairs_agree(chapter):
    one, other = np.ones(36), np.zeros(36)
    other[:11] = 2.0
    assert chapter.clearly_above(one, other)
    other[11] = 1.0                                  # a tie is no win
    assert not chapter.clearly_above(one, other)


# ---- playgrounds ---------------------------------------------------------------------------------


def run_until(make, mission, steps, **settings):
    """The step at which the mission is reached, or None."""
    run = Run(make, Settings({"seed": 42069, **settings}), steps)
    while not run.stopped:
        run.advance(1, math.inf)
        if mission.goal(run):
            return run.step
    return None


def skewed(**other):
    return {"scale": 10.0, "normalise": False, "lr": 0.0095, "batch_size": 1024, **other}


def layered(**other):
    return {"depth": 8, "norm": "none", "start": "He", "place": "before", "lr": 0.1, **other}


def test_the_skew_missions_can_be_reached_and_not_by_accident(chapter):
    slow, quick, _ = chapter.missions

    assert run_until(chapter.skew, slow, 250, **skewed()) is not None
    assert run_until(chapter.skew, slow, 250, **skewed(lr=0.001)) is None
    assert run_until(chapter.skew, slow, 250, **skewed(scale=3.0, lr=0.05)) is None
    assert run_until(chapter.skew, quick, 15, **skewed(normalise=True, lr=0.4)) is not None
    assert run_until(chapter.skew, quick, 15, **skewed()) is None


def test_the_loss_can_be_made_to_explode_by_the_scale_alone(chapter):
    settings = Settings({"seed": 1, **skewed(scale=2.0, lr=0.1)})
    run = Run(chapter.skew, settings, 600)
    run.advance(20, math.inf)
    assert not chapter.missions[2].goal(run)
    settings.write("scale", 20.0)
    run.note_change("scale")
    run.advance(20, math.inf)

    assert chapter.missions[2].goal(run)


def test_the_skew_states_loss_is_the_height_above_least_squares(chapter):
    state = next(chapter.skew(SimpleNamespace(seed=1, **skewed(scale=3.0))))
    x = chapter.scaled(chapter.pair, 1, 3.0)

    def loss(w):
        return (x @ w - chapter.rented).square().mean()

    assert_close(state["train"], loss(state["places"][0]) - loss(state["best"]))
    assert_close(state["hessian"], 2 * x.T @ x / len(x))


def test_the_layers_missions_can_be_reached(chapter):
    low, fast, spread = chapter.live_missions

    assert run_until(chapter.live, low, 400, **layered())
    assert run_until(chapter.live, low, 400, **layered(start="default")) is None
    assert run_until(chapter.live, fast, 400, **layered(norm="BatchNorm", lr=1.0))
    assert run_until(chapter.live, spread, 400, **layered(depth=16, lr=0.03))


@pytest.mark.parametrize("change", [
    {"depth": 3}, {"norm": "BatchNorm"}, {"norm": "LayerNorm"}, {"start": "default"},
    {"place": "after", "norm": "BatchNorm"}, {"lr": 0.01}, {"seed": 2}])
def test_each_control_of_the_layers_changes_what_is_seen(chapter, change):
    def seen(settings):
        run = Run(chapter.live, Settings({"seed": 1, **settings}), 5)
        run.advance(4, math.inf)
        return [z.std().item() for z in run.state["layers"]]

    base = layered() | ({"norm": "BatchNorm"} if "place" in change else {})
    assert seen(layered()) == seen(layered())
    assert seen(base) != seen(base | change)


@pytest.mark.parametrize("change", [{"scale": 5.0}, {"normalise": True}, {"lr": 0.02},
                                    {"batch_size": 4}, {"seed": 2}])
def test_each_control_of_the_scale_changes_the_path(chapter, change):
    def path(settings):
        run = Run(chapter.skew, Settings({"seed": 1, **settings}), 5)
        run.advance(4, math.inf)
        return torch.stack(run.state["places"])

    base = skewed(scale=3.0)
    first, again, other = path(base), path(base), path(base | change)
    assert torch.allclose(first, again, rtol=1e-9)            # sums may differ by rounding
    assert not torch.allclose(first, other, rtol=1e-6)


@pytest.mark.parametrize("make", ["live", "skew"])
def test_the_rate_acts_in_mid_run(chapter, make):
    def losses(later):
        settings = Settings({"seed": 1, **(layered() if make == "live" else skewed(lr=0.005))})
        run = Run(getattr(chapter, make), settings, 9)
        run.advance(3, math.inf)
        settings.write("lr", later)
        run.advance(4, math.inf)
        return run.curves["train"]

    slow, quick = losses(1e-4), losses(9e-3)
    assert slow[:3] == pytest.approx(quick[:3], rel=1e-9)     # sums may differ by rounding
    assert slow[-1] != pytest.approx(quick[-1], rel=1e-6)


def test_longer_weights_before_the_layer_leave_its_output(chapter):
    z = draw(64, 4, number=17)

    assert_close(chapter.normalised(10 * z), chapter.normalised(z), rtol=1e-4, atol=1e-4)
