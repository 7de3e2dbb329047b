"""Verdicts on claims: decided by code from a measurement, shown as a card, read back later.

The sentences stand once, in `tables/claims.toml`. A verdict travels in the output's metadata
(`{"claim": {…}}`), where JupyterLab does not draw it and nbval does not compare it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from . import paths
from .cards import Card, code, escape, measured, nearest, paragraph, table_html
from .seeding import course_seed

HOLDS, HOLDS_WHEN, FAILS, OPEN = "holds", "holds when", "does not hold", "not decided"
_SIGNS = {HOLDS: "✓", HOLDS_WHEN: "◐", FAILS: "✗", OPEN: "?"}


@dataclass(frozen=True)
class Record:
    """One verdict, as found in a notebook or in this kernel."""

    id: str
    verdict: str
    measured: str
    when: str
    seed: int | None
    cell_id: str = ""


_verdicts: dict[str, Record] = {}


def claim(
    id: str, *, holds: Any = None, inside: Any = None, outside: Any = None, when: str = "",
    decided: Any = True, measured: str,
) -> Card:
    """Decide a claim of this chapter and show the verdict.

    Either `holds` (one measurement), or `inside`, `outside` and `when` (the same measurement where
    a condition is met and where it is not).

    Args:
        id: the claim's id in `tables/claims.toml`.
        holds: whether the measurement agrees with the claim.
        inside: whether it does where the condition `when` is met.
        outside: whether it does where the condition is not met.
        when: the condition, short: "‖step‖ ≤ 0.1".
        decided: False if the evidence is too weak, e.g. an interval that straddles the threshold.
        measured: what was measured, in words and numbers.
    Returns:
        a card; the last expression of its cell. Its text is the id and the verdict.
    Raises:
        KeyError: there is no such claim; the message names the nearest ones.
        TypeError: a verdict is not a boolean, or the arguments do not go together.
        ValueError: `when` or `measured` is empty.
    """
    record, sentence = _decide(id, holds, inside, outside, when, decided, measured)
    _verdicts[id] = record
    metadata = {"claim": {k: v for k, v in asdict(record).items() if k != "cell_id"}}
    return _card("claim", record, sentence, text_id=id, metadata=metadata)


def what_if(
    id: str, *, holds: Any = None, inside: Any = None, outside: Any = None, when: str = "",
    decided: Any = True, measured: str,
) -> Card:
    """The same decision for a condition that the learner changed: shown, not recorded.

    Arguments and errors as in `claim`.
    """
    record, sentence = _decide(id, holds, inside, outside, when, decided, measured)
    return _card("your version", record, sentence, text_id=f"{id}, your version")


def claims_table(chapter: str) -> Card:
    """All claims of a chapter with this kernel's verdicts.

    Raises:
        ValueError: the chapter has no claims.
    """
    listed = {id: row for id, row in _table().items() if row["chapter"] == chapter}
    if not listed:
        chapters = sorted({row["chapter"] for row in _table().values()})
        raise ValueError(f"no claims for chapter {chapter!r}; there are some for {chapters}")
    verdicts = {id: _shown_verdict(id, row) for id, row in listed.items()}
    done = sum(id in _verdicts for id in listed)
    return Card(
        kind="claims",
        sign="",
        word="",
        title=f"chapter {chapter}: {done} of {len(listed)} measured in this run",
        body=table_html(["Claim", "Verdict", "Measured"], map(_table_row, listed.items())),
        text="\n".join(f"{id}: {verdict}" for id, verdict in verdicts.items()),
    )


def read_claims(notebook: str | Path | Mapping[str, Any]) -> list[Record]:
    """Verdicts stored in a notebook's outputs, in the order of its cells.

    Args:
        notebook: path of an `.ipynb`, or the notebook as a mapping (nbformat's node is one).
    Returns:
        every record found; a claim made in two cells is listed twice.
    Raises:
        ValueError: the file is not a notebook, or a stored verdict is none of the four.
    """
    where = notebook if isinstance(notebook, str | Path) else "the notebook"
    if isinstance(notebook, str | Path):
        try:
            notebook = json.loads(Path(notebook).read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise ValueError(f"{where} is not a notebook: {error}") from error
    if not isinstance(notebook, Mapping) or "cells" not in notebook:
        raise ValueError(f"{where} is not a notebook: it has no cells")
    return [
        _record(output["metadata"]["claim"], cell.get("id", ""), where)
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if "claim" in output.get("metadata", {})
    ]


def _table() -> dict[str, dict[str, str]]:
    return paths.table("claims")["claims"]


def _decide(
    id: str, holds: Any, inside: Any, outside: Any, when: str, decided: Any, measured: str
) -> tuple[Record, dict[str, str]]:
    rows = _table()
    if id not in rows:
        raise KeyError(f"there is no claim {id!r} in claims.toml.{nearest(id, rows)}")
    if not str(measured).strip():
        raise ValueError(f"claim {id!r}: measured= must say what was measured")
    verdict = _verdict(id, holds, inside, outside, when)
    if not _boolean(id, "decided", decided):
        verdict = OPEN
    return Record(id, verdict, str(measured), when, course_seed()), rows[id]


def _verdict(id: str, holds: Any, inside: Any, outside: Any, when: str) -> str:
    if holds is not None:
        if inside is not None or outside is not None or when:
            raise TypeError(f"claim {id!r}: give either holds=, or inside=, outside= and when=")
        return HOLDS if _boolean(id, "holds", holds) else FAILS
    if inside is None or outside is None:
        raise TypeError(f"claim {id!r}: give holds=, or both inside= and outside= with when=")
    if not when.strip():
        raise ValueError(f"claim {id!r}: when= must name the condition that inside= meets")
    within, without = _boolean(id, "inside", inside), _boolean(id, "outside", outside)
    if not within:
        return FAILS
    return HOLDS if without else HOLDS_WHEN


def _boolean(id: str, name: str, value: Any) -> bool:
    """A Python bool, NumPy bool or 0-d boolean tensor as bool; nothing else, on purpose."""
    if isinstance(value, bool):
        return value
    dtype = str(getattr(value, "dtype", ""))
    if dtype in ("bool", "torch.bool"):
        if getattr(value, "ndim", None) == 0:
            return bool(value)
        advice = f"an array of booleans of shape {tuple(value.shape)}: add .all() or .any()"
    else:
        advice = f"{type(value).__name__} {value!r:.60}: write a comparison, such as gap < 0.05"
    raise TypeError(f"claim {id!r}: {name}= must be a boolean, got {advice}")


def _card(
    kind: str, record: Record, row: Mapping[str, str], *, text_id: str, metadata: Any = None
) -> Card:
    # A claim about speed may come out differently elsewhere: its verdict stands in the part
    # that the tests do not compare.
    timed = row["kind"] == "time"
    found = f"on this computer: {_in_words(record)}. " if timed else ""
    body = paragraph(escape(row["en"]))
    body += paragraph(f'<span lang="zh-Hant">{escape(row["zh"])}</span>', quiet=True)
    body += paragraph(f"Measured: {measured(found + record.measured)}")
    if kind == "your version":
        body += paragraph("Your change; the claim's own verdict stays as it is.", quiet=True)
    verdict = "measured" if timed else record.verdict
    return Card(
        kind=kind,
        sign="·" if timed else _SIGNS[record.verdict],
        word="measured" if timed else _in_words(record),
        title=record.id,
        body=body,
        text=f"{text_id}: {verdict}",
        metadata=metadata,
    )


def _in_words(record: Record) -> str:
    if record.verdict == HOLDS_WHEN:
        return f"holds when {record.when}"
    if record.verdict == HOLDS and record.when:
        return f"holds; the condition {record.when} is not needed"
    if record.verdict == FAILS and record.when:
        return f"does not hold, not even when {record.when}"
    return record.verdict


def _shown_verdict(id: str, row: Mapping[str, str]) -> str:
    if id not in _verdicts:
        return "not run yet"
    return "measured" if row["kind"] == "time" else _verdicts[id].verdict


def _table_row(item: tuple[str, Mapping[str, str]]) -> list[str]:
    id, row = item
    name = f"{escape(row['en'])}<br>{code(id)}"
    if id not in _verdicts:
        return [name, "· not run yet", ""]
    record = _verdicts[id]
    sign_and_words = f"{_SIGNS[record.verdict]} {_in_words(record)}"
    shown = measured(sign_and_words) if row["kind"] == "time" else escape(sign_and_words)
    return [name, f"<strong>{shown}</strong>", measured(record.measured)]


def _record(stored: Mapping[str, Any], cell_id: str, where: object) -> Record:
    if stored.get("verdict") not in _SIGNS:
        raise ValueError(f"{where}, cell {cell_id!r}: unknown verdict {stored.get('verdict')!r}")
    return Record(
        id=stored["id"],
        verdict=stored["verdict"],
        measured=stored.get("measured", ""),
        when=stored.get("when", ""),
        seed=stored.get("seed"),
        cell_id=cell_id,
    )
