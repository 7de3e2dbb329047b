"""Are all verdicts the same under COURSE_SEED 1 to N? (python course.py seeds 10 02)

Runs every chapter (or those named) once per seed, in memory: the stored chapters are not touched.
Each run is written to results/seeds.json, which the ledger quotes, as soon as it is through: what
was interrupted goes on where it was, and only chapters run anew in which code changed that a
verdict needs. Exits with 1 if the verdict of a fact differs from the stored one. Claims about speed
(kind = "time") may differ and are not compared.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import io
import json
import os
import sys
import threading
import time
import tokenize
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context, parent_process
from pathlib import Path

from nbformat import NotebookNode

from course_utils import claims, paths
from course_utils.files import NotWrittenError, write_whole
from tools import canonical, chapters, excerpt, execute, slices

RESULTS = chapters.ROOT / "results" / "seeds.json"

Job = tuple[Path, int]  # a chapter and a seed


def code_fingerprint(notebook: NotebookNode) -> str:
    """Changes when code changes that a verdict needs: then runs under other seeds are stale.

    Figures, playgrounds, comments and a claim's words decide nothing, nor where one cell ends and
    the next begins. Without a cell tagged `verdict`, all code counts. Not seen: a figure that draws
    from the global stream of random numbers between its seed and a training.
    """
    code = {id: without_words(without_comments(source))
            for id, source in excerpt.code(notebook).items()}
    deciding = [cell.id for cell in notebook.cells if "verdict" in cell.metadata.get("tags", [])]
    needed = slices.needed(code, deciding or code, must_be_bound=False)
    kept = {(id, node.lineno) for id, nodes in needed.items() for node in nodes}
    statements = [_text(node, source) for id, source in code.items()
                  for node in ast.parse(source).body
                  if (id, node.lineno) in kept or _seeds(node)]
    return hashlib.sha256("\n".join(statements).encode()).hexdigest()[:16]


def _seeds(node: ast.stmt) -> bool:
    """Whether a statement starts the global random stream: no name tells who depends on it."""
    return not isinstance(node, ast.FunctionDef | ast.ClassDef) and any(
        isinstance(part, ast.Call)
        and ast.unparse(part.func).split(".")[-1] in ("seed_everything", "manual_seed")
        for part in ast.walk(node))


def _text(node: ast.stmt, source: str) -> str:
    """The lines of a statement as they stand: `ast.unparse` differs between Pythons."""
    first = min(part.lineno for part in [node, *getattr(node, "decorator_list", [])])
    return "\n".join(source.splitlines()[first - 1:node.end_lineno])


def without_words(source: str) -> str:
    """Python code without what its claims say beside their verdicts."""
    words = [ast.get_source_segment(source, keyword.value) or ""
             for call in ast.walk(ast.parse(source))
             if isinstance(call, ast.Call) and ast.unparse(call.func) == "claim"
             for keyword in call.keywords if keyword.arg in ("measured", "when")]
    for word in words:
        source = source.replace(word, '""', 1)
    return source


def without_comments(source: str) -> str:
    """Python code without its comments, and without the lines that held nothing else."""
    whole = source.split("\n")
    lines: list[str | None] = list(whole)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = whole[row - 1][:column].rstrip() or None
    return "\n".join(line for line in lines if line is not None)


def facts(table: dict[str, dict]) -> set[str]:
    """Ids of the claims whose verdict must not depend on the seed."""
    return {id for id, row in table.items() if row["kind"] == "fact"}


def verdicts(notebook: NotebookNode) -> dict[str, str]:
    """id -> verdict of an executed chapter."""
    return {record.id: record.verdict for record in claims.read_claims(notebook)}


def differences(stored: dict[str, str], under_seed: dict[str, str], ids: set[str]) -> list[str]:
    """The facts of `ids` that came out otherwise, in words."""
    return [f"{id}: {under_seed.get(id, 'no verdict')}, stored: {stored.get(id, 'no verdict')}"
            for id in sorted(set(stored) | set(under_seed))
            if id in ids and stored.get(id) != under_seed.get(id)]


def changed_facts(stored: NotebookNode, run: NotebookNode) -> list[str]:
    """The facts whose verdict in the executed copy `run` is not the stored chapter's, in words."""
    return differences(verdicts(stored), verdicts(run), facts(paths.table("claims")["claims"]))


