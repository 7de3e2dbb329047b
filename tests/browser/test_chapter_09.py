"""Chapter 09 as a learner uses it: limit and price, which columns stay, a fit calmed."""

from tests.browser import keyboard
from tests.browser.lab import Widget

LIMIT, PATHS, LIVE = 'Explorer("regul-limit"', 'Explorer("regul-paths"', 'Playground("regul-live"'


def test_the_three_playgrounds_answer_to_the_keyboard_and_missions_are_reached(chapter, screenshot):
    notebook = chapter("09")
    assert notebook.tracebacks() == []

    limit = Widget(notebook, notebook.cell(LIMIT))
    screenshot("playground-limit-start", limit.output)
    before, words = limit.picture, limit.words
    limit.choose("region", "diamond")
    notebook.eventually(lambda: limit.picture != before and limit.words != words)
    before, words = limit.picture, limit.words
    limit.choose("measurements", "total cholesterol, LDL")
    notebook.eventually(lambda: limit.picture != before and limit.words != words)
    before, words = limit.picture, limit.words
    limit.move("strength", "ArrowLeft", times=4)
    notebook.eventually(lambda: limit.picture != before and limit.words != words)
    notebook.eventually(lambda: "✓ done: Exactly one" in limit.text())
    screenshot("playground-limit", limit.output)

    paths = Widget(notebook, notebook.cell(PATHS))
    before, words = paths.picture, paths.words
    paths.choose("method", "L1, proximal")
    notebook.eventually(lambda: paths.picture != before and paths.words != words)
    before, words = paths.picture, paths.words
    paths.move("strength", times=6)  # a larger price: the noise goes first
    notebook.eventually(lambda: paths.picture != before and paths.words != words)
    for _ in range(10):
        if "✓ done: All 40" in paths.text():
            break
        paths.move("strength")
        notebook.page.wait_for_timeout(700)
    notebook.eventually(lambda: "✓ done: All 40" in paths.text())
    screenshot("playground-paths", paths.output)

    live = Widget(notebook, notebook.cell(LIVE))
    before = live.picture
    live.press("Run")
    notebook.eventually(lambda: live.step > 60 and live.picture != before, seconds=60)
    notebook.eventually(lambda: "✓ done: Let it wiggle" in live.text(), seconds=60)
    screenshot("playground-live-wiggly", live.output)
    live.choose("weight_decay", "1.0")  # while it trains
    settings = live.field("settings")
    live.move("learning rate", times=2)
    notebook.eventually(lambda: live.field("settings") != settings)
    notebook.eventually(lambda: live.step == 600, seconds=120)
    screenshot("playground-live", live.output)

    screenshot("chapter-09")
    keyboard.assert_reachable(notebook, "09")
    assert notebook.tracebacks() == [] and notebook.errors == []
