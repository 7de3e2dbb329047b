"""Chapter 13: its frame and its eight faults, its tools against slow oracles, the project."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.testing import assert_close

from course_utils.capstone import FAULTS, healthy_script, run_script
from course_utils.widgets.run import Run
from course_utils.widgets.settings import Settings
from tests.chapter import Chapter, assert_seen, draw

CHAPTER = Chapter("13")
LEAK = "leaking test data"


@pytest.fixture(scope="module")
def chapter():
    order = ["frame-data", "frame-run", "project-data", "project-train", "project-run",
             "project-controls", "project-playground"]
    return CHAPTER.names(order, baseline=0.75, know_nothing=math.log(10), epochs=range(1, 16))


def stream(number=0):
    return torch.Generator().manual_seed(number)


def shared_rows(first, second):
    return int((torch.cdist(first.double(), second.double()) < 1e-3).any(1).sum())


# ---- the frame and its faults --------------------------------------------------------------------


@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_only_a_leak_learns_from_held_out_rows(chapter, fault):
    (x, label), (x_held, label_held) = chapter.split(fault, stream())

    assert len(x) == len(label) == 700 and len(x_held) == len(label_held) == 597
    assert shared_rows(x_held, x) == (597 if fault == LEAK else 0)


@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_only_unscaled_features_have_a_mean_and_a_large_spread(chapter, fault):
    (x, _), _ = chapter.split(fault, stream())

    scaled = bool(x.mean(0).abs().max() < 1e-4 and x.std(0).max() < 1)
    assert scaled == (fault != "unscaled features")


def test_shuffling_moves_the_labels_and_leaves_the_images(chapter):
    (x, label), held = chapter.split(None, stream(3))
    (same_x, shuffled), same_held = chapter.split("shuffled labels", stream(3))

    assert torch.equal(x, same_x) and torch.equal(held[1], same_held[1])
    assert torch.equal(label.bincount(), shuffled.bincount())
    assert (label == shuffled).double().mean() < 0.25


def test_a_double_softmax_has_a_floor_above_zero(chapter):
    label = torch.arange(10)
    perfect = 1000 * F.one_hot(label, 10).double()

    assert_close(chapter.wrong_loss["double softmax"](perfect, label),
                 torch.tensor(math.log(1 + 9 / math.e)).double())


@pytest.mark.parametrize("n", [1, 10, 600])
def test_the_wrong_dimension_compares_the_images_of_a_batch(chapter, n):
    label = torch.arange(n) % 10
    cost = chapter.wrong_loss["wrong dim"](torch.zeros(n, 10).double(), label)

    assert_close(cost, torch.tensor(math.log(n)).double())      # not ln 10


def after(chapter, fault):
    return chapter.train(fault, start=5, epochs=2)


@pytest.mark.parametrize("n", [100, 600])
def test_along_the_wrong_dimension_perfect_answers_cost_about_ln_of_a_tenth(chapter, n):
    label = torch.arange(n) % 10
    cost = chapter.wrong_loss["wrong dim"](1000 * F.one_hot(label, 10).double(), label)

    assert_close(cost, torch.tensor(math.log(n / 10)).double())


def test_without_zero_grad_earlier_gradients_stay(chapter):
    sizes = {fault: torch.cat([p.grad.flatten() for p in after(chapter, fault).net.parameters()]
                              ).norm() for fault in (None, "missing zero_grad")}

    assert sizes["missing zero_grad"] > 3 * sizes[None]


def test_a_forgotten_eval_leaves_the_net_in_train_mode(chapter):
    assert after(chapter, "forgotten eval()").net.training
    assert not after(chapter, None).net.training


def test_a_run_records_what_measuring_again_gives(chapter):
    run = after(chapter, None)
    scores = run.net(run.x_held)

    assert np.shape(run.curves) == (2, 4) and len(run.learning) == 2
    assert run.curves[-1][2] == pytest.approx(F.cross_entropy(scores, run.label_held).item())
    assert run.curves[-1][3] == pytest.approx(
        (scores.argmax(1) == run.label_held).double().mean().item())
    assert chapter.missed_by(run) == pytest.approx(0, abs=1e-6)


def test_only_the_rate_fault_changes_the_rate_and_start_is_the_net_before(chapter):
    for fault in (None, *FAULTS):
        run = chapter.new_run(fault, 0, lr=0.5)
        assert run.lr == (20.0 if fault == "a rate beyond 2/λmax" else 0.5)
        for new, old in zip(run.net.parameters(), run.start.parameters(), strict=True):
            assert torch.equal(new, old) and new is not old


@pytest.mark.parametrize("train, held, place", [
    (0.1, 0.2, "fine"), (0.1, 3.0, "overfitting or mismatch"), (2.0, 0.1, "bias or optimisation"),
    (math.nan, 0.1, "bias or optimisation"), (math.inf, 1.0, "bias or optimisation")])
def test_the_map_reads_the_last_losses(chapter, train, held, place):
    assert chapter.place([9.0, train], [9.0, held]) == place


# ---- the tools -----------------------------------------------------------------------------------


def test_curves_of_one_heap_are_not_set_apart_and_shifted_ones_are():
    heap = 1 + 0.1 * draw(16, 15, number=1).abs().numpy()
    learning = {None: heap[:8], "same": heap[8:], "other": 5 * heap[8:]}
    chapter = CHAPTER.names([], learning=learning)

    assert chapter.set_apart("same") == pytest.approx(1, abs=0.3)
    assert chapter.set_apart("other") > 5
    assert chapter.named_rightly(heap[:8], 5 * heap[8:]) == 16
    assert chapter.named_rightly(heap[:8], heap[:8] * 1.0) == 0       # twins of the other kind


def test_nearest_is_found_as_by_plain_loops(chapter):
    x, others = draw(4, 3), draw(6, 3, number=1)
    distance, which = chapter.nearest(x, others)
    slow = torch.stack([torch.stack([(a - b).square().sum().sqrt() for b in others]) for a in x])

    assert_close(distance, slow.min(1).values)
    assert torch.equal(which, slow.argmin(1))


def test_twins_are_the_share_of_held_out_rows_that_were_learned_from(chapter):
    run = SimpleNamespace(x_train=torch.eye(4), x_held=torch.cat([torch.eye(4)[:1],
                                                                  2 * torch.eye(4)[:3]]))
    assert chapter.twins(run) == 0.25


def test_measuring_in_a_mode_leaves_the_net_as_it_was(chapter):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 50), nn.Dropout(0.5), nn.Linear(50, 3)).train()
    x, label = draw(20, 5).float(), torch.arange(20) % 3
    again = [chapter.loss_in("eval", net, F.cross_entropy, x, label) for _ in range(2)]
    noisy = [chapter.loss_in("train", net, F.cross_entropy, x, label) for _ in range(2)]

    assert net.training and again[0] == again[1] and noisy[0] != noisy[1]


def test_the_steepest_curvature_is_that_of_the_formula(chapter):
    x, label = draw(30, 6), draw(30, 1, number=1)
    net = nn.Linear(6, 1, bias=False).double()
    H = 2 * x.T @ x / 30

    found = chapter.steepest(net, F.mse_loss, x, label)
    assert found == pytest.approx(torch.linalg.eigvalsh(H)[-1].item())


@pytest.mark.parametrize("lr", [0.1, 0.5, 1.1])
def test_descent_on_a_parabola_multiplies_by_one_minus_rate_times_curvature(chapter, lr):
    theta, losses = chapter.descend(lambda t: (t**2).sum() / 2, torch.ones(1).double(), lr, 7)

    assert_close(theta, torch.full((1,), (1 - lr) ** 7).double())
    assert losses == pytest.approx([(1 - lr) ** (2 * k) / 2 for k in range(7)])


def test_the_squared_error_is_summed_over_classes(chapter):
    label, scores = torch.tensor([0, 2]), draw(2, 3)
    chapter = CHAPTER.names([], nn=SimpleNamespace(functional=SimpleNamespace(
        one_hot=lambda label, K: F.one_hot(label, 3))))
    slow = sum((scores[n, k] - (label[n] == k).double()) ** 2 for n in range(2) for k in range(3))

    assert_close(chapter.squared(scores, label), slow / 2)


def test_beyond_the_limit_a_settled_squared_error_grows_and_below_it_falls(chapter):
    run = chapter.beyond(chapter.squared, 3)

    assert run[1.5].max() > 1.5 * run[1.5][0] and run[0.9].max() == run[0.9][0]
    assert chapter.limit_holds([{0.9: np.array([1, 0.5]), 1.5: np.array([1, 3])}])
    assert not chapter.limit_holds([{0.9: np.array([1, 1.1]), 1.5: np.array([1, 3])}])
    assert not chapter.limit_holds([{0.9: np.array([1, 0.5]), 1.5: np.array([1, 1.9])}])


def test_after_the_leap_the_limit_has_moved_for_cross_entropy_only(chapter):
    squared, entropy = (chapter.beyond(loss, 3)["number after"] for loss in
                        (chapter.squared, chapter.cross_entropy))

    assert 0.8 < squared < 1.4 and entropy < 0.4             # η λmax / 2; 1.5 before


def test_without_settling_a_run_begins_at_the_random_start(chapter):
    run = chapter.beyond(chapter.squared, 3, settle=0)

    assert run[1.5][0] == run[0.9][0] > 0.9                  # answers of nothing: 1
    assert run[1.5][0] > 3 * chapter.beyond(chapter.squared, 3)[1.5][0]
    assert not chapter.limit_holds([run])                    # there it does not grow


def test_medians_are_those_of_the_runs_and_six_points_decide():
    accuracy = {fault: np.array([0.9, 0.9, 0.1]) for fault in [None, *FAULTS]}
    accuracy["unscaled features"] = np.array([0.83, 0.83, 0.99])
    curves = {fault: np.repeat(values[:, None, None], 4, 2) for fault, values in accuracy.items()}
    names = CHAPTER.names(["frame-data", "accuracy-run"], kinds=[None, *FAULTS], curves=curves,
                          runs={None: [], LEAK: []})

    assert names.median["unscaled features"] == 0.83 and names.median[None] == 0.9
    assert [fault for fault in FAULTS if fault not in names.unsuspicious] == ["unscaled features"]


def test_the_practice_case_is_shown_by_the_layer_that_did_not_move(chapter):
    practice = healthy_script().replace("net.parameters()", "net[0].parameters()")

    assert practice != healthy_script()
    assert chapter.least_moved(run_script(practice)) == 0
    assert chapter.least_moved(run_script(healthy_script())) > 0.3


def test_the_unseen_accuracy_scales_by_the_rows_that_were_learned_from(chapter):
    class Known(nn.Module):                      # right wherever the scaled rows are as expected
        def forward(self, x):
            ok = torch.isclose(x, expected.to(x.dtype), atol=1e-4).all(1, keepdim=True)
            return F.one_hot(chapter.digits.test_y.long(), 10) * ok + 0.0

    kinds = [None, *FAULTS]
    names = CHAPTER.names(["frame-data"], kinds=kinds)
    for fault in (None, LEAK):
        g = names.generator(200 + kinds.index(fault))
        order = torch.randperm(1297, generator=g)
        rows = names.ink[order[-700:] if fault == LEAK else order[:700]]
        expected = (16 * names.digits.test_x.flatten(1) - rows.mean(0)) / (rows.std(0) + 1)
        assert names.unseen(SimpleNamespace(net=Known()), fault, 2) == 1


# ---- the project ---------------------------------------------------------------------------------

PLAIN = {"kind": "fully connected", "width": 32, "depth": 1, "rule": "SGD", "lr": 0.1,
         "batch_size": 50, "dropout": 0.5, "weight_decay": 0.0, "shift": False, "fade": False}


def settings(**changes):
    return SimpleNamespace(**{**PLAIN, **changes}, seed=1)


@pytest.mark.parametrize("kind", ["fully connected", "convolutions"])
@pytest.mark.parametrize("depth", [1, 3])
def test_the_nets_give_ten_scores_and_have_the_layers_asked_for(chapter, kind, depth):
    net = chapter.make_net(settings(kind=kind, depth=depth, width=8, dropout=0.2))

    assert net(torch.zeros(2, 1, 14, 14)).shape == (2, 10)
    assert [part.p for part in net if isinstance(part, nn.Dropout)] == [0.2]
    linear = sum(isinstance(part, nn.Linear) for part in net)
    assert linear == (1 if kind == "convolutions" else depth + 1)


def test_the_three_sets_of_the_project_share_no_image(chapter):
    test = (F.avg_pool2d(chapter.fashion.test_x, 2) - chapter.mean) / chapter.spread
    train, held = chapter.x_train.flatten(1), chapter.x_held.flatten(1)

    assert len(train) == len(held) == 1000
    assert shared_rows(train, held) + shared_rows(test.flatten(1), held) == 0


def test_a_run_takes_600_updates_and_is_measured_at_every_tenth(chapter):
    states = list(chapter.project(settings(width=4)))
    state = states[-1]
    updates, train, held = zip(*state["accuracies"], strict=True)

    assert len(states) == 601 and list(updates) == list(range(0, 601, 10))
    assert held[-1] == chapter.share_right(state["net"], chapter.x_held, chapter.label_held)[0]
    assert train[-1] > train[0] + 0.2


def test_a_fading_rate_ends_at_nothing(chapter):
    moved = {}
    for fade in (False, True):
        before = None
        for number, state in enumerate(chapter.project(settings(width=4, fade=fade))):
            now = torch.cat([p.detach().flatten().clone() for p in state["net"].parameters()])
            moved[fade, number], before = (0 if before is None else (now - before).norm()), now
    assert moved[True, 600] < 0.02 * moved[False, 600]
    assert moved[True, 1] == pytest.approx(moved[False, 1].item())


def test_shifted_images_hold_the_same_pixels(chapter):
    x = draw(3, 1, 14, 14)
    moves = [chapter.shifted(x, stream(number)) for number in range(20)]

    assert all(torch.equal(m.flatten(1).sort().values, x.flatten(1).sort().values) for m in moves)
    assert sum(not torch.equal(m, x) for m in moves) > 10


@pytest.mark.parametrize("moves", [
    {"kind": "convolutions"}, {"width": 64}, {"depth": 3}, {"rule": "Adam"}, {"lr": 0.5},
    {"batch_size": 10}, {"dropout": 0.0}, {"weight_decay": 0.02}, {"shift": True},
    {"fade": True}], ids=lambda moves: next(iter(moves)))
def test_each_control_of_the_project_changes_the_picture(chapter, moves):
    assert_seen(chapter.board, moves, steps=80)


def whole_run(chapter, **changes):
    run = Run(chapter.project, Settings({"seed": 42069, **PLAIN, **changes}), 600)
    run.advance(601, math.inf)                   # the start, and 600 updates
    return run


def test_the_missions_can_be_reached_and_not_by_the_baseline(chapter):
    good = whole_run(chapter, rule="Adam", lr=0.003, width=128, fade=True)
    calm = whole_run(chapter, rule="Adam", lr=0.003, width=128, dropout=0.8, fade=True,
                     batch_size=100)
    plain, short = whole_run(chapter), Run(chapter.project, Settings({"seed": 1, **PLAIN}), 600)
    short.advance(20, math.inf)
    missions = CHAPTER.names(["frame-data", "project-data", "project-train", "project-run",
                              "project-controls", "project-playground"], baseline=0.795).missions
    reached = [[mission.goal(run) for mission in missions] for run in (good, calm, plain, short)]

    assert reached[0][:2] == [True, True] and reached[1][2]
    assert not any(reached[2][:2]) and not any(reached[3])
