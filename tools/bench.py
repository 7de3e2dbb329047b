"""Run the benchmarks and put them into one report (python course.py bench).

    python course.py bench                   all of them, then benchmarks/RESULTS.md
    python course.py bench sweep live        some; the others stay as stored
    python course.py bench --quick           two rounds each, to try the code: nothing is stored
    python course.py bench --report          only write the report from what is stored

A benchmark that fails is named, and the others still run. Let the computer do nothing else
meanwhile.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from course_utils.files import write_whole
from tools import chapters
from tools.test import why_no_browser

ROOT = chapters.ROOT
RESULTS = ROOT / "benchmarks" / "results"
REPORT = ROOT / "benchmarks" / "RESULTS.md"
NAMES = ("fit", "live", "race", "sweep", "curvature", "surface", "attention", "slider", "growth",
         "course")
PACKAGES = {"fit": ("skorch", "lightning")}    # beside those of the tests


@dataclass(frozen=True)
class Outcome:
    """How one benchmark went: seconds, or why there are none."""

    name: str
    seconds: float = 0.0
    trouble: str = ""


def missing(name: str) -> str:
    """What a benchmark needs and this environment lacks, in words; empty if nothing."""
    absent = [each for each in PACKAGES.get(name, ()) if importlib.util.find_spec(each) is None]
    if absent:
        return f"needs {' and '.join(absent)}: pip install -r benchmarks/requirements.txt"
    return (why_no_browser(os.environ) or "") if name == "slider" else ""


def run(name: str, quick: bool) -> Outcome:
    """Run one benchmark in a process of its own; what it prints is shown."""
    lacking = missing(name)
    if lacking:
        return Outcome(name, trouble=f"not run, it {lacking}")
    environment = os.environ | ({"COURSE_BENCH_QUICK": "1"} if quick else {})
    begin = time.perf_counter()
    code = subprocess.call([sys.executable, "-m", f"benchmarks.{name}"], cwd=ROOT, env=environment)
    seconds = time.perf_counter() - begin
    return Outcome(name, seconds, f"failed with exit code {code}" if code else "")


def verdict(number: dict) -> str:
    """'reached', 'not reached', or nothing where no target is set."""
    low, high = number.get("at_least"), number.get("at_most")
    if low is None and high is None:
        return ""
    reached = ((low is None or number["value"] >= low)
               and (high is None or number["value"] <= high))
    return "reached" if reached else "**not reached**"


def targets(stored: dict[str, dict]) -> str:
    """The table of all numbers that have a target."""
    lines = ["| | measured | target | | on |", "|---|---|---|---|---|"]
    for kept in stored.values():
        for number in kept["numbers"]:
            if verdict(number):
                wanted = (f"≥ {number['at_least']:g}" if number["at_least"] is not None
                          else f"≤ {number['at_most']:g}")
                lines.append(f"| {number['what']} | {number['value']:.3g} | {wanted} | "
                             f"{verdict(number)} | {kept['date']} |")
    return "\n".join(lines)


def make(results: Path) -> str:
    """The text of the report, from the stored results."""
    stored = {name: json.loads((results / f"{name}.json").read_text(encoding="utf-8"))
              for name in NAMES if (results / f"{name}.json").exists()}
    absent = [name for name in NAMES if name not in stored]
    parts = ["# Benchmarks: results\n\nMade by `python course.py bench`; do not edit it. What is "
             "compared, and how it is measured: [README.md](README.md).",
             "## Targets", targets(stored)]
    if absent:
        parts.append(f"Not stored: {', '.join(absent)}.")
    for name in stored:
        table = (results / f"{name}.md").read_text(encoding="utf-8").strip()
        parts.append(f"## {name}\n\n" + re.sub(r"(?m)^#+ ", "### ", table))
        parts.append(f"Computer: {stored[name].get('computer', 'not noted')}.")
    return "\n\n".join(parts) + "\n"


def computer() -> str:
    """The kind of machine, in words; nothing that names it."""
    words = [f"{os.cpu_count()} cores", platform.machine(), platform.system()]
    information = Path("/proc/cpuinfo")
    if information.exists():
        found = re.search(r"model name\s*: (.+)", information.read_text(encoding="utf-8"))
        words += [found[1].strip()] if found else []
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        words.append(f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB")
    return ", ".join(words)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python course.py bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="*", help=f"some of: {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="two rounds, nothing stored")
    parser.add_argument("--report", action="store_true", help="only write the report")
    chosen = parser.parse_args(arguments)
    unknown = sorted(set(chosen.name) - set(NAMES))
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}")
    wanted = [] if chosen.report else chosen.name or NAMES
    outcomes = []
    for name in wanted:
        print(f"\n== {name} ==", flush=True)
        outcomes.append(run(name, chosen.quick))
    for outcome in outcomes:
        print(f"bench: {outcome.name}: {outcome.trouble or f'{outcome.seconds:.0f} s'}")
    if not chosen.quick:
        write_whole(REPORT, make(RESULTS))
        print(f"bench: wrote benchmarks/{REPORT.name}")
    return 1 if any(outcome.trouble for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
