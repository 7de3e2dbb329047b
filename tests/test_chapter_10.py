"""Chapter 10: its own code against PyTorch and plain loops; the missions; every control."""

import math
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.testing import assert_close

from course_utils import datasets
from course_utils.figures import new_figure
from course_utils.widgets.convolution import WRONG, learning_picture
from tests.chapter import Chapter, assert_follows, assert_seen, missions

CHAPTER = Chapter("10")
f64 = torch.float64


@pytest.fixture(scope="module")
def chapter():
    fashion = SimpleNamespace(test_x=torch.zeros(2, 1, 28, 28), test_y=torch.zeros(2).long())
    order = ["kernel-figure", "kernel-controls", "kernel-playground", "see-controls",
             "see-playground", "pay-nets", "draw-train", "draw-controls", "draw-playground"]
    return CHAPTER.names(
        order, fashion=fashion, cross_entropy=F.cross_entropy,
        few=(fashion.test_x, fashion.test_y), four_ways=[(1, 0), (-1, 0), (0, 1), (0, -1)])


def rand(*shape, stream=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(stream), dtype=f64)


# ---- mask, sharing, sweeping ---------------------------------------------------------------------


@pytest.mark.parametrize("size, k, stride, padding", [(6, 3, 1, 0), (7, 2, 3, 1), (5, 5, 2, 2)])
def test_a_neuron_sees_exactly_the_pixels_that_change_its_output(chapter, size, k, stride, padding):
    conv = nn.Conv2d(1, 1, k, stride, padding, bias=False).double()
    nn.init.ones_(conv.weight)
    spots = torch.eye(size * size, dtype=f64).view(-1, 1, size, size)
    changed = conv(spots).flatten(1).T > 0                  # (neurons, pixels)
    assert torch.equal(chapter.sees(size, k, stride, padding), changed)


@pytest.mark.parametrize("k, stride, padding", [(1, 1, 0), (3, 1, 1), (2, 3, 0), (5, 2, 2)])
def test_the_shared_matrix_is_the_matrix_of_the_convolution(chapter, k, stride, padding):
    weight = rand(3, 2, k, k, stream=k)
    basis = torch.eye(2 * 49, dtype=f64).view(-1, 2, 7, 7)  # its outputs are the columns
    columns = F.conv2d(basis, weight, None, stride, padding).flatten(1)
    assert_close(chapter.shared_matrix(weight, 7, stride, padding), columns.T)


def test_the_sweeping_filter_gives_the_convolution_of_a_picture_that_is_not_square(chapter):
    picture, kernel = rand(5, 8), rand(3, 3, stream=1)
    right = F.conv2d(picture[None, None], kernel[None, None])[0, 0]
    assert_close(chapter.sweep(picture, kernel), right)


def test_unseen_is_the_share_of_pixels_between_the_fields(chapter):
    assert chapter.unseen(3, 3) == 0
    side, seen = 1 + 2 * 4, 5                               # kernel 1, stride 2: every second pixel
    assert chapter.unseen(1, 2) == pytest.approx(1 - (seen / side) ** 2)


# ---- sizes and fields ----------------------------------------------------------------------------


@pytest.mark.parametrize("layers", [[(3, 1)] * 3, [(3, 2), (3, 1)], [(5, 1), (3, 2), (3, 1)],
                                    [(2, 2), (2, 1)]])
def test_the_rule_for_the_field_agrees_with_a_count_of_paths(chapter, layers):
    def pixels_of(place, depth):                            # which pixels a path leads to, one axis
        if depth < 0:
            return {place}
        k, stride = layers[depth]
        return set().union(*(pixels_of(place * stride + i, depth - 1) for i in range(k)))

    seen = pixels_of(0, len(layers) - 1)
    assert chapter.field_side(layers) == max(seen) - min(seen) + 1
    measured = chapter.seen_side(chapter.influence(layers, 33))
    assert measured == chapter.field_side(layers)


def test_the_effective_side_counts_pixels_above_the_threshold(chapter):
    gradient = torch.full((7, 7), 0.01, dtype=f64)
    gradient[2:5, 2:5] = torch.tensor([[0.1, 1, 0.1]] * 3, dtype=f64)
    assert chapter.effective_side(gradient) == pytest.approx(3)
    assert chapter.effective_side(10 * gradient) == pytest.approx(3)


def test_influence_sums_to_one_and_lies_around_the_middle_with_strides(chapter):
    strength = chapter.influence([(3, 2), (3, 2), (3, 1)], 33)
    rows = strength.sum(1)
    assert strength.sum().item() == pytest.approx(1)
    assert rows.nonzero().double().mean().item() == pytest.approx(16)


# ---- training, shifts, turns ---------------------------------------------------------------------


