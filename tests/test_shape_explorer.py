"""The shape explorer: what it computes is PyTorch's own result, and what it draws follows it."""

import itertools
from types import SimpleNamespace

import pytest
import torch

from course_utils.figures import new_figure
from course_utils.widgets.blocks import MOST_BLOCKS, Blocks, draw_blocks, layout, palette
from course_utils.widgets.shape_explorer import (
    JOIN,
    REARRANGE,
    REDUCE,
    SHAPES,
    TARGETS,
    apply,
    sentence,
    shape_explorer,
)

OPERATIONS = REARRANGE + REDUCE + JOIN


@pytest.fixture
def explorer():
    made = shape_explorer()
    yield made
    made.close()


# ---- what is computed ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "given", "shape"),
    [
        ("reshape", {"shape": (2, 3), "target": (3, 2)}, (3, 2)),
        ("reshape", {"shape": (2, 3), "target": (2, -1)}, (2, 3)),
        ("view", {"shape": (3, 4), "target": (2, -1)}, (2, 6)),
        ("permute", {"shape": (2, 2, 3), "dim": 2}, (3, 2, 2)),
        ("transpose", {"shape": (2, 3), "dim": 0}, (3, 2)),
        ("squeeze", {"shape": (3, 1), "dim": 1}, (3,)),
        ("squeeze", {"shape": (2, 3), "dim": 1}, (2, 3)),
        ("unsqueeze", {"shape": (2, 3), "dim": -1}, (2, 3, 1)),
        ("sum", {"shape": (2, 3), "dim": 0}, (3,)),
        ("mean", {"shape": (2, 3), "dim": 1, "keepdim": True}, (2, 1)),
        ("cat", {"shape": (2, 3), "dim": 0, "target": (2, 3)}, (4, 3)),
        ("add", {"shape": (3, 1), "target": (1, 4)}, (3, 4)),
    ],
)
def test_the_result_has_the_shape_that_the_operation_is_known_for(operation, given, shape):
    step = apply(operation, **given)

    assert step.error == ""
    assert tuple(step.after.shape) == shape


def test_the_code_that_is_shown_gives_the_result_that_is_drawn():
    tried = 0
    for operation, shape, target, dim, keepdim, turned in itertools.product(
        OPERATIONS, SHAPES, TARGETS[:4], (-2, 0, 1), (False, True), (False, True)
    ):
        step = apply(operation, shape, dim=dim, target=target, keepdim=keepdim, transposed=turned)
        if not step.error:
            known = eval(step.code, {"torch": torch, "x": step.before, "y": step.other})
            torch.testing.assert_close(step.after, known, rtol=0, atol=0)
            tried += 1
    assert tried > 500


@pytest.mark.parametrize(
    ("operation", "given", "word"),
    [
        ("reshape", {"shape": (2, 3), "target": (4,)}, "invalid for input of size 6"),
        ("view", {"shape": (2, 3), "target": (6,), "transposed": True}, "reshape"),
        ("sum", {"shape": (6,), "dim": 1}, "out of range"),
        ("permute", {"shape": (2, 3), "dim": 2}, "out of range"),
        ("cat", {"shape": (2, 3), "target": (2, 3), "dim": 2}, "out of range"),
        ("add", {"shape": (2, 3), "target": (4,)}, "must match"),
        ("add", {"shape": (2, 3), "target": (2, -1)}, "−1"),
    ],
)
def test_what_does_not_fit_gives_an_error_in_words_and_no_result(operation, given, word):
    step = apply(operation, **given)

    assert step.after is None
    assert word in step.error
    assert "is an error" in sentence(step)


def test_an_unknown_operation_is_refused():
    with pytest.raises(ValueError, match="there are: reshape"):
        apply("rehsape", (2, 3))


def test_colours_follow_the_numbers_of_x():
    step = apply("permute", (2, 3), dim=1)
    before, _, after = step.groups
    where = {value: group for value, group in zip(step.before.reshape(-1).tolist(),
                                                  before.reshape(-1).tolist(), strict=True)}

    assert [where[value] for value in step.after.reshape(-1).tolist()] == \
        after.reshape(-1).tolist()


def test_blocks_of_one_colour_add_up_to_the_block_of_that_colour():
    step = apply("sum", (2, 2, 3), dim=1)
    before, _, after = step.groups
    sums = torch.zeros(step.after.numel()).index_add_(0, before.reshape(-1),
                                                      step.before.reshape(-1))

    torch.testing.assert_close(sums[after.reshape(-1)], step.after.reshape(-1))


def test_everything_that_can_be_chosen_fits_into_the_picture():
    for operation, shape, target in itertools.product(OPERATIONS, SHAPES, TARGETS):
        step = apply(operation, shape, target=target)
        for tensor in (step.before, step.other, step.after):
            assert tensor is None or 1 <= tensor.numel() <= MOST_BLOCKS


# ---- what is drawn ------------------------------------------------------------------------------


