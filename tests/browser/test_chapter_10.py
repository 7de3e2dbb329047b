"""Chapter 10 as a learner uses it: a filter, a neuron's field, a net that learns, a drawing."""

from tests.browser import keyboard
from tests.browser.lab import Widget

KERNEL, FIELD, DRAW = 'Explorer("cnn-kernel"', 'Explorer("cnn-field"', 'Explorer("cnn-draw"'
LIVE = 'Playground("cnn-live"'


def test_the_four_playgrounds_answer_to_their_controls_and_missions_are_reached(
    chapter, screenshot
):
    notebook = chapter("10")
    assert notebook.tracebacks() == []

    kernel = Widget(notebook, notebook.cell(KERNEL))
    screenshot("playground-kernel-start", kernel.output)
    assert "✓" not in kernel.text()
    kernel.changes(lambda: kernel.move("centre", "ArrowLeft", times=10))  # the first: top centre
    kernel.changes(lambda: kernel.press("sharpen"))
    kernel.changes(lambda: kernel.press("upright edges"))
    screenshot("playground-kernel", kernel.output)
    kernel.changes(lambda: kernel.press("blur"))
    for column in ("left", "centre", "right"):  # the picture, moved by one pixel
        for row in ("top", "middle", "bottom"):
            name = f"{row} {column}"
            right = name == "middle left"
            kernel.move(name, "ArrowRight" if right else "ArrowLeft", times=9 if right else 1)
    notebook.eventually(lambda: "✓ done: Move the whole picture" in kernel.text())

    field = Widget(notebook, notebook.cell(FIELD))
    assert "✓" not in field.text()
    field.changes(lambda: field.choose("kernel k", "7"))
    field.changes(lambda: field.move("with stride 2", times=2))
    screenshot("playground-field-wide", field.output)
    field.move("with stride 2", "ArrowLeft", times=2)
    field.choose("kernel k", "3")
    field.changes(lambda: field.move("layers"))
    notebook.eventually(lambda: "✓ done: See exactly 7 pixels" in field.text())
    screenshot("playground-field", field.output)

    live = Widget(notebook, notebook.cell(LIVE))
    assert "✓" not in live.text()
    live.choose("speed", "10 steps a second")  # it is not over before Pause
    live.press("Run")
    notebook.eventually(lambda: live.step >= 5, seconds=120)
    live.move("test turned by", times=9)  # by 45 degrees, while it trains
    notebook.eventually(lambda: "tilt=45" in live.field("settings"))
    turned_at = live.step
    live.move("lessons turned up to", times=9)
    notebook.eventually(lambda: live.step > turned_at + 5, seconds=120)
    live.pause()
    screenshot("playground-cnn-live", live.output)

    draw = Widget(notebook, notebook.cell(DRAW))
    assert "✓" not in draw.text()
    screenshot("playground-draw-start", draw.output)
    draw.changes(lambda: draw.press("clear"))
    for row in range(1, 9):  # an upright bar, by mouse and by keyboard
        pixel = draw.output.locator(f'button[title^="row {row}, column 5:"]')
        assert pixel.get_attribute("title").endswith("empty")
        draw.changes(lambda pixel=pixel, row=row: pixel.click() if row % 2 else
                pixel.press("Enter"))
        notebook.eventually(lambda pixel=pixel: pixel.get_attribute("title").endswith("full"))
    screenshot("playground-draw-bar", draw.output)
    for _ in range(8):  # until one that moved is still read with certainty
        draw.press("load this digit")
        draw.changes(lambda: draw.press("down"))
        notebook.page.wait_for_timeout(700)
        if "✓ done: Change the held-out digit" in draw.text():
            break
        draw.move("held-out digit")
    notebook.eventually(lambda: "✓ done: Change the held-out digit" in draw.text())
    screenshot("playground-draw", draw.output)

    screenshot("chapter-10")
    keyboard.operate(notebook, DRAW, [
        "row 1, column 1: empty", "row 8, column 8: empty", "clear", "down", "held-out digit",
        "settings"], screenshot)
    keyboard.assert_reachable(notebook, "10")
    assert notebook.tracebacks() == [] and notebook.errors == []
