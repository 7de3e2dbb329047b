"""Chapter 04 as a learner uses it: walk over a surface, and watch descent leave a saddle."""

from tests.browser import keyboard
from tests.browser.lab import Widget

WALK, LIVE = 'Explorer("hess-walk"', 'Playground("hess-live"'


def test_walking_and_descending_answer_to_their_controls(chapter, screenshot):
    notebook = chapter("04")
    assert notebook.tracebacks() == []

    walk = Widget(notebook, notebook.cell(WALK))
    picture, words = walk.picture, walk.words
    walk.move("x", "ArrowLeft", times=3)
    notebook.eventually(lambda: walk.picture != picture and walk.words != words)
    picture, at = walk.picture, walk.field("settings")
    walk.press("Step")  # a button moves the point, and with it both sliders
    notebook.eventually(lambda: walk.picture != picture and walk.field("settings") != at)
    picture = walk.picture
    walk.choose("surface", "Himmelblau")
    notebook.eventually(lambda: walk.picture != picture)
    screenshot("playground-walk", walk.output)

    live = Widget(notebook, notebook.cell(LIVE))
    before = live.picture
    live.move("along the line", "ArrowLeft", times=5)  # another start
    notebook.eventually(lambda: live.picture != before)
    live.press("Run")
    notebook.eventually(lambda: live.step > 100, seconds=60)
    screenshot("playground-saddle", live.output)

    screenshot("chapter-04")
    keyboard.assert_reachable(notebook, "04")
    assert notebook.tracebacks() == [] and notebook.errors == []