def test_the_two_nets_have_the_parameters_that_the_chapter_compares(chapter):
    count = {make: sum(p.numel() for p in make().parameters())
             for make in (chapter.fully_connected, chapter.convolutional)}
    assert list(count.values()) == [784 * 256 + 256 + 256 * 128 + 128 + 1290,
                                    80 + 8 * 16 * 9 + 16 + 7850]


def test_shuffled_pixels_only_rename_the_inputs_of_a_fully_connected_net(chapter):
    torch.manual_seed(0)
    order, x = torch.randperm(784), torch.rand(5, 1, 28, 28)
    net = chapter.fully_connected()
    before = net(x)
    with torch.no_grad():
        net[1].weight.copy_(net[1].weight[:, order])
    assert_close(net(x.flatten(1)[:, order].view_as(x)), before)


@pytest.mark.parametrize("right, down", [(0, 0), (2, 0), (-1, 0), (0, 3), (0, -2), (1, -1)])
def test_shifting_moves_each_pixel_and_brings_in_zeros(chapter, right, down):
    x = torch.arange(1.0, 31).view(1, 1, 5, 6)
    slow = torch.zeros_like(x)
    for r, c in product(range(5), range(6)):
        if 0 <= r - down < 5 and 0 <= c - right < 6:
            slow[0, 0, r, c] = x[0, 0, r - down, c - right]
    assert torch.equal(chapter.shifted(x, right, down), slow)


def test_turning_by_90_degrees_is_a_rotation_of_the_table(chapter):
    x = torch.rand(2, 1, 8, 8)
    turned = chapter.turned(x, torch.tensor([90.0, 0.0]), torch.ones(2))
    assert_close(turned[1], x[1], atol=1e-5, rtol=0)
    assert any(torch.allclose(turned[0, 0], x[0, 0].rot90(k), atol=1e-4) for k in (1, 3))


def test_a_zoom_of_two_shows_the_middle_larger(chapter):
    x = torch.zeros(1, 1, 16, 16)
    x[..., 6:10, 6:10] = 1
    big = chapter.turned(x, torch.zeros(1), torch.full((1,), 2.0))
    assert big.sum().item() == pytest.approx(4 * 16, rel=0.05)
    assert chapter.turned(x, torch.zeros(1), torch.full((1,), 0.5)).sum() < 8


def test_augmentation_stays_within_the_range_that_the_picture_shades(chapter, monkeypatch):
    seen = {}
    monkeypatch.setitem(chapter.drawn.__globals__, "turned",
                        lambda x, degrees, zoom: seen.update(degrees=degrees, zoom=zoom))
    chapter.drawn(torch.zeros(4000, 1), torch.Generator().manual_seed(0))
    assert seen["degrees"].min() >= -45 and 44 < seen["degrees"].max() <= 45
    assert seen["zoom"].min() >= 2**-0.5 and 1.4 < seen["zoom"].max() <= 2**0.5


def test_a_difference_counts_beyond_three_standard_errors(chapter):
    base = np.array([0.1, 0.2, 0.3, 0.4])
    assert chapter.clearly_above(base + np.array([1.0, 1.1, 0.9, 1.0]), base)
    assert not chapter.clearly_above(base + np.array([1.0, -0.9, 0.8, 0.1]), base)
    assert not chapter.clearly_above(base, base + 1)


def test_paying_needs_both_a_higher_accuracy_and_a_smaller_gap(chapter):
    wiggle = np.array([0.0, 0.001, -0.001, 0.0])
    low, high = 0.8 + wiggle, 0.9 + wiggle[::-1]
    assert chapter.pays(np.array([high, high]), np.array([high, low]))
    assert not chapter.pays(np.array([high + 0.2, high]), np.array([low, low]))  # a larger gap
    assert not chapter.pays(np.array([low, low]), np.array([high, high]))


# ---- the board -----------------------------------------------------------------------------------


def test_every_board_has_one_diamond_where_its_label_says(chapter):
    x, point = chapter.boards(300, torch.Generator().manual_seed(1))
    assert x.shape == (300, 1, 8, 8) and point.shape == (300,)
    for board, label in zip(x[:, 0], point.tolist(), strict=True):
        found = [(r - 1) * 6 + c - 1 for r, c in product(range(1, 7), repeat=2)
                 if not board[r, c] and board[r - 1, c] and board[r + 1, c]
                 and board[r, c - 1] and board[r, c + 1]]
        assert found == [label]


def test_multiplications_are_those_of_a_plain_count(chapter):
    plain = chapter.multiplications_of(chapter.board_net())
    pooled = chapter.multiplications_of(chapter.board_net(after=nn.MaxPool2d(2)))
    assert plain == 64 * (16 * 9 + 16 * 16 * 9) + 36 * 16 * 64
    assert pooled == 64 * 16 * 9 + 16 * 16 * 16 * 9 + 36 * 16 * 16


