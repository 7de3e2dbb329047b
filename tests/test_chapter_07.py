"""Chapter 07: its own code, taken from the notebook, against plain oracles; missions; pictures."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from course_utils.exercises.ch07 import gradient_by_hand
from course_utils.figures import new_figure
from course_utils.widgets.losses import arrival_map, logit_picture, two_surfaces
from tests.chapter import Chapter, assert_follows, assert_seen, draw, missions

CHAPTER = Chapter("07")
# Cells that are run as they stand; of the others only the functions are taken. Order counts.
RUN = ["numbers-code", "softmax-verdict", "likelihood-run", "ce-code", "flat-run", "flat-rows",
       "logits-controls", "logits-playground", "surface-code", "live-train", "live-playground",
       "stable-run"]
f64 = torch.float64


@pytest.fixture(scope="module")
def chapter():
    """The chapter's names; `shown` holds what the cells of RUN displayed last."""
    return CHAPTER.names(RUN)


# ---- numbers and one output each -----------------------------------------------------------------


def test_the_inputs_are_standardised_by_the_training_rows_only(chapter):
    rows = torch.arange(0, 178, 2)
    x = chapter.inputs(chapter.PAIR, rows)
    raw = chapter.wine.x[:, [chapter.wine.names.index(name) for name in chapter.PAIR]].numpy()
    expected = (raw - raw[::2].mean(0)) / raw[::2].std(0, ddof=1)
    np.testing.assert_allclose(x[:, :2].numpy(), expected, rtol=1e-4, atol=1e-5)
    assert (x[:, 2] == 1).all() and x.shape == (178, 3)


def test_by_number_answers_the_class_whose_number_is_nearest_to_the_line(chapter):
    rows = torch.arange(178)
    x, numbers = chapter.inputs(chapter.PAIR, rows), torch.tensor([1.0, 0.0, 5.0], dtype=f64)
    target = numbers.numpy()[chapter.wine.y.numpy()]
    theta = np.linalg.lstsq(x.numpy(), target, rcond=None)[0]
    line = x.numpy() @ theta
    expected = [min(range(3), key=lambda k: abs(value - numbers[k].item())) for value in line]
    assert chapter.by_number(x, rows, numbers)(x).tolist() == expected


def test_mirrored_numbers_give_the_same_answers_so_three_numberings_are_all(chapter):
    rows = torch.arange(178)
    x = chapter.inputs(chapter.ALL, rows)
    for order in ([0, 1, 2], [1, 0, 2], [0, 2, 1]):
        numbers = torch.tensor(order, dtype=f64)
        mirrored = chapter.by_number(x, rows, 2 - numbers)(x)
        assert torch.equal(chapter.by_number(x, rows, numbers)(x), mirrored)


def test_by_class_undoes_the_order_of_its_outputs(chapter):
    rows = torch.arange(178)
    x = chapter.inputs(chapter.ALL, rows)
    plain = chapter.by_class(x, rows)(x)
    assert (plain == chapter.wine.y).double().mean() > 0.9
    for order in ((1, 0, 2), (2, 0, 1), (1, 2, 0)):
        assert torch.equal(chapter.by_class(x, rows, order)(x), plain), order


def test_the_descent_with_the_gradient_by_hand_is_that_of_cross_entropy():
    names = CHAPTER.names(["numbers-code"], by_hand=gradient_by_hand)
    rows = torch.arange(0, 178, 3)
    x = names.inputs(names.PAIR, rows)
    theta = torch.zeros(3, 3, dtype=f64, requires_grad=True)
    optimizer = torch.optim.SGD([theta], lr=0.5)
    for _ in range(40):
        optimizer.zero_grad()
        nn.functional.cross_entropy(x[rows] @ theta, names.wine.y[rows]).backward()
        optimizer.step()
    found = names.by_softmax(x, rows, lr=0.5, updates=40)(x)
    assert torch.equal(found, (x @ theta).argmax(1))
    assert (found == names.wine.y).double().mean() > 0.8


def test_leads_are_paired_and_in_points(chapter):
    first, second = np.array([0.2, 0.3, 0.4]), np.array([0.1, 0.1, 0.1])
    assert chapter.lead(first, second) == "+20.0 ± 5.8 points"       # 10, 20, 30: 10/√3


def test_a_split_holds_every_wine_once(chapter):
    first, second = chapter.random_split(3)
    assert sorted([*first.tolist(), *second.tolist()]) == list(range(178)) and len(second) == 60


# ---- softmax and the losses ----------------------------------------------------------------------


