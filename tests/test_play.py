"""Playgrounds as pages: every chapter has one, it runs without exercises, and says the same."""

import ast

import pytest

from tests.notebook_maker import code, notebook, prose
from tools import bootstrap, canonical, chapters, execute, play

NOTEBOOKS = {chapters.number(path): path for path in chapters.notebooks()}
# These ask, judge or keep something of a learner: not in front of a class.
ASKING = {"check", "hint", "solution", "predict", "compare", "recall", "claim", "claims_table"}


def test_every_playground_of_the_course_is_on_a_page(tmp_path):
    pages = play.write_pages(tmp_path, NOTEBOOKS.values())
    wanted = {path.name: play.playgrounds(canonical.read(path)) for path in NOTEBOOKS.values()}

    assert {path.name for path in pages} == {name for name, ids in wanted.items() if ids}
    for path in pages:
        shown = {cell.id: cell for cell in canonical.read(path).cells}
        assert set(wanted[path.name]) <= set(shown)
        assert all(shown[id].source.startswith(play.LOUD) for id in wanted[path.name])


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_a_page_asks_the_class_nothing(number):
    notebook = canonical.read(NOTEBOOKS[number])
    if not play.playgrounds(notebook):
        pytest.skip("no playground")
    for cell in play.page(notebook).cells:
        if cell.cell_type == "code" and not bootstrap.is_bootstrap(cell):
            called = {node.value.func.id for node in ast.parse(cell.source).body
                      if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
                      and isinstance(node.value.func, ast.Name)}
            assert not called & ASKING, cell.id


@pytest.mark.slow
def test_a_page_says_what_the_whole_chapter_says():
    """The proof that nothing is missing: the same words after the same steps."""
    path = NOTEBOOKS["08"]
    whole = {cell.id: execute.said(cell) for cell in canonical.read(path).cells
             if cell.cell_type == "code"}
    shown = execute.execute(play.page(canonical.read(path)), path.parent)
    said = {cell.id: execute.said(cell) for cell in shown.cells if cell.cell_type == "code"}

    wanted = play.playgrounds(canonical.read(path))
    assert {id: said[id] for id in wanted} == {id: whole[id] for id in wanted}
    assert not any(text for id, text in said.items() if id not in wanted)


def example():
    return notebook(
        prose("title", "# 02 · Example"), code("bootstrap", tags=["bootstrap"]),
        code("imports", "import math"), prose("heading", "## How far?\nOnce."),
        code("asked", "def f():\n    ...\ncheck('f', f)"), code("data", "x = math.pi\nprint(x)"),
        prose("words", "Try it."), code("live", "x", tags=["playground"]))


def test_a_page_has_the_title_the_words_before_it_and_what_is_needed():
    title, first, words, hidden, live = play.page(example()).cells

    assert title.source == "# 02 · Example" and bootstrap.is_bootstrap(first)
    assert words.source == "## How far?\nTry it."
    assert hidden.source == play.QUIET + "\nimport math\nx = math.pi"
    assert live.source == play.LOUD + "x"


def test_a_chapter_without_playgrounds_has_no_page(tmp_path):
    with pytest.raises(ValueError, match="no playground"):
        play.page(notebook(prose("title"), code("one")))


def test_the_list_names_each_page_in_both_languages(tmp_path):
    text = play.list_page([tmp_path / "02_regression.ipynb"])

    assert 'href="voila/render/02_regression.ipynb"' in text
    assert "02 · Regression" in text and "迴歸" in text


def test_nothing_is_fetched_from_elsewhere():
    template = (play.TEMPLATE / "index.html.j2").read_text(encoding="utf-8")

    assert "://" not in template and "://" not in play.LIST


def test_it_listens_on_this_computer_only_and_hides_its_token(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_HEADLESS", "1")
    command, given = play.voila_command(tmp_path, 9123), play.environment(tmp_path, "secret")

    assert "--Voila.ip=localhost" in command and "--token" in command and "--port=9123" in command
    assert not any("secret" in word for word in command) and given["JUPYTER_TOKEN"] == "secret"
    assert "COURSE_HEADLESS" not in given
    assert given["COURSE_STUDY_DIR"].startswith(str(tmp_path))


def test_an_unknown_chapter_is_one_clear_line(capsys):
    assert play.main(["77", "--no-browser"]) == 1
    assert capsys.readouterr().err.startswith("course: there is no chapter")
