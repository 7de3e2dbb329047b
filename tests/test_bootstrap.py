"""The first cell: finds the helpers from any folder, and says what is missing."""

import subprocess
import sys
import types

import pytest

from tests.notebook_maker import code, notebook, start
from tools import bootstrap

ROOT = bootstrap.ROOT


def run(source, monkeypatch, folder, modules=None):
    """Run the cell as a kernel in `folder` would; returns what is then first on the path."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p not in ("", str(ROOT))])
    for name, module in (modules or {}).items():
        monkeypatch.setitem(sys.modules, name, module)
    exec(compile(source, "bootstrap", "exec"), {})
    return sys.path[0]


@pytest.fixture
def without_helpers(monkeypatch):
    """As if course_utils had never been imported, and were nowhere."""
    for name in [n for n in sys.modules if n.split(".")[0] == "course_utils"]:
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.parametrize("below", ["", "notebooks", "my_course", "a folder/with 空格"])
def test_the_helpers_are_found_from_any_folder_of_the_course(
        below, tmp_path, monkeypatch, without_helpers):
    (tmp_path / "course_utils").mkdir()
    (tmp_path / "course_utils" / "__init__.py").touch()
    folder = tmp_path / below
    folder.mkdir(parents=True, exist_ok=True)

    assert run(bootstrap.SOURCE, monkeypatch, folder) == str(tmp_path)


def test_run_twice_it_adds_its_folder_once(monkeypatch, without_helpers):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p not in ("", str(ROOT))])
    for _ in range(2):
        exec(compile(bootstrap.SOURCE, "bootstrap", "exec"), {})

    assert sys.path.count(str(ROOT)) == 1


def test_elsewhere_it_says_what_is_missing_and_what_to_do(tmp_path, monkeypatch, without_helpers):
    with pytest.raises(ModuleNotFoundError, match=r"course_utils.*python course\.py lab"):
        run(bootstrap.SOURCE, monkeypatch, tmp_path)


def test_a_missing_package_is_named(monkeypatch, without_helpers):
    source = bootstrap.SOURCE.replace('"torch"', '"no_such_torch"')

    with pytest.raises(ModuleNotFoundError, match="Not found: no_such_torch. To go on, open"):
        run(source, monkeypatch, ROOT)


def colab():
    return {"google": types.ModuleType("google"), "google.colab": types.ModuleType("google.colab")}


def test_on_colab_without_a_repository_it_says_to_bring_the_folder(
        tmp_path, monkeypatch, without_helpers):
    with pytest.raises(ModuleNotFoundError, match="put the folder of the course"):
        run(bootstrap.source_for(""), monkeypatch, tmp_path, colab())


def test_on_colab_the_repository_is_fetched_once_and_found(tmp_path, monkeypatch, without_helpers):
    fetched = []

    def clone(command, check):
        fetched.append(command)
        made = tmp_path / "course" / "course_utils"
        made.mkdir(parents=True)
        (made / "__init__.py").touch()

    monkeypatch.setattr(subprocess, "run", clone)
    source = bootstrap.source_for("https://example.org/course")
    for _ in range(2):
        assert run(source, monkeypatch, tmp_path, colab()) == str(tmp_path / "course")

    assert [command[:2] for command in fetched] == [["git", "clone"]]
    assert "https://example.org/course" in fetched[0]


def test_elsewhere_nothing_is_fetched(monkeypatch, without_helpers):
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: pytest.fail("fetched"))

    run(bootstrap.source_for("https://example.org/course"), monkeypatch, ROOT)


def test_the_current_text_goes_into_the_marked_cell_only():
    book = notebook(code("bootstrap", "old", tags=["bootstrap"]), code("other", "mine"))

    assert [c.source for c in bootstrap.fill(book).cells] == [bootstrap.SOURCE, "mine"]
    assert bootstrap.is_bootstrap(start()) and not bootstrap.is_bootstrap(book.cells[1])


def test_the_cell_has_no_line_too_long_for_the_page():
    assert max(map(len, bootstrap.SOURCE.splitlines())) <= 100
