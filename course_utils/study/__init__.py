"""Predictions, and the learner's progress. Nothing leaves this computer unless it is exported.

Kept as one JSON file in the user's data folder (`COURSE_STUDY_DIR` names another one). Headless
runs (`COURSE_HEADLESS=1`) neither read nor write it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..cards import Card, escape, paragraph
from ..paths import headless
from . import _store
from ._predictions import Prediction, compared_card, result_of
from ._progress_card import chapters_by_prefix, progress_card
from ._store import Store
from .live import Live

KINDS = ("exercise", "prediction", "mission", "recall")
STORE = "machine-learning-measured"  # name of the folder among the user's data

_stores: dict[Path, Store] = {}
_asked: dict[str, Prediction] = {}
_totals: list[Callable[[], Mapping[str, Mapping[str, str]]]] = []


def store() -> Store:
    """Where progress is kept now: `COURSE_STUDY_DIR`, else the user's data folder."""
    named = os.environ.get("COURSE_STUDY_DIR", "").strip()
    if named:
        folder = Path(named).expanduser()
    else:
        from platformdirs import user_data_path

        folder = user_data_path(STORE, appauthor=False)
    return _stores.setdefault(folder, Store(folder))


def predict(
    id: str, question: str = "", *, choices: Any = None, number: bool = False, unit: str = ""
) -> Live:
    """Ask for a prediction before a measurement; the last expression of its cell.

    The answer is kept with the progress and can be changed until `compare` has been run. Nothing
    waits for it.

    Args:
        id: the chapter's prefix and a word; usually the claim's id.
        question: what to predict, one sentence.
        choices: texts to choose from, at least two; or
        number: True for a field that takes a number, in `unit`.
    Raises:
        TypeError: neither choices nor a number was asked for, or both.
        ValueError: fewer than two choices, or two equal ones.
    """
    earlier = _asked.get(id)
    if earlier is not None:
        earlier.close()  # this cell was run again; the new view takes over
    _asked[id] = Prediction(
        id, question, choices, number, unit, kept=None if headless() else _KeptPrediction(id)
    )
    return _asked[id].view


def compare(id: str, measured: Any, *, unit: str = "") -> Card:
    """Say how near the prediction `id` was; the last expression of its cell.

    Args:
        id: as in `predict`.
        measured: the text of the choice that came true, or a number (also a 0-d tensor).
        unit: of the number; the prediction's unit if "".
    Raises:
        TypeError: `measured` is neither text nor a number, or not what was asked for.
        ValueError: `measured` is none of the choices.
    """
    asked = _asked.get(id)
    result = result_of(id, measured, asked)
    unit = unit or (asked.unit if asked else "")
    if headless():
        return compared_card(id, None, result, unit, headless=True)
    entry = _KeptPrediction(id).get()
    if entry and isinstance(entry["predicted"], str) != isinstance(result, str):
        entry = None  # the question was another one when it was answered
    if entry:
        _KeptPrediction(id).put({**entry, "measured": result, "unit": unit})
        if asked:
            asked.lock()
    return compared_card(id, entry and entry["predicted"], result, unit, notice=notice())


def record(kind: str, id: str, value: Any) -> None:
    """Keep one entry of the learner's progress; does nothing in headless runs.

    Args:
        kind: "exercise", "prediction", "mission" or "recall".
        value: anything that JSON can hold. An equal value is not written again.
    Raises:
        ValueError: unknown kind.
    """
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r} is none of {', '.join(KINDS)}")
    if headless():
        return
    kept = store().get(kind, id)
    if kept is None or kept["value"] != value:
        store().put(kind, id, value)


def recorded(kind: str, id: str) -> Any:
    """The value kept by `record`, or None; always None in headless runs."""
    entry = None if headless() else store().get(kind, id)
    return None if entry is None else entry["value"]


def notice() -> str:
    """What to tell the learner about the progress file, as HTML; each thing once, else ""."""
    told = "" if headless() else store().notice()
    return paragraph(f"<strong>Note:</strong> {escape(told)}") if told else ""


def add_totals(totals: Callable[[], Mapping[str, Mapping[str, str]]]) -> None:
    """Tell `progress` what there is: a function that returns kind → id → chapter."""
    _totals.append(totals)


def progress() -> Card:
    """Exercises, predictions, missions and recall so far; the last expression of its cell."""
    there: dict[str, dict[str, str]] = {kind: {} for kind in KINDS}
    for totals in _totals:
        for kind, chapter_of in totals().items():
            there[kind].update(chapter_of)
    entries = {} if headless() else store().read()
    if headless():
        where = "Kept on the learner's computer; not read in headless runs."
    elif store().in_memory:
        where = "Kept in memory, until this kernel stops."
    else:
        where = f"Kept in {store().path}."
    return progress_card(entries, there, chapters_by_prefix(there), where, notice())


def export_progress(path: str | Path) -> Card:
    """Write all progress to a file, e.g. to carry it to another computer.

    Raises:
        OSError: the file cannot be written.
    """
    if headless():
        return _told("export", "nothing is kept in headless runs")
    entries = store().read()
    target = Path(path).expanduser()
    _store.write_entries(target, entries)
    return _told("export", f"{_count(entries)} written to {target.resolve()}")


def import_progress(path: str | Path) -> Card:
    """Add the entries of an exported file; of two entries with one id the newer one stays.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not a progress file; nothing was changed.
    """
    if headless():
        return _told("import", "nothing is kept in headless runs")
    source = Path(path).expanduser()
    try:
        new = _store.read_entries(source)
    except ValueError as error:
        raise ValueError(f"{source} was not imported: {error}") from error
    taken = []

    def merge(entries: _store.Entries) -> None:
        for kind, by_id in new.items():
            here = entries.setdefault(kind, {})
            for id, entry in by_id.items():
                if id not in here or here[id]["at"] < entry["at"]:
                    here[id] = entry
                    taken.append(id)

    store().update(merge)
    return _told("import", f"{len(taken)} of {_count(new)} were new or newer and are taken over")


def reset_progress(confirm: bool = False) -> Card:
    """Forget all progress, after `reset_progress(confirm=True)`; a copy is kept beside the file."""
    if headless():
        return _told("reset", "nothing is kept in headless runs")
    entries = store().read()
    if not confirm:
        ask = f"This forgets {_count(entries)}. To do it: reset_progress(confirm=True)"
        return _told("reset", ask)
    where = ""
    if entries and not store().in_memory:
        stamp = _store.now().replace(":", "").replace(".", "")[:17]
        copy = store().path.with_name(f"progress.before-reset-{stamp}.json")
        _store.write_entries(copy, entries)
        where = f"; a copy is in {copy}"
    store().update(lambda kept: kept.clear())
    for asked in _asked.values():
        asked.lock()
    return _told("reset", f"{_count(entries)} forgotten{where}")


class _KeptPrediction:
    """A prediction's entry in the progress file: predicted, measured, unit."""

    def __init__(self, id: str):
        self._id = id

    def get(self) -> dict[str, Any] | None:
        return recorded("prediction", self._id)

    def put(self, value: dict[str, Any]) -> None:
        record("prediction", self._id, value)

    def notice(self) -> str:
        return notice()


def _told(what: str, sentence: str) -> Card:
    body = paragraph(escape(sentence)) + notice()
    return Card("progress", "", "", what, body, f"progress: {what}")


def _count(entries: _store.Entries) -> str:
    number = sum(len(by_id) for by_id in entries.values())
    return f"{number} {'entry' if number == 1 else 'entries'}"
