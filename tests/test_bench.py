"""`course.py bench`: targets are decided by the stored numbers, and a failure stops nothing."""

import json

import pytest

from benchmarks import report
from tools import bench


def number(value, at_most=None, at_least=None):
    return {"what": "fit / bare loop", "value": value, "at_most": at_most, "at_least": at_least}


@pytest.mark.parametrize(("given", "verdict"), [
    (number(1.05, at_most=1.05), "reached"), (number(1.051, at_most=1.05), "**not reached**"),
    (number(15, at_least=15), "reached"), (number(13.9, at_least=15), "**not reached**"),
    (number(2.0), ""),
])
def test_a_target_is_decided_by_the_number(given, verdict):
    assert bench.verdict(given) == verdict


def test_a_report_keeps_tables_and_numbers_and_the_page_shows_both(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    found = report.Report("fit")
    times = {"bare loop": [1.0, 2.0, 4.0], "**fit**": [1.1, 2.0, 4.8]}
    ratio = found.ratios("fit: a net", times, base="bare loop", note="One thread.")
    found.number("fit / bare loop", ratio["fit"], at_most=1.05)
    found.write()
    page = bench.make(tmp_path)

    assert ratio == {"bare loop": 1, "fit": pytest.approx(1.1)}
    assert "| fit / bare loop | 1.1 | ≤ 1.05 | **not reached** |" in page
    assert "## fit\n\n### fit: a net\n" in page and "Not stored: live, race" in page


def test_a_quick_trial_stores_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results")
    monkeypatch.setenv("COURSE_BENCH_QUICK", "1")
    found = report.Report("fit")
    found.text("# a table")
    found.write()

    assert report.rounds(15) == 2 and not (tmp_path / "results").exists()


def test_contestants_need_the_same_number_of_rounds():
    with pytest.raises(ValueError, match="same number of rounds"):
        report.Report("fit").ratios("fit", {"a": [1.0], "b": [1.0, 2.0]}, base="a")


def test_a_benchmark_that_fails_is_named_and_the_others_still_run(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench, "REPORT", tmp_path / "RESULTS.md")
    monkeypatch.setattr(bench, "make", lambda results: "")
    monkeypatch.setattr(bench, "missing", lambda name: "needs skorch" if name == "fit" else "")
    monkeypatch.setattr(bench.subprocess, "call", lambda command, **more: int("live" in command[2]))
    assert bench.main(["fit", "live", "sweep"]) == 1
    said = capsys.readouterr().out

    assert "bench: fit: not run, it needs skorch" in said
    assert "bench: live: failed with exit code 1" in said and "bench: sweep: 0 s" in said


def test_an_unknown_benchmark_is_refused(capsys):
    with pytest.raises(SystemExit):
        bench.main(["fits"])
    assert "there is no benchmark fits" in capsys.readouterr().err


def test_every_benchmark_of_the_command_exists_and_every_file_is_in_it():
    others = {"__init__", "report", "classroom"}   # classroom: memory, started by a teacher
    files = {path.stem for path in (bench.ROOT / "benchmarks").glob("*.py")} - others

    assert set(bench.NAMES) == files


def test_the_stored_page_is_what_the_results_say():
    page = bench.REPORT.read_text(encoding="utf-8")

    assert page == bench.make(bench.RESULTS), "run: python course.py bench --report"
    assert json.loads((bench.RESULTS / "fit.json").read_text(encoding="utf-8"))["numbers"]
