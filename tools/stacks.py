"""Environments with other Pythons and packages, made once and kept in .venv-matrix/.

The packages are those of requirements-dev.txt, or Colab's, with a few pins replaced where a stack
asks for it. pip's own settings (PIP_FIND_LINKS, PIP_NO_INDEX …) are honoured.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import course
from tools import chapters

FOLDER = chapters.ROOT / ".venv-matrix"
SHOWN = ("torch", "numpy", "scipy", "matplotlib", "ipywidgets")
RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
TELL = ("import json, platform; from importlib import metadata as m; print(json.dumps({'Python': "
        f"platform.python_version(), **{{n: m.version(n) for n in {SHOWN}}}}}))")


class NotTried(Exception):
    """Why a row cannot be tried on this computer, in words."""


@dataclass(frozen=True)
class Stack:
    """A Python and its packages.

    Attributes:
        name: of the row and of the environment's folder.
        pythons: "3.12", … the first of these that is found is taken.
        requirements: the file of pins.
        instead: package -> requirement that takes the place of its pin.
        packages_only: of the unit tests only those that other packages could change.
    """

    name: str
    pythons: tuple[str, ...]
    requirements: str = course.DEVELOP
    instead: Mapping[str, str] = field(default_factory=dict)
    packages_only: bool = False

    def lines(self) -> list[str]:
        """All requirements, one a line."""
        return [self.instead.get(name, f"{name}=={version}")
                for name, version in pins(self.requirements)]


@dataclass(frozen=True)
class Source:
    """Where packages come from: as course.py's --cpu and --wheels say."""

    cpu: bool = False
    wheels: str | None = None

    def options(self) -> list[str]:
        if self.wheels:
            return ["--no-index", "--find-links", self.wheels]
        return ["--extra-index-url", course.CPU_WHEELS] if self.cpu else []


def pins(name: str) -> list[tuple[str, str]]:
    """(package, version) of a requirements file and of those it refers to."""
    text = (chapters.ROOT / name).read_text(encoding="utf-8")
    found = [pin for other in re.findall(r"^-r (\S+)", text, re.MULTILINE) for pin in pins(other)]
    found += re.findall(r"^([\w.-]+)==([\w.]+)", text, re.MULTILINE)
    return list(dict.fromkeys(found))           # two files may refer to a third


def interpreter(version: str) -> str | None:
    """Path of a working Python of this version: the running one, else on the path."""
    if version == RUNNING:
        return sys.executable
    launcher = [["py", f"-{version}"]] if os.name == "nt" else []
    for command in [[f"python{version}"], *launcher]:
        if shutil.which(command[0]) and (found := _executable(command, version)):
            return found
    return None


def python_of(stack: Stack, source: Source) -> Path:
    """The Python of this stack's environment, which is made if it is missing or out of date.

    Raises:
        NotTried: no interpreter, or the packages cannot be installed.
    """
    found = next(filter(None, map(interpreter, stack.pythons)), None)
    if found is None:
        raise NotTried("no interpreter")
    if found == sys.executable and not stack.instead and stack.requirements == course.DEVELOP:
        return Path(found)                      # course.py has made this one
    folder = FOLDER / stack.name
    python, stamp = Path(course.python_of(str(folder))), folder / "course-stack"
    wanted = hashlib.sha256("\n".join([found, *stack.lines()]).encode()).hexdigest()
    if not (stamp.exists() and stamp.read_text(encoding="utf-8") == wanted
            and course.runs(str(folder))):
        _make(folder, found, stack, source)
        stamp.write_text(wanted, encoding="utf-8")
    return python


def versions(python: Path | str = sys.executable) -> dict[str, str]:
    """Python's version and those of the main packages in an environment."""
    done = subprocess.run([str(python), "-c", TELL], capture_output=True, encoding="utf-8",
                          check=True)
    return json.loads(done.stdout)


def _executable(command: list[str], version: str) -> str | None:
    """Where the command's Python is, if it runs and is of this version (a shim may do neither)."""
    tell = "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"
    try:
        done = subprocess.run([*command, "-c", tell], capture_output=True, encoding="utf-8",
                              errors="replace", check=False)
    except OSError:
        return None
    seen, _, path = done.stdout.strip().partition(" ")
    return path if done.returncode == 0 and seen == version else None


def _make(folder: Path, found: str, stack: Stack, source: Source) -> None:
    print(f"matrix: making the environment {stack.name}", flush=True)
    folder.parent.mkdir(exist_ok=True)
    asked = folder.parent / f"{stack.name}.txt"
    asked.write_text("\n".join(stack.lines()) + "\n", encoding="utf-8")
    _do([found, "-m", "venv", "--clear", str(folder)], "no environment can be made")
    _do([course.python_of(str(folder)), "-m", "pip", "install", "--no-input", "--no-compile",
         "--quiet", "-r", str(asked), *source.options()], "packages could not be installed")


def _do(command: list[str], trouble: str) -> None:
    """Run a command of the set-up.

    Raises:
        NotTried: it failed; the message ends with its last line.
    """
    done = subprocess.run(command, cwd=chapters.ROOT, capture_output=True, encoding="utf-8",
                          errors="replace", check=False, env=course.environment_variables())
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no message"]
        raise NotTried(f"{trouble} ({last[0].strip()})")
