"""The stored chapters follow the rules. (That they run is nbval's part of `course.py test`.)"""

import pytest

from tests.notebook_maker import code, notebook, start
from tools import chapters, execute, notebooks, percent, rules, text

EVERY = chapters.notebooks()


def test_there_are_chapters():
    assert EVERY, f"no notebooks in {chapters.NOTEBOOKS}"


def test_no_notebook_lies_outside_the_naming_scheme():
    assert sorted(chapters.NOTEBOOKS.glob("*.ipynb")) == EVERY


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.stem)
def test_a_stored_chapter_follows_every_rule(path):
    assert rules.complaints(path) == []


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.stem)
def test_a_chapter_survives_the_round_trip_through_text(path):
    book = rules.canonical.without_outputs(rules.Chapter.read(path).notebook)

    assert percent.to_notebook(percent.to_text(book)) == book


@pytest.fixture
def workshop(tmp_path, monkeypatch):
    """A folder of chapters of its own; executing is only noted."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    ran = []
    monkeypatch.setattr(chapters, "NOTEBOOKS", folder)
    monkeypatch.setattr(chapters.notebooks, "__defaults__", (folder,))
    monkeypatch.setattr(chapters.choose, "__defaults__", (folder,))
    monkeypatch.setattr(execute, "run", lambda paths: ran.extend(paths) or 0)
    monkeypatch.setenv("COURSE_CALLED_FROM", str(tmp_path))
    rules.canonical.write(notebook(start(), code("a-run", "x = 1")), folder / "02_old.ipynb")
    return folder, ran


def test_a_draft_becomes_the_chapter_and_is_executed(workshop):
    folder, ran = workshop
    (folder.parent / "draft.py").write_text("# %% id=new-run\ny = 2\n", encoding="utf-8")

    assert notebooks.main(["02", "--from", "draft.py"]) == 0
    assert ran == [folder / "02_old.ipynb"]
    assert [c.id for c in rules.Chapter.read(ran[0]).notebook.cells] == ["new-run"]


def test_a_new_chapter_needs_a_name_not_only_a_number(workshop, capsys):
    folder, _ = workshop
    (folder.parent / "draft.py").write_text("# %% id=new-run\ny = 2\n", encoding="utf-8")

    assert notebooks.main(["03", "--from", "draft.py"]) == 1
    assert "name a new one like" in capsys.readouterr().err
    assert notebooks.main(["03_new", "--from", "draft.py"]) == 0
    assert (folder / "03_new.ipynb").exists()


def test_a_draft_that_cannot_be_read_leaves_the_chapter(workshop, capsys):
    folder, ran = workshop
    before = (folder / "02_old.ipynb").read_bytes()
    (folder.parent / "draft.py").write_text("# %%\n", encoding="utf-8")

    assert notebooks.main(["02", "--from", "draft.py"]) == 1
    assert (folder / "02_old.ipynb").read_bytes() == before and ran == []


@pytest.mark.parametrize("name", ["02", "03_new"])
def test_a_draft_that_fails_leaves_the_chapter(workshop, monkeypatch, name):
    folder, _ = workshop
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder.parent / "draft.py").write_text("# %% id=new-run\n1 / 0\n", encoding="utf-8")
    monkeypatch.setattr(execute, "run", lambda paths: 1)

    assert notebooks.main([name, "--from", "draft.py"]) == 1
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_no_number_executes_every_chapter(workshop):
    folder, ran = workshop

    assert notebooks.main([]) == 0 and ran == [folder / "02_old.ipynb"]


def test_a_chapter_is_printed_as_text(workshop, capfd):
    assert text.main(["02"]) == 0
    assert "# %% id=a-run\nx = 1" in capfd.readouterr().out


def test_printing_an_unknown_chapter_is_one_clear_line(workshop, capsys):
    assert text.main(["9"]) == 1
    assert capsys.readouterr().err == "course: there is no chapter '9'; there are 02\n"