# ---- what the reader looks at --------------------------------------------------------------------


def test_looked_at_is_the_fall_of_the_logit_pixel_by_pixel(chapter):
    torch.manual_seed(2)
    net, image = nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), torch.rand(8, 8)
    falls = chapter.looked_at(net, image)
    answer = net(image[None, None]).argmax()
    for r, c in ((0, 0), (3, 5), (7, 1)):
        other = image.clone()
        other[r, c] = float(other[r, c] < 0.5)        # turned over: full, or empty
        fall = net(image[None, None])[0, answer] - net(other[None, None])[0, answer]
        assert_close(falls[r, c], fall.detach())


def test_a_reading_is_a_distribution_and_the_first_maps(chapter):
    chances, maps = chapter.reading(chapter.reader, torch.rand(8, 8))
    assert chances.sum().item() == pytest.approx(1) and maps.shape == (8, 8, 8)
    assert maps.min() >= 0


# ---- missions and controls -----------------------------------------------------------------------

LEVEL = [-1, -1, -1, 0, 0, 0, 1, 1, 1]
KERNEL_GOALS = [LEVEL, [0, 0, 0, 1, 0, 0, 0, 0, 0], [0, 0, 0, 0, -1, 0, 0, 0, 0]]


def goals(chapter, id, number):
    """The missions of the explorer in that cell, as functions of settings."""
    missions = chapter.shown[id]._frame.missions
    return lambda: missions[number].goal(SimpleNamespace(
        settings=dict(chapter.shown[id].settings)))


@pytest.mark.parametrize("number", range(3))
def test_each_mission_of_the_filter_can_be_reached_and_is_not_at_the_start(chapter, number):
    widget = chapter.shown["kernel-playground"]
    widget.move(**{f"w{i}": float(i == 4) for i in range(9)})
    reached = goals(chapter, "kernel-playground", number)
    assert not reached()
    widget.move(**{f"w{i}": float(w) for i, w in enumerate(KERNEL_GOALS[number])})
    assert reached()


def test_upright_edges_are_not_level_ones(chapter):
    chapter.shown["kernel-playground"].press("p0")
    assert not goals(chapter, "kernel-playground", 0)()


FIELD_GOALS = [{"layers": 3, "k": 3}, {"layers": 4, "k": 3, "strided": 3}, {"layers": 5, "k": 7}]


@pytest.mark.parametrize("number", range(3))
def test_each_mission_of_the_field_can_be_reached_and_is_not_at_the_start(chapter, number):
    widget = chapter.shown["see-playground"]
    widget.move(layers=2, k=3, strided=0)
    reached = goals(chapter, "see-playground", number)
    assert not reached()
    widget.move(**FIELD_GOALS[number])
    assert reached()


def test_each_mission_of_the_drawing_can_be_reached(chapter):
    widget, reader = chapter.shown["draw-playground"], chapter.reader
    reached = set()

    def collect():
        reached.update(n for n in range(3) if goals(chapter, "draw-playground", n)())

    for i in range(500):
        pixels = chapter.to_pixels(chapter.to_drawing(chapter.digits.test_x[i, 0]))
        if chapter.reading(reader, pixels)[0].argmax() != chapter.digits.test_y[i]:
            continue
        drawings = [chapter.moved(chapter.to_drawing(pixels), *way)
                    for way in chapter.four_ways] if 2 not in reached else []
        if 1 not in reached:                                # the two pixels that matter most
            falls = chapter.looked_at(reader, pixels).flatten()
            changed = pixels.flatten().clone()
            top = falls.argsort(descending=True)[:2]
            changed[top] = (changed[top] < 0.5).float()
            drawings.append(chapter.to_drawing(changed.view(8, 8)))
        if 0 not in reached:                                # another digit, drawn from a copy
            drawings.append(chapter.to_drawing(chapter.digits.test_x[(i + 7) % 500, 0]))
        for drawing in drawings:
            wanted = [n for n in range(3) if n not in reached]
            run = SimpleNamespace(settings={"drawing": drawing, "example": i})
            if any(widget._frame.missions[n].goal(run) for n in wanted):
                widget.move(example=i, drawing=drawing)
                collect()
        if reached == {0, 1, 2}:
            break
    assert reached == {0, 1, 2}


def test_no_mission_of_the_drawing_is_reached_by_loading_a_digit(chapter):
    widget = chapter.shown["draw-playground"]
    widget.move(example=3)
    widget.press("load")
    assert not any(goals(chapter, "draw-playground", n)() for n in range(3))


