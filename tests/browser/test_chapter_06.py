"""Chapter 06 as a learner uses it: the race on a surface, reaching a mission, and on a network."""

from tests.browser import keyboard
from tests.browser.lab import Widget

RACE, REAL = 'Playground("opt-race",', 'Playground("opt-race-net"'


def test_both_races_answer_to_their_controls_and_a_mission_is_reached(chapter, screenshot):
    notebook = chapter("06")
    assert notebook.tracebacks() == []

    race = Widget(notebook, notebook.cell(RACE))
    before = race.picture
    race.choose("surface", "Rosenbrock")
    notebook.eventually(lambda: race.picture != before)
    before = race.picture
    race.choose("surface", "rotated valley")
    notebook.eventually(lambda: race.picture != before)
    settings = race.field("settings")
    race.move("η plain, mom.", times=4)  # above plain descent's limit, below momentum's
    notebook.eventually(lambda: race.field("settings") != settings)
    assert "✓" not in race.text()
    race.press("Run")
    notebook.eventually(lambda: 20 < race.step < 290, seconds=60)
    screenshot("playground-race-running", race.output)
    notebook.eventually(lambda: race.step == 300, seconds=120)
    assert "plain has been out since step" in race.words
    notebook.eventually(lambda: "✓" in race.text())
    screenshot("playground-race", race.output)

    real = Widget(notebook, notebook.cell(REAL))
    before = real.picture
    real.press("Run")
    notebook.eventually(lambda: real.step > 100 and real.picture != before, seconds=60)
    real.move("μ", "ArrowLeft", times=3)  # while it trains
    notebook.eventually(lambda: real.step == 800, seconds=120)
    screenshot("playground-race-net", real.output)

    screenshot("chapter-06")
    keyboard.assert_reachable(notebook, "06")
    assert notebook.tracebacks() == [] and notebook.errors == []
