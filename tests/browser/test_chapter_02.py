"""Chapter 02 as a learner uses it: JupyterLab in a real browser, by keyboard and mouse."""

import re

import nbformat
import pytest

from tests.browser.lab import Notebook, Server, Widget
from tools import canonical, chapters

CHAPTER = "02_regression.ipynb"
LINE, LIVE = 'Explorer("reg-line"', 'Playground("reg-live"'


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """JupyterLab on a learner's copy of the chapter: without outputs."""
    folder, private = tmp_path_factory.mktemp("course"), tmp_path_factory.mktemp("private")
    for path in chapters.notebooks():
        copy = canonical.without_outputs(canonical.read(path))
        nbformat.write(copy, folder / path.name)
    server = Server(folder, private)
    yield server
    server.close()


@pytest.fixture
def notebook(page, server):
    notebook = Notebook(page, server.address(CHAPTER))
    notebook.run_all()
    return notebook


def shown_step(live: Widget) -> int:
    """The step that the progress line names."""
    return int(re.search(r"step (\d+) of", live.text()).group(1))


def test_the_chapter_runs_and_its_playgrounds_answer(notebook, screenshot):
    assert notebook.tracebacks() == []

    # by keyboard: the w slider moves the line, and the words say where it is
    line = Widget(notebook, notebook.cell(LINE))
    picture, words = line.picture, line.words
    line.move("weight w", "ArrowLeft", times=5)
    notebook.eventually(lambda: line.picture != picture and line.words != words)
    screenshot("playground-line", line.output)

    # live training: run, turn the rate while it runs, pause, step, reset
    live = Widget(notebook, notebook.cell(LIVE))
    live.choose("speed", "10 steps a second")
    live.press("Run")
    notebook.eventually(lambda: shown_step(live) >= 3)
    before, picture = live.field("settings"), live.picture
    live.move("learning rate", "ArrowLeft", times=2)
    notebook.eventually(lambda: live.field("settings") != before and live.picture != picture)
    moved_at = shown_step(live)
    notebook.eventually(lambda: shown_step(live) > moved_at)
    live.press("Pause")
    notebook.eventually(lambda: live.button("Run").is_visible())
    paused_at = shown_step(live)
    notebook.page.wait_for_timeout(1000)
    assert shown_step(live) == paused_at
    live.press("Step")
    notebook.eventually(lambda: shown_step(live) == paused_at + 1)

    live.choose("speed", "full speed")
    live.press("Run")
    notebook.eventually(lambda: shown_step(live) > paused_at + 20)
    live.press("Reset")
    notebook.eventually(lambda: shown_step(live) == 0)
    live.press("Run")
    notebook.eventually(lambda: shown_step(live) > 300)
    screenshot("playground-live", live.output)

    # running the cell again gives a fresh widget that works
    notebook.run_cell(LIVE)
    fresh = Widget(notebook, notebook.cell(LIVE))
    fresh.press("Step")
    notebook.eventually(lambda: shown_step(fresh) == 1)

    # steps inside the click, as where the page gets no background updates
    fresh.cell.get_by_text("train in the background").click()
    fresh.press("Run steps")
    notebook.eventually(lambda: shown_step(fresh) > 10)

    screenshot("chapter-02")
    assert notebook.tracebacks() == [] and notebook.errors == []
