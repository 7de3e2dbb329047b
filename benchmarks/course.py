"""What the whole course costs: seconds of each chapter, the start of a kernel, megabytes.

    python -m benchmarks.course             # about half an hour

Each chapter runs under nbval as `python course.py test` runs it: CPU seconds of pytest and kernel
together, so that other work on the computer disturbs little; its own unit tests likewise. Then all
chapters two at a time, by the clock. Kernel starts and imports are medians of several.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import report
from tools import bootstrap, canonical, chapters, kernel
from tools.test import nbval_arguments

STARTS = report.rounds(5)
FIRST_IMPORTS = "import torch, matplotlib.pyplot, ipywidgets, numpy"


def run_chapters(files: list[Path], processes: int) -> tuple[float, float]:
    """(CPU seconds, seconds on the clock) of these chapters under nbval.

    Raises:
        RuntimeError: a chapter failed; its output is in the message.
    """
    return _pytest(nbval_arguments(files, processes), kernel.headless_environment)


def unit_tests(chapter: Path) -> float:
    """CPU seconds of the unit tests written for one chapter.

    Raises:
        RuntimeError: a test failed; the output is in the message.
    """
    file = f"tests/test_chapter_{chapters.number(chapter)}.py"
    return _pytest(["-p", "no:cacheprovider", file], kernel.test_environment)[0]


def _pytest(arguments: list[str], surroundings: Callable[[Path], dict[str, str]],
            ) -> tuple[float, float]:
    before, begin = _children(), time.perf_counter()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        done = subprocess.run([sys.executable, "-m", "pytest", "-q", *arguments],
                              cwd=chapters.ROOT, env=surroundings(Path(scratch)),
                              capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    return _children() - before, time.perf_counter() - begin


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def first_result(chapter: Path) -> float:
    """Seconds from the start of a kernel to the result of the chapter's first cell."""
    from nbclient import NotebookClient

    notebook = bootstrap.fill(canonical.without_outputs(canonical.read(chapter)))
    first = next(n for n, cell in enumerate(notebook.cells) if cell.cell_type == "code")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        client = NotebookClient(notebook, kernel_name="python3",
                                resources={"metadata": {"path": str(chapter.parent)}})
        begin = time.perf_counter()
        with client.setup_kernel(env=kernel.headless_environment(Path(scratch))):
            client.execute_cell(notebook.cells[first], first)
            return time.perf_counter() - begin


def import_seconds(chapter: Path) -> float:
    """Seconds that a chapter's imports take beyond those of PyTorch, Matplotlib and widgets."""
    source = next(cell.source for cell in canonical.read(chapter).cells
                  if cell.id.endswith("imports"))
    code = (f"{FIRST_IMPORTS}, time\nbegin = time.process_time()\n{source}\n"
            "print(time.process_time() - begin)")
    done = subprocess.run([sys.executable, "-c", code], cwd=chapters.ROOT, capture_output=True,
                          text=True, check=True)
    return float(done.stdout.split()[-1])


def megabytes(folder: str = "") -> float:
    """Of the files under version control in `folder`."""
    listed = subprocess.run(["git", "ls-files", "-z", folder or "."], cwd=chapters.ROOT,
                            capture_output=True, text=True, check=True)
    files = [chapters.ROOT / name for name in listed.stdout.split("\0") if name]
    return sum(file.stat().st_size for file in files if file.exists()) / 1e6


def main() -> None:
    found = report.Report("course", ("torch", "ipykernel", "nbval"))
    every = chapters.notebooks()[:2] if report.is_quick() else chapters.notebooks()
    lines = ["# The chapters", "", "| chapter | CPU seconds under nbval | of its unit tests | "
             "imports beyond PyTorch, Matplotlib and widgets, seconds |", "|---|---|---|---|"]
    spent, tested, extra = {}, {}, {}
    for path in every:
        spent[path], _ = run_chapters([path], 1)
        tested[path] = unit_tests(path)
        extra[path] = statistics.median(import_seconds(path) for _ in range(STARTS))
        lines.append(f"| {path.stem} | {spent[path]:.0f} | {tested[path]:.0f} "
                     f"| {extra[path]:.2f} |")
    _, clock = run_chapters(every, 2)
    start = statistics.median(first_result(every[0]) for _ in range(STARTS))
    lines += ["", f"All of them under nbval, two at a time: {clock / 60:.1f} minutes. Each further "
              f"chapter adds about {statistics.median(spent.values()):.0f} CPU seconds there and "
              f"{statistics.median(tested.values()):.0f} of its unit tests (medians). Kernel start "
              f"to the first cell's result: {start:.1f} s. {report.environment(found.packages)}."]
    found.text("\n".join(lines))
    found.number("the dearest chapter under nbval, CPU s", max(spent.values()), at_most=60)
    found.number("the course under nbval on two cores, minutes", clock / 60, at_most=8)
    found.number("kernel start to the first cell's result, s", start, at_most=6)
    found.number("imports of the dearest chapter, s", max(extra.values()), at_most=0.3)
    found.number("repository without history, MB", megabytes(), at_most=25)
    found.number("data, MB", megabytes("data"), at_most=12)
    found.write()


if __name__ == "__main__":
    main()
