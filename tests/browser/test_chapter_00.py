"""Chapter 00 as a learner meets it, whole: every cell runs, explorers follow the arrow keys, the
first playground goes too far.
"""

from tests.browser import keyboard
from tests.browser.lab import Widget

LIVE = '"start-live", train_line'
LAG, BIRTHS, DIGITS = '"start-lag", start_pictures', '"start-births",', '"start-digits", start_'


def test_the_first_chapter_runs_whole_and_a_rate_is_too_large(chapter, screenshot):
    notebook = chapter("00", whole=True)
    assert notebook.tracebacks() == []
    screenshot("chapter-00")

    for source, label in ((LAG, "days back"), (BIRTHS, "day"), (DIGITS, "digit number")):
        explorer = Widget(notebook, notebook.cell(source))
        explorer.changes(lambda: explorer.move(label, times=3))  # noqa: B023
        screenshot(f"playground-{label.replace(' ', '-')}", explorer.output)

    live = Widget(notebook, notebook.cell(LIVE))
    assert "✓" not in live.text()
    live.press("Run")
    notebook.eventually(lambda: live.step == 60, seconds=60)
    screenshot("playground-first", live.output)
    live.press("Reset")
    notebook.eventually(lambda: live.step == 0)
    settings = live.field("settings")
    live.move("learning rate", "End")
    notebook.eventually(lambda: live.field("settings") != settings)
    live.press("Run")
    notebook.eventually(lambda: "✓ done: go too far" in live.text())
    screenshot("playground-first-too-far", live.output)

    progress = notebook.cell("progress()").locator(".jp-OutputArea")
    assert "predictions" in progress.inner_text().lower()
    screenshot("progress-at-the-start", progress)
    keyboard.assert_reachable(notebook, "00")
    assert notebook.tracebacks() == [] and notebook.errors == []
