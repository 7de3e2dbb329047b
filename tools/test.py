"""Unit tests, notebooks as given and solved, browser tests (python course.py test).

    python course.py test                        all of it
    python course.py test --only notebooks       one of unit, notebooks, solved, browser
    python course.py test -- -k percent -x       unit tests only, with these pytest arguments
    python course.py test --stack colab          Colab's older packages: the chapters, and the unit
                                                 tests of what they could change

Browser tests need Chromium: COURSE_CHROMIUM, else looked up on the path. Without it they are
skipped, saying so; COURSE_BROWSER=require makes that a failure.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

from tools import chapters, kernel, seeds

ROOT = chapters.ROOT
PARTS = ("unit", "notebooks", "solved", "browser")
LATEST_STACK_ONLY = ("solved", "browser")
# Unit tests that other versions of NumPy, Matplotlib or ipywidgets hardly change: of what PyTorch
# answers, of chapters (which nbval runs there), and of the maintainer's tools.
SAME_ON_EVERY_STACK = (
    "formulas", "access", "test_mutants.py", "test_exercises*.py", "test_capstone*.py",
    "test_chapter_*.py", "test_sweeps*.py", "test_surfaces.py", "test_curvature.py",
    "test_critical_points.py", "test_training*.py", "test_workers.py", "test_bench.py",
    "test_canonical.py", "test_chapters.py", "test_check.py", "test_classroom.py",
    "test_copies.py", "test_counts.py", "test_course.py", "test_excerpt.py", "test_execute.py",
    "test_hub.py", "test_lab.py", "test_layers.py", "test_ledger.py", "test_matrix.py",
    "test_notebooks.py", "test_percent.py", "test_play.py", "test_proof.py", "test_rules.py",
    "test_seeds.py", "test_site.py", "test_slices.py", "test_solved_copies.py",
    "test_surroundings.py", "test_test_command.py", "faults/test_server.py")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome",
            "msedge")
NOTHING_COLLECTED = 5


@dataclass(frozen=True)
class Result:
    """How one part of the tests went."""

    part: str
    ok: bool
    words: str
    seconds: float = 0.0

    def __str__(self) -> str:
        took = f", {self.seconds / 60:.0f} min" if self.seconds >= 60 else ""
        return f"{self.part}: {self.words}{took}"


def find_chromium(environment: Mapping[str, str]) -> str | None:
    """Path of a Chromium-like browser: COURSE_CHROMIUM, else the first one on the path."""
    named = environment.get("COURSE_CHROMIUM", "")
    if named:
        return shutil.which(named)
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def why_no_browser(environment: Mapping[str, str]) -> str | None:
    """What browser tests lack here, in words; None if they can run."""
    if importlib.util.find_spec("playwright") is None:
        return "Playwright is not installed"
    if find_chromium(environment) is None:
        named = environment.get("COURSE_CHROMIUM", "")
        return (f"COURSE_CHROMIUM names {named}, which is no program" if named else
                "no Chromium found; install one, or set COURSE_CHROMIUM")
    return None


def counts(report: Path) -> dict[str, int]:
    """Numbers of tests from a JUnit report: passed, failed, skipped."""
    suites = list(ElementTree.parse(report).getroot().iter("testsuite"))
    total, failed, skipped = (sum(int(suite.get(name, 0)) for suite in suites for name in names)
                              for names in (["tests"], ["failures", "errors"], ["skipped"]))
    return {"passed": total - failed - skipped, "failed": failed, "skipped": skipped}


def pytest(part: str, arguments: list[str], headless: bool = False) -> Result:
    """Run pytest on one part of the tests; nothing personal gets in, nothing is kept."""
    print(f"\n== {part} ==", flush=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        report = Path(scratch) / "report.xml"
        surroundings = kernel.headless_environment if headless else kernel.test_environment
        environment = surroundings(Path(scratch))
        if found := find_chromium(os.environ):
            environment["COURSE_CHROMIUM"] = found
        code = subprocess.call(
            [sys.executable, "-m", "pytest", f"--junit-xml={report}", "-q", *arguments],
            cwd=ROOT, env=environment)
        if code == NOTHING_COLLECTED:
            return Result(part, False, "no tests found")
        if not report.exists():
            return Result(part, False, f"pytest ended with {code}")
        words = ", ".join(f"{n} {name}" for name, n in counts(report).items() if n)
    return Result(part, code == 0, words or f"pytest ended with {code}")


def by_file(processes: int) -> list[str]:
    """For pytest: files go to so many processes; what the tests of a file share is made once."""
    return ["-n", str(processes), "--dist", "loadfile"]


def unit(arguments: list[str]) -> Result:
    return pytest("unit", ["tests", *left_out("browser", "solved"), *by_file(2), *arguments])


def left_out(*patterns: str) -> list[str]:
    """For pytest: without the files and folders of tests/ that match one of `patterns`."""
    return [f"--ignore-glob=tests/{pattern}" for pattern in patterns]


def nbval_arguments(files: list[Path], processes: int) -> list[str]:
    """For pytest: each chapter in a fresh kernel of this environment, what is tagged compared."""
    return ["--nbval-lax", "--nbval-current-env", "--nbval-sanitize-with",
            "tests/nbval_sanitize.cfg", "--nbval-cell-timeout=600", "-p", "no:cacheprovider",
            *by_file(processes), *map(str, files)]


def notebooks(arguments: list[str]) -> Result:
    """Run every chapter as a learner gets it, those that took longest under seeds first."""
    every = chapters.notebooks()
    if not every:
        return Result("notebooks", False, "there are none")
    every.sort(key=seeds.Runs(seeds.RESULTS).longest, reverse=True)
    return pytest("notebooks", [*nbval_arguments(every, 2), "--no-loadscope-reorder", *arguments],
                  headless=True)


def solved(arguments: list[str]) -> Result:
    """Run every chapter with every exercise solved."""
    return pytest("solved", ["tests/solved", "-n", "2", *arguments])


def browser(arguments: list[str]) -> Result:
    missing = why_no_browser(os.environ)
    required = os.environ.get("COURSE_BROWSER", "") == "require"
    if missing:
        return Result("browser", not required, f"{'missing' if required else 'skipped'}: {missing}")
    return pytest("browser", ["tests/browser", *by_file(2), *arguments])


def summary(results: list[Result]) -> str:
    """One line: what passed, what failed, what was skipped, and how long it took."""
    verdict = "passed" if all(result.ok for result in results) else "FAILED"
    return f"test: {verdict}; " + "; ".join(map(str, results))


def timed(part: Callable[[list[str]], Result], arguments: list[str]) -> Result:
    """Run a part of the tests; its result says how long it took."""
    start = time.monotonic()
    return replace(part(arguments), seconds=time.monotonic() - start)


def options(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Our own options, and what goes on to pytest (after --)."""
    at = arguments.index("--") if "--" in arguments else len(arguments)
    parser = argparse.ArgumentParser(prog="python course.py test", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stack", choices=["colab"], help="the older packages of Colab")
    parser.add_argument("--only", choices=PARTS, help="one part of the tests")
    return parser.parse_args(arguments[:at]), arguments[at + 1:]


def main(arguments: list[str] | None = None) -> int:
    chosen, extra = options(sys.argv[1:] if arguments is None else arguments)
    parts = [chosen.only] if chosen.only else list(PARTS)
    if chosen.stack:
        parts = [part for part in parts if part not in LATEST_STACK_ONLY]
    if extra and not chosen.only:
        parts = ["unit"]
    run = {"unit": unit, "notebooks": notebooks, "solved": solved, "browser": browser}
    fewer = left_out(*SAME_ON_EVERY_STACK) if chosen.stack else []
    results = [timed(run[part], [*fewer, *extra] if part == "unit" else extra) for part in parts]
    print("\n" + summary(results), flush=True)
    return 0 if results and all(result.ok for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
