"""Explorer and Playground: every control does what it says, in both engine modes."""

import asyncio
import math
import threading

import numpy as np
import pytest
import torch

from course_utils import paths
from course_utils.widgets import (
    Button,
    Choice,
    Explorer,
    Mission,
    Playground,
    Slider,
    Text,
    Toggle,
)
from course_utils.widgets.frame import Frame

CONTROLS = {
    "lr": Slider(1e-3, 2.0, 0.1, log=True, label="learning rate"),
    "width": Slider(1, 9, 3, step=1, live=False),
    "rule": Choice(["plain", "sign"]),
    "noise": Toggle(False),
    "caption": Text("mine"),
}


def descend(settings):
    """Descent on w² from w = width; diverges beyond lr = 1."""
    w = torch.tensor(float(settings.width), dtype=torch.float64)
    noise = torch.Generator().manual_seed(settings.seed)
    while True:
        yield {"train": w**2, "w": w}
        grad = 2 * w if settings.rule == "plain" else torch.sign(w)
        if settings.noise:
            grad = grad + torch.randn((), generator=noise, dtype=torch.float64)
        w = w - settings.lr * grad


def picture(ax, settings):
    ax.set(xlim=(-10, 10), ylim=(0, 100))
    (point,) = ax.plot([], [], "o")

    def update(state):
        w = float(state["w"])
        point.set_data([w], [w**2])
        return f"w is {w:.3f}"

    return [point], update


def line_picture(ax, settings):
    ax.set(xlim=(0, 1), ylim=(-2, 2))
    (line,) = ax.plot([], [])

    def update(now):
        line.set_data([0, 1], [0, now.w])
        return f"slope {now.w:.2f}"

    return [line], update


@pytest.fixture(autouse=True)
def with_a_page(monkeypatch):
    """As with a browser, where callbacks arrive; the tests run headless otherwise."""
    monkeypatch.setenv("COURSE_HEADLESS", "0")
    assert not paths.headless()
    yield
    for frame in list(Frame._open.values()):
        frame.close()


@pytest.fixture
def play():
    return Playground("play", descend, picture, CONTROLS, steps=50)


def test_a_new_playground_shows_step_zero(play):
    assert play.state == "ready" and play.current.step == 0
    assert "Step 0" in play.alt and "w is 3.000" in play.alt


def test_step_takes_one_step_and_pauses(play):
    play._transport.step.click()
    assert play.current.step == 1 and play.state == "paused"
    assert play.alt.startswith("Step 1")


def test_run_inside_a_click_stops_at_the_run_s_end(play):
    play._transport.run.click()
    assert play.state == "done" and play.current.step == 50
    assert play._transport.run.disabled


def test_run_inside_a_click_takes_at_most_a_hundred_steps():
    play = Playground("play", descend, picture, CONTROLS, steps=1_000)
    play._transport.run.click()
    assert play.current.step == 100 and play.state == "paused"
    play._transport.run.click()
    assert play.current.step == 200


def test_a_live_slider_acts_on_the_running_training(play):
    play.run_now(3)
    before = float(play.current.state["w"])
    play.move(lr=play._frame.controls["lr"].grid[0])
    play.run_now(1)
    assert play.current.step == 4
    assert float(play.current.state["w"]) == pytest.approx(before * (1 - 2 * 1e-3), rel=1e-2)


def test_a_control_that_is_not_live_waits_for_the_reset_and_says_so(play):
    play.run_now(3)
    play.move(width=7)
    assert play.current.step == 3
    assert "takes effect at the next Reset" in play._frame._status.value
    play._transport.reset.click()
    assert play.current.step == 0 and float(play.current.state["w"]) == 7


def test_before_the_first_step_every_control_shows_its_start_at_once(play):
    play.move(width=7)
    assert "w is 7.000" in play.alt and play.earlier == []


@pytest.mark.parametrize(("name", "value"), [
    ("lr", 1.0), ("width", 5), ("rule", "sign"), ("noise", True), ("seed", 99),
])
def test_moving_any_control_changes_the_settings_string(play, name, value):
    before = play.code
    play.move(**{name: value})
    assert play.code != before and play._frame.code_field.value == play.code


