"""Chapter 03: its own code, taken from the notebook, against slow oracles; missions; pictures."""

import math
from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from course_utils.widgets.diagnosis import GUESSES
from tests.chapter import Chapter

CHAPTER = Chapter("03")
# Cells that are run as they stand; of the others only the functions and classes are taken.
RUN = ["digits-load", "cures-data", "augment-code", "live-read", "live-playground"]
SETTINGS = {"depth": 3, "width": 64, "rows": 500, "wrong": 0.0, "residual": False, "dropout": 0.0,
            "weight_decay": 0.0, "lr": 0.003, "seed": 1}
f64 = torch.float64


@pytest.fixture(scope="module")
def chapter():
    """The chapter's names; `shown` holds what the cells of RUN displayed last."""
    return CHAPTER.names(RUN, start=None, cross_entropy=nn.functional.cross_entropy,
                         know_nothing=math.log(10), degrees=range(10))


def seed(number):
    return torch.Generator().manual_seed(number)


# ---- the digits ----------------------------------------------------------------------------------


def test_accuracy_is_the_share_of_right_highest_scores(chapter):
    scores = torch.tensor([[0.1, 2.0, 0.3], [5.0, 4.0, 1.0], [0.0, 0.0, 9.0], [1.0, 0.0, 0.0]])
    assert chapter.accuracy(scores, torch.tensor([1, 1, 2, 0])) == 0.75


def test_a_network_ends_in_scores_and_has_the_sizes_asked_for(chapter):
    net = chapter.network(64, 16, 10)
    assert [type(layer) for layer in net] == [nn.Linear, nn.ReLU, nn.Linear]
    assert [tuple(p.shape) for p in net.parameters()] == [(16, 64), (16,), (10, 16), (10,)]


def test_validation_images_are_none_of_the_training_images(chapter):
    images, names = chapter.validation
    assert images.shape == (297, 64) and names.shape == (297,)
    distances = torch.cdist(images, chapter.x[:1000])
    assert (distances.min(dim=1).values > 0).all()


@pytest.mark.parametrize(("share", "wrong"), [(0.0, 0), (0.2, 20), (0.333, 33), (1.0, 100)])
def test_wrong_labels_are_as_many_as_asked_and_really_wrong(chapter, share, wrong):
    label = chapter.label[:100]
    names = chapter.mislabelled(label, share, seed(3))
    assert (names != label).sum() == wrong
    assert names.min() >= 0 and names.max() <= 9
    assert torch.equal(label, chapter.digits.train_y[:100])      # the given ones stay as they are


def test_a_wrong_label_may_be_any_other_digit(chapter):
    zeros = torch.zeros(2000, dtype=torch.int64)
    found = torch.bincount(chapter.mislabelled(zeros, 1.0, seed(4)), minlength=10)
    assert found[0] == 0 and found[1:].min() > 150


def test_shrunk_pixels_are_means_of_blocks_scaled_to_spread_one(chapter):
    images = chapter.digits.train_x[:50]
    found = chapter.shrunk(images, 2)
    blocks = np.array([[image[0, r:r + 4, c:c + 4].mean() for r in (0, 4) for c in (0, 4)]
                       for image in images.numpy()])
    scaled = (blocks - blocks.mean(0)) / (blocks.std(0, ddof=1) + 1e-6)
    assert np.allclose(found, scaled, atol=1e-5)


# ---- deep nets -----------------------------------------------------------------------------------


def test_a_deepened_net_is_deeper_and_the_same_function(chapter):
    torch.manual_seed(0)
    net = chapter.network(64, 8, 8, 10)
    deep = chapter.deepened(net, 5)
    assert len(deep) // 2 == len(net) // 2 + 5
    assert torch.equal(deep(chapter.x[:50]), net(chapter.x[:50]))


@pytest.mark.parametrize("small", [False, True])
def test_a_deep_net_with_skips_adds_each_layer_to_what_comes_in(chapter, small):
    torch.manual_seed(1)
    net = chapter.deep_net(4, skip=True, small=small, width=16)
    linears = [m for m in net.modules() if isinstance(m, nn.Linear)]
    a = torch.relu(linears[0](chapter.x[:5]))
    for linear in linears[1:4]:
        a = a + torch.relu(linear(a))
    assert_close(net(chapter.x[:5]), linears[4](a))
    assert len(linears) == 5 and all(linear.weight.shape == (16, 16) for linear in linears[1:4])


