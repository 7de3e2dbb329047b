"""What a sweep's table answers and draws; the numbers here are known by construction."""

import math

import numpy as np
import pytest
from matplotlib.colors import LogNorm
from matplotlib.patches import Rectangle
from torch import nn

from course_utils.figures import COLORS, new_figure, show
from course_utils.heat_maps import compact
from course_utils.sweeps import Sweep, grid
from course_utils.sweeps._words import brief, by_ratios

SETTINGS = grid(lr=[0.01, 0.1, 1.0], width=[4, 8], seed=range(5))


def table(settings=SETTINGS, diverge=lambda one: False, names=("train_loss", "held_out_loss")):
    """Loss at update t of net (lr, width, seed): (10 lr + width + seed) / (1 + t)."""
    steps = np.array([0, 1, 3])
    rows = [[(10 * s.get("lr", 1) + s.get("width", 0) + s.get("seed", 0)) / (1 + t) for t in steps]
            for s in settings]  # fmt: skip
    curves = np.array(rows)
    diverged = np.array([bool(diverge(one)) for one in settings])
    curves[diverged, 1:] = math.nan
    finished = np.ones(len(settings), dtype=bool)
    measured = {name: curves * (1 + 0.5 * i) for i, name in enumerate(names)}
    return Sweep(settings, measured, steps, diverged, finished, [None] * len(settings))


def end(lr, width, seed):
    return (10 * lr + width + seed) / 4


# ---- questions ----


def test_columns_are_settings_and_last_values():
    found = table()
    assert len(found) == 30
    assert found.columns == ("lr", "width", "seed", "train_loss", "held_out_loss")
    assert found["width"].tolist() == [s["width"] for s in SETTINGS]
    np.testing.assert_allclose(found["train_loss"][:2], [end(0.01, 4, 0), end(0.01, 4, 1)])
    with pytest.raises(KeyError, match="there are lr, width"):
        found["loss"]


def test_where_keeps_the_matching_rows_in_order():
    found = table().where(lr=0.1, width=8)
    assert found["seed"].tolist() == [0, 1, 2, 3, 4] and set(found["width"]) == {8}
    np.testing.assert_allclose(found["train_loss"], [end(0.1, 8, s) for s in range(5)])
    assert found.curves["train_loss"].shape == (5, 3) and found.diverged.shape == (5,)
    with pytest.raises(ValueError, match="no net has lr=7"):
        table().where(lr=7)
    with pytest.raises(KeyError, match="depth"):
        table().where(depth=2)


def test_over_seeds_gives_each_combination_its_values():
    found = table().over_seeds("train_loss", "lr", "width")
    assert list(found)[:2] == [(0.01, 4), (0.01, 8)] and len(found) == 6
    np.testing.assert_allclose(found[1.0, 8], [end(1.0, 8, s) for s in range(5)])
    assert list(table().over_seeds("train_loss", "lr")) == [0.01, 0.1, 1.0]


def test_best_is_the_smallest_and_never_a_diverged_net():
    found = table(diverge=lambda s: s["lr"] == 0.01)
    best = found.best("held_out_loss")
    assert (best["lr"], best["width"], best["seed"], best["row"]) == (0.1, 4, 0, 10)
    assert best["held_out_loss"] == pytest.approx(1.5 * end(0.1, 4, 0))
    assert found.best("train_loss", largest=True)["row"] == 29
    with pytest.raises(ValueError, match="all of them diverged"):
        table(diverge=lambda s: True).best()


def test_best_without_held_out_data_says_what_there_is():
    with pytest.raises(KeyError, match="held_out_loss.*train_loss"):
        table(names=("train_loss",)).best()


def test_settings_that_only_some_nets_have_are_none_elsewhere():
    found = table([{"lr": 0.1}, {"lr": 0.1, "width": 4}])
    assert found["width"].tolist() == [None, 4]
    assert len(found.where(width=None)) == 1


def test_settings_may_be_lists():
    found = table([{"hidden": [4, 4], "lr": r} for r in (0.1, 1.0)] + [{"hidden": [8], "lr": 0.1}])
    assert found["hidden"].tolist() == [[4, 4], [4, 4], [8]]
    assert found.where(hidden=[8])["lr"].tolist() == [0.1]
    assert list(found.over_seeds("train_loss", "hidden")) == [(4, 4), (8,)]
    ax = found.plot("lr", "train_loss", by="hidden")
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["hidden [4, 4]", "hidden [8]"]