def test_reset_keeps_the_run_as_a_faint_curve_labelled_with_what_differed(play):
    play.run_now(5)
    play.move(lr=1.0)
    play.run_now(1)
    play.reset()
    labels = [text.get_text() for text in play._loss.ax.get_legend().get_texts()]
    assert any("lr 0.1→1" in label for label in labels)
    assert len(play.earlier) == 1 and play.earlier[0].step == 6


def test_what_was_moved_for_the_next_run_alone_is_no_change_of_the_run_before(play):
    play.run_now(5)
    play.move(lr=1.0)
    play.reset()
    labels = [text.get_text() for text in play._loss.ax.get_legend().get_texts()]
    assert any(label.endswith("lr 0.1") for label in labels)


def test_what_acts_from_the_reset_on_is_no_change_of_the_run_before(play):
    play.run_now(5)
    play.move(width=4)                           # takes effect at the next Reset
    play.reset()
    play.run_now(50)                             # to its end
    play.move(lr=1.0)
    assert [run.changes["width"] for run in (*play.earlier, play.current)] == [[3], [4]]
    assert play.current.stopped and play.current.changes["lr"] == [0.1]


def test_a_switch_is_on_or_off_in_the_legend(play):
    play.move(noise=True)
    play.run_now(3)
    play.move(noise=False)
    play.run_now(1)
    play.reset()
    labels = [text.get_text() for text in play._loss.ax.get_legend().get_texts()]
    assert any("noise on→off" in label for label in labels)


def test_no_more_than_five_earlier_runs_stay(play):
    for _ in range(8):
        play.run_now(2)
        play.reset()
    assert len(play.earlier) == 5


def test_the_reference_stays_though_many_runs_follow(play):
    play.run_now(4)
    play._transport.keep.click()
    kept = play.current
    for _ in range(8):
        play.reset()
        play.run_now(2)
    assert play.reference is kept
    labels = [text.get_text() for text in play._loss.ax.get_legend().get_texts()]
    assert any(label.startswith("reference") for label in labels)


def test_the_same_settings_string_gives_the_same_run(play):
    play.move(noise=True, lr=0.5)
    code = play.code
    first = list(play.run_now(20).curves["train"])
    again = Playground("again", descend, picture, CONTROLS, steps=50)
    again.from_code(code.replace("play", "again"))
    assert again.run_now(20).curves["train"] == first
    again.from_code("seed=123")
    assert again.run_now(20).curves["train"] != first


def test_a_settings_string_typed_into_the_field_is_taken_over(play):
    play._frame.code_field.value = "play lr=1 width=5"
    assert play.settings.lr == 1.0 and play.settings.width == 5


def test_a_wrong_settings_string_changes_nothing_and_says_why(play):
    play._frame.code_field.value = "play lr=fast width=5"
    assert play.settings.width == 3
    assert "nothing changed: lr: &#x27;fast&#x27; is not a number" in play._frame._status.value


def test_divergence_pauses_says_so_and_reset_recovers():
    play = Playground("play", descend, picture, CONTROLS, steps=50_000)
    play.move(lr=2.0)
    play.run_now(50_000)
    assert play.state == "error" and play.current.diverged
    assert "diverged" in play._frame._status.value
    play.move(lr=0.1)
    play.reset()
    play.run_now(5)
    assert play.state == "paused" and math.isfinite(play.current.curves["train"][-1])


def test_an_exception_in_the_learner_s_loop_is_shown_as_theirs_and_reset_recovers():
    broken = {"now": True}

    def faulty(settings):
        for k in range(100):
            if k == 3 and broken["now"]:
                raise ValueError("shapes do not fit")
            yield {"train": 1.0, "w": 0.0}

    play = Playground("play", faulty, picture, CONTROLS)
    play.run_now(10)
    assert play.state == "error" and "shapes do not fit" in play._frame._status.value
    broken["now"] = False
    play._transport.reset.click()
    play.run_now(10)
    assert play.state == "paused" and play.current.step == 10