def test_the_starts_are_he_s_and_the_identity(chapter):
    torch.manual_seed(2)
    he = chapter.hidden_layer(400, 400, "He")[0]
    assert he.weight.std().item() == pytest.approx(math.sqrt(2 / 400), rel=0.02)
    assert (he.bias == 0).all()
    same = chapter.hidden_layer(6, 6, "identity", size=0.25)[0]
    assert torch.equal(same.weight, torch.eye(6) / 4)
    torch.manual_seed(3)
    default = chapter.hidden_layer(30, 20, "default")[0]
    torch.manual_seed(3)
    assert torch.equal(default.weight, nn.Linear(30, 20).weight)


# ---- remedies ------------------------------------------------------------------------------------


def test_three_in_ten_labels_are_wrong_and_the_right_ones_are_kept(chapter):
    right = torch.arange(10).repeat(1000)
    given, kept = chapter.with_wrong(right, 0.3, seed(20)).T
    assert torch.equal(kept, right)
    assert (given != right).double().mean().item() == pytest.approx(0.3, abs=0.02)
    changed = torch.bincount((given - right)[given != right] % 10, minlength=10)
    assert changed[0] == 0 and changed[1:].min() > 0.8 * changed[1:].max()


def test_training_rows_differ_by_seed_and_never_hold_a_validation_row(chapter):
    images, labels = chapter.training_rows(seed=0, rows=50, wrong=0.0)
    other, _ = chapter.training_rows(seed=1, rows=50)
    assert images.shape == (50, 1, 14, 14) and labels.shape == (50, 2)
    assert not torch.equal(images, other)
    held, _ = chapter.validation_rows()
    assert len(held) == 1000
    assert (torch.cdist(images.flatten(1), held.flatten(1)).min() > 0) and len(held) + 4000 == 5000
    for image, label in zip(images, labels, strict=True):
        row = (chapter.garments == image).flatten(1).all(1).nonzero()[0]
        assert row < 4000 and label[0] == label[1] == chapter.fashion.train_y[row]


@pytest.mark.parametrize(("shift", "narrower", "clear"), [
    (-1.0, True, True), (1.0, False, True), (0.0, False, False)])
def test_narrower_means_three_standard_errors_below_zero(chapter, shift, narrower, clear):
    before = np.random.default_rng(1).normal(size=6)
    noise = np.array([0.2, -0.2, 0.1, -0.1, 0.3, -0.3])
    assert chapter.narrows(before, before + noise + shift) == (narrower, clear)


def test_the_border_of_narrower_is_at_three_standard_errors(chapter):
    noise = np.array([0.2, -0.2, 0.1, -0.1, 0.3, -0.3])
    error = math.sqrt(sum(noise**2) / 5 / 6)
    zeros = np.zeros(6)
    assert chapter.narrows(zeros, noise - 3.01 * error) == (True, True)
    assert chapter.narrows(zeros, noise - 2.99 * error) == (False, False)


def test_shifted_images_are_one_of_nine_and_all_nine_occur(chapter):
    image = torch.randn(1, 1, 14, 14, generator=seed(21))
    wide = nn.functional.pad(image, (1, 1, 1, 1), value=chapter.DARK)
    nine = [wide[..., i:i + 14, j:j + 14] for i in range(3) for j in range(3)]
    layer = chapter.Shift()
    torch.manual_seed(0)
    moved = layer(image.expand(300, 1, 14, 14))
    which = [next(k for k, shifted in enumerate(nine) if torch.equal(shifted[0], one))
             for one in moved]
    assert set(which) == set(range(9)) and np.bincount(which).max() < 70
    assert torch.equal(layer.eval()(image), image)


def test_every_second_image_is_mirrored_in_train_mode_only(chapter):
    images = torch.randn(400, 1, 14, 14, generator=seed(22))
    layer = chapter.Flip()
    torch.manual_seed(0)
    flipped = layer(images)
    mirrored = (flipped == images.flip(-1)).flatten(1).all(1)
    same = (flipped == images).flatten(1).all(1)
    assert (mirrored ^ same).all() and 150 < mirrored.sum() < 250
    assert torch.equal(layer.eval()(images), images)