# ---- as text and as a card ----


def test_the_text_is_the_same_on_every_computer():
    assert repr(table()) == "Sweep: 30 nets, 3 updates each"
    assert repr(table([{"lr": 0.1}])) == "Sweep: 1 net, 3 updates each"
    assert table()._repr_mimebundle_()[0]["text/plain"] == "Sweep: 30 nets, 3 updates each"


def test_the_card_shows_medians_over_seeds_marked_as_measured():
    html = table(diverge=lambda s: s["lr"] == 1 and s["seed"] < 2)._repr_mimebundle_()[0][
        "text/html"
    ]
    assert html.count("<tr>") == 1 + 6  # head, and one line for each rate and width
    middle = end(0.01, 4, 2)
    text = f"{middle:.3g} ({end(0.01, 4, 0):.3g} to {end(0.01, 4, 4):.3g})"
    assert f'<span class="measured">{text}</span>' in html
    assert "; 2 diverged</span>" in html


def test_the_card_of_a_few_nets_shows_each_and_of_many_says_how_many_are_left_out():
    few = table(SETTINGS[:4])._repr_mimebundle_()[0]["text/html"]
    assert few.count("<tr>") == 1 + 4 and "seed" in few
    many = table(grid(lr=np.linspace(0.1, 1, 40)))._repr_mimebundle_()[0]["text/html"]
    assert many.count("<tr>") == 1 + 12 and "28 further lines are not shown" in many


def test_the_card_says_that_everything_diverged_and_escapes_text():
    found = table([{"lr": 0.1, "rule": "<b>"}], diverge=lambda s: True)
    html = found._repr_mimebundle_()[0]["text/html"]
    assert "diverged" in html and "&lt;b&gt;" in html and "<b>" not in html


# ---- pictures ----


def lines(ax):
    return {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}


def band(ax, number=0):
    """Lower and upper edge of a band, by x."""
    vertices = ax.collections[number].get_paths()[0].vertices
    edges = {}
    for place, height in vertices:
        edges.setdefault(round(float(place), 9), []).append(float(height))
    return {place: (min(heights), max(heights)) for place, heights in edges.items()}


def test_plot_shows_the_median_and_the_middle_80_percent_over_seeds():
    ax = table().plot("lr", "train_loss", by="width")
    drawn = lines(ax)
    assert list(drawn) == ["width 4", "width 8"]
    np.testing.assert_allclose(drawn["width 8"].get_xdata(), [0.01, 0.1, 1.0])
    expected = [end(lr, 8, 2) for lr in (0.01, 0.1, 1.0)]
    np.testing.assert_allclose(drawn["width 8"].get_ydata(), expected)
    low, high = np.quantile([end(0.1, 4, s) for s in range(5)], [0.1, 0.9])
    np.testing.assert_allclose(band(ax)[0.1], (low, high))
    assert ax.get_xscale() == "log" and ax.get_xlabel() == "learning rate"
    assert ax.get_ylabel() == "training loss"
    assert "middle 80 %" in ax.get_legend().get_title().get_text()


def test_lines_differ_in_more_than_colour():
    drawn = lines(table().plot("lr", "train_loss", by="width")).values()
    assert len({line.get_linestyle() for line in drawn}) == 2
    assert len({line.get_marker() for line in drawn}) == 2


def test_plot_without_by_has_the_colour_of_what_it_shows():
    train = lines(table().where(width=4).plot("lr", "train_loss"))["training loss"]
    held = lines(table().where(width=4).plot("lr", "held_out_loss"))["held-out loss"]
    assert train.get_color() == COLORS["train"] and held.get_color() == COLORS["held_out"]


def test_plot_leaves_out_what_diverged_and_says_how_many():
    found = table(diverge=lambda s: s["lr"] == 1.0 and s["seed"] in (0, 1))
    ax = found.where(width=4).plot("lr", "train_loss")
    height = lines(ax)["training loss"].get_ydata()[-1]
    assert height == pytest.approx(end(1.0, 4, 3))
    assert "× 2" in [t.get_text() for t in ax.texts]
    assert any("diverged here and are left out" in t.get_text() for t in ax.texts)
    assert not table().where(width=4).plot("lr", "train_loss").texts


def test_plot_shows_rates_at_which_everything_diverged_as_a_gap():
    ax = table(diverge=lambda s: s["lr"] == 1.0).where(width=4).plot("lr", "train_loss")
    assert math.isnan(lines(ax)["training loss"].get_ydata()[-1])
    assert ax.get_xlim()[1] > 1.0