def test_an_exception_in_the_picture_keeps_the_curves():
    def bad_picture(ax, settings):
        def update(state):
            if float(state["w"]) < 2:
                raise RuntimeError("cannot draw this")
            return "fine"

        return [], update

    play = Playground("play", descend, bad_picture, CONTROLS)
    play.run_now(10)
    assert play.state == "error" and "cannot draw this" in play._frame._status.value
    assert len(play.current.curves["train"]) == 11


def test_missions_are_marked_when_reached_and_kept(monkeypatch):
    kept = []
    monkeypatch.setattr("course_utils.widgets.frame.record", lambda *entry: kept.append(entry))
    play = Playground("play", descend, picture, CONTROLS, missions=[
        Mission("loss below 1", lambda run: run.curves["train"][-1] < 1),
        Mission("diverge on purpose", lambda run: run.diverged),
        Mission("looks at what is not there", lambda run: run.curves["held_out"][-1] < 1),
    ])
    play.run_now(20)
    assert kept == [("mission", "play/1", True)]
    assert play._frame._mission_list.value.count("✓ done") == 1
    play.reset()
    assert play._frame._mission_list.value.count("✓ done") == 1


def test_a_mission_asks_for_settings_that_steps_were_taken_with():
    play = Playground("play", descend, picture, CONTROLS, missions=[
        Mission("half", lambda run: run.settings["lr"] >= 0.5),
        Mission("wide", lambda run: run.settings["width"] == 9)])
    play.run_now(5)
    lr = play._frame.controls["lr"].grid
    play.move(lr=next(value for value in lr if value >= 0.5), width=9)
    assert "✓" not in play._frame._mission_list.value   # nothing was trained with either
    play.run_now(1)
    assert play._frame._reached == {0}                  # the width waits for a reset
    play.reset()
    play.run_now(1)
    assert play._frame._reached == {0, 1}


def test_running_the_cell_again_closes_the_first_widget(play):
    second = Playground("play", descend, picture, CONTROLS)
    assert play._transport.run.disabled and play._frame.inputs["lr"].disabled
    assert "run again" in play._frame._status.value
    assert not second._transport.run.disabled


@pytest.mark.parametrize(("change", "error", "words"), [
    ({"make": 3}, TypeError, "generator function"),
    ({"picture": lambda ax, s: None}, TypeError, "must return"),
    ({"picture": lambda ax, s: ([ax.plot([], [])], str)}, TypeError, "line, = ax.plot"),
    ({"steps": 0}, ValueError, "at least 1"),
    ({"steps": True}, ValueError, "at least 1"),
    ({"headless_steps": -1}, ValueError, "at least 1"),
    ({"mode": "thread"}, ValueError, "mode must be"),
    ({"mode": "task"}, ValueError, "event loop"),
    ({"name": "two words"}, ValueError, "one word"),
    ({"controls": {"2lr": Slider(0, 1, 0.5)}}, ValueError, "Python name"),
    ({"controls": {"lr": (0, 1)}}, TypeError, "Slider, Choice, Toggle"),
])
def test_arguments_that_cannot_work_are_refused_in_words(change, error, words):
    arguments = {"name": "bad", "make": descend, "picture": picture, "controls": CONTROLS} | change
    with pytest.raises(error, match=words):
        Playground(**arguments)


def test_headless_runs_its_steps_and_leaves_a_picture_without_a_widget_view(monkeypatch):
    monkeypatch.setenv("COURSE_HEADLESS", "1")
    play = Playground("play", descend, picture, CONTROLS, steps=50, headless_steps=20)
    data, _ = play._repr_mimebundle_()
    assert play.current.step == 20
    assert set(data) == {"text/plain", "image/png"}
    assert data["image/png"].startswith(b"\x89PNG") and len(data["image/png"]) < 80_000


def test_with_a_page_the_cell_shows_the_live_view_and_the_picture(play):
    data, _ = play._repr_mimebundle_()
    assert {"application/vnd.jupyter.widget-view+json", "image/png", "text/plain"} == set(data)


def test_the_explorer_follows_its_slider_in_picture_and_words():
    explorer = Explorer("line", line_picture, {"w": Slider(-2.0, 2.0, 1.0, step=0.1)})
    before = explorer._live.image.value
    explorer.move(w=-1.5)
    assert explorer.alt == "Slope −1.50."
    assert explorer._live.image.value != before
    assert explorer.code == "line w=-1.5"