class Runs:
    """The file of runs: chapter -> {"code": fingerprint, "runs": {seed: {"seconds", "verdicts"}}}.

    Runs of code that has changed since count as none.

    Raises:
        ValueError: the file is damaged; it is left as it is.
    """

    def __init__(self, file: Path):
        self.file = file
        self._all = _read(file) if file.exists() else {}

    def of(self, path: Path) -> dict[int, dict]:
        """seed -> {"seconds": of computing, "verdicts": {id: verdict}} for the chapter's code."""
        kept = self._all.get(chapters.number(path), {})
        if kept.get("code") != code_fingerprint(canonical.read(path)):
            return {}
        return {int(seed): run for seed, run in kept["runs"].items()}

    def longest(self, path: Path) -> float:
        """Seconds of the chapter's longest run, of its code now or before; 0 if there is none."""
        kept = self._all.get(chapters.number(path), {"runs": {}})["runs"]
        return max((run["seconds"] for run in kept.values()), default=0)

    def minutes(self) -> float:
        """Of computing, for all runs in the file."""
        return sum(run["seconds"] for kept in self._all.values()
                   for run in kept["runs"].values()) / 60

    def add(self, path: Path, seed: int, run: dict) -> None:
        """Keep a run, on disk at once.

        Raises:
            NotWrittenError: the file is as it was before; the run is written with the next one.
        """
        runs = dict(sorted((self.of(path) | {seed: run}).items()))
        self._all[chapters.number(path)] = {"code": code_fingerprint(canonical.read(path)),
                                            "runs": runs}
        text = json.dumps(dict(sorted(self._all.items())), indent=1, ensure_ascii=False)
        self.file.parent.mkdir(exist_ok=True)
        write_whole(self.file, text + "\n")


def _read(file: Path) -> dict[str, dict]:
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        for chapter in kept.values():
            if not (isinstance(chapter["code"], str) and isinstance(chapter["runs"], dict)):
                raise TypeError("not the form of runs")
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{file} is damaged ({error!r}): git restore results/{file.name}, or "
                         "delete it and run python course.py seeds N anew") from None
    return kept


def run_one(path: Path, seed: int) -> dict | str:
    """The chapter's verdicts under `seed` and its seconds, or what went wrong."""
    before = _kernel_seconds()
    try:
        found = verdicts(execute.execute(canonical.read(path), path.parent, seed))
    except (execute.ChapterFailed, ValueError) as error:
        return str(error)
    return {"seconds": round(_kernel_seconds() - before), "verdicts": found}


def _kernel_seconds() -> float:
    """Computing time of the kernels that ended so far; 0 on Windows, which does not say."""
    used = os.times()
    return used.children_user + used.children_system


def _end_with_parent() -> None:
    """In a worker: do not go on computing, for nobody, when the command has been killed."""
    parent = parent_process()

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def run_all(pending: list[Job], jobs: int) -> Iterator[tuple[Job, dict | str]]:
    """Each chapter under its seed, as they come through; says how far it is."""
    begin = time.perf_counter()
    with ProcessPoolExecutor(jobs, get_context("spawn"), _end_with_parent) as pool:
        futures = {pool.submit(run_one, *job): job for job in pending}
        try:
            for done, future in enumerate(as_completed(futures), 1):
                yield futures[future], future.result()
                path, seed = futures[future]
                left = (time.perf_counter() - begin) / done * (len(pending) - done) / 60
                print(f"{path.name}, seed {seed}: through, {done} of {len(pending)}, "
                      f"about {left:.0f} min left", flush=True)
        except BaseException:  # Ctrl-C among them: what has not begun is given up
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def report(every: list[Path], seeds: list[int], runs: Runs, failed: dict[Job, str]) -> int:
    """Say what differs from the stored chapters; returns how many runs were not as stored."""
    wrong = 0
    ids = facts(paths.table("claims")["claims"])
    for path in every:
        stored, found = verdicts(canonical.read(path)), runs.of(path)
        for seed in seeds:
            lines = ([failed[path, seed]] if (path, seed) in failed
                     else differences(stored, found[seed]["verdicts"], ids))
            wrong += bool(lines)
            for line in lines:
                print(f"{path.name}, seed {seed}: {line}", file=sys.stderr)
    return wrong


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python course.py seeds", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("n", type=int, help="run under COURSE_SEED 1 to N")
    parser.add_argument("chapter", nargs="*", help="02, or a file name; every chapter if none")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--again", action="store_true", help="also what is stored already")
    chosen = parser.parse_args(arguments)
    if chosen.n < 1 or chosen.jobs < 1:
        parser.error("N and --jobs are at least 1")
    try:
        every, runs = chapters.choose(chosen.chapter), Runs(RESULTS)
    except ValueError as error:
        print(f"course: {error}", file=sys.stderr)
        return 1
    seeds = list(range(1, chosen.n + 1))
    failed: dict[Job, str] = {}
    known = {path: () if chosen.again else runs.of(path) for path in every}
    pending = [(path, seed) for seed in seeds for path in every if seed not in known[path]]
    unwritten = ""
    for (path, seed), run in run_all(pending, chosen.jobs):
        if isinstance(run, str):
            failed[path, seed] = run
            continue
        try:
            runs.add(path, seed, run)
            unwritten = ""
        except NotWrittenError as error:  # hours of computing: go on, the next run may fit again
            unwritten = str(error)
            print(f"course: {unwritten}", file=sys.stderr)
    wrong = report(every, seeds, runs, failed)
    print(f"seeds: {len(pending)} runs now, {len(every) * len(seeds)} in all, "
          f"{wrong} not as stored" + (f"; {unwritten}" if unwritten else ""))
    return 1 if wrong or unwritten else 0


if __name__ == "__main__":
    sys.exit(main())