def test_columns_run_to_the_right_and_rows_down():
    corners, side = layout((2, 3), (0.0, 0.0, 6.0, 4.0))

    assert corners[1][0] - corners[0][0] == pytest.approx(side)      # (0, 1) right of (0, 0)
    assert corners[1][1] == pytest.approx(corners[0][1])
    assert corners[0][1] - corners[3][1] == pytest.approx(side)      # (1, 0) below (0, 0)
    assert corners[3][0] == pytest.approx(corners[0][0])


@pytest.mark.parametrize("shape", [(), (6,), (3, 4), (2, 2, 3), (2, 4, 3), (6, 6), (1, 2, 2, 3)])
def test_blocks_stay_in_their_box_and_do_not_overlap(shape):
    x0, y0, width, height = box = (1.0, 0.5, 4.0, 3.0)
    corners, side = layout(shape, box)

    assert len(corners) == torch.Size(shape).numel()
    assert all(x0 - 1e-9 <= x <= x0 + width - side + 1e-9 for x, _ in corners)
    assert all(y0 - 1e-9 <= y <= y0 + height - side + 1e-9 for _, y in corners)
    for (ax, ay), (bx, by) in itertools.combinations(corners, 2):
        assert max(abs(ax - bx), abs(ay - by)) >= side - 1e-9


def test_equal_groups_have_equal_colours_and_text_on_them_is_readable():
    colors = palette(torch.tensor([0, 1, 1, 5, -1]))

    assert colors[1] == colors[2]
    assert len(set(colors)) == 4
    for red, green, blue in colors:              # black text: WCAG asks for a contrast of 4.5
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
                  for c in (red, green, blue)]
        luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        assert (luminance + 0.05) / 0.05 > 4.5


def test_a_block_shows_the_number_at_its_place():
    _, ax = new_figure()
    blocks = Blocks(ax)
    values = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    blocks.show("x", values, torch.arange(6).reshape(2, 3), (0.0, 0.0, 6.0, 4.0))
    at = {number.get_text(): number.get_position() for number in blocks.numbers}

    assert at["6"][0] > at["4"][0] == at["1"][0]
    assert at["6"][1] < at["3"][1] == at["1"][1]
    assert sorted(at) == ["", "1", "2", "3", "4", "5", "6"]


def test_a_still_picture_draws_every_tensor_from_left_to_right():
    _, ax = new_figure(size=(9.0, 2.6))
    one, two = torch.tensor([1.0]), torch.tensor([2.0])
    draw_blocks(ax, ("a", one, one.long()), ("b", two, two.long()), signs="+")
    at = {text.get_text(): text.get_position()[0] for text in ax.texts if text.get_text()}

    assert at["a"] == at["1"] < at["+"] < at["b"] == at["2"]


# ---- the widget ---------------------------------------------------------------------------------


def test_the_widget_leaves_a_picture_and_its_text(explorer):
    data, _ = explorer._repr_mimebundle_()

    assert data["image/png"]
    assert data["text/plain"].startswith("explorer torch-shapes")
    assert "(3, 2)" in explorer.alt


@pytest.mark.parametrize(
    ("first", "move"),
    [
        ({"operation": "reshape"}, {"operation": "transpose"}),
        ({"operation": "reshape"}, {"shape": (3, 4)}),
        ({"operation": "reshape"}, {"target": (6,)}),
        ({"operation": "sum"}, {"dim": 1}),
        ({"operation": "mean"}, {"keepdim": True}),
        ({"operation": "reshape"}, {"transposed": True}),
    ],
)
def test_each_control_changes_words_and_picture(explorer, first, move):
    explorer.move(**first)
    words, pixels = explorer.alt, explorer._live.png()
    explorer.move(**move)

    assert explorer.alt != words
    assert explorer._live.png() != pixels


def test_an_error_is_shown_and_goes_away(explorer):
    explorer.move(operation="view", target=(4,))
    assert "is an error" in explorer.alt
    explorer.move(target=(6,))
    assert "has the shape (6,)" in explorer.alt


DEFAULTS = {"operation": "reshape", "shape": (2, 3), "target": (3, 2), "dim": 0, "keepdim": False,
            "transposed": False}


@pytest.mark.parametrize(
    ("number", "solved", "missed"),
    [
        (0, {"operation": "add", "shape": (3, 1), "target": (1, 4)},
         {"operation": "add", "shape": (2, 3), "target": (2, 3)}),
        (1, {"operation": "mean", "dim": 1, "keepdim": True},
         {"operation": "mean", "dim": 0, "keepdim": True}),
        (2, {"operation": "view", "target": (6,), "transposed": True},
         {"operation": "view", "target": (4,)}),
    ],
)
def test_each_mission_can_be_reached_and_missed(explorer, number, solved, missed):
    goal = explorer._frame.missions[number].goal

    assert goal(SimpleNamespace(settings=DEFAULTS | solved))
    assert not goal(SimpleNamespace(settings=DEFAULTS | missed))
    assert not goal(SimpleNamespace(settings=DEFAULTS))