@pytest.mark.parametrize("id, change", [
    *(("kernel-playground", {f"w{i}": 2.5}) for i in range(9)),
    ("kernel-playground", {"photo": "flower"}), ("kernel-playground", {"relu": True}),
    ("see-playground", {"layers": 4}), ("see-playground", {"k": 5}),
    ("see-playground", {"strided": 1}),
    ("draw-playground", {"drawing": "/".join(["00040000"] * 8)}),
])
def test_each_control_changes_picture_and_words(chapter, id, change):
    widget, start = chapter.shown[id], {
        "kernel-playground": {f"w{i}": float(i in (1, 3)) - float(i in (5, 8)) for i in range(9)}
        | {"photo": "china", "relu": False},
        "see-playground": {"layers": 3, "k": 3, "strided": 0},
        "draw-playground": {"drawing": "/".join(["04444000"] * 8)}}[id]
    widget.move(**start)
    assert_follows(widget, change)


@pytest.fixture(scope="module")
def live():
    fashion = datasets.fashion()
    return CHAPTER.names(["pay-nets", "live-watch", "live-train", "live-playground"],
                         fashion=fashion, cross_entropy=F.cross_entropy,
                         garments=(fashion.train_x, fashion.train_y))


def until(live, goal, **settings):
    """Train until the goal is reached; the number of steps it took."""
    settings = SimpleNamespace(**{"seed": 1, "turns": 0, "tilt": 0, "lr": 0.008} | settings)
    for step, state in zip(range(151), live.lessons(settings), strict=False):
        if goal(SimpleNamespace(settings=vars(settings), step=step, state=state)):
            return step
    return None


def test_the_missions_of_the_live_training_can_be_reached(live):
    upright, turned, never = missions(live, "live-playground")
    assert until(live, upright) > 0
    assert until(live, turned, turns=45, tilt=45) > 0
    assert until(live, never, lr=1.0) == 40


@pytest.mark.parametrize("moves", [{"turns": 90}, {"tilt": 60}, {"lr": 0.05}])
def test_each_control_of_the_live_training_is_seen(live, moves):
    assert_seen(live.shown["live-playground"], moves, steps=5)


def test_the_learning_picture_names_what_is_read_wrongly():
    _, axes = new_figure(3)
    artists, update = learning_picture(["hat", "shoe"], (8, 3), 4)(axes, {})
    state = {"filters": torch.randn(8, 3, 3), "maps": torch.rand(9, 4, 4),
             "images": torch.rand(5, 4, 4), "label": torch.tensor([0, 1, 1, 0, 0]),
             "answer": torch.tensor([0, 0, 1, 1, 0])}
    assert update(state) == "2 of 5 held-out images read wrongly; the first: shoe, read as hat"
    assert [text.get_text() for text in axes[2].texts] == ["hat", "shoe"] + [""] * (WRONG - 2)
    assert axes[2].get_title() == "2 of 5 wrong, read as:" and axes[2].title in artists
    assert update(state | {"answer": state["label"]}) == "0 of 5 held-out images read wrongly"
    assert not any(text.get_text() for text in axes[2].texts)


def test_the_buttons_load_clear_and_move_the_drawing(chapter):
    widget = chapter.shown["draw-playground"]
    widget.move(example=5)
    widget.press("load")
    loaded = widget.settings["drawing"]
    assert loaded == chapter.to_drawing(chapter.digits.test_x[5, 0])
    for way, steps in (("left", (-1, 0)), ("right", (1, 0)), ("up", (0, -1)), ("down", (0, 1))):
        before = widget.settings["drawing"]
        widget.press(way)
        assert widget.settings["drawing"] == chapter.moved(before, *steps) != before
    widget.press("clear")
    assert set(widget.settings["drawing"]) == {"0", "/"}


def test_the_readers_words_name_its_answer(chapter):
    widget = chapter.shown["draw-playground"]
    widget.move(example=8)
    widget.press("load")
    answer = chapter.reading(chapter.reader, chapter.to_pixels(widget.settings["drawing"]))[0]
    assert f"Read as {int(answer.argmax())} with" in widget.alt
    assert math.isclose(answer.sum(), 1, abs_tol=1e-5)


def test_the_squares_on_the_photograph_are_as_wide_as_the_fields(chapter):
    widget = chapter.shown["see-playground"]
    widget.move(layers=4, k=5, strided=1)
    layers = [(5, 2), (5, 1), (5, 1), (5, 1)]
    sides = [chapter.field_side(layers),
             chapter.effective_side(chapter.influence(layers, 97, nets=4))]
    for line, side in zip(widget._live.fig.axes[0].lines, sides, strict=True):
        assert max(line.get_xdata()) - min(line.get_xdata()) == pytest.approx(side)
