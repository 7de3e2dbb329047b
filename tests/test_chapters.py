"""Naming a chapter on the command line."""

import pytest

from tools import chapters


@pytest.fixture
def folder(tmp_path):
    for name in ("02_regression.ipynb", "00_start_here.ipynb", "draft.ipynb", "02_a.new.ipynb"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize("name", ["2", "02", "02_regression", "02_regression.ipynb",
                                  "notebooks/02_regression.ipynb"])
def test_a_chapter_has_several_names(folder, name):
    assert chapters.choose([name], folder) == [folder / "02_regression.ipynb"]


def test_no_name_means_every_chapter_in_order(folder):
    assert [p.name for p in chapters.choose([], folder)] == [
        "00_start_here.ipynb", "02_regression.ipynb"]


def test_an_unknown_chapter_is_refused_with_those_there_are(folder):
    with pytest.raises(ValueError, match="no chapter '7'; there are 00, 02"):
        chapters.choose(["7"], folder)


def test_an_empty_folder_is_an_error_not_an_empty_list(tmp_path):
    with pytest.raises(ValueError, match="no chapters"):
        chapters.choose([], tmp_path)