def test_an_explorer_s_error_is_shown_and_the_next_move_recovers():
    def fragile(ax, settings):
        def update(now):
            return f"root {math.sqrt(now.w):.2f}"

        return [], update

    explorer = Explorer("root", fragile, {"w": Slider(-2.0, 2.0, 1.0, step=0.1)})
    explorer.move(w=-1.0)
    assert "ValueError" in explorer._frame._status.value
    explorer.move(w=1.5)
    assert explorer.alt == "Root 1.22." and "ValueError" not in explorer._frame._status.value


def typed_picture(ax, settings):
    ax.set(xlim=(0, 10), ylim=(0, 1), xlabel="words")
    (bar,) = ax.barh([0.5], [0])

    def update(now):
        bar.set_width(len(now.line.split()))
        return f"“{now.line}” has {len(now.line.split())} words"

    return [bar], update


def test_the_explorer_follows_its_text_field_and_its_settings_string():
    explorer = Explorer("typed", typed_picture, {"line": Text("one two")})
    before = explorer._live.image.value
    explorer._frame.inputs["line"].value = "a = b; 我們 也"  # as the page does at Enter
    assert explorer.alt == "“a = b; 我們 也” has 5 words."
    assert explorer._live.image.value != before
    assert explorer.code == "typed line=a_%3D_b;_我們_也"
    code = explorer.code
    explorer.move(line="")
    assert explorer.alt == "“” has 0 words." and explorer.code == "typed line="
    explorer._frame.code_field.value = code  # pasted into the field
    assert explorer.settings.line == "a = b; 我們 也"
    explorer.close()
    assert explorer._frame.inputs["line"].disabled


def test_a_long_typed_text_is_cut_in_the_legend_and_dollars_are_no_formula(play):
    play.run_now(2)
    play.move(caption="$x^ from here to the end of a long line$")
    play.run_now(1)
    play.reset()
    play.run_now(1)  # drawing must not take the text for a formula
    (label,) = (text.get_text() for text in play._loss.ax.get_legend().get_texts()
                if "caption" in text.get_text())
    assert label == r"caption mine→\$x^ from here to …"


# in the background, on a running event loop


def in_a_loop(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, timeout=30))


def walk(settings):
    return {"w": settings["w"] + 0.5}


def test_a_button_moves_the_controls_from_where_they_stand():
    explorer = Explorer("walk", _marker, {"w": Slider(0.0, 1.25, 0.0), "go": Button("Go", walk)})
    before = explorer._live.png()
    explorer.press("go")
    explorer._frame._column[1].click()  # as the page does
    assert explorer.settings.w == 1.0
    assert explorer.code == "walk w=1"  # a button is no setting
    assert explorer._live.png() != before


def test_a_button_that_leads_out_of_a_control_s_range_moves_nothing_and_says_so():
    explorer = Explorer("walk", _marker, {"w": Slider(0.0, 1.25, 1.0), "go": Button("Go", walk)})
    explorer.press("go")
    assert explorer.settings.w == 1.0
    assert "nothing moved" in explorer._frame._status.value
    assert "outside" in explorer._frame._status.value


def test_an_exception_in_a_button_s_action_is_shown_on_the_page():
    explorer = Explorer(
        "walk", _marker, {"w": Slider(0.0, 1.0, 0.0), "go": Button("Go", lambda s: s["nowhere"])}
    )
    explorer._frame._column[1].click()
    assert "nowhere" in explorer._frame._status.value


def test_a_button_needs_a_label_a_function_and_a_name_that_exists():
    with pytest.raises(ValueError, match="label"):
        Button("", walk)
    with pytest.raises(TypeError, match="function"):
        Button("Go", 3)
    explorer = Explorer("walk", _marker, {"w": Slider(0.0, 1.0, 0.0), "go": Button("Go", walk)})
    with pytest.raises(ValueError, match="there are: go"):
        explorer.press("fly")


def _marker(ax, settings):
    (dot,) = ax.plot([0], [0], "o")
    ax.set_xlim(0, 2)

    def update(settings):
        dot.set_data([settings["w"]], [0])
        return f"w = {settings['w']:.2f}"

    return [dot], update


