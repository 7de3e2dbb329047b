"""Results of computations that take too long for a chapter: kept in `results/`, shown as stored.

With COURSE_SLOW=1 they are computed anew and written back.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .files import NotWrittenError, write_whole
from .paths import root
from .seeding import course_seed


@dataclass(frozen=True)
class Stored:
    """A stored result.

    Attributes:
        result: what `compute` returned, as JSON keeps it.
        label: a line that says it is stored (or why it could not be), with its seed and how long
            it took.
    """

    result: Any
    label: str


def stored(name: str, compute: Callable[[], Any], settings: Mapping[str, Any]) -> Stored:
    """The result of a long computation: read from `results/<name>.json`, or computed and written.

    Args:
        name: of the file in `results/`, without ending.
        compute: compute() -> numbers, texts, lists and dicts of these; called under COURSE_SLOW=1.
        settings: what it depends on; a stored result of other settings is refused.
    Raises:
        FileNotFoundError: nothing is stored; the message says how to compute it.
        ValueError: the file is damaged, was changed by hand, or belongs to other settings.
    """
    path = root() / "results" / f"{name}.json"
    settings = json.loads(json.dumps(dict(settings)))
    advice = "run this cell with COURSE_SLOW=1 to compute it"
    if os.environ.get("COURSE_SLOW") == "1":
        return _compute(path, compute, settings)
    if not path.exists():
        raise FileNotFoundError(f"results/{name}.json is missing: {advice}")
    try:
        record = json.loads(path.read_bytes())
        result, checksum, used = record["result"], record["checksum"], record["settings"]
        label = f"stored: {_label(record)}"
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"results/{name}.json is damaged ({error!r}): {advice}, or take the file "
                         "from the course again") from None  # fmt: skip
    if checksum != _checksum(result):
        raise ValueError(f"results/{name}.json does not fit its checksum: {advice}")
    if used != settings:
        raise ValueError(f"results/{name}.json belongs to other settings, {used}; {advice}")
    return Stored(result, label)


def _compute(path: Path, compute: Callable[[], Any], settings: Mapping[str, Any]) -> Stored:
    """Compute and store; where it cannot be stored, hours of computing are not thrown away."""
    started = time.process_time()
    result = json.loads(json.dumps(compute()))
    record = {
        "settings": settings, "seed": course_seed(),
        "seconds": round(time.process_time() - started), "checksum": _checksum(result),
        "result": result,
    }
    try:
        write_whole(path, json.dumps(record, indent=1) + "\n")
    except NotWrittenError as error:
        return Stored(result, f"not stored: {error}; {_label(record)}")
    return Stored(result, f"stored: {_label(record)}")


def _label(record: Mapping[str, Any]) -> str:
    return f"computed with seed {record['seed']} in {record['seconds']} CPU seconds"


def _checksum(result: Any) -> str:
    return hashlib.sha256(json.dumps(result, sort_keys=True).encode()).hexdigest()
