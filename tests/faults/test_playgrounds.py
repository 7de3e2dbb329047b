"""Widgets that are run again, share a name, or are moved faster than they can draw."""

import asyncio
import gc
import threading
import time
import weakref

import psutil
import pytest
from ipywidgets import Widget
from matplotlib.figure import Figure

from course_utils.exercises.recall import recall
from course_utils.study import predict
from course_utils.widgets import Explorer, LiveFigure, Playground, Slider
from course_utils.widgets.frame import Frame
from course_utils.widgets.live_figure import CSS_DPI
from course_utils.widgets.playground import FRAME
from tests.test_playground import CONTROLS, descend, line_picture, picture

PAGE = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(autouse=True)
def with_a_page(monkeypatch):
    monkeypatch.setenv("COURSE_HEADLESS", "0")
    yield
    for frame in list(Frame._open.values()):
        frame.close()


def play(name="twice", **more):
    return Playground(name, descend, picture, CONTROLS, **({"steps": 10**6} | more))


def line(name="twice"):
    return Explorer(name, line_picture, {"w": Slider(-2.0, 2.0, 1.0, step=0.1)})


def in_a_loop(coroutine):
    """On an event loop, as in a kernel; the limit is for a computer that does much else."""
    return asyncio.run(asyncio.wait_for(coroutine, timeout=240))


def open_widgets():
    """How many widgets ipywidgets keeps for the page; 7 and 8 keep them in different places."""
    from ipywidgets.widgets import widget

    kept = getattr(widget, "_instances", None)
    return len(Widget.widgets if kept is None else kept)


# ---- one name, two widgets ----------------------------------------------------------------------


@pytest.mark.parametrize("first", [play, line])
@pytest.mark.parametrize("second", [play, line])
def test_the_first_of_two_of_one_name_says_why_it_is_closed(first, second):
    old, new = first(), second()

    (left,) = old._frame.box.children
    assert "run again, or another one took the name &#x27;twice&#x27;" in left.value
    assert "use the newer widget" in left.value
    assert PAGE not in old._repr_mimebundle_()[0] and PAGE in new._repr_mimebundle_()[0]
    assert Frame._open["twice"] is new._frame


def test_a_closed_playground_says_so_to_code_that_still_holds_it():
    old = play()
    old.run_now(4)
    play()
    for action in (old.run, old.reset, old.step, lambda: old.run_now(1)):
        with pytest.raises(RuntimeError, match="another one took the name"):
            action()
    assert len(old.current.curves["train"]) == 5  # what was measured can still be read
    old.close()  # twice is no trouble


def test_a_move_that_was_on_its_way_changes_nothing_and_hides_nothing():
    async def scenario():
        old = play()
        old.move(lr=1.0)  # waits for the end of the message
        new = play()
        await asyncio.sleep(0.02)
        assert old.state == "closed" and "run again" in old._frame._status.value
        assert new.settings.lr != 1.0 and new.state == "ready"

    in_a_loop(scenario())


# ---- faster than the eye ------------------------------------------------------------------------


@pytest.mark.parametrize("training", [True, False])
def test_two_hundred_moves_in_two_seconds_do_not_queue_up(training):
    """A training draws at most 16 frames a second, however many moves there are: FRAME. Without
    one, each picture shows all moves that came while the one before was drawn."""
    async def scenario():
        live = play()
        begun, moved, turns = [], [], 0
        redraw = live._live.redraw

        def draw(*words, **how):
            begun.append(time.perf_counter())
            if not training:  # else it costs nothing: one more for each move could all be drawn
                redraw(*words, **how)

        live._live.redraw = draw
        grid = live._frame.controls["lr"].grid
        started = time.perf_counter()
        if training:
            live.run()

        def page():  # JupyterLab delivers on a thread of its own
            for n in range(200):
                live.move(lr=grid[n % len(grid)])
                moved.append(time.perf_counter())
                time.sleep(0.009)

        hand = threading.Thread(target=page)
        hand.start()
        while hand.is_alive():
            await asyncio.sleep(0.001)
            turns += 1
        for _ in range(6):
            await asyncio.sleep(0.05)  # a queue would go on drawing now
        assert live.settings.lr == grid[199 % len(grid)]  # the last place counts
        assert live.state == ("running" if training else "ready")
        if training:
            seconds, frames = moved[-1] - started, sum(at <= moved[-1] for at in begun)
            assert live.current.step > 0 and 0 < frames <= seconds / FRAME + 2
        else:  # the picture that was about to be drawn, and one for what moved meanwhile
            assert begun and sum(at > moved[-1] for at in begun) <= 2
        assert turns > 1  # other messages got their turn meanwhile, however slow the computer
        live.pause()

    in_a_loop(scenario())


