"""Playgrounds by keyboard alone: every control is reached by Tab, named, visible and operable."""

import pytest

from tests.browser.keyboard import Keyboard, nameless
from tests.browser.lab import Widget

PLAYGROUNDS = {
    "02": ('Playground("reg-live"',
           ["learning rate", "seed", "Run", "Step", "Reset", "Keep as reference", "speed",
            "train in the background", "settings"]),
    "10": ('Explorer("cnn-draw"',
           ["row 1, column 1: empty", "row 8, column 8: empty", "clear", "down",
            "held-out digit", "settings"]),
    "13": ('Playground("cap-project"',
           ["rule", "learning rate", "seed", "Run", "Step", "Reset", "settings"]),
}  # fmt: skip


@pytest.fixture(params=sorted(PLAYGROUNDS))
def opened(request, chapter):
    """(notebook, widget, names of its controls) of a chapter's playground."""
    source, controls = PLAYGROUNDS[request.param]
    notebook = chapter(request.param)
    widget = Widget(notebook, notebook.cell(source))
    return notebook, widget, controls


def test_a_playground_is_operated_by_keyboard_alone(opened, screenshot):
    notebook, widget, controls = opened
    keyboard = Keyboard(notebook, widget)
    stops = keyboard.stops()
    called = [stop.called for stop in stops]

    missing = [name for name in controls if not any(name in one for one in called)]
    assert not missing, f"Tab does not reach {missing}; it reaches {called}"
    assert all(called), f"a control has neither name nor label: {stops}"
    unseen = [stop.called for stop in stops if not stop.visible]
    assert not unseen, f"the focus cannot be seen on {unseen}"
    assert not nameless(widget.output)

    if "Run" in controls:
        trains_by_keyboard(notebook, widget, keyboard)
    else:
        draws_by_keyboard(notebook, widget, keyboard)
    screenshot(f"keyboard-{'run' if 'Run' in controls else 'draw'}-{len(stops)}", widget.output)
    assert notebook.tracebacks() == [] and notebook.errors == []


def trains_by_keyboard(notebook, widget, keyboard):
    before, picture = widget.field("settings"), widget.picture
    keyboard.go_to("learning rate", "slider")
    keyboard.press("ArrowLeft", 2)
    notebook.eventually(lambda: widget.field("settings") != before)

    keyboard.go_to("speed")
    keyboard.choose(3)  # "2 steps a second": it is not over before Pause
    assert keyboard.name() == "speed"
    keyboard.go_to("Run")
    keyboard.press("Enter")
    notebook.eventually(lambda: widget.step >= 2 and widget.picture != picture, seconds=60)
    assert keyboard.name() == "Pause"  # the focus stays on the button that now stops it
    keyboard.press("Space")
    notebook.eventually(lambda: widget.button("Run").is_visible())
    notebook.wait_until_idle()
    stopped = widget.step
    notebook.page.wait_for_timeout(700)
    assert widget.step == stopped

    keyboard.go_to("Step")
    keyboard.press("Space")
    notebook.eventually(lambda: widget.step == stopped + 1)
    keyboard.go_to("Reset")
    keyboard.press("Enter")
    notebook.eventually(lambda: widget.step == 0)

    # what has no arrows: a number is typed, a box is ticked with the space bar
    keyboard.go_to("seed")
    keyboard.press("Control+A")
    notebook.page.keyboard.type("7")
    keyboard.press("Tab")
    notebook.eventually(lambda: "seed=7" in widget.field("settings"))
    keyboard.go_to("train in the background")
    keyboard.press("Space")
    notebook.eventually(lambda: widget.button("Run steps").is_visible())
    keyboard.press("Space")
    notebook.eventually(lambda: not widget.button("Run steps").is_visible())


def draws_by_keyboard(notebook, widget, keyboard):
    keyboard.go_to("clear")
    keyboard.press("Enter")
    pixel = widget.output.locator('button[title^="row 2, column 3:"]')
    notebook.eventually(lambda: pixel.get_attribute("title").endswith("empty"))
    picture, words = widget.picture, widget.words
    keyboard.go_to("row 2, column 3:")
    keyboard.press("Space")
    notebook.eventually(lambda: pixel.get_attribute("title").endswith("full"))
    notebook.eventually(lambda: widget.picture != picture and widget.words != words)
    before = widget.field("settings")
    keyboard.go_to("held-out digit", "slider")
    keyboard.press("ArrowRight", 3)
    notebook.eventually(lambda: widget.field("settings") != before)
