import subprocess
import sys
import tomllib

import pytest

from course_utils import paths


def test_places_hang_together_and_do_not_depend_on_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert (paths.root() / "course_utils" / "paths.py").is_file()
    assert paths.notebooks_dir() == paths.root() / "notebooks"
    assert paths.data_dir() == paths.root() / "data"
    assert paths.root().is_absolute()


def test_course_data_names_another_data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "elsewhere"))
    assert paths.data_dir() == (tmp_path / "elsewhere").resolve()
    monkeypatch.setenv("COURSE_DATA", "  ")  # set to nothing: as if not set
    assert paths.data_dir() == paths.root() / "data"


def test_a_table_is_what_its_file_says():
    file = paths.root() / "course_utils" / "tables" / "datasets.toml"
    assert paths.table("datasets") == tomllib.loads(file.read_text(encoding="utf-8"))


def test_changing_a_table_does_not_change_the_next_callers():
    paths.table("datasets")["files"]["births"]["file"] = "something else"
    assert paths.table("datasets")["files"]["births"]["file"] == "births.csv.gz"


def test_an_unknown_table_is_named_with_those_there_are():
    with pytest.raises(FileNotFoundError, match=r"no table 'clams'.*datasets"):
        paths.table("clams")


def test_a_broken_table_is_named_with_the_line(tmp_path, monkeypatch):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "broken.toml").write_text("a = 1\nb = = 2\n", encoding="utf-8")
    monkeypatch.setattr(paths, "_PACKAGE", tmp_path)
    with pytest.raises(ValueError, match=r"broken\.toml: .*line 2"):
        paths.table("broken")


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("0", False), ("", False)])
def test_headless_is_said_by_the_environment(monkeypatch, value, expected):
    monkeypatch.setenv("COURSE_HEADLESS", value)
    assert paths.headless() is expected


def test_the_package_imports_nothing_heavy():
    code = (
        "import sys, course_utils, course_utils.paths\n"
        "heavy = {'torch', 'numpy', 'matplotlib', 'ipywidgets', 'IPython'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert course_utils.__version__ == '0.1.0'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=paths.root())
