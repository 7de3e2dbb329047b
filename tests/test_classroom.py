"""A class works at once: memory is seen per kernel, and one that fails is named, not hidden."""

import os

import psutil
import pytest

from benchmarks import classroom
from tests.notebook_maker import code, notebook


@pytest.mark.slow
def test_eight_kernels_at_once_and_their_memory_is_told_apart(tmp_path):
    take = notebook(code("take", "block = bytearray(60_000_000); import time; time.sleep(1)"))

    found = classroom.run_class(take, tmp_path, 8)

    assert [each.trouble for each in found] == [""] * 8
    assert all(90e6 < each.resident < 500e6 for each in found), found
    assert all(each.share <= each.resident for each in found)


@pytest.mark.slow
def test_a_kernel_that_fails_is_named(tmp_path):
    (found,) = classroom.run_class(notebook(code("wrong", "1 / 0")), tmp_path, 1)

    assert "division by zero" in found.trouble
    assert classroom.row("02", [found]).endswith("| 1 |")


def test_a_class_has_somebody_in_it(tmp_path):
    with pytest.raises(ValueError, match="at least one"):
        classroom.run_class(notebook(code("one")), tmp_path, 0)


def test_the_children_of_a_process_count():
    own = psutil.Process(os.getpid())

    assert classroom.resident_of(own) > 10e6
    assert 0 <= classroom.share_of(own) <= 1.1 * classroom.resident_of(own)


def test_an_unknown_chapter_is_one_clear_line(capsys):
    assert classroom.main(["77"]) == 1
    assert capsys.readouterr().err.startswith("classroom: ")
