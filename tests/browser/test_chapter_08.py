"""Chapter 08 as a learner uses it: a squeezed surface, and what the layers of a net pass on."""

from tests.browser import keyboard
from tests.browser.lab import Widget

SKEW, LAYERS = 'Playground("bn-skew"', 'Playground("bn-layers"'


def test_the_scale_makes_descent_explode_and_the_layers_answer(chapter, screenshot):
    notebook = chapter("08")
    assert notebook.tracebacks() == []

    skew = Widget(notebook, notebook.cell(SKEW))
    before, words = skew.picture, skew.words
    skew.move("humidity", "ArrowLeft", times=2)
    notebook.eventually(lambda: skew.picture != before and skew.words != words)
    before = skew.picture
    skew.choose("batch size B", "32")
    skew.move("learning rate", "ArrowLeft", times=2)
    skew.press("Run")
    notebook.eventually(lambda: skew.step > 40 and skew.picture != before, seconds=60)
    screenshot("playground-skew-running", skew.output)
    assert "✓ done" not in skew.text()
    skew.move("humidity", "PageUp", times=4)  # at once: the rate stays, its limit falls
    notebook.eventually(lambda: "✓ done: Not normalised" in skew.text(), seconds=60)
    screenshot("playground-skew", skew.output)
    skew.press("Reset")
    notebook.eventually(lambda: skew.step == 0)
    words = skew.words
    skew.output.locator('input[type="checkbox"]').first.focus()
    notebook.page.keyboard.press("Space")
    notebook.eventually(lambda: skew.words != words)
    screenshot("playground-skew-normalised", skew.output)

    layers = Widget(notebook, notebook.cell(LAYERS))
    before, words = layers.picture, layers.words
    layers.choose("start", "He")
    layers.move("hidden layers", "ArrowRight", times=2)
    layers.press("Reset")
    notebook.eventually(lambda: layers.picture != before and layers.words != words)
    layers.press("Run")
    notebook.eventually(lambda: layers.step > 20, seconds=60)
    screenshot("playground-layers-running", layers.output)
    layers.choose("normalising", "BatchNorm")
    layers.move("learning rate", "ArrowRight", times=10)  # a decade
    layers.press("Reset")
    notebook.eventually(lambda: layers.step == 0)
    layers.press("Run")
    notebook.eventually(lambda: "✓ done: Eight layers or more, BatchNorm" in layers.text(),
                        seconds=120)
    screenshot("playground-layers", layers.output)
    screenshot("chapter-08")
    keyboard.assert_reachable(notebook, "08")
    assert notebook.tracebacks() == [] and notebook.errors == []
