"""Run chapters in a fresh kernel and store them, outputs included, in canonical form.

    python -m tools.execute 02 03        or  --all

A chapter that fails is left as it was; the cell and its error are shown. A cell tagged
raises-exception may raise (a shown error on purpose).
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from tools import bootstrap, canonical, chapters, kernel

CELL_SECONDS = 600


class ChapterFailed(Exception):
    """A cell of a chapter failed; the message names it and shows the error."""


def execute(notebook: NotebookNode, folder: Path, seed: int | None = None,
            changes: Mapping[str, str | None] | None = None) -> NotebookNode:
    """Run a canonical copy of `notebook`, working folder `folder`; returns the executed copy.

    Args:
        seed: COURSE_SEED for the run; None is the course's own.
        changes: environment variables that the kernel has otherwise than usual; None: has not.
    Raises:
        ChapterFailed: a cell raised (and is not tagged for it), hung, or killed the kernel.
    """
    notebook = bootstrap.fill(canonical.without_outputs(notebook))
    running: list[str] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        client = NotebookClient(
            notebook, timeout=CELL_SECONDS, kernel_name="python3",
            resources={"metadata": {"path": str(folder)}}, record_timing=False,
            extra_arguments=["--IPKernelApp.log_level=ERROR"],
            on_cell_start=lambda cell, cell_index: running.append(cell.id))
        try:
            usual = kernel.headless_environment(Path(scratch), seed)
            client.execute(env=kernel.changed(usual, changes or {}))
        except CellExecutionError as error:
            raise ChapterFailed(f"cell {running[-1]} failed\n{_plain(str(error))}") from None
        except (CellTimeoutError, DeadKernelError) as error:
            where = running[-1] if running else "(start)"
            raise ChapterFailed(f"cell {where}: {_plain(str(error))}") from None
    return canonical.canonical(notebook)


def execute_file(path: Path, seed: int | None = None) -> NotebookNode:
    """Run the chapter at `path` from its own folder and store it; on failure it is untouched."""
    notebook = execute(canonical.read(path), path.parent, seed)
    canonical.write(notebook, path)
    return notebook


def warnings_in(notebook: NotebookNode) -> list[str]:
    """'cell id: first line' for every stored output that went to standard error."""
    return [f"{cell.id}: {output.text.strip().splitlines()[0] if output.text.strip() else ''}"
            for cell in notebook.cells if cell.cell_type == "code"
            for output in cell.outputs
            if output.output_type == "stream" and output.name == "stderr"]


def said(cell: NotebookNode) -> str:
    """What a code cell says in words: standard output and texts of what it shows."""
    words = [output.text if output.output_type == "stream" else
             output.get("data", {}).get("text/plain", "") for output in cell.outputs
             if output.get("name") != "stderr"]
    return "\n".join(word.strip() for word in words if word.strip())


def run(paths: list[Path]) -> int:
    """Execute and store every chapter of `paths`, saying how it went; 1 if any failed."""
    failed = []
    for path in paths:
        print(f"{path.name}: running …", flush=True)
        start = time.perf_counter()
        try:
            notebook = execute_file(path)
        except (ChapterFailed, ValueError) as error:
            print(f"{path.name}: {error}\n{path.name}: left as it was", file=sys.stderr)
            failed.append(path)
            continue
        kilobytes = path.stat().st_size / 1000
        print(f"{path.name}: stored, {time.perf_counter() - start:.0f} s, {kilobytes:.0f} kB")
        for warning in warnings_in(notebook):
            print(f"{path.name}: warning: cell {warning} (went to standard error)")
    return 1 if failed else 0


def _plain(text: str) -> str:
    """Without the colour codes of a terminal."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text).strip()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.execute", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chapter", nargs="*", help="02, or a file name")
    parser.add_argument("--all", action="store_true", help="every chapter")
    chosen = parser.parse_args(arguments)
    if not chosen.chapter and not chosen.all:
        parser.error("name a chapter, or say --all")
    try:
        return run(chapters.choose([] if chosen.all else chosen.chapter))
    except ValueError as error:
        print(f"execute: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
