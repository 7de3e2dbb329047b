"""What every benchmark prints and stores: tables, and numbers beside their targets."""

import json
import os
import platform
import re
import statistics
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from course_utils.files import write_whole
from tools.bench import computer

RESULTS = Path(__file__).parent / "results"


class Report:
    """What one benchmark found: tables to read, and numbers with the targets set for them.

    Args:
        name: of the files that `write` makes: results/NAME.md and results/NAME.json.
        packages: whose versions are named below each table.
    """

    def __init__(self, name: str, packages: Sequence[str] = ("torch",)):
        self.name, self.packages = name, packages
        self._parts: list[str] = []
        self._numbers: list[dict] = []

    def ratios(self, title: str, times: Mapping[str, Sequence[float]], *, base: str,
               note: str = "") -> dict[str, float]:
        """Add a table of several contestants' times as ratios to `base`.

        Args:
            times: contestant → seconds of each round; round i of all of them ran side by side, so
                that a busy machine slows all alike. The ratio is the median over rounds.
        Returns:
            contestant, without Markdown → that ratio.
        Raises:
            ValueError: no rounds, or contestants with different numbers of rounds.
        """
        counts = {len(seconds) for seconds in times.values()}
        if len(counts) != 1 or 0 in counts:
            raise ValueError(f"every contestant needs the same number of rounds, got {counts}")
        lines = [f"# {title}", "", f"| | ratio to {base} | from – to | median seconds |",
                 "|---|---|---|---|"]
        found = {}
        for contestant, seconds in times.items():
            each = [s / b for s, b in zip(seconds, times[base], strict=True)]
            found[re.sub("[*`]", "", contestant)] = statistics.median(each)
            lines.append(f"| {contestant} | {statistics.median(each):.2f} | {min(each):.2f} – "
                         f"{max(each):.2f} | {statistics.median(seconds):.3f} |")
        ending = f"{environment(self.packages)}. {note}".rstrip()
        self.text("\n".join([*lines, "", f"{counts.pop()} interleaved rounds. {ending}"]))
        return found

    def text(self, markdown: str) -> None:
        """Add a part, and print it."""
        self._parts.append(markdown.strip() + "\n")
        print(self._parts[-1], flush=True)

    def number(self, what: str, value: float, *, at_most: float | None = None,
               at_least: float | None = None) -> None:
        """Keep a number for the table of targets, with its target."""
        self._numbers.append({"what": what, "value": round(value, 4), "at_most": at_most,
                              "at_least": at_least})

    def write(self) -> None:
        """Store everything; quick trials are not stored."""
        if is_quick():
            print(f"{self.name}: a quick trial, not stored")
            return
        RESULTS.mkdir(exist_ok=True)
        kept = {"date": date.today().isoformat(), "environment": environment(self.packages),
                "computer": computer(), "numbers": self._numbers}
        write_whole(RESULTS / f"{self.name}.md", "\n".join(self._parts))
        write_whole(RESULTS / f"{self.name}.json",
                    json.dumps(kept, indent=1, ensure_ascii=False) + "\n")


def is_quick() -> bool:
    """Whether this is a trial of the code, not a measurement (COURSE_BENCH_QUICK)."""
    return bool(os.environ.get("COURSE_BENCH_QUICK"))


def rounds(usual: int) -> int:
    """The usual number of rounds; two in a quick trial."""
    return min(2, usual) if is_quick() else usual


def peak_megabytes() -> float:
    """This process's largest resident memory so far, in MB; NaN where the system does not say.

    Linux also tells it through `resource`, but there a process begins with its parent's peak.
    """
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text(encoding="utf-8"))
        return int(found[1]) * 1024 / 1e6
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def environment(packages: Sequence[str]) -> str:
    """What it ran on: Python, system, package versions; nothing that names a machine."""
    found = []
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} missing")
    return f"Python {platform.python_version()}, {platform.system()}, " + ", ".join(found)
