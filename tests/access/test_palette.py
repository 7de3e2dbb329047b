"""The course's colours: enough contrast, and told apart with any of the common colour visions."""

import itertools
import re

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from course_utils import cards, heat_maps
from course_utils.exercises import show as exercise_show
from course_utils.figures import (
    COLORS,
    LOOK,
    STYLES,
    TEXT_COLORS,
    band,
    ink_on,
    luminance,
    new_figure,
)
from course_utils.study import live
from course_utils.widgets import drawing, frame
from tests.access.seeing import (
    DARK_PAGE,
    GRAPHICS,
    LIGHT_PAGE,
    TEXT,
    VISIONS,
    contrast,
    distance,
    lab,
    over,
)

MEANINGS = ["train", "held_out", "yours", "minimum", "saddle", "maximum"]
# Okabe and Ito's two bright colours lie below 3 : 1 on white: darker ones would come too near to
# vermillion and blue for people without green cones. They never stand without a second cue.
BRIGHT = {"maximum", "warning"}
BRIGHT_EXTRAS = {"#56B4E9", "#E69F00"}


def test_contrast_is_wcag_s():
    assert contrast("black", "white") == pytest.approx(21)
    assert contrast("#777777", "white") == pytest.approx(4.48, abs=0.005)  # the known near miss
    assert contrast("white", "#777777") == contrast("#777777", "white")
    assert luminance("#808080") == pytest.approx(0.2158605, abs=1e-6)


def test_a_vision_without_one_kind_of_cone_keeps_greys_and_confuses_its_own_pair():
    for vision, matrix in VISIONS.items():
        np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=2e-6)
        for grey in ("#000000", "#7F7F7F", "#FFFFFF"):
            assert abs(lab(grey, vision)[1:]).max() < 0.1
    red, green = "#C00000", "#5D6E00"  # told apart by their redness alone
    assert distance(red, green, "all cones") > 2 * distance(red, green, "no green cones")


@pytest.mark.parametrize("key", sorted(set(COLORS) - BRIGHT - {"extra"}))
def test_lines_and_points_stand_out_from_the_figures_white_ground(key):
    assert contrast(COLORS[key], LOOK["axes.facecolor"]) >= GRAPHICS


def test_a_further_colour_too_bright_for_lines_is_one_of_the_two_known_ones():
    white = LOOK["axes.facecolor"]
    pale = {color for color in COLORS["extra"] if contrast(color, white) < GRAPHICS}
    assert pale == BRIGHT_EXTRAS and {COLORS[key] for key in BRIGHT} <= BRIGHT_EXTRAS
    assert all(contrast(color, white) > 2.2 for color in BRIGHT_EXTRAS)


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(MEANINGS, 2)))
def test_colours_with_a_meaning_are_told_apart(one, other, vision):
    assert distance(COLORS[one], COLORS[other], vision) >= 15


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("key", MEANINGS)
def test_the_grey_of_references_is_told_apart_and_its_line_is_another(key, vision):
    """Grey is nearest to green and purple, which mark points and not lines."""
    assert distance(COLORS["reference"], COLORS[key], vision) >= 9
    assert STYLES["reference"] != STYLES[key]


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(COLORS["extra"], 2)))
def test_further_colours_are_told_apart(one, other, vision):
    assert distance(one, other, vision) >= 15


def test_training_and_held_out_differ_by_their_line_where_grey_hides_their_colour():
    bright = [lab(COLORS[key])[0] for key in ("train", "held_out")]
    assert abs(bright[0] - bright[1]) < 10  # so in greyscale the line style must tell
    assert STYLES["train"]["linestyle"] != STYLES["held_out"]["linestyle"]


@pytest.mark.parametrize("name", ["text.color", "axes.labelcolor", "xtick.labelcolor",
                                  "ytick.labelcolor"])  # fmt: skip
def test_words_in_figures_are_legible(name):
    assert contrast(LOOK[name], LOOK["figure.facecolor"]) >= TEXT


