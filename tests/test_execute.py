"""Running a chapter in a fresh kernel, and storing it only if it ran."""

import sys

import pytest

from tests.notebook_maker import code, notebook, prose
from tools import canonical, execute

FIRST = code("first", "import os, sys\nseen = 1\nseen")


def stored(path, *cells):
    canonical.write(notebook(*cells), path)
    return path


def test_a_chapter_is_stored_with_outputs_of_a_headless_run_in_this_environment(
        tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_SEED", "7")
    path = stored(tmp_path / "01_x.ipynb", prose("why"), FIRST, code(
        "where", "print(sys.prefix, os.getcwd(), sep='\\n')\n"
        "[os.environ.get(n) for n in ('COURSE_HEADLESS', 'COURSE_SEED', 'OMP_NUM_THREADS')]"),
        code("on-purpose", "1 / 0", tags=["raises-exception"]),
        code("last", "print('careful', file=sys.stderr)"))

    assert execute.run([path]) == 0
    cells = canonical.read(path).cells
    assert cells[2].outputs[0].text.splitlines() == [sys.prefix, str(tmp_path)]
    assert cells[2].outputs[1].data["text/plain"] == "['1', None, '1']"
    assert cells[3].outputs[0].ename == "ZeroDivisionError"
    assert [c.get("execution_count") for c in cells] == [None, 1, 2, 3, 4]
    assert path.read_text(encoding="utf-8") == canonical.dumps(canonical.read(path))
    assert "warning: cell last: careful" in capsys.readouterr().out


def test_a_chapter_that_fails_is_left_as_it_was_and_its_cell_is_named(tmp_path, capsys):
    path = stored(tmp_path / "01_x.ipynb", FIRST, code("broken", "1 / 0"), code("never", "2"))
    before = path.read_bytes()

    assert execute.run([path]) == 1
    said = capsys.readouterr().err
    assert "cell broken failed" in said and "ZeroDivisionError" in said and "\x1b" not in said
    assert path.read_bytes() == before


def test_a_kernel_that_dies_is_a_failure_too(tmp_path):
    with pytest.raises(execute.ChapterFailed, match="cell killer"):
        execute.execute(notebook(code("killer", "import os; os._exit(3)")), tmp_path)


def test_a_seed_reaches_the_chapter(tmp_path):
    ran = execute.execute(notebook(code("a", "import os; os.environ['COURSE_SEED']")), tmp_path, 3)

    assert ran.cells[0].outputs[0].data["text/plain"] == "'3'"


def test_a_change_of_variables_reaches_the_kernel(tmp_path):
    tell = code("a", "import os\n[os.environ.get(n) for n in ('COURSE_HEADLESS', 'IPYTHONDIR')]")
    ran = execute.execute(notebook(tell), tmp_path,
                          changes={"COURSE_HEADLESS": "0", "IPYTHONDIR": None})

    assert ran.cells[0].outputs[0].data["text/plain"] == "['0', None]"
