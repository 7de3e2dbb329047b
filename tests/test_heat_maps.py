"""Heat maps side by side: one scale of colours, the best of each row framed, gaps shown."""

import numpy as np
import pytest
from matplotlib.colors import LogNorm

from course_utils.figures import new_figure
from course_utils.heat_maps import heat_maps

FIRST = [[1.0, 2.0, 3.0], [9.0, 4.0, np.nan]]
SECOND = [[10.0, 30.0, 20.0], [np.nan, np.nan, np.nan]]


def drawn(maps, **more):
    fig, axes = new_figure(len(maps))
    axes = np.atleast_1d(axes)
    heat_maps(axes, maps, [4, 16], ["1/2", "1", "2"], label="loss", names=("B", "η"), **more)
    return fig, axes


def framed(ax):
    return [tuple(np.round(p.get_xy()).astype(int)) for p in ax.patches if not p.get_fill()]


def test_all_maps_share_one_scale_that_spans_them_all():
    fig, axes = drawn({"a": FIRST, "b": SECOND})
    norms = [ax.collections[0].norm for ax in axes]
    assert norms[0] is norms[1] and (norms[0].vmin, norms[0].vmax) == (1, 30)
    assert [ax.get_ylabel() for ax in fig.axes] == ["B", "", "loss"]


@pytest.mark.parametrize("best, first, second", [("lowest", [(0, 0), (1, 1)], [(0, 0)]),
                                                 ("highest", [(2, 0), (0, 1)], [(1, 0)]),
                                                 (None, [], [])])  # fmt: skip
def test_the_best_cell_of_each_row_is_framed_where_one_is_finite(best, first, second):
    _, axes = drawn({"a": FIRST, "b": SECOND}, best=best)
    assert framed(axes[0]) == first and framed(axes[1]) == second


def test_an_infinite_loss_counts_as_diverged():
    _, axes = drawn({"a": [[1.0, np.inf, 3.0], [9.0, 4.0, 2.0]], "b": SECOND})
    assert [p.get_xy() for p in axes[0].patches if p.get_hatch()] == [(1, 0)]


def test_cells_of_diverged_runs_are_hatched_and_explained():
    _, axes = drawn({"a": FIRST, "b": SECOND})
    hatched = [p.get_xy() for p in axes[0].patches if p.get_hatch()]
    assert hatched == [(2, 1)]
    assert "hatched: all diverged" in [t.get_text() for t in axes[0].texts]


def test_colours_go_by_ratios_on_request_and_where_values_span_decades():
    for log, logarithmic in ((None, False), (True, True)):
        _, axes = drawn({"a": FIRST}, log=log)
        assert isinstance(axes[0].collections[0].norm, LogNorm) == logarithmic
    _, axes = drawn({"a": FIRST, "b": np.multiply(SECOND, 10)})
    assert isinstance(axes[0].collections[0].norm, LogNorm)


def test_a_map_of_another_shape_is_refused_by_its_title():
    with pytest.raises(ValueError, match="'b' has shape"):
        drawn({"a": FIRST, "b": [[1.0, 2.0]]})


def test_maps_without_a_finite_value_are_refused():
    with pytest.raises(ValueError, match="no finite value in 'a'"):
        drawn({"a": np.full((2, 3), np.nan)})
