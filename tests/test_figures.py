"""Figures: one look, no global state, a small sharp picture with words beside it."""

import base64
import io
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from course_utils import figures
from course_utils.figures import (
    COLORS,
    STYLES,
    Picture,
    band,
    contour,
    move_path,
    new_figure,
    path,
    percent,
    sentence,
    show,
)

GRID = torch.linspace(-2, 2, 41)


def bowl():
    """Z[row, column] = x² + 10 y²: the orientation shows."""
    return GRID[None, :] ** 2 + 10 * GRID[:, None] ** 2


def opened(picture):
    return Image.open(io.BytesIO(picture.png))


def test_colours_and_styles_have_the_same_keys_and_are_colours():
    assert set(COLORS) == set(STYLES)
    names = [value for key, value in COLORS.items() if key != "extra"] + COLORS["extra"]
    assert all(len(to_rgb(name)) == 3 for name in names)
    assert len(COLORS["extra"]) == len(STYLES["extra"]) >= 4


@pytest.mark.parametrize(
    ("panels", "size", "shape"),
    [
        (1, (6, 3.6), None),
        (2, (9, 3.6), (2,)),
        ((2, 3), (9, 6.6), (2, 3)),
        ((1, 1), (6, 3.6), None),
    ],
)
def test_sizes_and_axes_follow_the_number_of_panels(panels, size, shape):
    fig, axes = new_figure(panels)
    assert tuple(fig.get_size_inches()) == pytest.approx(size)
    assert shape == (axes.shape if shape else None)


def test_own_size_and_options_reach_matplotlib():
    fig, (left, right) = new_figure(2, size=(5, 2), sharey=True, width_ratios=[1, 2])
    left.set_ylim(0, 7)
    assert right.get_ylim() == (0, 7)
    assert tuple(fig.get_size_inches()) == (5, 2)


def test_a_projection_may_be_asked_for():
    _, ax = new_figure(subplot_kw={"projection": "polar"})
    assert ax.name == "polar"


@pytest.mark.parametrize("bad", [0, -1, (2, 0)])
def test_no_panels_are_refused(bad):
    with pytest.raises(ValueError, match="panel"):
        new_figure(bad)


@pytest.mark.parametrize("bad", [(0, 1), (1, -1), (float("nan"), 1), (1, 2, 3)])
def test_impossible_sizes_are_refused(bad):
    with pytest.raises(ValueError, match="inches"):
        new_figure(size=bad)


