"""The matrix: each row's result is kept, a failing one fails, and what cannot be tried says why."""

import json
import os
import sys

import pytest

from tools import chapters, matrix, matrix_rows, stacks, surroundings
from tools.matrix_rows import FAILED, PASSED, ROWS, Outcome, Settings
from tools.stacks import NotTried, Source, Stack


@pytest.fixture
def rows(tmp_path, monkeypatch):
    """A table of three rows instead of the real one, and a place for the results."""
    def refuse(settings):
        raise NotTried("no interpreter")

    mine = {"good": ("nothing unusual", lambda settings: Outcome(PASSED, "3 verdicts", {"a": "1"})),
            "bad": ("all of it", lambda settings: Outcome(FAILED, "DIFFERENT: 02 | 03", {})),
            "absent": ("a Python of the future", refuse)}
    monkeypatch.setattr(matrix, "ROWS", mine)
    monkeypatch.setattr(matrix, "RESULTS", tmp_path / "matrix.json")
    return mine


def test_a_failing_row_fails_and_the_others_still_run(rows, capsys):
    assert matrix.main([]) == 1
    assert "matrix: 1 as stored, 1 FAILED, 1 not tried" in capsys.readouterr().out
    kept = json.loads(matrix.RESULTS.read_text(encoding="utf-8"))
    assert {name: record["result"] for name, record in kept.items()} == {
        "good": "as stored", "bad": "FAILED", "absent": "not tried"}


def test_what_cannot_be_tried_is_no_failure_but_nothing_tried_is(rows):
    assert matrix.main(["--only", "good", "--only", "absent"]) == 0
    assert matrix.main(["--only", "absent"]) == 1


def test_the_table_shows_each_row_and_one_row_alone_leaves_the_others(rows):
    matrix.main([])
    rows["bad"] = "all of it", lambda settings: Outcome(PASSED, "mended", {})
    assert matrix.main(["--only", "bad"]) == 0

    lines = matrix.RESULTS.with_suffix(".md").read_text(encoding="utf-8").splitlines()
    assert [line.split(" | ")[:4] for line in lines[-3:]] == [
        ["| good", "nothing unusual", "as stored", "3 verdicts"],
        ["| bad", "all of it", "as stored", "mended"],
        ["| absent", "a Python of the future", "not tried", "no interpreter"]]
    assert lines[-3].endswith("| a 1 |") and lines[-1].endswith("| – |")


def test_a_bar_in_the_words_does_not_break_the_table(rows):
    matrix.main(["--only", "bad"])

    assert "DIFFERENT: 02 \\| 03" in matrix.RESULTS.with_suffix(".md").read_text(encoding="utf-8")


def test_a_row_that_is_not_there_and_a_chapter_that_is_not_there(rows, capsys):
    with pytest.raises(SystemExit):
        matrix.main(["--only", "weather"])
    assert matrix.main(["--chapters", "77"]) == 1
    assert "there is no chapter '77'" in capsys.readouterr().err


def test_every_row_says_what_is_unusual():
    assert len(ROWS) == len({what for what, _ in ROWS.values()}) >= 15
    assert {"python-3.14", "colab", "numpy-1", "locale-c", "home-read-only", "network-blocked",
            "odd-folder", "updated-copies", "cells-twice", "one-kernel", "one-thread",
            "two-threads"} <= set(ROWS)


def test_the_stored_table_is_made_of_the_stored_results():
    results = chapters.ROOT / "results" / "matrix.json"
    records = json.loads(results.read_text(encoding="utf-8"))

    assert set(records) <= set(ROWS)
    assert results.with_suffix(".md").read_text(encoding="utf-8") == matrix.table(records)


# --- What a row runs -----------------------------------------------------------------------

class Commands:
    """Notes commands instead of running them."""

    def __init__(self, monkeypatch):
        self.ran = []
        monkeypatch.setattr(matrix_rows, "_outcome", self.note)

    def note(self, command, root, environment):
        self.ran.append((command, root, environment))
        return Outcome(PASSED, "fine")

    def proof(self):
        """The words after the name of the tool in the last command."""
        command = self.ran[-1][0]
        return command[command.index("tools.proof") + 1:]


@pytest.fixture
def commands(monkeypatch):
    return Commands(monkeypatch)


def try_row(name, **settings):
    return ROWS[name][1](Settings(**settings))


def test_a_row_takes_its_chapters_or_all_or_those_named(commands):
    try_row("cells-twice")
    assert commands.proof() == ["00", "02", "06", "--twice"]
    try_row("cells-twice", full=True)
    assert commands.proof()[:-1] == [chapters.number(path) for path in chapters.notebooks()]
    try_row("cells-twice", chapters=("03",))
    assert commands.proof() == ["03", "--twice"]


def test_the_seed_of_the_order_is_told(commands):
    found = try_row("one-kernel", seed=17)

    assert commands.proof()[-2:] == ["--one-kernel", "17"]
    assert len(commands.proof()) == len(chapters.notebooks()) + 2
    assert "--seed 17" in found.words


def test_variables_of_the_kernel(commands):
    try_row("locale-c")
    assert "--set LC_ALL=C" in " ".join(commands.proof())
    assert "--unset PYTHONIOENCODING" in " ".join(commands.proof())
    try_row("two-threads")
    assert "--set OMP_NUM_THREADS=2" in " ".join(commands.proof())


def test_the_odd_folder_is_the_working_folder(commands):
    try_row("odd-folder")

    assert commands.ran[-1][1].name == surroundings.ODD_FOLDER


def test_where_no_home_can_be_made_read_only_the_row_is_not_tried(monkeypatch):
    monkeypatch.setattr(surroundings, "_refuses", lambda before, home: False)

    with pytest.raises(NotTried, match="no such folder"):
        try_row("home-read-only")