def test_dropout_stands_after_the_relu_scales_and_does_nothing_in_eval_mode(chapter):
    net = chapter.dropout_net(0.2)
    assert [type(layer) for layer in net] == [
        nn.Flatten, nn.Linear, nn.ReLU, nn.Dropout, nn.Linear]
    layer, a = net[3], torch.full((100, 100), 2.0)
    torch.manual_seed(0)
    dropped = layer(a)
    assert_close(dropped.unique(), torch.tensor([0.0, 2.5]))
    assert (dropped == 0).double().mean().item() == pytest.approx(0.2, abs=0.02)
    assert torch.equal(layer.eval()(a), a)


def test_a_photograph_is_darker_noisy_and_moved(chapter):
    images = torch.rand(200, 1, 14, 14, generator=seed(23))
    calm = chapter.photographed(images, seed(24), move=0, light=0.5, noise=0.0)
    assert_close(calm, 0.5 * images)
    noisy = chapter.photographed(images, seed(24), move=0, light=0.5, noise=0.1)
    assert (noisy - calm).std().item() == pytest.approx(0.1, rel=0.05)
    moved = chapter.photographed(images, seed(24), move=1, light=1.0, noise=0.0)
    wide = nn.functional.pad(images, (1, 1, 1, 1))
    nine = torch.stack([wide[..., i:i + 14, j:j + 14] for i in range(3) for j in range(3)])
    assert (nine == moved).flatten(2).all(2).any(0).all()


# ---- folds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "k"), [(30, 5), (31, 5), (7, 7)])
def test_every_row_is_dealt_into_exactly_one_fold(chapter, n, k):
    parts = chapter.deal(n, k, seed(5))
    assert len(parts) == k and sorted(torch.cat(list(parts)).tolist()) == list(range(n))
    assert torch.cat(list(parts)).tolist() != list(range(n)) or n == k


def test_a_fit_is_numpys_polynomial(chapter):
    places, values = chapter.draw_points(seed(6))
    for degree in (0, 1, 4):
        ours = chapter.fitted(places, values, degree)(places)
        assert np.allclose(ours, np.polyval(np.polyfit(places, values, degree), places))


def test_a_fold_is_judged_by_a_fit_that_never_saw_it(chapter):
    places, values = chapter.draw_points(seed(7))
    parts = chapter.deal(30, 5, seed(8))
    losses = chapter.fold_losses(places, values, 3, parts)

    assert losses.shape == (5,)
    for loss, fold in zip(losses, parts, strict=True):
        rest = np.setdiff1d(np.arange(30), fold)
        theirs = np.polyval(np.polyfit(places[rest], values[rest], 3), places[fold])
        assert loss.item() == pytest.approx(np.mean((theirs - values[fold].numpy()) ** 2))


# ---- the leaderboard -----------------------------------------------------------------------------


def test_one_guesser_alone_is_right_one_time_in_ten(chapter):
    scores = torch.tensor([chapter.competition(1, 500, seed(k)) for k in range(200)])
    assert scores.mean(0).tolist() == pytest.approx([0.1, 0.1], abs=0.004)


def test_the_winner_is_the_best_in_public_and_the_private_score_is_its_own(chapter):
    g, models, images = seed(9), 30, 40
    public, private = chapter.competition(models, images, g)
    labels = torch.cat([chapter.digits.test_y[:images], chapter.digits.train_y])
    answers = torch.randint(10, (models, len(labels)), generator=seed(9), dtype=torch.uint8)
    scores = [[(row[:images] == labels[:images]).double().mean().item(),
               (row[images:] == labels[images:]).double().mean().item()] for row in answers]
    best = max(score[0] for score in scores)
    assert public.item() == best
    assert private.item() == next(score[1] for score in scores if score[0] == best)


# ---- the playground ------------------------------------------------------------------------------


def run_live(chapter, steps=200, **changes):
    """The live training without its widget, as a mission sees it."""
    settings = SimpleNamespace(**SETTINGS | changes)
    curves = {"train": [], "held_out": [], "shallower": []}
    for state in islice(chapter.live(settings), steps + 1):
        for name, values in curves.items():
            values.append(state[name])
    return SimpleNamespace(settings=vars(settings), step=steps, curves=curves, state=state)