# ---- a cell run fifty times ---------------------------------------------------------------------


PIXELS = 4 * 8.0 * 3.6 * (2 * CSS_DPI) ** 2 / 1e6  # MB of a picture of the usual size: 4.2


@pytest.fixture
def only_what_is_new():
    """Collecting garbage looks at nothing that was there before, and so is quick."""
    gc.freeze()
    yield
    gc.unfreeze()


def resident():
    """Megabytes of memory that this process holds, after what nobody can reach was freed."""
    gc.collect()
    return psutil.Process().memory_info().rss / 1e6


@pytest.mark.parametrize("kept", [True, False], ids=["Out keeps them", "nothing keeps them"])
def test_a_cell_run_fifty_times_leaves_nothing_behind(kept, monkeypatch, only_what_is_new):
    """A notebook's `Out` keeps what a cell showed; what is large has to be gone all the same.

    Drawing takes its time: only the last ten are drawn, and then memory is measured.
    """
    redraw, quick = LiveFigure.redraw, lambda *_, **__: None

    async def scenario():
        out, figures, runs, counts, memory = [], [], [], [], []
        before = len(asyncio.all_tasks())
        for left in reversed(range(10 if kept else 50)):
            monkeypatch.setattr(LiveFigure, "redraw", redraw if left < 10 else quick)
            widget = play("again")
            widget.run()
            await asyncio.sleep(0)
            figures.append(weakref.ref(widget._fig))
            runs.append(weakref.ref(widget.current._generator))
            if kept:
                out.append(widget)
            counts.append((open_widgets(), len(asyncio.all_tasks()), threading.active_count()))
            if left < 8:
                memory.append(resident())
        await asyncio.sleep(0.01)
        gc.collect()
        assert counts[-1] == counts[2]  # as many widgets, tasks and threads as after the third
        assert sum(run() is not None for run in runs) == 1  # one training, with its model
        assert len(asyncio.all_tasks()) == before + 1  # the newest training
        if kept:
            assert all(old._live._background is None and old._live.image.value == b""
                       and not hasattr(old._live.canvas, "renderer")
                       for old in out[:-1])  # megabytes a picture
            assert "image/png" in out[0]._repr_mimebundle_()[0]  # and it can still be shown
        else:
            assert sum(figure() is not None for figure in figures) == 1
        # The least of three: one moment's memory may hold a picture that is just being made. The
        # last three are five runs after the first; each might keep its figure's lines and texts,
        # which is 1 MB, and must not keep its pixels.
        assert min(memory[-3:]) - min(memory[:3]) < 5 * 0.75 * PIXELS

    in_a_loop(scenario())


def test_an_explorer_run_fifty_times_leaves_nothing_behind(monkeypatch):
    monkeypatch.setattr(LiveFigure, "redraw", lambda *_, **__: None)
    figures, counts = [], []
    for _ in range(50):
        figures.append(weakref.ref(line("again")._live.fig))
        counts.append(open_widgets())
    gc.collect()
    assert counts[-1] == counts[2]
    assert sum(figure() is not None for figure in figures) == 1


@pytest.mark.parametrize("cell", [
    lambda: predict("reg-again", choices=["up", "down"]),
    lambda: predict("reg-again", number=True, unit="steps"),
    lambda: recall("03"),
], ids=["choices", "number", "recall"])
def test_cards_with_buttons_run_fifty_times_leave_nothing_behind(cell):
    counts = []
    for _ in range(50):
        cell()
        counts.append(open_widgets())
    assert counts[-1] == counts[0]


def test_figures_of_the_course_are_known_to_nobody_but_their_holder():
    from course_utils.figures import new_figure, show

    fig, ax = new_figure()
    ax.plot([1, 2])
    show(fig, "A line that rises from 1 to 2.")
    gone = weakref.ref(fig)
    del fig, ax
    gc.collect()
    assert gone() is None or not isinstance(gone(), Figure)
