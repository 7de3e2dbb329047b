"""Chapter 12 as a learner uses it: the recall race, the window slider, a number read by the net."""

from tests.browser import keyboard
from tests.browser.lab import Widget

RACE, WINDOW, VIEWER = 'Playground("att-recall"', 'Explorer("att-window"', 'Explorer("att-decoding"'


def test_the_three_playgrounds_answer_to_their_controls_and_missions_are_reached(
    chapter, screenshot
):
    notebook = chapter("12")
    assert notebook.tracebacks() == []

    window = Widget(notebook, notebook.cell(WINDOW))
    screenshot("playground-window-start", window.output)
    assert "✓ done" not in window.text()
    window.changes(lambda: window.move("radius r", times=3))
    window.changes(lambda: window.choose("block size", "64"))
    window.changes(lambda: window.choose("tokens T", "16"))
    notebook.eventually(lambda: "✓ done: Make blocks dearer" in window.text())
    window.changes(lambda: window.move("radius r", "ArrowLeft", times=3))
    window.changes(lambda: window.choose("tokens T", "256"))
    window.changes(lambda: window.choose("block size", "4"))
    notebook.eventually(lambda: "✓ done: 256 tokens" in window.text())
    screenshot("playground-window", window.output)

    race = Widget(notebook, notebook.cell(RACE))
    screenshot("playground-race-start", race.output)
    assert "✓ done" not in race.text()
    before = race.picture
    race.press("Run")
    notebook.eventually(lambda: race.step > 5 and race.picture != before, seconds=120)
    for number in (0, 1):  # the RNN and the plain LSTM rest: the others get their time
        race.output.locator('input[type="checkbox"]').nth(number).focus()
        notebook.page.keyboard.press("Space")
    race.move("rate η", times=2)  # acts on the running race
    notebook.eventually(lambda: "✓ done: Let the LSTM with bias" in race.text(), seconds=240)
    screenshot("playground-race-16", race.output)
    race.press("Reset")
    notebook.eventually(lambda: race.step == 0)
    race.choose("length T", "64")
    notebook.eventually(lambda: "Over T = 64" in race.words)
    race.press("Run")
    notebook.eventually(lambda: "✓ done: Let attention know" in race.text(), seconds=300)
    race.press("Pause")
    race.changes(lambda: race.press("Step"))
    screenshot("playground-race-64", race.output)

    viewer = Widget(notebook, notebook.cell(VIEWER))
    screenshot("playground-viewer-start", viewer.output)
    viewer.changes(lambda: viewer.type("read this", "999"))
    notebook.eventually(lambda: "“999” becomes" in viewer.words)
    viewer.changes(lambda: viewer.move("words written", "ArrowLeft"))
    viewer.choose("it is fed", "the right words")  # the same picture, where its own are right
    notebook.eventually(lambda: "Fed the right words" in viewer.words)
    viewer.changes(lambda: viewer.type("read this", "12 apes"))
    notebook.eventually(lambda: "Nothing was read" in viewer.words)
    screenshot("playground-viewer-refused", viewer.output)
    viewer.changes(lambda: viewer.type("read this", "70605"))
    screenshot("playground-viewer", viewer.output)

    screenshot("chapter-12")
    keyboard.assert_reachable(notebook, "12")
    assert notebook.tracebacks() == [] and notebook.errors == []
