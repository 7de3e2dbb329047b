"""Which notebooks there are, and how a chapter is named on the command line."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
FILE_NAME = re.compile(r"(\d\d)_\w+\.ipynb")


def notebooks(folder: Path = NOTEBOOKS) -> list[Path]:
    """All chapters of `folder`, in order."""
    return sorted(path for path in folder.glob("*.ipynb") if FILE_NAME.fullmatch(path.name))


def number(path: Path) -> str:
    """'02' for 02_regression.ipynb."""
    return path.name[:2]


def choose(names: list[str], folder: Path = NOTEBOOKS) -> list[Path]:
    """The chapters called `names` ('2', '02', '02_regression' or a path); all if none is named.

    Raises:
        ValueError: there is no such chapter, or no chapter at all.
    """
    every = notebooks(folder)
    if not every:
        raise ValueError(f"no chapters in {folder}")
    if not names:
        return every
    return [_choose_one(name, every) for name in names]


def _choose_one(name: str, every: list[Path]) -> Path:
    stem = Path(name).name.removesuffix(".ipynb")
    wanted = stem.zfill(2) if stem.isdigit() else stem
    for path in every:
        if wanted in (number(path), path.stem):
            return path
    raise ValueError(f"there is no chapter {name!r}; there are {', '.join(map(number, every))}")