def test_nothing_is_registered_with_pyplot_and_no_setting_changes():
    code = (
        "import matplotlib; before = matplotlib.rcParams.copy()\n"
        "from course_utils.figures import new_figure, show\n"
        "fig, ax = new_figure(); ax.plot([1, 2]); show(fig, 'a line')\n"
        "import sys; assert 'matplotlib.pyplot' not in sys.modules, 'pyplot'\n"
        "assert 'torch' not in sys.modules, 'torch'\n"
        "assert matplotlib.rcParams.copy() == before, 'settings'\n"
        "import matplotlib.pyplot as plt; assert not plt.get_fignums()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def drawn(settings_around):
    with matplotlib.rc_context(settings_around):
        fig, ax = new_figure()
        ax.plot([0, 1], [1, 3], color="black", linewidth=1.5)
        ax.set_title("title")
        ax.set(xlabel="weight $w_1$", ylabel="loss")
        return show(fig, "a line").png


def test_the_picture_is_the_same_whatever_matplotlib_is_set_to():
    other = {"font.family": "DejaVu Serif", "axes.grid": False, "figure.dpi": 50}
    other |= {"xtick.labelsize": 20, "ytick.color": "red", "mathtext.fontset": "cm"}
    assert drawn({}) == drawn(other)


def test_title_and_legend_have_the_course_size_unless_told_otherwise():
    _, ax = new_figure()
    ax.plot([1], label="a")
    assert ax.set_title("t").get_fontsize() == figures.LOOK["axes.titlesize"]
    assert ax.set_title("t", fontsize=20).get_fontsize() == 20
    ax.set(title="again")
    assert ax.title.get_fontsize() == figures.LOOK["axes.titlesize"]
    assert ax.legend().get_texts()[0].get_fontsize() == 9
    assert ax.legend(fontsize=5).get_texts()[0].get_fontsize() == 5


def test_show_gives_words_and_a_sharp_picture_of_natural_size():
    fig, ax = new_figure()
    ax.plot([1, 2])
    data, metadata = show(fig, "The loss\n  falls.")._repr_mimebundle_()
    assert data["text/plain"] == "Figure: The loss falls."
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert image.size == (864, 518)
    assert metadata["image/png"] == {"width": 576, "height": 346, "alt": "The loss falls."}
    assert metadata["needs_background"] == "light"


def test_show_does_not_wait_until_it_is_displayed():
    fig, ax = new_figure()
    picture = show(fig, "empty")
    before = picture.png
    ax.plot([1, 2])
    assert picture.png == before != show(fig, "a line").png


def test_a_figure_of_another_maker_is_shown_too():
    assert isinstance(show(Figure(figsize=(2.03, 1.01), dpi=50), "nothing"), Picture)


@pytest.mark.parametrize("alt", ["", " \n ", "x" * 401])
def test_a_missing_or_endless_alternative_is_refused(alt):
    with pytest.raises(ValueError, match="alt"):
        show(new_figure()[0], alt)


def test_axes_or_a_forgotten_alternative_are_refused():
    fig, ax = new_figure()
    with pytest.raises(TypeError, match="takes the figure"):
        show(ax, "a line")
    with pytest.raises(TypeError, match="alt"):
        show(fig, None)
    with pytest.raises(TypeError):
        show(fig)


def test_a_typical_picture_is_small():
    fig, (left, right) = new_figure(2)
    x = np.arange(100)
    left.plot(x, np.exp(-x / 20), color=COLORS["train"], label="training")
    right.plot(x, np.cos(x / 9), color=COLORS["held_out"], label="held-out")
    left.set(xlabel="step", ylabel="loss", title="One curve falls")
    right.legend()
    assert len(show(fig, "two curves").png) < 40_000


def test_a_palette_changes_no_pixel_of_a_drawing_visibly_and_keeps_ground_and_lines_exactly():
    fig, (left, right) = new_figure(2)
    contour(left, GRID, GRID, bowl())
    keys = ("train", "held_out", "minimum", "saddle", "maximum", "yours")
    for k, key in enumerate(keys):
        right.plot(GRID, GRID / (k + 1), color=COLORS[key], linewidth=3)
    exact = io.BytesIO()
    fig.savefig(exact, format="png", dpi=figures.DOTS_PER_INCH, facecolor="white")
    few = opened(show(fig, "a bowl and lines")).convert("RGB")
    off = np.abs(np.asarray(few, int) - np.asarray(Image.open(exact).convert("RGB"), int))
    assert np.quantile(off, 0.999) <= 24
    there = {colour for _, colour in few.getcolors(100_000)}
    wanted = ["white", *(COLORS[key] for key in keys)]
    assert {tuple(round(255 * c) for c in to_rgb(name)) for name in wanted} <= there


def test_a_photograph_keeps_all_its_colours():
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    fig, ax = new_figure()
    ax.imshow(noise)
    assert opened(show(fig, "noise")).mode == "RGB"


def test_a_band_is_the_median_and_the_middle_eighty_per_cent():
    _, ax = new_figure()
    runs = torch.arange(11.0)[:, None] * torch.tensor([1.0, 10.0, 100.0])  # 0 … 10 times x
    line, area = band(ax, torch.arange(3), runs, color="black", label="11 seeds")
    np.testing.assert_allclose(line.get_ydata(), [5, 50, 500])
    edges = area.get_paths()[0].vertices
    np.testing.assert_allclose([edges[edges[:, 0] == 2, 1].min(), edges[:, 1].max()], [100, 900])
    assert line.get_label() == "11 seeds"


def test_a_band_takes_tensors_that_need_gradients():
    _, ax = new_figure()
    band(ax, range(2), torch.ones(3, 2, requires_grad=True), color="black", label="")


@pytest.mark.parametrize("runs", [np.ones(3), np.ones((3, 2)), np.ones((0, 3))])
def test_a_band_of_another_shape_is_refused(runs):
    with pytest.raises(ValueError, match=r"\(R, 3\)"):
        band(new_figure()[1], range(3), runs, color="black", label="")


def test_a_band_does_not_hide_runs_that_diverged():
    runs = np.ones((4, 3))
    runs[1, 2], runs[3, 0] = np.nan, np.inf
    with pytest.raises(ValueError, match="2 of 4"):
        band(new_figure()[1], range(3), runs, color="black", label="")


def test_a_contour_puts_rows_upwards_and_columns_to_the_right():
    _, ax = new_figure()
    filled = contour(ax, GRID, GRID, bowl())
    lowest = filled.get_paths()[0].vertices  # the lowest level of x² + 10 y² is wide and flat
    assert np.ptp(lowest[:, 0]) > 2 * np.ptp(lowest[:, 1])


@given(st.floats(-9, 9), st.floats(0.02, 12))
@settings(max_examples=200, deadline=None)
def test_logarithmic_levels_enclose_the_heights_and_have_equal_ratios(exponent, decades):
    low, high = 10**exponent, 10 ** (exponent + decades)
    steps = figures._equal_ratios(low, high, 18)
    assert steps[0] <= low * (1 + 1e-9) and steps[-1] >= high * (1 - 1e-9)
    ratios = steps[1:] / steps[:-1]
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-9)
    assert len(steps) <= 40 and len(steps) >= (12 if decades > 0.3 else 2)


