"""The unusual places in which a learner may run a chapter, each made on purpose.

Used by tools/matrix.py and by tests/test_surroundings.py.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools import canonical, chapters, kernel
from tools.copies import Copies, fingerprint

Changes = dict[str, str | None]

NEEDED = ("course_utils", "tools", "notebooks", "data", "results", "pyproject.toml", "course.py")
ODD_FOLDER = "mein Kurs 機器學習"
OFFLINE = chapters.ROOT / "tools" / "offline"
# For an administrator, who may write into every folder: only a disk can refuse.
MOUNT_READ_ONLY = 'mount -t tmpfs -o ro tmpfs "$0" && exec "$@"'

# Nothing says which letters text has, and the locale knows ASCII only.
LOCALE_C: Changes = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": None,
                     "PYTHONCOERCECLOCALE": "0"}
# Whatever keeps something has to look for its place below HOME.
PLACES = ("COURSE_STUDY_DIR", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "MPLCONFIGDIR", "TORCH_HOME",
          "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME")


def threads(n: int) -> Changes:
    """Every library may use `n` threads."""
    return dict.fromkeys(kernel.THREADS, str(n))


@contextmanager
def read_only_home() -> Iterator[tuple[list[str], Changes] | None]:
    """A home folder into which nothing can be written.

    Yields:
        what stands before a command, and the kernel's variables; None: there is no way here.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir(mode=0o555)
        ways = ([], ["unshare", "-rm", "sh", "-c", MOUNT_READ_ONLY, str(home)])
        before = next((way for way in ways if _refuses(way, home)), None)
        yield None if before is None else (before, {**dict.fromkeys(PLACES), "HOME": str(home)})


@contextmanager
def odd_folder() -> Iterator[Path]:
    """The course in a folder whose name has a space and letters beyond ASCII."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        root = Path(scratch) / ODD_FOLDER
        for name in NEEDED:
            source = chapters.ROOT / name
            if source.is_dir():
                shutil.copytree(source, root / name,
                                ignore=shutil.ignore_patterns("__pycache__", "*.part"))
            else:
                shutil.copy(source, root / name)
        yield root


@functools.cache
def _may_leave_the_network() -> bool:
    return bool(shutil.which("unshare")) and subprocess.run(
        [*_LEAVE, "true"], capture_output=True, check=False).returncode == 0


# A network of its own, in which this computer can be reached by itself and nothing else.
_LEAVE = ("unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")


def without_network() -> tuple[list[str], dict[str, str], str]:
    """(what stands before a command, its variables, by what means in words)."""
    if sys.platform == "linux" and _may_leave_the_network():
        return list(_LEAVE), {}, "by the system"
    others = os.environ.get("PYTHONPATH")
    return [], {"PYTHONPATH": os.pathsep.join([str(OFFLINE), *([others] if others else [])])}, \
        "in Python"


def update_copies(root: Path, names: list[str]) -> list[str]:
    """Hand out an older version of these chapters, touch the last copy, then update the course.

    Args:
        root: a copy of the course; its notebooks are written to, its my_course is made anew.
    Returns:
        what did not go as it should: an untouched copy is replaced and the old one kept, a
        touched one stays to the byte with the new version beside it, and a second start is quiet.
    """
    source, mine = root / "notebooks", root / "my_course"
    shutil.rmtree(mine, ignore_errors=True)
    every = [source / path.name for path in chapters.choose(names)]
    today = {path: canonical.read(path) for path in every}
    for path, book in today.items():
        canonical.write(_older(book), path)
    Copies(mine, source).refresh()
    touched = mine / every[-1].name
    _touch(touched)
    work = touched.read_bytes()
    for path, book in today.items():
        canonical.write(book, path)
    said = Copies(mine, source).refresh()
    return [words for words, wrong in (
        ("the update did not tell of each chapter", len(said) != len(every)),
        ("a touched copy was changed", touched.read_bytes() != work),
        ("an untouched copy was not replaced",
         any(_sources(mine / path.name) != _sources(path) for path in every[:-1])),
        ("an untouched copy was not kept",
         len(list((mine / "earlier").glob("*.ipynb"))) != len(every) - 1),
        ("the new version is not beside the touched copy",
         not touched.with_suffix(".new.ipynb").exists()),
        ("a second start was not quiet", Copies(mine, source).refresh() != []),
    ) if wrong]


def _refuses(before: list[str], home: Path) -> bool:
    """Whether a command with this before it runs, and cannot make a folder in `home`."""
    tell = "import os, sys; print(os.access(sys.argv[1], os.W_OK))"
    try:
        done = subprocess.run([*before, sys.executable, "-c", tell, str(home)],
                              capture_output=True, encoding="utf-8", check=False)
    except OSError:
        return False
    return done.returncode == 0 and done.stdout.strip() == "False"


def _older(notebook):
    """The chapter as it was before: other words, the same code."""
    older = canonical.without_outputs(notebook)
    prose = next(cell for cell in older.cells if cell.cell_type == "markdown")
    prose.source += "\n\nAs it was before the update."
    return older


def _touch(path: Path) -> None:
    """A learner writes a line of code into the first code cell after the bootstrap."""
    book = canonical.read(path)
    cell = [cell for cell in book.cells if cell.cell_type == "code"][1]
    cell.source += "\nmine = 'a line of my own'"
    canonical.write(book, path)


def _sources(path: Path) -> str:
    return fingerprint(canonical.read(path))
