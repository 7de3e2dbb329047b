"""Does the course come out the same in other surroundings? (python course.py matrix)

    python course.py matrix                     every row
    python course.py matrix --only locale-c     one row; may be given several times
    python course.py matrix --full              all chapters in every row

Rows about surroundings run chapters 00, 02 and 06 with the packages of this environment and compare
what they say with what is stored. Rows about versions make an environment each, once, in
.venv-matrix/, and run the unit tests and chapters 00 to 02 in it; a Python that is not on the path,
or has no packages, is not tried, and the table says so. The last result of each row is kept in
results/matrix.json; results/matrix.md is the table made of it. Exits with 1 if a row failed or
none ran. --cpu and --wheels DIR choose where packages come from, as for every command.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from dataclasses import asdict
from datetime import date

from course_utils.files import write_whole
from tools import chapters, stacks
from tools.matrix_rows import FAILED, NOT_TRIED, PASSED, ROWS, Outcome, Settings
from tools.stacks import NotTried, Source

RESULTS = chapters.ROOT / "results" / "matrix.json"


def run_one(name: str, settings: Settings) -> dict:
    """Try a row; returns its record for the table."""
    what, function = ROWS[name]
    print(f"{name}: {what} …", flush=True)
    start = time.perf_counter()
    try:
        outcome = function(settings)
    except NotTried as reason:
        outcome = Outcome(NOT_TRIED, str(reason), {})
    record = asdict(outcome) | {"seconds": round(time.perf_counter() - start),
                                "date": date.today().isoformat()}
    if record["versions"] is None:
        record["versions"] = stacks.versions()
    print(f"{name}: {outcome.result}: {outcome.words}", flush=True)
    return record


def table(records: dict[str, dict]) -> str:
    """The records as a table in Markdown, in the order of ROWS."""
    lines = ["# In other surroundings", "",
             "Made by `python course.py matrix`: what chapters say there, compared with what is "
             "stored.", "",
             "| row | surroundings | result | details | seconds | date | versions |",
             "|---|---|---|---|---|---|---|"]
    for name, (what, _) in ROWS.items():
        if record := records.get(name):
            versions = ", ".join(f"{k} {v}" for k, v in record["versions"].items()) or "–"
            words = record["words"].replace("|", "\\|")
            lines.append(f"| {name} | {what} | {record['result']} | {words} | "
                         f"{record['seconds']} | {record['date']} | {versions} |")
    return "\n".join(lines) + "\n"


def keep(name: str, record: dict) -> None:
    """Put a row's record into the stored results; the other rows stay."""
    records = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    records = {known: records[known] for known in ROWS if known in records} | {name: record}
    text = json.dumps({known: records[known] for known in ROWS if known in records}, indent=1,
                      ensure_ascii=False)
    for file, words in ((RESULTS, text + "\n"), (RESULTS.with_suffix(".md"), table(records))):
        write_whole(file, words)


def options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python course.py matrix", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=ROWS, metavar="ROW",
                        help="one of " + ", ".join(ROWS))
    parser.add_argument("--full", action="store_true", help="all chapters in every row")
    parser.add_argument("--chapters", nargs="+", default=[], metavar="NN",
                        help="these chapters in every row")
    parser.add_argument("--seed", type=int, help="of the order of chapters in one kernel")
    parser.add_argument("--cpu", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--wheels", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    chosen = options(arguments)
    try:
        named = tuple(chapters.number(path) for path in chapters.choose(chosen.chapters))
    except ValueError as error:
        print(f"course: {error}", file=sys.stderr)
        return 1
    seed = random.randrange(10_000) if chosen.seed is None else chosen.seed
    settings = Settings(named if chosen.chapters else (), chosen.full, seed,
                        Source(chosen.cpu, chosen.wheels))
    results = []
    for name in chosen.only or ROWS:
        record = run_one(name, settings)
        keep(name, record)
        results.append(record["result"])
    print("\nmatrix: " + ", ".join(f"{results.count(kind)} {kind}" for kind in
                                   (PASSED, FAILED, NOT_TRIED) if kind in results))
    return 0 if PASSED in results and FAILED not in results else 1


if __name__ == "__main__":
    sys.exit(main())
