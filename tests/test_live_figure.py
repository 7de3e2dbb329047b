"""LiveFigure: what moves is redrawn, what stays is kept, and the words follow the picture."""

import io

import numpy as np
import pytest
from PIL import Image

from course_utils.figures import new_figure
from course_utils.widgets import LiveFigure


def pixels(live):
    return np.asarray(Image.open(io.BytesIO(live.image.value)).convert("L"), dtype=int)


@pytest.fixture
def moving():
    fig, ax = new_figure()
    ax.set(xlim=(0, 1), ylim=(0, 1))
    (point,) = ax.plot([0.2], [0.2], "ko", markersize=12)
    return LiveFigure(fig, [point], alt="a point at 0.2"), ax, point


def test_moving_an_artist_leaves_no_trace_of_its_old_place(moving):
    live, ax, point = moving
    first = pixels(live)
    point.set_data([0.8], [0.8])
    live.redraw()
    assert np.abs(pixels(live) - first).max() > 100
    point.set_data([0.2], [0.2])
    live.redraw()
    np.testing.assert_array_equal(pixels(live), first)


def test_a_legend_stays_readable_over_what_moves(moving):
    live, ax, point = moving
    ax.legend(handles=[point], labels=["a point"], loc="center")
    live.redraw(full=True)
    legend = pixels(live)
    point.set_data([0.5], [0.5])
    live.redraw()
    box = ax.get_legend().get_window_extent()
    rows = slice(len(legend) - int(box.y1) + 2, len(legend) - int(box.y0) - 2)
    columns = slice(int(box.x0) + 2, int(box.x1) - 2)

    np.testing.assert_array_equal(pixels(live)[rows, columns], legend[rows, columns])


def test_a_hyphen_before_a_number_becomes_a_minus_sign(moving):
    live, _, _ = moving
    live.redraw("from -1.5 to 2e-05 on 2012-03-01, (-3, w-4)")
    assert live.alt == "from −1.5 to 2e-05 on 2012-03-01, (−3, w-4)"


def test_changed_axis_limits_redraw_the_background_by_themselves(moving):
    live, ax, point = moving
    ax.set_xlim(0, 5)
    live.redraw()
    blitted = pixels(live)
    live.redraw(full=True)
    np.testing.assert_array_equal(pixels(live), blitted)


def test_a_change_of_the_background_shows_after_a_full_redraw(moving):
    live, ax, point = moving
    before = pixels(live)
    ax.axhline(0.5, color="black", lw=5)
    live.redraw()
    np.testing.assert_array_equal(pixels(live), before)
    live.redraw(full=True)
    assert np.abs(pixels(live) - before).max() > 100


def test_a_moving_frame_is_jpeg_and_shows_the_same_picture(moving):
    live, ax, point = moving
    still = pixels(live)
    live.redraw(moving=True)
    assert live.image.format == "jpeg" and bytes(live.image.value[:2]) == b"\xff\xd8"
    assert np.abs(pixels(live) - still).mean() < 2


def test_the_picture_is_rendered_at_twice_its_displayed_width(moving):
    live, _, _ = moving
    displayed = int(live.image.layout.width.removesuffix("px"))
    assert pixels(live).shape[1] == pytest.approx(2 * displayed, abs=2)


def test_words_follow_the_picture_and_are_escaped(moving):
    live, _, _ = moving
    live.redraw("a < b")
    assert live.alt == "a < b"
    line = live.widget.children[1].value
    assert "a &lt; b" in line and 'aria-live="polite"' in line


def test_a_picture_without_words_is_refused():
    with pytest.raises(ValueError, match="alt is empty"):
        LiveFigure(new_figure()[0], alt=" ")