def test_softmax_and_both_losses_are_torchs(chapter):
    logits, classes = draw(5, 7, 4), torch.randint(0, 4, (7,))
    one_hot = nn.functional.one_hot(classes, 4).double()
    assert_close(chapter.softmax(logits), torch.softmax(logits, -1))
    for row, ce, squares in zip(logits, chapter.cross_entropy(logits, one_hot),
                                chapter.mse(logits, one_hot), strict=True):
        assert_close(ce, nn.functional.cross_entropy(row, classes))
        # torch averages over the classes too
        assert_close(squares, 4 * nn.functional.mse_loss(row.softmax(-1), one_hot))


def test_the_constants_are_all_positive_shares_of_sum_one_in_sixtieths(chapter):
    shares = chapter.constants()
    assert len(shares) == math.comb(59, 2)
    assert_close(shares.sum(1), torch.ones(len(shares), dtype=f64))
    assert shares.min() > 1 / 61
    assert len({tuple(row) for row in (60 * shares).round().tolist()}) == len(shares)
    counts = torch.tensor([20, 30, 10])
    expected = math.prod(shares[7, k].item() ** counts[k].item() for k in range(3))
    assert chapter.likelihood_of_constants(shares, counts)[7].item() == pytest.approx(expected)


def test_the_most_likely_constant_shares_are_the_frequencies_and_the_answer_says_so(chapter):
    for number, (best, frequency) in enumerate(chapter.best_shares):
        labels = chapter.wine.y[chapter.random_split(number)[1]].tolist()
        assert frequency.tolist() == pytest.approx([labels.count(k) / 60 for k in range(3)])
        assert_close(best, frequency)
    assert min(chapter.answers, key=chapter.off_by.get) == "its frequency among the labels"
    (stored,) = (output.data["text/html"] for output in CHAPTER.code["likelihood-run"].outputs
                 if output.output_type == "execute_result")
    assert "its frequency among the labels" in stored


@pytest.mark.parametrize(("K", "rivals"), [(2, 1), (3, 1), (10, 1), (3, 2), (10, 2)])
def test_rows_with_a_gap_have_the_right_class_just_that_far_below(chapter, K, rivals):
    logits = chapter.with_gap(K, 12.0, rivals)
    ordered = logits.sort(dim=1, descending=True).values
    assert logits.shape == (200, K)
    assert_close(ordered[:, 0] - logits[:, 0], torch.full((200,), 12.0, dtype=f64))
    near = (ordered[:, :1] - ordered < 1.5).sum(1)             # the rivals
    assert (near == rivals).all()
    assert (logits[:, 1:] <= 0).all() and (logits.max(1).values == 0).all()


# ---- the toy -------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["SGD", "Adam"])
def test_many_starts_at_once_arrive_as_each_alone(chapter, rule):
    starts = torch.tensor([[-3.0, 2.0], [4.0, 4.0], [9.0, 0.0], [-10.0, 10.0]], dtype=f64)
    for loss in chapter.TOY.values():
        together = chapter.arrivals(loss, rule, 0.5, starts)
        for start, update in zip(starts, together, strict=True):
            theta, found = start.clone().requires_grad_(), math.inf
            optimizer = {"SGD": torch.optim.SGD, "Adam": torch.optim.Adam}[rule]([theta], lr=0.5)
            for count in range(chapter.BUDGET + 1):
                if theta.detach().softmax(-1)[0] > 0.9:
                    found = count
                    break
                optimizer.zero_grad()
                loss(theta).backward()
                optimizer.step()
            assert update.item() == found


def test_the_toys_losses_are_those_of_the_lectures_with_the_third_logit_far_below(chapter):
    theta = draw(5, 2, number=2)
    three = torch.cat([theta, torch.full((5, 1), -1000.0, dtype=f64)], dim=1)
    label = torch.tensor([1.0, 0.0, 0.0], dtype=f64)
    assert_close(chapter.toy_mse(theta), (three.softmax(-1) - label).square().sum(-1))
    assert_close(chapter.toy_cross_entropy(theta), nn.functional.cross_entropy(
        three, torch.zeros(5, dtype=torch.int64), reduction="none"))


def test_plain_descent_in_the_figure_is_sgd(chapter):
    theta = torch.tensor([-2.0, 2.0], dtype=f64, requires_grad=True)
    optimizer = torch.optim.SGD([theta], lr=1.0)
    for _ in range(chapter.BUDGET):
        optimizer.zero_grad()
        chapter.toy_mse(theta).backward()
        optimizer.step()
    starts = torch.tensor([[6.0, -3.0], [-2.0, 2.0]], dtype=f64)
    assert_close(chapter.descent(chapter.toy_mse, starts)[-1, 1], theta.detach())


