"""The files of the data sets: read them, and refuse what is not what the course was written on.

What each file must hold stands in `tables/datasets.toml` (written by `data/build_data.py`). The
checksum that counts is of the content: the text inside a `.csv.gz` or `.txt.gz`, the arrays inside
an `.npz`. Another compressor changes the bytes of the file and not its content.

Needs NumPy only, so that a maintainer's script can use it without PyTorch.
"""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import paths

Content = bytes | dict[str, np.ndarray]


class DataError(RuntimeError):
    """A data file is missing or damaged; the message says how to repair it."""


@dataclass(frozen=True)
class FileReport:
    """What `verify_all` found out about one file."""

    name: str
    ok: bool
    message: str


def names() -> list[str]:
    """The names of all files, in the manifest's order: "births", "bikes", …"""
    return list(paths.table("datasets")["files"])


def expected(name: str) -> dict[str, str | int]:
    """The manifest's entry of one file: `file`, `bytes`, `content_sha256`, `licence`, …

    Raises:
        KeyError: there is no file of this name; the message lists those there are.
    """
    files = paths.table("datasets")["files"]
    if name not in files:
        raise KeyError(f"no data file {name!r}; there are: {', '.join(files)}")
    return files[name]


def content_sha256(content: bytes | Mapping[str, np.ndarray]) -> str:
    """SHA-256 of what a file holds, whatever compressed it.

    Args:
        content: the text's bytes, or arrays by name. Of an array count its name, dtype, shape and
            values (little-endian, row by row), so that a reshaped copy is a different content.
    """
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    digest = hashlib.sha256()
    for name in sorted(content):
        values = np.asarray(content[name])
        values = values.astype(values.dtype.newbyteorder("<"), copy=False)
        digest.update(f"{name} {values.dtype.str} {values.shape}\n".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


def decode(file_name: str, raw: bytes) -> Content:
    """What the bytes of a file hold: text for `.gz`, arrays by name for `.npz`.

    Raises:
        EOFError: there are no bytes. Whatever gzip, zip or NumPy say of damaged ones.
    """
    if not raw:
        raise EOFError("the file is empty")
    if file_name.endswith(".gz"):
        return gzip.decompress(raw)
    with np.load(io.BytesIO(raw), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def read(name: str) -> Content:
    """Read and verify one file.

    Returns:
        the text's bytes, or the arrays by name.
    Raises:
        DataError: the file is missing, unreadable or holds something else; says what was expected,
            what was found, and the commands that repair it.
    """
    entry = expected(name)
    file_name = str(entry["file"])
    path = paths.data_dir() / file_name
    if not path.is_file():
        raise DataError(f"{path} is missing.{_repair(name, path)}")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be opened ({error}).{_repair(name, path)}") from error
    try:
        content = decode(file_name, raw)
    except Exception as error:  # wrong bytes make zip, zlib and NumPy fail in many ways
        found = hashlib.sha256(raw).hexdigest()
        raise DataError(
            f"{path} cannot be read ({type(error).__name__}: {error}).\n"
            f"  expected {entry['bytes']:>9} bytes, SHA-256 {entry['file_sha256']}\n"
            f"  found    {len(raw):>9} bytes, SHA-256 {found}{_repair(name, path)}"
        ) from error
    found = content_sha256(content)
    if found != entry["content_sha256"]:
        raise DataError(
            f"{path} does not hold the data this course was written on.\n"
            f"  expected content SHA-256 {entry['content_sha256']}\n"
            f"  found    content SHA-256 {found}{_repair(name, path)}"
        )
    return content


def verify_all() -> list[FileReport]:
    """Read every data file afresh and compare it with the manifest.

    Returns:
        one report per file, in the manifest's order; a damaged file is reported, not raised.
    """
    reports = []
    for name in names():
        try:
            read(name)
        except DataError as error:
            reports.append(FileReport(name, False, str(error)))
        else:
            entry = expected(name)
            reports.append(FileReport(name, True, f"{entry['file']}: {entry['rows']}, as expected"))
    return reports


def _repair(name: str, path: Path) -> str:
    """The lines of an error message that say what to do next."""
    at_home = path.parent == paths.root() / "data"
    place = "" if at_home else f' --out "{path.parent}"'
    rebuild = f"python data/build_data.py {name}{place}"
    if not at_home:
        first = f"copy {path.name} again from the course's data folder (COURSE_DATA names this one)"
    elif (paths.root() / ".git").exists():
        first = f"git restore data/{path.name}"
    else:
        first = f"download the course again, or only its data/{path.name}"
    return f"\nTo repair it, in the course's folder:\n  {first}\nor\n  {rebuild}"
