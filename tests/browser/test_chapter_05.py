"""Chapter 05 as a learner uses it: another start, batch size and rate, and a mission reached."""

from tests.browser import keyboard
from tests.browser.lab import Widget

LIVE = 'Playground("batch-live"'


def test_batch_size_and_rate_by_keyboard_change_the_path(chapter, screenshot):
    notebook = chapter("05")
    assert notebook.tracebacks() == []

    live = Widget(notebook, notebook.cell(LIVE))
    before, words = live.picture, live.words
    live.move("start w", "ArrowRight", times=5)  # another start
    notebook.eventually(lambda: live.picture != before and live.words != words)
    before = live.picture
    live.choose("way of computing", "one by one")
    notebook.eventually(lambda: live.picture != before)
    before = live.picture
    live.choose("batch size B", "1")
    notebook.eventually(lambda: live.picture != before)

    assert "✓ done" not in live.text()
    live.choose("speed", "50 steps a second")  # so that thirteen presses fit into one run
    live.press("Run")
    notebook.eventually(lambda: live.step > 30, seconds=60)
    # It acts at once. From .1 to .005: from any place the path arrives in 500 updates and settles.
    live.move("learning rate", "ArrowLeft", times=13)
    notebook.eventually(lambda: "✓ done: Line, B = 1" in live.text(), seconds=90)
    screenshot("playground-batch", live.output)

    screenshot("chapter-05")
    keyboard.assert_reachable(notebook, "05")
    assert notebook.tracebacks() == [] and notebook.errors == []