def test_contours_of_a_flat_or_endless_surface_are_refused():
    ax = new_figure()[1]
    with pytest.raises(ValueError, match="different finite heights"):
        contour(ax, GRID, GRID, torch.ones(41, 41))
    with pytest.raises(ValueError, match="different finite heights"):
        contour(ax, GRID, GRID, torch.full((41, 41), torch.nan))
    with pytest.raises(ValueError, match="above 0"):
        contour(ax, GRID, GRID, -bowl(), log=True)


def test_a_colour_bar_has_few_round_values_in_both_scales():
    fig, (left, right) = new_figure(2)
    linear = fig.colorbar(contour(left, GRID, GRID, bowl()), ax=left)
    log = fig.colorbar(contour(right, GRID, GRID, bowl() + 1e-3, log=True), ax=right)
    show(fig, "two bowls")
    assert 3 <= len(linear.get_ticks()) <= 9
    exponents = np.log10(log.get_ticks())
    np.testing.assert_allclose(exponents, np.round(exponents), atol=1e-9)


def test_a_path_starts_with_a_dot_and_ends_with_a_ring():
    _, ax = new_figure()
    xy = torch.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    line, dot, ring = path(ax, xy, COLORS["train"], "descent")
    np.testing.assert_allclose(line.get_xydata(), xy)
    np.testing.assert_allclose(dot.get_xydata(), xy[:1])
    np.testing.assert_allclose(ring.get_xydata(), xy[-1:])
    assert dot.get_markerfacecolor() == COLORS["train"] and ring.get_markerfacecolor() == "white"
    assert [handle.get_label() for handle in ax.get_legend_handles_labels()[0]] == ["descent"]


def test_a_moved_path_has_its_line_dot_and_ring_at_the_new_places():
    artists = path(new_figure()[1], [[0.0, 0.0]], "black")
    move_path(artists, torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    shown = [artist.get_xydata().tolist() for artist in artists]
    assert shown == [[[1, 2], [3, 4], [5, 6]], [[1, 2]], [[5, 6]]]


@pytest.mark.parametrize("xy", [np.ones((0, 2)), np.ones((3, 3)), np.ones(2)])
def test_a_path_of_another_shape_is_refused(xy):
    with pytest.raises(ValueError, match=r"\(n, 2\)"):
        path(new_figure()[1], xy, "black")


def test_cleared_axes_keep_the_course_s_grid():
    fig, ax = new_figure()
    fresh = ax.xaxis.get_gridlines()[0].get_color()
    ax.clear()
    fig.canvas.draw()
    assert {line.get_color() for line in ax.get_xgridlines() + ax.get_ygridlines()} == {fresh}
    assert fresh == figures.LOOK["grid.color"]


@pytest.mark.parametrize(("text", "whole"), [
    ("the loss falls", "The loss falls."), ("w = 0.2", "w = 0.2."),
    ("λ, η: two rates!", "λ, η: two rates!"),
    ("disc, λ = 1", "Disc, λ = 1."), ("y₁ rises", "y₁ rises.")])
def test_a_sentence_begins_with_a_capital_unless_it_begins_with_a_symbol(text, whole):
    assert sentence(text) == whole


@pytest.mark.parametrize(("share", "words"), [
    (0.0, "0.0%"), (1e-5, "under 0.1%"), (0.0996, "10.0%"), (0.9996, "over 99.9%"),
    (1.0, "100.0%")])
def test_a_chance_that_is_neither_0_nor_1_is_not_called_so(share, words):
    assert percent(share) == words
