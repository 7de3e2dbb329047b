"""The rows of tools/matrix.py: each a function that tries the course in other surroundings."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tools import chapters, kernel, stacks, surroundings
from tools.stacks import NotTried, Source, Stack

AROUND, VERSIONS = ("00", "02", "06"), ("00", "01", "02")   # chapters of the two kinds of rows
PASSED, FAILED, NOT_TRIED = "as stored", "FAILED", "not tried"
NUMPY_1 = {"numpy": "numpy==1.26.4"}      # the pinned SciPy and Matplotlib still work with it


@dataclass(frozen=True)
class Settings:
    """What was asked for on the command line."""

    chapters: tuple[str, ...] = ()     # instead of each row's own
    full: bool = False
    seed: int = 0                      # of the order of chapters in one kernel
    source: Source = Source()

    def choose(self, usual: Iterable[str]) -> list[str]:
        every = [chapters.number(path) for path in chapters.notebooks()]
        return list(self.chapters) or (every if self.full else list(usual))


@dataclass(frozen=True)
class Outcome:
    """How a row went: PASSED, FAILED or NOT_TRIED, and details in words."""

    result: str
    words: str
    versions: dict[str, str] | None = None      # None: those of the running environment


Row = Callable[[Settings], Outcome]
ROWS: dict[str, tuple[str, Row]] = {}           # name -> (what is unusual, how to try it)


def row(what: str) -> Callable[[Row], Row]:
    """Put a function into the table, under its name, saying what is unusual in it."""
    def note(function: Row) -> Row:
        ROWS[function.__name__.replace("_", "-")] = what, function
        return function
    return note


def prove(names: list[str], *options: str, root: Path = chapters.ROOT,
          python: str | Path = sys.executable, before: Iterable[str] = (),
          variables: dict[str, str] | None = None) -> Outcome:
    """Run tools.proof on chapters `names` in a process of its own.

    Args:
        options: of tools.proof.
        root: the course to run, and the working folder.
        before: what stands before the command.
        variables: what the process has beside the usual environment variables.
    """
    command = [*before, str(python), "-m", "tools.proof", *names, *options]
    found = _outcome(command, root, os.environ | {"PYTHONUTF8": "1"} | (variables or {}))
    return Outcome(found.result, f"chapters {' '.join(names)}: {found.words}")


def kernel_with(changes: surroundings.Changes) -> list[str]:
    """Options of tools.proof for a kernel with these variables."""
    return [word for name, value in changes.items() for word in
            (["--unset", name] if value is None else ["--set", f"{name}={value}"])]


def _outcome(command: list[str], root: Path, environment: dict[str, str]) -> Outcome:
    """The result of a command whose last line says how it went; if it failed, all is shown."""
    done = subprocess.run(command, cwd=root, env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, encoding="utf-8", errors="replace", check=False)
    lines = done.stdout.strip().splitlines() or ["said nothing"]
    if done.returncode:
        print("\n".join(f"    {line}" for line in lines[-60:]), flush=True)
    words = lines[-1].removeprefix("as stored (").removesuffix(")")
    return Outcome(FAILED if done.returncode else PASSED, words)


# --- Surroundings --------------------------------------------------------------------------

@row("one thread, as tools run a chapter")
def one_thread(settings: Settings) -> Outcome:
    return prove(settings.choose(AROUND), *kernel_with(surroundings.threads(1)))


@row("two threads: sums in another order")
def two_threads(settings: Settings) -> Outcome:
    return prove(settings.choose(AROUND), *kernel_with(surroundings.threads(2)))


@row("locale C, no UTF-8 mode")
def locale_c(settings: Settings) -> Outcome:
    return prove(settings.choose(AROUND), *kernel_with(surroundings.LOCALE_C))


@row("a home folder that cannot be written")
def home_read_only(settings: Settings) -> Outcome:
    with surroundings.read_only_home() as way:
        if way is None:
            raise NotTried("no such folder can be made on this system")
        before, changes = way
        return prove(settings.choose(AROUND), *kernel_with(changes), before=before)


@row("network blocked")
def network_blocked(settings: Settings) -> Outcome:
    before, variables, means = surroundings.without_network()
    found = prove(settings.choose(AROUND), before=before, variables=variables)
    return Outcome(found.result, f"{found.words}; blocked {means}")


@row(f"the course in a folder “{surroundings.ODD_FOLDER}”")
def odd_folder(settings: Settings) -> Outcome:
    with surroundings.odd_folder() as root:
        return prove(settings.choose(AROUND), root=root)


@row("an update over the learner's untouched and touched copies, which then run")
def updated_copies(settings: Settings) -> Outcome:
    names = settings.choose(AROUND)
    with surroundings.odd_folder() as root:
        if wrong := surroundings.update_copies(root, names):
            return Outcome(FAILED, "; ".join(wrong))
        return prove(names, "--copies", "my_course", root=root)


@row("every cell run twice")
def cells_twice(settings: Settings) -> Outcome:
    return prove(settings.choose(AROUND), "--twice")


@row("all chapters in one kernel, shuffled")
def one_kernel(settings: Settings) -> Outcome:
    names = list(settings.chapters) or [chapters.number(path) for path in chapters.notebooks()]
    found = prove(names, "--one-kernel", str(settings.seed))
    return Outcome(found.result, f"{found.words}; order drawn with --seed {settings.seed}")


# --- Versions ------------------------------------------------------------------------------

def try_stack(stack: Stack, settings: Settings) -> Outcome:
    """Unit tests (or those that other packages could change) and chapters in the environment.

    Without the test that tests/README.md tells how many rows have a result: they get theirs now.
    """
    python = stacks.python_of(stack, settings.source)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        fewer = ["--stack", "colab"] if stack.packages_only else []
        tests = _outcome([str(python), "-m", "tools.test", *fewer, "--only", "unit", "--",
                          "--ignore=tests/test_counts.py"], chapters.ROOT,
                         kernel.test_environment(Path(scratch)))
    found = prove(settings.choose(VERSIONS), python=python)
    result = FAILED if FAILED in (tests.result, found.result) else PASSED
    words = tests.words.removeprefix("test: passed; ")
    return Outcome(result, f"{words}; {found.words}", stacks.versions(python))


def _latest(version: str) -> None:
    stack = Stack(f"python-{version}", (version,))
    ROWS[stack.name] = (f"Python {version}, the pinned packages",
                        lambda settings: try_stack(stack, settings))


for _version in ("3.11", "3.12", "3.13", "3.14"):
    _latest(_version)


@row("the older packages of Colab")
def colab(settings: Settings) -> Outcome:
    return try_stack(Stack("colab", (stacks.RUNNING,), "requirements-colab.txt",
                           packages_only=True), settings)


@row("numpy 1.26, the last before 2.0")
def numpy_1(settings: Settings) -> Outcome:
    return try_stack(Stack("numpy-1", ("3.11", "3.12"), instead=NUMPY_1,
                           packages_only=True), settings)
