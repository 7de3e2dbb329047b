"""Write CLAIMS.md from the executed chapters (python course.py ledger)."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from course_utils import paths
from course_utils.claims import Record, read_claims
from course_utils.files import write_whole
from tools import chapters, seeds

FILE = chapters.ROOT / "CLAIMS.md"
INTRODUCTION = """\
# Claims, measured

Every claim of the course with the verdict that code reached in the stored run. This file is made
by `python course.py ledger`; do not edit it. The last column says in how many runs under other
seeds (`python course.py seeds N`) the verdict was the same{effort}.
Claims about speed are decided on wide ratios and hold for the computer that ran them.
"""


@dataclass(frozen=True)
class Chapter:
    """An executed chapter: its number, file, and the verdicts stored in it."""

    number: str
    path: Path
    records: list[Record]


def read_chapters(files: list[Path]) -> list[Chapter]:
    return [Chapter(chapters.number(path), path, read_claims(path)) for path in files]


def problems(table: dict[str, dict], executed: list[Chapter]) -> list[str]:
    """What is wrong between the table of claims and the executed chapters, in words.

    A claim of a chapter that has no notebook yet is not missed.
    """
    found = [f"{chapter.path.name}: {line}" for chapter in executed
             for line in _problems_of(table, chapter)]
    if not executed:
        found.append("there are no executed chapters")
    return found


def _problems_of(table: dict[str, dict], chapter: Chapter) -> list[str]:
    times = Counter(record.id for record in chapter.records)
    expected = {id for id, row in table.items() if row["chapter"] == chapter.number}
    return ([f"claim {id} has no verdict" for id in sorted(expected - set(times))]
            + [f"claim {id} appears {n} times" for id, n in sorted(times.items()) if n > 1]
            + [f"claim {id} belongs to chapter {table[id]['chapter']}" if id in table
               else f"claim {id} is not in claims.toml" for id in sorted(set(times) - expected)])


def make(table: dict[str, dict], executed: list[Chapter], runs: seeds.Runs) -> str:
    """The text of CLAIMS.md."""
    records = [record for chapter in executed for record in chapter.records]
    count = Counter(record.verdict for record in records)
    total = ", ".join(f"{n} {verdict}" for verdict, n in sorted(count.items()))
    minutes = runs.minutes()
    effort = f", {minutes / 60:.1f} hours of computing" if minutes else ""
    parts = [INTRODUCTION.format(effort=effort), f"{len(records)} claims: {total}.\n"]
    for chapter in executed:
        if chapter.records:
            parts.append(_section(table, chapter, runs.of(chapter.path)))
    return "\n".join(parts)


def _section(table: dict[str, dict], chapter: Chapter, runs: dict) -> str:
    lines = [f"## [{chapter.path.stem}](notebooks/{chapter.path.name})", "",
             "| claim | verdict | measured | seeds |", "|---|---|---|---|"]
    for record in chapter.records:
        row = table[record.id]
        link = f"notebooks/{chapter.path.name}#cell-id={record.cell_id}"
        sentence = f"{_cell(row['en'])}<br>{_cell(row['zh'])}<br>[`{record.id}`]({link})"
        agreed = agreement(record, runs)
        lines.append(f"| {sentence} | {_verdict(record, row)} | {_cell(record.measured)} "
                     f"| {agreed} |")
    return "\n".join(lines) + "\n"


def _verdict(record: Record, row: dict) -> str:
    words = f"**{record.verdict}**"
    if record.when:
        words += f" {_cell(record.when)}" if record.verdict == "holds when" else (
            f" (condition: {_cell(record.when)})")
    return words + (", speed on one computer" if row["kind"] == "time" else "")


def agreement(record: Record, runs: dict[int, dict]) -> str:
    """In how many runs under other seeds the verdict was the same."""
    if not runs:
        return "not run"
    same = [run["verdicts"].get(record.id) == record.verdict for run in runs.values()]
    return f"{sum(same)} of {len(same)}"


def _cell(text: str) -> str:
    """Fit for a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def current() -> tuple[str, list[str]]:
    """The ledger's text as it should be, and the problems found."""
    table = paths.table("claims")["claims"]
    executed = read_chapters(chapters.notebooks())
    found = problems(table, executed)
    try:
        runs = seeds.Runs(seeds.RESULTS)
    except ValueError as error:
        found.append(str(error))
    return ("" if found else make(table, executed, runs)), found


def main(arguments: list[str] | None = None) -> int:
    argparse.ArgumentParser(prog="python course.py ledger",
                            description=__doc__).parse_args(arguments)
    text, found = current()
    for line in found:
        print(f"ledger: {line}", file=sys.stderr)
    if found:
        print("ledger: CLAIMS.md left as it was", file=sys.stderr)
        return 1
    write_whole(FILE, text)
    print(f"ledger: wrote {FILE.name}, {text.count('[`')} claims")
    return 0


if __name__ == "__main__":
    sys.exit(main())
