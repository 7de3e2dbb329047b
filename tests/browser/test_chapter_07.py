"""Chapter 07 as a learner uses it: logits by keyboard, two descents from one start, missions."""

from tests.browser import keyboard
from tests.browser.lab import Widget

LOGITS, LIVE = 'Explorer("loss-logits"', 'Playground("loss-live"'
STUCK = "✓ done: Wrong and stuck"


def test_logits_by_keyboard_and_two_descents(chapter, screenshot):
    notebook = chapter("07")
    assert notebook.tracebacks() == []

    logits = Widget(notebook, notebook.cell(LOGITS))
    for label in ("logit of class 1", "logit of class 2", "logit of class 3"):
        before, words = logits.picture, logits.words
        logits.move(label, "PageDown")
        notebook.eventually(lambda: logits.picture != before and logits.words != words)  # noqa: B023
    shares = logits.words.partition(";")[0]
    before = logits.picture
    logits.press("all three + 0.5")
    notebook.eventually(lambda: logits.picture != before)
    assert logits.words.partition(";")[0] == shares  # a shift changes no share
    screenshot("explorer-logits", logits.output)
    assert STUCK not in logits.text()
    logits.move("logit of class 1", "Home")
    logits.move("logit of class 3", "Home")
    logits.move("logit of class 2", "End")
    notebook.eventually(lambda: STUCK in logits.text())
    screenshot("explorer-logits-stuck", logits.output)

    live = Widget(notebook, notebook.cell(LIVE))
    before, words = live.picture, live.words
    live.press("Run")
    notebook.eventually(lambda: live.step > 100 and live.picture != before, seconds=60)
    live.move("learning rate", "PageUp")  # while it runs
    notebook.eventually(lambda: live.step == 1000, seconds=120)
    assert live.words != words
    screenshot("playground-two-losses", live.output)
    before = live.picture
    live.choose("rule", "Adam")
    live.move("start y₁", "Home")
    live.press("Reset")
    notebook.eventually(lambda: live.picture != before and "at (−10, 4)" in live.words)

    screenshot("chapter-07")
    keyboard.assert_reachable(notebook, "07")
    assert notebook.tracebacks() == [] and notebook.errors == []
