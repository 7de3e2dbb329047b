"""Widgets that are run again, share a name, or are moved faster than they can draw."""

import asyncio
import gc
import threading
import time
import weakref

import pytest
from ipywidgets import Widget
from matplotlib.figure import Figure

from course_utils.exercises.recall import recall
from course_utils.study import predict
from course_utils.widgets import Explorer, LiveFigure, Playground, Slider
from course_utils.widgets.frame import Frame
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
    async def scenario():
        live = play()
        frames, turns = [], 0
        redraw = live._live.redraw
        live._live.redraw = lambda *a, **k: (frames.append(time.perf_counter()), redraw(*a, **k))
        if training:
            live.run()
        grid = live._frame.controls["lr"].grid

        def page():  # JupyterLab delivers on a thread of its own
            for n in range(200):
                live.move(lr=grid[n % len(grid)])
                time.sleep(0.009)

        hand = threading.Thread(target=page)
        hand.start()
        while hand.is_alive():
            await asyncio.sleep(0.001)
            turns += 1
        await asyncio.sleep(0.05)
        ended, drawn = time.perf_counter(), len(frames)
        await asyncio.sleep(0.3)
        assert live.settings.lr == grid[199 % len(grid)]  # the last place counts
        assert live.state == ("running" if training else "ready")
        assert drawn <= 220  # one picture for a burst of moves, never one more for each
        assert turns > 1  # other messages got their turn meanwhile, however slow the computer
        if training:
            assert live.current.step > 0
        else:
            assert all(frame < ended for frame in frames)  # nothing was waiting to be drawn
        live.pause()

    in_a_loop(scenario())


# ---- a cell run fifty times ---------------------------------------------------------------------


@pytest.mark.parametrize("kept", [True, False], ids=["Out keeps them", "nothing keeps them"])
def test_a_cell_run_fifty_times_leaves_nothing_behind(kept, monkeypatch):
    """A notebook's `Out` keeps what a cell showed; what is large has to be gone all the same."""
    if not kept:  # without drawing, so that fifty times are quick
        monkeypatch.setattr(LiveFigure, "redraw", lambda *_, **__: None)

    async def scenario():
        out, figures, runs, counts, before = [], [], [], [], len(asyncio.all_tasks())
        for _ in range(6 if kept else 50):
            widget = play("again", figsize=(2.0, 1.2), title="small: drawing is not what is tested")
            widget.run()
            await asyncio.sleep(0)
            figures.append(weakref.ref(widget._fig))
            runs.append(weakref.ref(widget.current._generator))
            if kept:
                out.append(widget)
            counts.append((open_widgets(), len(asyncio.all_tasks()), threading.active_count()))
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