def test_background_training_runs_pauses_goes_on_and_ends():
    async def scenario():
        play = Playground("play", descend, picture, CONTROLS, steps=30_000)
        assert play.mode == "task"
        play._transport.run.click()
        await asyncio.sleep(0.1)
        assert play.state == "running" and play._transport.run.description == "Pause"
        play._transport.run.click()
        at = play.current.step
        assert play.state == "paused" and 0 < at < 30_000
        await asyncio.sleep(0.1)
        assert play.current.step == at
        play._transport.run.click()
        while play.state == "running":
            await asyncio.sleep(0.05)
        assert play.state == "done" and play.current.step == 30_000

    in_a_loop(scenario())


def test_step_while_running_takes_one_step_and_stays_paused():
    async def scenario():
        play = Playground("play", descend, picture, CONTROLS, steps=10**6)
        play.run()
        await asyncio.sleep(0.05)
        at = play.current.step
        play._transport.step.click()
        assert play.state == "paused" and play.current.step == at + 1
        assert play._transport.run.description == "Run"
        await asyncio.sleep(0.05)
        assert play.current.step == at + 1

    in_a_loop(scenario())


def test_a_slider_moved_on_another_thread_reaches_the_running_training():
    async def scenario():
        play = Playground("play", descend, picture, CONTROLS, steps=10**6)
        main = threading.get_ident()
        drawn_on = set()
        redraw = play._live.redraw
        play._live.redraw = lambda *a, **k: (drawn_on.add(threading.get_ident()), redraw(*a, **k))
        play.run()
        await asyncio.sleep(0.05)
        thread = threading.Thread(target=lambda: play.move(lr=1.0))
        thread.start()
        thread.join()
        await asyncio.sleep(0.15)
        assert play.current.changes["lr"] == [0.1, 1.0]
        play.pause()
        assert drawn_on == {main}

    in_a_loop(scenario())


def test_two_playgrounds_run_at_once():
    async def scenario():
        one = Playground("one", descend, picture, CONTROLS, steps=10**6)
        two = Playground("two", descend, picture, CONTROLS, steps=10**6)
        one.run()
        two.run()
        while min(one.current.step, two.current.step) <= 50:
            await asyncio.sleep(0.05)
        one.pause()
        two.pause()

    in_a_loop(scenario())


def test_running_the_cell_again_stops_the_old_training():
    async def scenario():
        old = Playground("play", descend, picture, CONTROLS, steps=10**6)
        old.run()
        await asyncio.sleep(0.05)
        Playground("play", descend, picture, CONTROLS, steps=10**6)
        at = old.current.step
        await asyncio.sleep(0.1)
        assert old.current.step == at and old.state != "running"

    in_a_loop(scenario())


def test_the_engine_can_be_switched_to_steps_inside_the_click():
    async def scenario():
        play = Playground("play", descend, picture, CONTROLS, steps=10**6)
        play._transport.background.value = False
        assert play.mode == "click" and play._transport.run.description == "Run steps"
        play._transport.run.click()
        assert play.current.step == 100 and play.state == "paused"

    in_a_loop(scenario())


def test_both_modes_give_the_same_losses():
    async def in_background():
        play = Playground("task", descend, picture, CONTROLS | {"noise": Toggle(True)}, steps=200)
        play.run()
        while play.state == "running":
            await asyncio.sleep(0.02)
        return play.current.curves["train"]

    losses = in_a_loop(in_background())
    play = Playground("click", descend, picture, CONTROLS | {"noise": Toggle(True)}, steps=200)
    play.run()
    play.run()
    np.testing.assert_array_equal(play.current.curves["train"], losses)


def test_an_exception_in_the_background_is_shown():
    async def scenario():
        def faulty(settings):
            yield {"train": 1.0, "w": 0.0}
            yield {"train": 1.0, "w": 0.0}
            raise KeyError("no such column")

        play = Playground("play", faulty, picture, CONTROLS)
        play.run()
        await asyncio.sleep(0.1)
        assert play.state == "error" and "no such column" in play._frame._status.value

    in_a_loop(scenario())