def test_settings_that_are_no_numbers_get_points_instead_of_a_line():
    found = table(grid(rule=["SGD", "Adam"], seed=range(3)))
    ax = found.plot("rule", "train_loss")
    assert [t.get_text() for t in ax.get_xticklabels()] == ["SGD", "Adam"]
    assert len(ax.containers) == 1 and ax.lines[0].get_linestyle() == "None"


def test_plot_draws_into_the_axes_it_is_given():
    _, axes = new_figure(2)
    assert table().plot("lr", "train_loss", ax=axes[0]) is axes[0]
    assert table().heat("lr", "width", "train_loss", ax=axes[1]) is axes[1]
    show(axes[0].figure, "two")


def cells(ax):
    return np.ma.filled(ax.collections[0].get_array().astype(float), math.nan)


def test_heat_shows_medians_with_one_number_in_each_cell():
    ax = table().heat("lr", "width", "train_loss")
    expected = [[end(lr, width, 2) for lr in (0.01, 0.1, 1.0)] for width in (4, 8)]
    np.testing.assert_allclose(cells(ax).reshape(2, 3), expected)
    written = {(t.get_position()): t.get_text() for t in ax.texts}
    assert written[2.5, 1.5] == compact(end(1.0, 8, 2))
    assert [t.get_text() for t in ax.get_xticklabels()] == ["0.01", "0.1", "1"]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["4", "8"]
    assert any("median of 5 nets" in a.get_ylabel() for a in ax.figure.axes)


def test_heat_hatches_cells_where_everything_diverged_and_counts_the_rest():
    found = table(diverge=lambda s: s["lr"] == 1.0 and (s["width"] == 8 or s["seed"] == 0))
    ax = found.heat("lr", "width", "train_loss")
    hatched = [p for p in ax.patches if isinstance(p, Rectangle) and p.get_hatch()]
    assert [p.get_xy() for p in hatched] == [(2, 1)]
    texts = [t.get_text() for t in ax.texts]
    assert f"{compact(np.median([end(1.0, 4, s) for s in range(1, 5)]))}\n×1" in texts
    assert "hatched: all diverged; ×n: n diverged, left out" in texts


def test_heat_of_nothing_but_diverged_nets_is_drawn():
    ax = table(diverge=lambda s: True).heat("lr", "width", "train_loss")
    assert len(ax.patches) == 6
    show(ax.figure, "all diverged")


def test_heat_colours_by_ratios_where_values_span_decades():
    found = table()
    found.curves["train_loss"][:10] /= 1e4
    assert isinstance(found.heat("lr", "width", "train_loss").collections[0].norm, LogNorm)
    assert not isinstance(
        found.heat("lr", "width", "train_loss", log=False).collections[0].norm, LogNorm
    )
    found.curves["train_loss"] -= 100
    with pytest.raises(ValueError, match="values above 0"):
        found.heat("lr", "width", "train_loss", log=True)


@pytest.mark.parametrize(
    "values, expected",
    [
        ([0.01, 0.1, 1.0], True), ([0.01, 0.03, 0.1, 0.3], True), ([1, 2, 4, 8, 16], True),
        ([1, 2, 3, 4], False), ([0.1, 0.4, 0.7, 1.0], False), ([0.0, 0.1, 1.0], False),
        ([1.0], False),
        ([0.1, 1.0], True), ([0.1, 0.2], False),
    ],
)  # fmt: skip
def test_axes_are_logarithmic_where_values_are_spaced_by_ratios(values, expected):
    assert by_ratios(values) == expected


@pytest.mark.parametrize(
    "number, text",
    [(0.0834, ".083"), (2.31, "2.3"), (143.2, "143"), (0, "0"), (3.2e-5, "3e−5"), (0.998, "1.0"),
     (-0.5, "-.50"), (12345.0, "1e4"), (9.99, "10"), (0.0996, ".10")],
)  # fmt: skip
def test_numbers_in_cells_are_short(number, text):
    assert compact(number) == text


@pytest.mark.parametrize(
    "value, text",
    [(0.1, "0.1"), (3e-5, "3e-05"), (32, "32"), (None, "none"), (True, "yes"), ("Adam", "Adam"),
     (nn.ReLU, "ReLU"), (100000.0, "1e+05"), (0.123456, "0.123")],
)  # fmt: skip
def test_settings_are_written_briefly(value, text):
    assert brief(value) == text