def test_an_update_that_went_wrong_fails_before_chapters_run(commands, monkeypatch):
    monkeypatch.setattr(surroundings, "update_copies", lambda root, names: ["work was lost"])

    assert try_row("updated-copies") == Outcome(FAILED, "work was lost")
    assert commands.ran == []


def test_versions_run_unit_tests_and_chapters_in_their_python(commands, monkeypatch):
    monkeypatch.setattr(stacks, "python_of", lambda stack, source: "other-python")
    monkeypatch.setattr(stacks, "versions", lambda python: {"Python": "3"})
    found = try_row("python-3.12")

    assert commands.ran[0][0] == ["other-python", "-m", "tools.test", "--only", "unit", "--",
                                  "--ignore=tests/test_counts.py"]
    assert commands.ran[1][0][0] == "other-python" and commands.proof() == ["00", "01", "02"]
    assert found.result == PASSED and found.versions == {"Python": "3"}


@pytest.mark.parametrize("name", ["colab", "numpy-1"])
def test_other_packages_run_the_unit_tests_that_packages_could_change(commands, monkeypatch, name):
    monkeypatch.setattr(stacks, "python_of", lambda stack, source: "other-python")
    monkeypatch.setattr(stacks, "versions", lambda python: {"Python": "3"})
    try_row(name)

    assert commands.ran[0][0][3:7] == ["--stack", "colab", "--only", "unit"]


def test_a_command_that_fails_is_shown_with_its_last_line(capsys, tmp_path):
    script = "print('before', flush=True); raise SystemExit('the reason')"
    found = matrix_rows._outcome([sys.executable, "-c", script], tmp_path, dict(os.environ))

    assert found == Outcome(FAILED, "the reason") and "before" in capsys.readouterr().out


# --- Environments --------------------------------------------------------------------------

def test_the_running_python_is_found_and_one_of_the_future_is_not():
    assert stacks.interpreter(stacks.RUNNING) == sys.executable
    assert stacks.interpreter("9.99") is None
    with pytest.raises(NotTried, match="^no interpreter$"):
        stacks.python_of(Stack("x", ("9.99",)), Source())


@pytest.mark.skipif(os.name == "nt", reason="a script is no program there")
@pytest.mark.parametrize("script", ["exit 127", "echo 3.11 /usr/bin/python3.11", "echo nonsense"])
def test_a_name_on_the_path_that_is_no_such_python_is_not_taken(tmp_path, monkeypatch, script):
    (tmp_path / "python9.99").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "python9.99").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    assert stacks.interpreter("9.99") is None


def test_the_pinned_packages_under_the_running_python_need_no_environment():
    assert str(stacks.python_of(Stack("x", (stacks.RUNNING,)), Source())) == sys.executable


def test_a_stack_replaces_pins_and_keeps_the_others():
    usual = Stack("x", ("3.11",)).lines()
    numpy_1 = Stack("x", ("3.11",), instead=matrix_rows.NUMPY_1).lines()

    assert len(usual) == len(set(usual)) == len(numpy_1) > 15
    assert set(numpy_1) - set(usual) == set(matrix_rows.NUMPY_1.values())
    assert any(line.startswith("pytest==") for line in usual)


@pytest.fixture
def set_up(tmp_path, monkeypatch):
    """Environments in a folder of their own; commands of the set-up are noted, not run."""
    ran = []
    monkeypatch.setattr(stacks, "FOLDER", tmp_path / "envs")
    monkeypatch.setattr(stacks.course, "runs", lambda folder: True)

    def note(command, trouble):
        ran.append(command)
        if "venv" in command:
            os.makedirs(command[-1], exist_ok=True)
    monkeypatch.setattr(stacks, "_do", note)
    return ran


NUMPY_1 = Stack("numpy-1", (stacks.RUNNING,), instead={"numpy": "numpy==1.26.4"})


def test_an_environment_is_made_once_and_anew_when_its_packages_change(set_up):
    stacks.python_of(NUMPY_1, Source(cpu=True))
    assert ["venv" in command for command in set_up] == [True, False]
    assert set_up[1][-2:] == ["--extra-index-url", stacks.course.CPU_WHEELS]
    stacks.python_of(NUMPY_1, Source())
    assert len(set_up) == 2

    stacks.python_of(Stack("numpy-1", (stacks.RUNNING,), instead={"numpy": "numpy==1.26.3"}),
                     Source(wheels="here"))
    assert len(set_up) == 4 and set_up[3][-3:] == ["--no-index", "--find-links", "here"]
    assert "numpy==1.26.3" in (stacks.FOLDER / "numpy-1.txt").read_text(encoding="utf-8")


def test_packages_that_cannot_be_installed_are_a_reason_not_to_try(set_up, monkeypatch):
    monkeypatch.undo()
    script = "import sys; sys.exit('ERROR: No matching distribution found for torch')"

    with pytest.raises(NotTried, match=r"^not installed \(ERROR: No matching.* for torch\)$"):
        stacks._do([sys.executable, "-c", script], "not installed")


def test_a_set_up_that_failed_is_tried_again(set_up, monkeypatch):
    def fail(command, trouble):
        raise NotTried("no packages")

    with monkeypatch.context() as patch:
        patch.setattr(stacks, "_do", fail)
        with pytest.raises(NotTried):
            stacks.python_of(NUMPY_1, Source())
    stacks.python_of(NUMPY_1, Source())
    assert len(set_up) == 2


def test_versions_name_python_and_the_main_packages():
    assert list(stacks.versions()) == ["Python", *stacks.SHOWN]
