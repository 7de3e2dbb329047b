"""Chapter 01 as a learner uses it: another operation by keyboard, and one that is refused."""

from tests.browser import keyboard
from tests.browser.lab import Widget

SHAPES = "shape_explorer()"


def test_the_shape_explorer_answers_to_the_keyboard(chapter, screenshot):
    notebook = chapter("01")
    assert notebook.tracebacks() == []

    shapes = Widget(notebook, notebook.cell(SHAPES))
    keys = keyboard.Keyboard(notebook, shapes)
    keys.go_to("operation")
    shapes.changes(lambda: keys.choose(1))
    assert shapes.words.startswith("x.view(3, 2) has the shape (3, 2)")
    screenshot("playground-shapes", shapes.output)

    assert "✓" not in shapes.text()
    keys.go_to("x is transposed first")
    shapes.changes(lambda: keys.press("Space"))
    keys.go_to("new shape, or y's")
    shapes.changes(lambda: keys.choose(1))  # (6,)
    assert "is an error" in shapes.words
    notebook.eventually(lambda: "✓ done: Make view refuse" in shapes.text())
    screenshot("playground-shapes-error", shapes.output)

    keyboard.assert_reachable(notebook, "01")
    assert notebook.tracebacks() == [] and notebook.errors == []
