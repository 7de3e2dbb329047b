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
from typing import Any

from .paths import root
from .seeding import course_seed


@dataclass(frozen=True)
class Stored:
    """A stored result.

    Attributes:
        result: what `compute` returned, as JSON keeps it.
        label: a line that says it is stored, with its seed and how long it took.
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
        ValueError: the file was changed by hand, or belongs to other settings.
    """
    path = root() / "results" / f"{name}.json"
    settings = json.loads(json.dumps(dict(settings)))
    advice = "run this cell with COURSE_SLOW=1 to compute it"
    if os.environ.get("COURSE_SLOW") == "1":
        started = time.process_time()
        result = json.loads(json.dumps(compute()))
        record = {
            "settings": settings, "seed": course_seed(),
            "seconds": round(time.process_time() - started), "checksum": _checksum(result),
            "result": result,
        }
        path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8", newline="\n")
    if not path.exists():
        raise FileNotFoundError(f"results/{name}.json is missing: {advice}")
    record = json.loads(path.read_text(encoding="utf-8"))
    if record["checksum"] != _checksum(record["result"]):
        raise ValueError(f"results/{name}.json does not fit its checksum: {advice}")
    if record["settings"] != settings:
        raise ValueError(f"results/{name}.json belongs to other settings, {record['settings']}; "
                         f"{advice}")  # fmt: skip
    label = f"stored: computed with seed {record['seed']} in {record['seconds']} CPU seconds"
    return Stored(record["result"], label)


def _checksum(result: Any) -> str:
    return hashlib.sha256(json.dumps(result, sort_keys=True).encode()).hexdigest()
