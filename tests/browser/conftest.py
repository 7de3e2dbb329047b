"""Fixtures of the browser tests: Chromium if there is one, a page, a place for screenshots."""

import os
from pathlib import Path

import nbformat
import pytest

from tools import canonical, chapters
from tools.test import find_chromium, why_no_browser

WHOLE = "whole_"
ARTEFACTS = Path(__file__).parents[2] / "artifacts"


@pytest.fixture(scope="session")
def chromium():
    """A headless Chromium, or a skip that says what is missing."""
    missing = why_no_browser(os.environ)
    if missing and os.environ.get("COURSE_BROWSER") == "require":
        pytest.fail(f"browser tests are required here: {missing}")
    if missing:
        pytest.skip(missing)
    from playwright.sync_api import sync_playwright

    from tests.browser.lab import CHROMIUM_FLAGS

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(os.environ), headless=True, args=CHROMIUM_FLAGS
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """JupyterLab on a learner's copies, shortened to what is tested; and on chapter 00, whole."""
    from tests.browser.lab import Server
    from tests.browser.shorter import shortened

    folder, private = tmp_path_factory.mktemp("course"), tmp_path_factory.mktemp("private")
    for path in chapters.notebooks():
        notebook = canonical.read(path)
        nbformat.write(shortened(notebook), folder / path.name)
        if chapters.number(path) == "00":
            copy = canonical.without_outputs(notebook)
            nbformat.write(copy, folder / f"{WHOLE}{path.name}")
    server = Server(folder, private)
    yield server
    server.close()


@pytest.fixture
def chapter(page, server):
    """Open a chapter by its number and run all of its copy: `chapter("00", whole=True)`."""
    from tests.browser.lab import Notebook

    def run(number: str, whole: bool = False) -> Notebook:
        (name,) = (p.name for p in chapters.notebooks() if p.name.startswith(number))
        notebook = Notebook(page, server.address(f"{WHOLE if whole else ''}{name}"))
        notebook.run_all()
        return notebook

    return run


@pytest.fixture
def page(chromium):
    context = chromium.new_context(viewport={"width": 1400, "height": 1000})
    yield context.new_page()
    context.close()


@pytest.fixture
def screenshot(page):
    """Keep a picture of the page, or of a part of it, among the artefacts."""
    ARTEFACTS.mkdir(parents=True, exist_ok=True)

    def keep(name: str, part=None) -> Path:
        path = ARTEFACTS / f"{name}.png"
        (part or page).screenshot(path=path)
        return path

    return keep
