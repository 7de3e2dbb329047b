"""Are all verdicts the same under COURSE_SEED 1 to N? (python course.py seeds 5 02)

Runs every chapter (or those named) once per seed, in memory: the stored chapters are not touched.
Writes results/seeds.json, which the ledger quotes, and exits with 1 if the verdict of a fact
differs from the stored one. Claims about speed (kind = "time") may differ and are not compared.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from nbformat import NotebookNode

from course_utils import claims, paths
from tools import canonical, chapters, execute

RESULTS = chapters.ROOT / "results" / "seeds.json"


def code_fingerprint(notebook: NotebookNode) -> str:
    """Changes when the code of a chapter changes: then its runs under other seeds are stale."""
    code = [canonical.source(c.source) for c in notebook.cells if c.cell_type == "code"]
    return hashlib.sha256(json.dumps(code).encode()).hexdigest()[:16]


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


def run_one(path: Path, seed: int) -> dict[str, str] | str:
    """Verdicts of the chapter under `seed`, or what went wrong."""
    try:
        return verdicts(execute.execute(canonical.read(path), path.parent, seed))
    except (execute.ChapterFailed, ValueError) as error:
        return str(error)


def run_all(every: list[Path], seeds: list[int], jobs: int) -> dict[tuple[Path, int], dict | str]:
    """Each chapter under each seed; says when each is through."""
    found = {}
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        pending = {(path, seed): pool.submit(run_one, path, seed)
                   for path in every for seed in seeds}
        for (path, seed), future in pending.items():
            found[path, seed] = future.result()
            print(f"{path.name}, seed {seed}: through", flush=True)
    return found


def store(found: dict[tuple[Path, int], dict | str], seeds: list[int], file: Path) -> None:
    """Merge the verdicts of these chapters into the results file."""
    kept = read(file)
    for path in dict.fromkeys(path for path, _ in found):
        runs = {seed: found[path, seed] for seed in seeds if isinstance(found[path, seed], dict)}
        ids = sorted({id for run in runs.values() for id in run})
        kept[chapters.number(path)] = {
            "code": code_fingerprint(canonical.read(path)),
            "seeds": list(runs),
            "verdicts": {id: [run.get(id) for run in runs.values()] for id in ids},
        }
    file.parent.mkdir(exist_ok=True)
    text = json.dumps(dict(sorted(kept.items())), indent=1, ensure_ascii=False)
    file.write_text(text + "\n", encoding="utf-8", newline="\n")


def read(file: Path = RESULTS) -> dict[str, dict]:
    """chapter -> {"code", "seeds", "verdicts": {id: [verdict per seed]}}; empty before any run."""
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def report(found: dict[tuple[Path, int], dict | str], table: dict[str, dict]) -> int:
    """Say what differs; returns how many runs were not as stored."""
    wrong = 0
    for (path, seed), result in found.items():
        stored = verdicts(canonical.read(path))
        lines = ([result] if isinstance(result, str)
                 else differences(stored, result, facts(table)))
        wrong += bool(lines)
        for line in lines:
            print(f"{path.name}, seed {seed}: {line}", file=sys.stderr)
    return wrong


def is_stale(path: Path, n: int) -> bool:
    """Whether the chapter's code changed since its last runs, or those were fewer than `n`."""
    last = read(RESULTS).get(chapters.number(path), {})
    return (last.get("code") != code_fingerprint(canonical.read(path))
            or len(last.get("seeds", [])) < n)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python course.py seeds", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("n", type=int, help="run under COURSE_SEED 1 to N")
    parser.add_argument("chapter", nargs="*", help="02, or a file name; every chapter if none")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--stale", action="store_true",
                        help="only chapters whose code changed since their last runs")
    chosen = parser.parse_args(arguments)
    if chosen.n < 1 or chosen.jobs < 1:
        parser.error("N and --jobs are at least 1")
    try:
        every = [path for path in chapters.choose(chosen.chapter)
                 if not chosen.stale or is_stale(path, chosen.n)]
    except ValueError as error:
        print(f"course: {error}", file=sys.stderr)
        return 1
    seeds = list(range(1, chosen.n + 1))
    found = run_all(every, seeds, chosen.jobs)
    store(found, seeds, RESULTS)
    wrong = report(found, paths.table("claims")["claims"])
    print(f"seeds: {len(found)} runs, {wrong} not as stored")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
