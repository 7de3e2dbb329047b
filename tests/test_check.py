"""`course.py check`: each part refuses what it should, and an empty list."""

import pytest

from tests.notebook_maker import code, notebook, prose, start, stream
from tools import canonical, check


def test_no_notebooks_is_a_complaint():
    assert check.notebooks([]) == ["notebooks: there are none to check"]


def test_complaints_name_the_chapter(tmp_path):
    path = tmp_path / "02_x.ipynb"
    canonical.write(notebook(prose("t"), start(), code("a-run", "1", [stream("1")])), path)

    assert check.notebooks([path]) == ["notebooks/02_x.ipynb: cell a-run was not run"]


def test_code_style_names_file_and_line(tmp_path):
    pytest.importorskip("ruff")
    (tmp_path / "x.py").write_text("import os\n", encoding="utf-8")
    assert any("x.py:1" in line and "F401" in line for line in check.code_style(tmp_path))

    (tmp_path / "x.py").write_text("x = 1\n", encoding="utf-8")
    assert check.code_style(tmp_path) == []


@pytest.mark.parametrize("folder", ["/ro" + "ot/x", "/ho" + "me/me/x", "/Us" + "ers/me/x"])
def test_a_path_of_somebodys_computer_is_refused(tmp_path, folder):
    (tmp_path / "a.md").write_text(f"fine\nsee {folder}\n", encoding="utf-8")
    (tmp_path / "b.md").write_text("see …/x, https://example.org" + folder, encoding="utf-8")

    (complaint,) = check.machine_paths(check.texts(tmp_path), tmp_path)
    assert complaint.startswith("a.md:2")


def test_environments_and_the_learners_copies_are_not_looked_at(tmp_path):
    for folder in (".venv", "my_course", "kept"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.py").touch()

    assert check.texts(tmp_path) == [tmp_path / "kept" / "a.py"]


def test_a_ledger_that_is_not_what_the_chapters_say_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(check.ledger, "FILE", tmp_path / "CLAIMS.md")
    monkeypatch.setattr(check.ledger, "current", lambda: ("new", []))
    assert "is not what the chapters say" in check.claims()[0]

    (tmp_path / "CLAIMS.md").write_text("new", encoding="utf-8")
    assert check.claims() == []


def test_one_complaint_anywhere_fails_the_check(monkeypatch, capsys):
    monkeypatch.setattr(check, "everything", lambda: {"a": [], "b": ["wrong"]})
    assert check.main([]) == 1
    assert "check: failed, 1 complaints" in capsys.readouterr().out

    monkeypatch.setattr(check, "everything", lambda: {"a": [], "b": []})
    assert check.main([]) == 0
