"""Progress as a card: counts per chapter, and predictions beside results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import paths
from ..cards import Card, code, escape, paragraph, table_html
from ._predictions import how_near, shown
from ._store import Entries

_UNKNOWN = "other"
Chapters = Mapping[str, Mapping[str, str]]  # kind → id → chapter


def chapters_by_prefix(there: Chapters) -> dict[str, str]:
    """Which chapter an id belongs to, by the word before its first "-": {"reg": "02", …}."""
    ids = {id: row["chapter"] for id, row in paths.table("claims")["claims"].items()}
    for chapter_of in there.values():
        ids.update(chapter_of)
    return {"start": "00"} | {id.partition("-")[0]: chapter for id, chapter in ids.items()}


def progress_card(
    entries: Entries, there: Chapters, prefixes: Mapping[str, str], where: str, notice: str
) -> Card:
    """The card that `study.progress` shows."""

    def chapter_of(kind: str, id: str) -> str:
        known = there.get(kind, {}).get(id)
        return known or prefixes.get(id.partition("-")[0], _UNKNOWN)

    def values(kind: str, chapter: str) -> list[Any]:
        found = entries.get(kind, {}).items()
        return [entry["value"] for id, entry in found if chapter_of(kind, id) == chapter]

    chapters = {chapter for ids in there.values() for chapter in ids.values()}
    chapters |= {chapter_of(kind, id) for kind, by_id in entries.items() for id in by_id}
    rows = [
        [
            escape(chapter),
            _of(len(values("exercise", chapter)), _total(there, "exercise", chapter)),
            _predictions(values("prediction", chapter)),
            _of(sum(value is True for value in values("mission", chapter)), 0),
            _recalled(values("recall", chapter)),
        ]
        for chapter in sorted(chapters)
    ]
    head = ["Chapter", "Exercises passed", "Predictions near or right", "Missions done",
            "Recall right"]
    body = table_html(head, rows) if rows else paragraph("Nothing yet.")
    body += _prediction_list(entries.get("prediction", {}))
    body += paragraph(escape(where), quiet=True) + notice
    passed = len(entries.get("exercise", {}))
    title = f"{passed} exercise{'' if passed == 1 else 's'} passed" if entries else ""
    return Card("progress", "", "", title, body, "progress")


def _total(there: Chapters, kind: str, chapter: str) -> int:
    return sum(one == chapter for one in there.get(kind, {}).values())


def _of(number: int, total: int) -> str:
    return f"{number} of {total}" if total else str(number or "–")


def _predictions(values: list[dict[str, Any]]) -> str:
    compared = [value for value in values if "measured" in value]
    near = sum(_is_near(value) for value in compared)
    waiting = len(values) - len(compared)
    if not values:
        return "–"
    return f"{near} of {len(compared)}" + (f", {waiting} to compare" if waiting else "")


def _is_near(value: dict[str, Any]) -> bool:
    return _how_near(value)[0] == "✓"


def _how_near(value: dict[str, Any]) -> tuple[str, str]:
    return how_near(value["predicted"], value["measured"], value.get("unit", ""))


def _recalled(values: list[dict[str, Any]]) -> str:
    return f"{sum(bool(value['right']) for value in values)} of {len(values)}" if values else "–"


def _prediction_list(predictions: Mapping[str, dict[str, Any]]) -> str:
    rows = []
    for id, entry in predictions.items():
        value, unit = entry["value"], entry["value"].get("unit", "")
        if "measured" in value:
            sign, words = _how_near(value)
            result = [escape(shown(value["measured"], unit)), f"{escape(sign)} {escape(words)}"]
        else:
            result = ["", "not compared yet"]
        rows.append([code(id), escape(shown(value["predicted"], unit)), *result])
    if not rows:
        return ""
    table = table_html(["Prediction", "You", "Measured", ""], rows)
    return f"<details><summary>Predictions against results</summary>{table}</details>"