def test_coloured_words_are_legible_and_look_like_their_curves():
    for key, color in TEXT_COLORS.items():
        assert contrast(color, "white") >= TEXT
        assert distance(color, COLORS[key], "all cones") < 12
    assert contrast(heat_maps.SAID, "white") >= TEXT


@pytest.mark.parametrize("cmap", ["Blues", "gray", "viridis", heat_maps.CELLS])
def test_ink_is_legible_on_every_colour_of_a_map(cmap):
    colours = matplotlib.colormaps.get_cmap(cmap)(np.linspace(0, 1, 256))[:, :3]
    assert min(contrast(ink_on(color), color) for color in colours) >= TEXT
    assert len({ink_on(color) for color in colours}) == 2


def test_numbers_of_a_heat_map_are_legible_in_every_cell():
    fig, ax = new_figure()
    values = np.linspace(0, 1, 12).reshape(1, 12)
    mesh = heat_maps.heat_maps([ax], {"": values}, [1], range(12), label="x", log=False)
    assert len(ax.texts) == 12
    for text, value in zip(ax.texts, values[0], strict=True):
        assert contrast(text.get_color(), mesh.to_rgba(value)[:3]) >= TEXT


def test_a_band_never_hides_its_line():
    _, ax = new_figure()
    for key in ("train", "held_out", "minimum"):
        line, area = band(ax, [0, 1], [[0, 0], [1, 1]], color=COLORS[key], label="")
        red, green, blue, opacity = area.get_facecolor()[0]
        ground = over((red, green, blue, opacity), "white")
        assert contrast(line.get_color(), ground) >= 2.5


@pytest.mark.parametrize(("page", "ink", "strength"), [(LIGHT_PAGE, "black", 0.87),
                                                       (DARK_PAGE, "white", 1.0)])  # fmt: skip
def test_quiet_words_and_code_of_a_card_are_legible_on_both_pages(page, ink, strength):
    """The inks are JupyterLab's; the opacity and the grounds are the course's."""
    quiet = float(re.search(r"opacity:([.\d]+)", cards.QUIET)[1])
    assert contrast(over((*to_rgb(ink), strength * quiet), page), page) >= TEXT
    for style in (cards.CODE, cards.BLOCK):
        opacity = float(re.search(r"rgba\(127,127,127,([.\d]+)\)", style)[1])
        ground = over((*to_rgb("#7F7F7F"), opacity), page)
        assert contrast(over((*to_rgb(ink), strength), ground), ground) >= TEXT


def test_colours_of_code_are_legible_on_both_pages_where_the_page_has_none_of_its_own():
    """No colour reaches 4.5 on white and on #111 at once; 4.36 is the most there is."""
    found = [re.search(r"#[0-9a-f]{6}", value)[0] for value in exercise_show._COLOURS.values()]
    assert len(found) == len(exercise_show._COLOURS)
    assert min(contrast(color, page) for color in found for page in (LIGHT_PAGE, DARK_PAGE)) >= 4.0


def test_the_keyboard_s_focus_has_a_ring_that_stands_out_on_both_pages():
    rule = cards.focus_ring("mlm-frame")
    ring = re.search(r"outline:2px solid var\(--jp-brand-color1,(#\w+)\)!important", rule)[1]
    assert all(contrast(ring, page) >= GRAPHICS for page in (LIGHT_PAGE, DARK_PAGE))
    assert rule in frame._STYLE and cards.focus_ring("mlm-live") in live._STYLE


def test_empty_pixels_to_draw_on_have_a_visible_edge():
    button = drawing.Grid("/".join(["0" * 8] * 8)).buttons[0]
    edge = re.search(r"solid (#\w+)", str(button.layout.get_state()))[1]
    assert contrast(edge, drawing._COLOURS[0]) >= GRAPHICS
    bright = [lab(color)[0] for color in drawing._COLOURS]
    assert bright == sorted(bright, reverse=True) and min(-np.diff(bright)) > 10
