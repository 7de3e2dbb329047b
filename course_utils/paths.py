"""Where the course keeps its files, and whether anybody is watching.

Nothing here depends on the working directory: every place is found from this file.
"""

from __future__ import annotations

import copy
import os
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).resolve().parent


def root() -> Path:
    """The folder that holds `course_utils`; in a checkout, the repository."""
    return _PACKAGE.parent


def data_dir() -> Path:
    """The folder of the data sets: `COURSE_DATA` if set, else `data` beside the package."""
    named = os.environ.get("COURSE_DATA", "").strip()
    return Path(named).expanduser().resolve() if named else root() / "data"


def notebooks_dir() -> Path:
    """The folder of the chapters."""
    return root() / "notebooks"


@cache
def _read_table(name: str) -> dict[str, Any]:
    folder = _PACKAGE / "tables"
    path = folder / f"{name}.toml"
    if not path.is_file():
        known = sorted(p.stem for p in folder.glob("*.toml"))
        raise FileNotFoundError(f"no table {name!r} in {folder}; there are: {', '.join(known)}")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: {error}") from error


def table(name: str) -> dict[str, Any]:
    """Read `course_utils/tables/{name}.toml`, once per process.

    Args:
        name: name of the table without ending, e.g. "claims".
    Returns:
        the table as a dict of its own: changing it changes nothing for the next caller.
    Raises:
        FileNotFoundError: there is no such table; the message names those there are.
        ValueError: the file is not valid TOML; the message names file, line and column.
    """
    return copy.deepcopy(_read_table(name))


def headless() -> bool:
    """Whether `COURSE_HEADLESS=1`: nobody is there to click, so nothing waits for a click."""
    return os.environ.get("COURSE_HEADLESS", "").strip() == "1"
