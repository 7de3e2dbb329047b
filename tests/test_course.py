"""The front door: any Python gets one clear line; set-up is made once and heals by itself."""

import ast
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

import course

ROOT = Path(course.__file__).parent
SOURCE = (ROOT / "course.py").read_text(encoding="utf-8")


# --- Which Pythons -------------------------------------------------------------------------

def test_old_pythons_can_read_it():
    """No syntax newer than Python 2.7, so that an old Python reaches the message for it."""
    tree = ast.parse(SOURCE)
    newer = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.AsyncFunctionDef, ast.Nonlocal,
             ast.Match, ast.YieldFrom)

    assert SOURCE.isascii()
    assert [n.lineno for n in ast.walk(tree) if isinstance(n, newer)] == []
    assert [n.lineno for n in ast.walk(tree) if isinstance(n, ast.Raise) and n.cause] == []
    for function in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)):
        arguments = function.args
        assert not (arguments.kwonlyargs or arguments.posonlyargs or function.returns)
        assert not any(a.annotation for a in arguments.args)


def test_it_needs_nothing_but_the_standard_library():
    tree = ast.parse(SOURCE)
    imported = {alias.name for n in ast.walk(tree) if isinstance(n, ast.Import)
                for alias in n.names}

    assert imported <= sys.stdlib_module_names
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]


def test_it_names_no_other_address_than_pytorchs_cpu_index():
    assert [word for word in SOURCE.replace('"', " ").split() if "://" in word] == [
        course.CPU_WHEELS]


def test_an_old_python_is_told_what_is_needed(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))

    with pytest.raises(course.Trouble, match=r"needs 3\.11 or newer.*python3\.11 course\.py lab"):
        course.main(["lab"])


