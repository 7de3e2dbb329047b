"""The page is closed while a playground trains: the training ends, and the page can be reopened."""

import json
import time

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from tests.browser.lab import Notebook, Widget
from tools import canonical

STEPS = 60
CELL = f'''
import json
from pathlib import Path
from course_utils.widgets import Playground, Slider
from ipywidgets.widgets import widget

def descend(settings):
    w = 3.0
    for step in range(10**6):
        Path("seen.json").write_text(json.dumps([step, len(widget._instances)]))
        yield {{"train": w**2, "w": w}}
        w -= settings.lr * w

def picture(ax, settings):
    (point,) = ax.plot([], [], "o")
    ax.set(xlim=(-3, 3), ylim=(0, 9))

    def update(state):
        point.set_data([state["w"]], [state["w"] ** 2])
        return f"w is {{state['w']:.3f}}"

    return [point], update

Playground("left", descend, picture, {{"lr": Slider(0.01, 1.0, 0.1)}}, steps={STEPS},
           speed="10 steps a second")
'''


def test_training_ends_after_the_page_was_closed_and_the_page_can_be_reopened(chromium, server):
    path = server.folder / "closed_page.ipynb"
    cells, kernel = [new_code_cell(CELL, id="left")], {"kernelspec": canonical.KERNEL}
    nbformat.write(new_notebook(cells=cells, metadata=kernel), path)

    def seen():
        while not (text := (server.folder / "seen.json").read_text()).endswith("]"):
            time.sleep(0.01)  # between emptied and written
        return json.loads(text)

    first = chromium.new_context(viewport={"width": 1400, "height": 1000})
    notebook = Notebook(first.new_page(), server.address(path.name))
    notebook.run_all()
    live = Widget(notebook, notebook.cell("Playground("))
    notebook.page.keyboard.press("Control+s")  # as JupyterLab does by itself now and then
    live.press("Run")
    notebook.eventually(lambda: live.step >= 3)
    first.close()  # in the middle of the training
    _, widgets = seen()

    second = chromium.new_context(viewport={"width": 1400, "height": 1000})
    page = second.new_page()
    left, waited = -1, 0
    while seen()[0] < STEPS and waited < 120:  # the kernel goes on by itself, to the run's end
        left = max(left, seen()[0])
        page.wait_for_timeout(500)
        waited += 0.5
    page.wait_for_timeout(1500)
    assert seen() == [STEPS, widgets] and left > 3  # it ended there, and nothing piled up

    again = Notebook(page, server.address(path.name))
    assert again.tracebacks() == []
    if again.page.locator('.jp-OutputArea img[src^="blob:"]').count() == 0:
        again.run_cell("Playground(")  # where the page does not show the widget, run the cell
        again_live = Widget(again, again.cell("Playground("))
    else:
        again_live = Widget(again, again.cell("Playground("))
        again.eventually(lambda: f"step {STEPS} of {STEPS}" in again_live.text())
        again_live.press("Reset")
    again.eventually(lambda: again_live.step == 0)
    again_live.press("Step")
    again.eventually(lambda: again_live.step == 1)
    assert again.tracebacks() == []
    second.close()
