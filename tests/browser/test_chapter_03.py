"""Chapter 03 as a learner uses it: guess, train, and see where the map puts the run."""

from tests.browser import keyboard
from tests.browser.lab import Widget

LIVE = 'Playground("guide-live"'


def test_the_diagnosis_playground_trains_and_lights_the_map(chapter, screenshot):
    notebook = chapter("03")
    assert notebook.tracebacks() == []

    live = Widget(notebook, notebook.cell(LIVE))
    before = live.picture
    live.move("neurons in each", "ArrowLeft", times=5)  # another net: the start is drawn anew
    notebook.eventually(lambda: live.picture != before)
    live.press("Run")
    notebook.eventually(lambda: live.step >= 200, seconds=60)

    unlit = live.picture
    live.choose("your guess", "overfitting")
    notebook.eventually(lambda: live.picture != unlit)  # only now does the map answer
    screenshot("playground-guide", live.output)

    screenshot("chapter-03")
    keyboard.assert_reachable(notebook, "03")
    assert notebook.tracebacks() == [] and notebook.errors == []
