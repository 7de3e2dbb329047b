"""Say what is set up and what is missing (python course.py doctor)."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from tools import chapters
from tools.test import find_chromium

ROOT = chapters.ROOT
PIN = re.compile(r"^([\w.-]+)==([\w.]+)", re.MULTILINE)
OK, NOTE, BAD = "fine", "note", "WRONG"
Finding = tuple[str, str]                               # (OK, NOTE or BAD; words)


def packages() -> list[Finding]:
    """Is installed what requirements.txt pins?"""
    pins = PIN.findall((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    found: list[Finding] = []
    for name, wanted in pins:
        try:
            have = metadata.version(name)
        except metadata.PackageNotFoundError:
            found.append((BAD, f"{name} is missing; run: pip install -r requirements.txt"))
            continue
        if have.split("+")[0] != wanted:
            found.append((NOTE, f"{name} is {have}, tested with {wanted}"))
    return found or [(OK, f"all {len(pins)} packages are the tested ones")]


def computer() -> list[Finding]:
    from course_utils.device import describe_computer

    return [(OK, "; ".join(f"{name}: {value}" for name, value in describe_computer().items()))]


def device() -> list[Finding]:
    """The device that `pick_device` gives, and why; chapter 01 asks for it."""
    from course_utils.device import pick_device, why_this_device

    try:
        return [(OK, f"chapter 01 computes on {pick_device()}: {why_this_device()}; the others, "
                     "with small nets, on the processor (05 also times a GPU, if it is one)")]
    except ValueError as error:
        return [(BAD, f"{error} Change or remove COURSE_DEVICE")]


def notebooks() -> list[Finding]:
    """The looks of chapter 00's first section: versions, device, data files, widgets."""
    from course_utils.self_check import examine

    return [(OK, f"{look.name}: {look.found}") if look.ok else
            (BAD, f"{look.name}: {look.found}; {look.advice}") for look in examine()]


def disk() -> list[Finding]:
    free = shutil.disk_usage(ROOT).free / 1e9
    found = [(OK if free > 1 else NOTE, f"{free:.0f} GB free on the disk of the course")]
    try:
        with tempfile.TemporaryFile(dir=ROOT):
            pass
    except OSError:
        found.append((BAD, f"the folder {ROOT} is not writable"))
    return found


def copies() -> list[Finding]:
    mine = ROOT / "my_course"
    every = sorted(mine.glob("*.ipynb")) if mine.is_dir() else []
    return [(OK, f"{len(every)} chapters of your own in my_course" if every else
             "no chapters of your own yet; they are made by: python course.py lab")]


def browser() -> list[Finding]:
    found = find_chromium(os.environ)
    return [(OK, f"browser tests can use {Path(found).name}") if found else
            (NOTE, "no Chromium: only the browser tests need one (COURSE_CHROMIUM)")]


def main(arguments: list[str] | None = None) -> int:
    worst = 0
    for look in (computer, device, packages, notebooks, disk, copies, browser):
        try:
            findings = look()
        except Exception as error:                      # a doctor goes on to the next question
            findings = [(BAD, f"{look.__name__}: {type(error).__name__}: {error}")]
        for grade, words in findings:
            print(f"{grade:<6} {words}")
            worst |= grade == BAD
    return worst


if __name__ == "__main__":
    sys.exit(main())
