"""The grid of buttons, the drawing's string, and chapter 10's pictures."""

import numpy as np
import pytest
import torch

from course_utils.convolution_pictures import (
    around,
    board_picture,
    draw_field,
    matrices,
    mosaic,
    picture_rows,
    tiles,
)
from course_utils.figures import new_figure
from course_utils.widgets import Explorer
from course_utils.widgets.drawing import Drawing, Grid, moved, to_drawing, to_pixels

EMPTY = "/".join(["0" * 8] * 8)


def test_a_drawing_goes_through_its_string_unchanged():
    g = torch.Generator().manual_seed(0)
    image = torch.randint(0, 5, (8, 8), generator=g) / 4
    text = to_drawing(image)
    assert " " not in text and torch.equal(to_pixels(text), image)
    assert text.split("/")[2][5] == str(int(4 * image[2, 5]))


def test_values_are_rounded_to_quarters():
    image = torch.zeros(8, 8)
    image[0, :3] = torch.tensor([0.12, 0.13, 1.4])
    assert to_drawing(image).startswith("01400000")


@pytest.mark.parametrize("text", ["", "0" * 64, EMPTY + "/00000000", EMPTY.replace("0", "5"),
                                  EMPTY[:-1]])
def test_strings_that_are_no_drawing_are_refused(text):
    with pytest.raises(ValueError, match="eight"):
        to_pixels(text)
    with pytest.raises(ValueError):
        Drawing(text)
    with pytest.raises(ValueError):
        Drawing().parse(text)


def test_an_image_of_another_size_is_refused():
    with pytest.raises(ValueError, match="8, 8"):
        to_drawing(torch.zeros(8, 7))


@pytest.mark.parametrize("way", [(1, 0), (-1, 0), (0, 1), (0, -1)])
def test_moving_there_and_back_loses_only_the_border(way):
    image = torch.zeros(8, 8)
    image[1:7, 1:7] = 1
    there = moved(to_drawing(image), *way)
    row, column = to_pixels(there).nonzero().double().mean(0).tolist()
    assert (column, row) == (3.5 + way[0], 3.5 + way[1])
    assert moved(there, -way[0], -way[1]) == to_drawing(image)
    full = moved(to_drawing(torch.ones(8, 8)), *way)
    assert full.count("0") == 8


def test_a_click_inks_one_pixel_full_then_half_then_not_at_all():
    grid = Grid(EMPTY)
    seen = []
    grid.observe(lambda change: seen.append(change["new"]), "value")
    for level in ("4", "2", "0"):
        grid.buttons[19].click()
        assert grid.value.replace("/", "")[19] == level
    assert len(seen) == 3 and grid.value == EMPTY


def test_buttons_show_the_drawing_by_colour_sign_and_word():
    grid = Grid(EMPTY)
    before = grid.buttons[9].style.button_color, grid.buttons[9].description
    grid.value = to_drawing(torch.eye(8))
    after = grid.buttons[9].style.button_color, grid.buttons[9].description
    assert before[0] != after[0] and before[1] != after[1]
    assert grid.buttons[9].tooltip == "row 2, column 2: full"
    assert grid.buttons[1].tooltip == "row 1, column 2: empty"


def test_a_closed_grid_is_out_of_use():
    grid = Grid(EMPTY)
    grid.disabled = True
    assert all(button.disabled for button in grid.buttons)


def test_an_explorer_follows_clicks_and_its_settings_string():
    def picture(ax, settings):
        (line,) = ax.plot([0], [0])
        return [line], lambda settings: f"ink {to_pixels(settings['drawing']).sum():.1f}"

    widget = Explorer("drawing-test", picture, {"drawing": Drawing()})
    grid = widget._frame.inputs["drawing"]
    grid.buttons[0].click()
    assert widget.alt == "Ink 1.0." and widget.settings["drawing"][0] == "4"
    code = widget.code
    widget.move(drawing=EMPTY)
    assert widget.alt == "Ink 0.0."
    widget.from_code(code)
    assert widget.alt == "Ink 1.0." and grid.value[0] == "4"
    widget.close()
    assert grid.disabled


# ---- pictures ------------------------------------------------------------------------------------


def test_a_mosaic_scales_each_tile_by_itself_and_leaves_gaps():
    stack = torch.stack([torch.arange(6.0).view(2, 3), torch.full((2, 3), -4.0)])
    stack[1, 0, 0] = 2
    plain, signed = mosaic(stack, 2), mosaic(stack, 2, signed=True)
    assert plain.shape == (2, 7)
    assert np.isnan(plain[:, 3]).all() and np.isnan(plain).sum() == 2
    assert plain[0, 0] == 0 and plain[1, 2] == 1
    assert signed[0, 4] == 0.5 and signed[1, 4] == -1


def test_matrices_share_one_scale_with_zero_in_the_middle():
    fig, axes = new_figure(2)
    matrices(axes, {"a": torch.tensor([[1.0, -4.0]]), "b": torch.tensor([[0.5]])})
    for ax in axes:
        assert ax.collections[0].get_clim() == (-4.0, 4.0)
    assert axes[0].collections[0].get_array().size == 2
    with pytest.raises(ValueError, match="panels"):
        matrices(axes, {"a": torch.zeros(1, 1)})
    with pytest.raises(ValueError, match="2 dimensions"):
        matrices(axes, {"a": torch.zeros(1, 1), "b": torch.zeros(2)})


def test_tiles_and_rows_label_every_picture():
    fig, axes = new_figure(2)
    tiles(axes[0], torch.rand(5, 4, 4), titles="abcde", columns=3)
    assert [text.get_text() for text in axes[0].texts] == list("abcde")
    picture_rows(axes[1], torch.rand(7, 4, 4), [f"p{i}" for i in range(7)])
    assert len(axes[1].images) == 7 and axes[1].texts[6].get_text() == "p6"


def test_the_fields_squares_have_the_sides_given():
    fig, ax = new_figure()
    draw_field(ax, torch.rand(9, 9), 5, 3.2)
    for line, side in zip(ax.lines, (5, 3.2), strict=True):
        x, y = line.get_xdata(), line.get_ydata()
        assert max(x) - min(x) == pytest.approx(side) and (max(y) + min(y)) / 2 == 4
    assert around(4, 2) == ([3, 5, 5, 3, 3], [3, 3, 5, 5, 3])


def test_the_board_shows_each_stone_and_rings_the_point():
    fig, ax = new_figure()
    board = torch.zeros(8, 8)
    board[2, 5] = board[7, 0] = 1
    board_picture(ax, board, "board", torch.tensor(8))      # inner point 8: row 2, column 3
    stones = {tuple(place) for place in ax.collections[-1].get_offsets().tolist()}
    assert stones == {(5.0, 2.0), (0.0, 7.0)}
    assert ax.lines[-1].get_xydata().tolist() == [[3.0, 2.0]]
