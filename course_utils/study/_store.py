"""The learner's progress as one small JSON file, safe against the ways in which files get lost.

Written by replacing (never half a file), under a lock and onto what is there (two kernels do not
lose each other's entries). A damaged file is put aside. Where nothing can be written, entries
stay in memory. Either is told once, through `notice`.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..files import move, write_whole

VERSION = 1
Entries = dict[str, dict[str, dict[str, Any]]]  # kind → id → {"value": …, "at": ISO time}

_LOCK_WAIT = 3.0  # seconds; a write takes milliseconds
_LOCK_STALE = 10.0  # seconds after which a lock's owner must have died


def now() -> str:
    """The time in UTC, sortable as text."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Store:
    """Entries in `folder/progress.json`.

    Attributes:
        path: where the file is, or would be.
        in_memory: entries cannot be written and last as long as the kernel.
    """

    def __init__(self, folder: Path):
        self.path = folder / "progress.json"
        self.in_memory = False
        self._memory: Entries = {}
        self._notice = ""
        self._thread_lock = threading.RLock()

    def read(self) -> Entries:
        """All entries as they are now."""
        with self._thread_lock:
            return self._memory if self.in_memory else self._read_file()

    def get(self, kind: str, id: str) -> dict[str, Any] | None:
        """One entry's value and time, or None."""
        return self.read().get(kind, {}).get(id)

    def put(self, kind: str, id: str, value: Any) -> None:
        """Write one entry; `value` must be JSON."""
        entry = {"value": value, "at": now()}
        self.update(lambda entries: entries.setdefault(kind, {}).__setitem__(id, entry))

    def update(self, change: Callable[[Entries], None]) -> None:
        """Apply `change` to the entries as they are in the file now, and write them."""
        with self._thread_lock:
            if not self.in_memory:
                try:
                    self.path.parent.mkdir(parents=True, exist_ok=True)
                    with _locked(self.path.with_suffix(".lock")):
                        entries = self._read_file()
                        if not self.in_memory:
                            change(entries)
                            write_entries(self.path, entries)
                            return
                except OSError as error:
                    self._keep_in_memory(f"{self.path.parent} cannot be written ({error})")
            change(self._memory)

    def notice(self) -> str:
        """What the learner should know about the file: each thing once, else ""."""
        notice, self._notice = self._notice, ""
        return notice

    def _read_file(self) -> Entries:
        try:
            return read_entries(self.path)
        except FileNotFoundError:
            return {}
        except OSError as error:
            self._keep_in_memory(f"{self.path} cannot be read ({error})")
        except ValueError as error:
            self._put_aside(error)
        return {}

    def _put_aside(self, error: ValueError) -> None:
        aside = self.path.with_name(f"progress.broken-{datetime.now():%Y%m%d-%H%M%S-%f}.json")
        try:
            move(self.path, aside)
        except FileNotFoundError:
            return  # another kernel was quicker
        except OSError:
            self._keep_in_memory(f"{self.path} is damaged and cannot be moved ({error})")
        else:
            self._notice = f"The progress file was damaged ({error}). It was kept as {aside}."

    def _keep_in_memory(self, why: str) -> None:
        with suppress(OSError, ValueError):
            self._memory = read_entries(self.path)
        self.in_memory = True
        self._notice = f"Progress is kept only until this kernel stops: {why}."


def read_entries(path: Path) -> Entries:
    """Entries of a progress file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not a progress file of this version; the message says why.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(data, dict) or data.get("version") != VERSION:
        raise ValueError(f"not a progress file of version {VERSION}")
    entries = data.get("entries")
    if not isinstance(entries, dict) or not all(map(_well_formed, entries.items())):
        raise ValueError("its entries do not have the right form")
    return entries


def write_entries(path: Path, entries: Entries) -> None:
    """Write a progress file in one go: readers see the old one or the new one.

    Raises:
        NotWrittenError: the folder cannot be written, the disk is full.
    """
    text = json.dumps({"version": VERSION, "entries": entries}, ensure_ascii=False, indent=1)
    write_whole(path, text + "\n")


_FIELD = {"prediction": "predicted", "recall": "right"}  # what such a value must have


def _well_formed(kind_and_entries: tuple[str, Any]) -> bool:
    kind, by_id = kind_and_entries
    return isinstance(by_id, dict) and all(_is_entry(kind, entry) for entry in by_id.values())


def _is_entry(kind: str, entry: Any) -> bool:
    if not isinstance(entry, dict) or "value" not in entry or not isinstance(entry.get("at"), str):
        return False
    value = entry["value"]
    return kind not in _FIELD or (isinstance(value, dict) and _FIELD[kind] in value)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock file. Whoever waits too long goes on without: better late than never."""
    until = time.monotonic() + _LOCK_WAIT
    mine = False
    while not mine and time.monotonic() < until:
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            mine = True
        except OSError:
            if not path.exists():
                # not taken: the folder refuses, or the owner has just let go
                if not os.access(path.parent, os.W_OK):
                    raise
                time.sleep(0.005)
                continue
            _remove_if_stale(path)
            time.sleep(0.01)
    try:
        yield
    finally:
        if mine:
            with suppress(OSError):
                path.unlink()


def _remove_if_stale(path: Path) -> None:
    with suppress(OSError):
        if time.time() - path.stat().st_mtime > _LOCK_STALE:
            path.unlink()