def test_the_net_starts_sure_and_wrong_only_with_large_weights(chapter):
    torch.manual_seed(1)
    plain = chapter.wine_net(1)
    torch.manual_seed(1)
    large = chapter.wine_net(100)
    assert_close(large[2].weight, 100 * plain[2].weight)
    assert_close(large[2].bias, 100 * plain[2].bias)
    for part in ("weight", "bias"):
        assert_close(getattr(large[0], part), getattr(plain[0], part))
    logits, classes = torch.tensor([[9.0, 0.0, 0.0], [0.0, 9.0, 0.0]]), torch.tensor([0, 0])
    assert chapter.sure_and_wrong(logits, classes).item() == 0.5
    assert chapter.accuracy(logits, classes).item() == 0.5
    one_hot = nn.functional.one_hot(classes, 3).float()
    assert_close(chapter.mse_of_net(logits, classes), chapter.mse(logits, one_hot))


# ---- large numbers -------------------------------------------------------------------------------


def test_log_sum_exp_is_torchs_and_the_others_break_where_floats_end(chapter):
    logits = 200 * draw(50, 6, number=3).float()
    expected = -logits.double().log_softmax(-1)[:, 0]
    assert_close(chapter.log_sum_exp(logits).double(), expected, rtol=1e-5, atol=1e-3)
    assert chapter.overflow == 89 and chapter.ends["naive"] == 89
    assert chapter.ends["log-sum-exp"] is None
    assert 100 < chapter.ends["shifted softmax, then ln"] < 106


# ---- playgrounds ---------------------------------------------------------------------------------


def test_the_missions_of_the_logits_can_be_reached(chapter):
    shares, shifted, stuck, longest = missions(chapter, "logits-playground")

    def at(y1, y2, y3):
        return SimpleNamespace(settings={"y1": y1, "y2": y2, "y3": y3})

    assert shares(at(2.0, 1.5, 1.1)) and not shares(at(2.0, 1.5, 0.5))
    assert shifted(at(-3.0, -5.0, -9.0)) and not shifted(at(3.0, 1.0, -3.0))
    assert stuck(at(-5.0, 8.0, -3.0)) and not stuck(at(8.0, -6.0, 0.0))
    assert not stuck(at(-1.0, 1.0, 0.0))
    assert longest(at(0.0, 1.0, -10.0)) and not longest(at(-9.0, 9.0, 0.0))


@pytest.mark.parametrize("moves", [{"y1": -2.0}, {"y2": 5.0}, {"y3": 5.0}])
def test_each_slider_of_the_logits_changes_picture_and_words(chapter, moves):
    assert_follows(chapter.shown["logits-playground"], moves)


def test_the_button_shifts_all_logits_and_leaves_the_shares(chapter):
    explorer = chapter.shown["logits-playground"]
    start, before = dict(explorer.settings), explorer.alt.split(";")[0]
    explorer.press("shift")
    assert [explorer.settings[k] - start[k] for k in ("y1", "y2", "y3")] == [0.5] * 3
    assert explorer.alt.split(";")[0] == before
    explorer.move(**{name: start[name] for name in explorer._frame.controls})


def run_live(chapter, steps, **changes):
    """The live descents without their widget, and what they yielded last."""
    settings = SimpleNamespace(seed=1, rule="SGD", lr=1.0, y1=-4.0, y2=4.0)
    vars(settings).update(changes)
    *_, (_, state) = zip(range(steps + 1), chapter.descend(settings), strict=False)
    return SimpleNamespace(settings=vars(settings), step=steps, state=state)


def test_the_missions_of_the_live_descents_can_be_reached(chapter):
    stands, rate, overtakes = missions(chapter, "live-playground")
    far = run_live(chapter, 60, y1=-8.0, y2=8.0)
    assert stands(far) and not rate(far) and not overtakes(far)
    assert not stands(run_live(chapter, 0, y1=9.0, y2=0.0))            # nothing has moved yet
    assert rate(run_live(chapter, 900, y1=-6.0, y2=6.0, lr=100.0))
    assert not rate(run_live(chapter, 900, y1=-6.0, y2=6.0))
    assert any(overtakes(run_live(chapter, steps, rule="Adam", lr=0.1, y1=-10.0, y2=10.0))
               for steps in range(20, 200, 5))
    assert not overtakes(run_live(chapter, 3, rule="Adam", lr=0.1, y1=-10.0, y2=10.0))