def test_an_intel_mac_is_told_that_there_is_no_torch(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(course.platform, "machine", lambda: "x86_64")

    with pytest.raises(course.Trouble, match="Intel Macs.*Colab"):
        course.main(["lab"])


def test_a_32_bit_python_is_told(monkeypatch):
    monkeypatch.setattr(sys, "maxsize", 2**31 - 1)

    with pytest.raises(course.Trouble, match="64-bit"):
        course.main(["lab"])


def test_where_venv_is_missing_the_debian_package_is_named(monkeypatch, front):
    monkeypatch.setitem(sys.modules, "ensurepip", None)

    with pytest.raises(course.Trouble, match=r"apt install python3\.\d+-venv"):
        course.main(["lab"])


# --- Words on the command line -------------------------------------------------------------

def test_without_a_command_it_lists_every_command(capsys):
    assert course.main([]) == 0
    listed = capsys.readouterr().out

    assert all("  " + name in listed for name in course.COMMANDS) and "--cpu" in listed


def test_every_command_has_its_tool():
    assert all((ROOT / "tools" / f"{name}.py").exists() for name in course.COMMANDS)


@pytest.mark.parametrize(("words", "message"), [
    (["lap"], "no command 'lap'; there are: lab, play, test"),
    (["lab", "--wheels"], "--wheels needs a value"),
    (["lab", "--wheels", "no such folder"], "no folder no such folder"),
])
def test_a_slip_is_answered_in_one_line(words, message, front):
    with pytest.raises(course.Trouble, match=message):
        course.main(words)


# --- Making the environment ----------------------------------------------------------------

class Front:
    """course.py in a folder of its own, with commands noted instead of run."""

    def __init__(self, root, monkeypatch):
        self.root, self.commands, self.breaks_at = root, [], None
        for name in (course.LEARN, course.SITE, course.PLAY, course.DEVELOP,
                     course.COLAB):
            (root / name).write_text("# nothing\n", encoding="utf-8")
        monkeypatch.setattr(course, "ROOT", str(root))
        monkeypatch.setattr(course, "run", self.run)
        monkeypatch.setattr(course, "runs", lambda folder: os.path.exists(folder))

    def run(self, command):
        step = next(s for s in ("venv", "pip", "-c", "tools") if any(
            word == s or word.startswith(s + ".") for word in command))
        self.commands.append(command)
        if step == self.breaks_at:
            raise KeyboardInterrupt
        if step == "venv":
            Path(command[-1]).mkdir(exist_ok=True)
        return 0

    def steps(self):
        """What was run since the last question: venv, clear, pip, tools.lab …"""
        words = []
        for command in self.commands:
            words += [w for w in command if w in ("venv", "--clear", "pip", "-c")
                      or w.startswith("tools.")]
        self.commands = []
        return words


@pytest.fixture
def front(tmp_path, monkeypatch):
    return Front(tmp_path, monkeypatch)


def test_the_first_time_makes_the_environment_and_the_second_time_does_not(front):
    assert course.main(["lab", "02"]) == 0
    assert front.steps() == ["venv", "pip", "-c", "tools.lab"]
    assert course.main(["lab"]) == 0
    assert front.steps() == ["tools.lab"]


@pytest.mark.parametrize("step", ["venv", "pip", "-c"])
def test_an_interrupted_first_try_is_started_anew(front, step):
    front.breaks_at = step
    with pytest.raises(KeyboardInterrupt):
        course.main(["lab"])
    front.breaks_at = None
    made_half = (front.root / ".venv").exists()
    front.steps()

    assert course.main(["lab"]) == 0
    assert front.steps() == ["venv"] + ["--clear"] * made_half + ["pip", "-c", "tools.lab"]
    assert course.main(["lab"]) == 0
    assert front.steps() == ["tools.lab"]


def test_new_requirements_are_installed_into_the_same_environment(front):
    course.main(["lab"])
    front.steps()
    (front.root / course.LEARN).write_text("torch==9\n", encoding="utf-8")

    course.main(["lab"])
    assert front.steps() == ["pip", "-c", "tools.lab"]


def test_line_ends_of_the_requirements_do_not_count(front):
    course.main(["lab"])
    front.steps()
    (front.root / course.LEARN).write_bytes(b"# nothing\r\n")

    course.main(["lab"])
    assert front.steps() == ["tools.lab"]


def test_tests_need_more_than_learning_and_then_learning_needs_nothing(front):
    course.main(["test"])
    assert "pip" in front.steps()
    course.main(["lab"])
    assert front.steps() == ["tools.lab"]


def test_the_second_stack_has_an_environment_of_its_own(front):
    course.main(["test", "--stack", "colab"])
    assert {"venv", "pip"} <= set(front.steps())
    assert (front.root / ".venv-colab" / ("course-" + course.COLAB)).exists()
    assert not (front.root / ".venv").exists()


def test_words_after_two_dashes_are_pytests(front):
    course.main(["test", "--", "--stack", "colab", "--cpu"])

    assert front.commands[-1][-4:] == ["--", "--stack", "colab", "--cpu"]
    assert not (front.root / ".venv-colab").exists()


def test_cpu_and_wheels_reach_pip_and_nobody_else(front):
    course.main(["lab", "--cpu", "02"])
    pip, hand_over = front.commands[1], front.commands[-1]
    assert pip[-2:] == ["--extra-index-url", course.CPU_WHEELS]
    assert hand_over[-1] == "02" and "--cpu" not in hand_over

    (front.root / course.LEARN).write_text("x==1\n", encoding="utf-8")
    front.steps()
    course.main(["lab", "--wheels", str(front.root)])
    assert front.commands[0][-3:] == ["--no-index", "--find-links", str(front.root)]


def test_a_failing_step_says_what_to_try(front, monkeypatch):
    monkeypatch.setattr(course, "run", lambda command: 1)

    with pytest.raises(course.Trouble, match="delete that folder, and repeat"):
        course.main(["lab"])
    (front.root / ".venv").mkdir()
    with pytest.raises(course.Trouble, match="pip could not install"):
        course.install(str(front.root / ".venv"), course.LEARN, False, None)


def test_the_download_size_is_said_first(monkeypatch):
    monkeypatch.setattr(course, "platform", types.SimpleNamespace(machine=lambda: "x86_64"))
    monkeypatch.setattr(sys, "platform", "linux")

    assert "3 GB" in course.download_size(False, None) and "--cpu" in course.download_size(
        False, None)
    assert "0.4 GB" in course.download_size(True, None)


def test_the_learners_python_settings_do_not_leak_in(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    monkeypatch.setenv("PIP_USER", "1")
    variables = course.environment_variables()

    assert "PYTHONPATH" not in variables and variables["PIP_USER"] == "0"
    assert variables["PYTHONUTF8"] == "1"


def test_doctor_sets_nothing_up(front):
    with pytest.raises(course.Trouble, match="Run: python course.py lab"):
        course.main(["doctor"])
    assert front.commands == []


# --- For real ------------------------------------------------------------------------------

DOOR = """\
import course, sys
course.TRIAL = "pass"
sys.exit(course.main(sys.argv[1:]))
"""


def test_in_a_folder_with_spaces_and_other_letters_it_sets_up_and_hands_over(tmp_path):
    """A real environment, without packages; then a real tool in it, from another folder."""
    root = tmp_path / "my course 課程"
    (root / "tools").mkdir(parents=True)
    (root / "course.py").write_text(SOURCE, encoding="utf-8")
    (root / "door.py").write_text(DOOR, encoding="utf-8")
    (root / course.LEARN).write_text("# nothing\n", encoding="utf-8")
    (root / "tools" / "lab.py").write_text(
        "import sys; print(sys.prefix, sys.argv[1:]); sys.exit(7)", encoding="utf-8")

    def start():
        return subprocess.run([sys.executable, str(root / "door.py"), "lab", "02"], cwd=tmp_path,
                              capture_output=True, encoding="utf-8", errors="replace", check=False,
                              stdin=subprocess.DEVNULL, env=os.environ | {"PYTHONUTF8": "1"})

    first, second = start(), start()
    assert first.returncode == second.returncode == 7, first.stdout + first.stderr
    assert "set-up complete" in first.stdout and "set-up" not in second.stdout
    assert second.stdout.splitlines()[-1] == f"{root / '.venv'} ['02']"


def test_trouble_ends_in_one_line_without_a_traceback(tmp_path):
    done = subprocess.run([sys.executable, str(ROOT / "course.py"), "lap"], cwd=tmp_path,
                          capture_output=True, encoding="utf-8", check=False)

    assert done.returncode == 1 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("course: there is no")
