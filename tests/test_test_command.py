"""`course.py test`: counts, browsers, and that notebooks run in this environment's kernel."""

import subprocess
import sys

import pytest

from tests.notebook_maker import code, notebook, verdict_output
from tools import canonical, kernel
from tools import test as command

PRINT_CARD = """
from IPython.display import display
display({{"text/plain": "reg-a: {verdict}",
         "text/html": 'reg-a <span class="measured">{measured}</span>'}}, raw=True)
"""


def report(tmp_path, attributes):
    path = tmp_path / "report.xml"
    path.write_text(f"<testsuites><testsuite {attributes}/></testsuites>", encoding="utf-8")
    return path


def test_counts_are_read_from_the_report(tmp_path):
    path = report(tmp_path, 'tests="10" failures="2" errors="1" skipped="3"')

    assert command.counts(path) == {"passed": 4, "failed": 3, "skipped": 3}


def test_the_summary_is_one_line_and_names_every_part():
    good = command.Result("unit", True, "3 passed")
    bad = command.Result("browser", False, "missing: no Chromium found")
    slow = command.Result("solved", True, "14 passed", seconds=431)

    assert command.summary([good]) == "test: passed; unit: 3 passed"
    assert command.summary([slow]) == "test: passed; solved: 14 passed, 7 min"
    assert command.summary([good, bad]).startswith("test: FAILED; unit: 3 passed; browser: miss")


def test_a_named_browser_comes_first_and_must_exist(tmp_path, monkeypatch):
    assert command.find_chromium({"COURSE_CHROMIUM": sys.executable}) == sys.executable
    assert command.find_chromium({"COURSE_CHROMIUM": str(tmp_path / "none")}) is None
    monkeypatch.setattr(command.shutil, "which", lambda name: name if name == "chrome" else None)
    assert command.find_chromium({}) == "chrome"


@pytest.mark.parametrize(("required", "ok", "word"), [("", True, "skipped: "),
                                                      ("require", False, "missing: ")])
def test_without_a_browser_its_tests_are_skipped_unless_required(
        monkeypatch, no_pytest, required, ok, word):
    monkeypatch.setenv("COURSE_BROWSER", required)
    monkeypatch.setenv("COURSE_CHROMIUM", "no-such-program")
    result = command.browser([])

    assert result.ok is ok and result.words.startswith(word)


@pytest.fixture
def no_pytest(monkeypatch):
    """Should the command start pytest after all, this run must not start itself again and again."""
    monkeypatch.setattr(command, "pytest", lambda *a, **k: command.Result("x", True, "pytest ran"))


def test_no_notebooks_is_a_failure(monkeypatch, no_pytest):
    monkeypatch.setattr(command.chapters, "notebooks", list)

    assert not command.notebooks([]).ok


def test_the_dearest_chapter_is_run_first(monkeypatch, tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "seeds.json").write_text(
        '{"02": {"code": "x", "runs": {"1": {"seconds": 9}, "2": {"seconds": 30}}}, '
        '"01": {"code": "y", "runs": {"1": {"seconds": 20}}}}', encoding="utf-8")
    every = [tmp_path / f"{number}_x.ipynb" for number in ("00", "01", "02")]
    monkeypatch.setattr(command.chapters, "ROOT", tmp_path)
    monkeypatch.setattr(command.chapters, "notebooks", lambda: list(every))
    given = []
    monkeypatch.setattr(command, "pytest", lambda part, arguments, **_: given.extend(arguments))
    command.notebooks([])

    assert [word for word in given if word.endswith(".ipynb")] == list(map(str, every[::-1]))


def test_pytest_finding_no_tests_is_a_failure(tmp_path, capfd):
    assert command.pytest("unit", [str(tmp_path), "-p", "no:cacheprovider"]) == command.Result(
        "unit", False, "no tests found")


def test_arguments_after_two_dashes_run_unit_tests_only(monkeypatch):
    ran = []
    monkeypatch.setattr(command, "unit", lambda extra: ran.append(extra) or command.Result(
        "unit", True, "1 passed"))

    assert command.main(["--", "-k", "percent"]) == 0
    assert ran == [["-k", "percent"]]


def test_one_failing_part_fails_the_command(monkeypatch):
    for part in command.PARTS:
        monkeypatch.setattr(command, part, lambda extra, part=part: command.Result(
            part, part != "notebooks", ""))

    assert command.main([]) == 1
    assert command.main(["--only", "unit"]) == 0
    assert command.main(["--stack", "colab"]) == 1


def nbval(tmp_path, *cells):
    """Run a chapter as `course.py test` does; returns pytest's exit status."""
    path = tmp_path / "02_x.ipynb"
    canonical.write(notebook(*cells), path)
    config = command.ROOT / "tests" / "nbval_sanitize.cfg"
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--nbval-lax", "--nbval-current-env",
         "--nbval-sanitize-with", str(config), "-p", "no:cacheprovider", str(path)],
        cwd=tmp_path, env=kernel.headless_environment(tmp_path), capture_output=True,
        check=False).returncode


def test_nbval_uses_this_environment_and_lets_other_measured_numbers_pass(tmp_path):
    checked = ["nbval-check-output"]
    here = code("where", f"import os, sys\nassert sys.prefix == {sys.prefix!r}\n"
                "assert os.environ['COURSE_HEADLESS'] == '1'", count=1)
    same_verdict = code("card", PRINT_CARD.format(verdict="holds", measured="3.14"),
                        [verdict_output("reg-a", "holds", "2.72")], 2, checked)

    assert nbval(tmp_path, here, same_verdict) == 0


def test_nbval_refuses_another_verdict(tmp_path):
    other = code("card", PRINT_CARD.format(verdict="does not hold", measured="1"),
                 [verdict_output("reg-a", "holds", "1")], 1, ["nbval-check-output"])

    assert nbval(tmp_path, other) == 1