def test_no_mission_is_done_by_the_run_that_the_page_opens_with(chapter):
    frame = chapter.shown["live-playground"]._frame
    assert len(frame.missions) == 4 and not frame._reached


@pytest.mark.parametrize("number", [1, 2])
def test_the_missions_can_be_reached_and_are_not_all_reached_by_one_run(chapter, number):
    bias, stuck, overfit, cure = [
        mission.goal for mission in chapter.shown["live-playground"]._frame.missions]
    hundred = {"rows": 100, "wrong": 0.1, "seed": number}
    narrow = run_live(chapter, depth=1, width=1, rows=1000, seed=number)
    assert bias(narrow) and not overfit(narrow)
    fast = run_live(chapter, depth=8, lr=0.1, rows=1000, seed=number)
    assert stuck(fast) and not bias(fast)
    wild = run_live(chapter, **hundred)
    assert overfit(wild) and not cure(wild)
    calm = run_live(chapter, **hundred, depth=1, weight_decay=0.02)
    assert cure(calm) and not overfit(calm)


@pytest.mark.parametrize(("ends", "place"), [
    ((0.1, 0.2, 0.1), "fine"), ((0.1, 2.0, 0.1), "overfitting"),
    ((2.0, 2.0, 0.5), "optimisation"), ((2.0, 2.0, 1.95), "model bias"),
])
def test_the_place_on_the_map_comes_from_the_curves(chapter, ends, place):
    fitted, held_out, shallower = ends
    assert chapter.place_of([2.1, 2.05, fitted], [2.3, 2.2, held_out], shallower) == place


def test_the_yielded_losses_are_those_of_the_net_in_eval_mode(chapter):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(64, 20), nn.Dropout(0.5), nn.Linear(20, 10))
    found = chapter.measured_loss(net, *chapter.validation)
    slow = -np.mean([net.eval()(image).log_softmax(0)[name].item()
                     for image, name in zip(*chapter.validation, strict=True)])
    assert found == pytest.approx(slow, rel=1e-5)
    assert chapter.measured_loss(net, *chapter.validation) == found
    chapter.measured_loss(net, *chapter.validation)
    assert net.training


@pytest.mark.parametrize(("name", "value"), [
    ("depth", 5), ("width", 20), ("rows", 200), ("wrong", 0.3), ("residual", True),
    ("dropout", 0.5), ("weight_decay", 0.05), ("lr", 0.03), ("seed", 2),
])
def test_every_setting_changes_the_curves(chapter, name, value):
    before, after = run_live(chapter, 5), run_live(chapter, 5, **{name: value})
    assert before.curves["train"][1:] != after.curves["train"][1:]


def test_settings_that_act_at_once_act_on_the_running_training(chapter):
    def losses(**at_step_3):
        settings, found = SimpleNamespace(**SETTINGS), []
        for step, state in enumerate(islice(chapter.live(settings), 8)):
            found.append(state["train"])
            if step == 3:
                vars(settings).update(at_step_3)
        return found

    before = losses()
    for change in ({"lr": 0.03}, {"dropout": 0.5}, {"weight_decay": 0.05}):
        after = losses(**change)
        assert after[:4] == before[:4] and after[5:] != before[5:], change


def test_with_skip_connections_a_layer_adds_to_what_comes_in(chapter):
    settings = SimpleNamespace(**SETTINGS | {"residual": True, "width": 8})
    net, images = chapter.live_net(settings, 3).eval(), chapter.x[:5]
    layers = [m for m in net.modules() if isinstance(m, nn.Linear)]
    a = torch.relu(layers[0](images))
    for layer in layers[1:3]:
        a = a + torch.relu(layer(a))
    assert_close(net(images), layers[3](a))


def test_a_guess_and_a_run_change_picture_and_words(chapter):
    playground = chapter.shown["live-playground"]
    playground.reset()
    playground.run_now(10)
    seen = {(playground._live.png(), playground.alt)}
    for guess in GUESSES[1:]:
        playground.move(guess=guess)
        seen.add((playground._live.png(), playground.alt))
    assert len(seen) == len({png for png, _ in seen}) == len(GUESSES)
    before = playground._live.png(), playground.alt
    playground.run_now(10)
    assert playground._live.png() != before[0] and playground.alt != before[1]