def test_the_live_descents_are_those_of_torch_each_on_its_own_loss(chapter):
    run = run_live(chapter, 30, rule="Adam", lr=0.3)
    for name, loss in chapter.TOY.items():
        theta = torch.tensor([-4.0, 4.0], dtype=f64, requires_grad=True)
        optimizer = torch.optim.Adam([theta], lr=0.3)
        for _ in range(30):
            optimizer.zero_grad()
            loss(theta).backward()
            optimizer.step()
        assert_close(run.state["places"][name][-1], theta.detach())
        assert len(run.state["places"][name]) == 31


def test_the_rate_acts_on_the_running_descents(chapter):
    def places(**at_step_5):
        settings = SimpleNamespace(seed=1, rule="SGD", lr=1.0, y1=-1.0, y2=1.0)
        for step, state in enumerate(chapter.descend(settings)):
            if step == 5:
                vars(settings).update(at_step_5)
            if step == 12:
                return torch.stack(state["places"]["MSE"])

    before, after = places(), places(lr=3.0)
    assert (after[:6] == before[:6]).all() and (after[7:] != before[7:]).any()


@pytest.mark.parametrize("moves", [{"rule": "Adam"}, {"lr": 10.0}, {"y1": 2.0}, {"y2": -2.0}])
def test_each_control_of_the_live_descents_changes_their_picture(chapter, moves):
    assert_seen(chapter.shown["live-playground"], moves)


def test_the_bars_show_shares_and_minus_the_gradient(chapter):
    _, axes = new_figure(3)
    settings = {"y1": -1.0, "y2": 2.0, "y3": 0.5}
    artists, update = logit_picture(chapter.losses, chapter.softmax)(axes, settings)
    words = update(settings)
    logits = torch.tensor([-1.0, 2.0, 0.5], dtype=f64, requires_grad=True)
    heights = [bar.get_height() for bar in axes[0].patches]
    assert heights == pytest.approx(logits.softmax(-1).tolist())
    label, pushes = torch.eye(3, dtype=f64)[0], [bar.get_height() for bar in axes[2].patches]
    for part, loss in ((pushes[:3], (logits.softmax(-1) - label).square().sum()),
                       (pushes[3:], -logits.log_softmax(-1)[0])):
        (slopes,) = torch.autograd.grad(loss, logits, retain_graph=True)
        assert part == pytest.approx((-slopes).tolist())
        assert f"{loss.item():.3g}" in words
    dots = [line for line in axes[1].lines if len(line.get_xdata()) == 1]
    assert [dot.get_xdata()[0] for dot in dots] == [-1.0, -1.0]


def test_the_two_surfaces_show_each_its_own_path(chapter):
    _, axes = new_figure(2)
    _, update = two_surfaces(chapter.TOY)(axes, {})
    ways = {"MSE": draw(4, 2, number=5), "cross-entropy": draw(6, 2, number=6)}
    words = update({"places": {name: list(way) for name, way in ways.items()}})
    for ax, (name, way) in zip(axes, ways.items(), strict=True):
        shown = [line.get_xydata() for line in ax.lines[-3:]]
        for got, expected in zip(shown, (way, way[:1], way[-1:]), strict=True):
            np.testing.assert_allclose(got, expected.numpy())
        assert f"{name} at ({way[-1, 0].item():.3g}, {way[-1, 1].item():.3g})" in words


def test_the_map_of_arrivals_marks_what_never_arrived():
    axis, budget = torch.linspace(-1, 1, 3), 10
    updates = torch.tensor([[0.0, 3.0, 10.0], [1.0, math.inf, 2.0], [5.0, 6.0, math.inf]])
    fig, ax = new_figure()
    mesh = arrival_map(ax, axis, updates, budget)
    shown = mesh.get_array().reshape(3, 3)
    assert shown.mask.tolist() == updates.isinf().tolist()
    assert shown[0].tolist() == [1, 4, 11]                     # the count, + 1 for the log scale
    assert any(c.hatches and c.hatches[0] for c in ax.collections if hasattr(c, "hatches"))


# ---- the chapter as a whole ----------------------------------------------------------------------


def test_what_was_chosen_after_looking_is_told():
    assert CHAPTER.prose.count("after looking:*") == 3
    for words in ("one of four pairs", "two wrong classes were near rivals",
                  "ten nets were not enough", "times 10 instead of 100"):
        assert words in CHAPTER.prose, words


def test_the_corrections_of_the_notes_are_told():
    assert CHAPTER.prose.count("*Correction to the notes:*") == 2
    for word in ("they write −b + wx", "they write the label in both places"):
        assert word in CHAPTER.prose, word
