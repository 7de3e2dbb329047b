"""How much memory a student's kernel takes, and whether a class can work at once.

    python -m benchmarks.classroom                    every chapter, one after the other
    python -m benchmarks.classroom 02 --kernels 8     eight students in one chapter at once

For `--memory` in a hub's settings, and for how many students a computer takes. Runs each chapter as
`course.py notebooks` does (headless, one thread a kernel), in as many kernels at once as asked, and
looks at their memory while they run. Two numbers each: resident memory, which counts what
kernels share (PyTorch's own code) once for every kernel, and so is the limit to set; and the
proportional share (Linux only), whose sum is what the computer needs. Children of a kernel count.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from benchmarks import report
from tools import bootstrap, canonical, chapters, kernel

LOOK = 0.3                                      # seconds between two looks at the memory
RARELY = 10                                     # every so many looks at the share, which costs time
STARTS = 3                                      # a kernel may find its port taken, and dies
CELL_SECONDS = 1800                             # eight kernels on two cores take their time


@dataclass
class Kernel:
    """What one kernel took.

    Attributes:
        resident: most bytes of resident memory at one look, children counted.
        share: most bytes of proportional share at one look; 0 where the system does not tell.
        seconds: from its start to its end.
        trouble: why it did not come to its end; empty if it did.
    """

    resident: int = 0
    share: int = 0
    seconds: float = 0.0
    trouble: str = ""


def resident_of(process: psutil.Process) -> int:
    """Resident memory of a process and its children, in bytes."""
    return _added(process, lambda each: each.memory_info().rss)


def share_of(process: psutil.Process) -> int:
    """Their proportional share; 0 where the system does not tell. The system counts every page."""
    return _added(process, lambda each: getattr(each.memory_full_info(), "pss", 0))


def _added(process: psutil.Process, of: Callable[[psutil.Process], int]) -> int:
    found = 0
    for each in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):    # it ended between the two looks
            found += of(each)
    return found


def watch(pid: int, kernel: Kernel, ended: threading.Event) -> None:
    """Note the most memory that a process takes until `ended` is set."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for look in itertools.count():
            kernel.resident = max(kernel.resident, resident_of(process))
            if look % RARELY == 0:
                kernel.share = max(kernel.share, share_of(process))
            if ended.wait(LOOK):
                return


def run_one(notebook: NotebookNode, folder: Path) -> Kernel:
    """Run a copy of `notebook` in a kernel of its own, working folder `folder`."""
    found, ended, start = Kernel(), threading.Event(), time.perf_counter()
    watching: list[threading.Thread] = []

    def begin(**_) -> None:                     # the kernel is there from its first cell on
        if not watching:
            pid = client.km.provisioner.pid
            watching.append(threading.Thread(target=watch, args=(pid, found, ended), daemon=True))
            watching[0].start()

    for _ in range(STARTS):
        client = NotebookClient(
            bootstrap.fill(canonical.without_outputs(notebook)), timeout=CELL_SECONDS,
            kernel_name="python3", resources={"metadata": {"path": str(folder)}},
            record_timing=False, extra_arguments=["--IPKernelApp.log_level=ERROR"],
            startup_timeout=300, on_cell_start=begin)
        found.trouble = trouble_in(client)
        if watching or not found.trouble:       # a kernel whose port another took never began
            break
    ended.set()
    for thread in watching:
        thread.join()
    found.seconds = time.perf_counter() - start
    return found


def trouble_in(client: NotebookClient) -> str:
    """Run the client's notebook; why it did not come to its end, or nothing."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        try:
            client.execute(env=kernel.headless_environment(Path(scratch)))
        except (CellExecutionError, CellTimeoutError, DeadKernelError, RuntimeError) as error:
            return str(error).strip().splitlines()[-1]
    return ""


def run_class(notebook: NotebookNode, folder: Path, kernels: int) -> list[Kernel]:
    """Run `notebook` in `kernels` kernels at once.

    Raises:
        ValueError: fewer than one kernel.
    """
    if kernels < 1:
        raise ValueError(f"a class has at least one kernel, got {kernels}")
    with ThreadPoolExecutor(kernels) as pool:
        return list(pool.map(lambda _: run_one(notebook, folder), range(kernels)))


def row(name: str, found: list[Kernel]) -> str:
    """A line of the table."""
    def megabytes(values: list[int]) -> str:
        return f"{max(values) / 1e6:.0f}" if any(values) else "not told"

    failed = sum(bool(each.trouble) for each in found)
    return (f"| {name} | {len(found)} | {megabytes([k.resident for k in found])} | "
            f"{megabytes([k.share for k in found])} | {sum(k.share for k in found) / 1e9:.2f} | "
            f"{statistics.median(k.seconds for k in found):.0f} | {failed} |")


HEAD = ("| chapter | kernels at once | resident, largest (MB) | share, largest (MB) | "
        "shares together (GB) | seconds, median | failed |\n|---|---|---|---|---|---|---|")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.classroom", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chapter", nargs="*", help="02, or a file name; every chapter if none")
    parser.add_argument("--kernels", type=int, default=1, help="how many at once (default: 1)")
    parser.add_argument("--store", action="store_true", help="keep the table in results/")
    chosen = parser.parse_args(arguments)
    try:
        paths = chapters.choose(chosen.chapter)
        print(HEAD, flush=True)
        lines, failed = [], 0
        for path in paths:
            found = run_class(canonical.read(path), path.parent, chosen.kernels)
            lines.append(row(path.stem, found))
            print(lines[-1], flush=True)
            for each in filter(lambda kernel: kernel.trouble, found):
                failed += 1
                print(f"classroom: {path.name}: {each.trouble}", file=sys.stderr)
    except ValueError as error:
        print(f"classroom: {error}", file=sys.stderr)
        return 1
    if chosen.store:
        kept = report.Report("classroom" if chosen.kernels == 1 else f"classroom-{chosen.kernels}")
        kept.text("\n".join([HEAD, *lines]))
        kept.write()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
