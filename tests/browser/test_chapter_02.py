"""Chapter 02 as a learner uses it: JupyterLab in a real browser, by keyboard and mouse."""

from tests.browser import keyboard
from tests.browser.lab import Widget

LINE, CURVE, LIVE = 'Explorer("reg-line"', 'Explorer("reg-curve"', 'Playground("reg-live"'


def test_the_chapter_runs_and_its_playgrounds_answer(chapter, screenshot):
    notebook = chapter("02")
    assert notebook.tracebacks() == []

    # by keyboard: the w slider moves the line, and the words say where it is
    line = Widget(notebook, notebook.cell(LINE))
    picture, words = line.picture, line.words
    line.move("weight w", "ArrowLeft", times=5)
    notebook.eventually(lambda: line.picture != picture and line.words != words)
    screenshot("playground-line", line.output)

    curve = Widget(notebook, notebook.cell(CURVE))
    curve.changes(lambda: curve.move("piece 1: w", times=5))
    screenshot("playground-curve", curve.output)

    # live training: run, turn the rate while it runs, pause, step, reset
    live = Widget(notebook, notebook.cell(LIVE))
    live.choose("speed", "10 steps a second")
    live.press("Run")
    notebook.eventually(lambda: live.step >= 3)
    before, picture = live.field("settings"), live.picture
    live.move("learning rate", "ArrowLeft", times=2)
    notebook.eventually(lambda: live.field("settings") != before and live.picture != picture)
    moved_at = live.step
    notebook.eventually(lambda: live.step > moved_at)
    paused_at = live.pause()
    notebook.page.wait_for_timeout(1000)
    assert live.step == paused_at
    live.press("Step")
    notebook.eventually(lambda: live.step == paused_at + 1)

    live.choose("speed", "full speed")
    live.press("Run")
    notebook.eventually(lambda: live.step > paused_at + 20)
    live.press("Reset")
    notebook.eventually(lambda: live.step == 0)
    live.press("Run")
    notebook.eventually(lambda: live.step > 300)
    live.pause()
    screenshot("playground-regression", live.output)  # the site begins with it: docs/playground.png

    # running the cell again gives a fresh widget that works
    notebook.run_cell(LIVE)
    fresh = Widget(notebook, notebook.cell(LIVE))
    fresh.press("Step")
    notebook.eventually(lambda: fresh.step == 1)

    # steps inside the click, as where the page gets no background updates
    fresh.cell.get_by_text("train in the background").click()
    fresh.press("Run steps")
    notebook.eventually(lambda: fresh.step > 10)

    screenshot("chapter-02")
    keyboard.operate(notebook, LIVE, [
        "learning rate", "seed", "Run", "Step", "Reset", "Keep as reference", "speed",
        "train in the background", "settings"], screenshot)
    keyboard.assert_reachable(notebook, "02")
    assert notebook.tracebacks() == [] and notebook.errors == []
