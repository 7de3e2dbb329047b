"""Style of the code, form of the notebooks, layers (python course.py check)."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tools import chapters, layers, ledger, rules

ROOT = chapters.ROOT
TEXTS = ("*.py", "*.md", "*.toml", "*.txt", "*.yml", "*.cfg")
SKIPPED = {".venv", ".venv-colab", ".venv-matrix", "my_course", "artifacts", "build", "dist",
           ".git"}
HOME = re.compile(r"(?<![\w.…])/(?:root|work|home/\w+|Users/\w+)/\w")


def notebooks(paths: list[Path]) -> list[str]:
    """Complaints about the chapters; an empty list of chapters is one, too."""
    if not paths:
        return ["notebooks: there are none to check"]
    return [f"notebooks/{path.name}: {line}" for path in paths for line in rules.complaints(path)]


def code_style(root: Path) -> list[str]:
    """Complaints of ruff about everything below `root`."""
    done = subprocess.run([sys.executable, "-m", "ruff", "check", "--output-format=concise",
                           "--quiet", str(root)], cwd=root, capture_output=True, encoding="utf-8",
                          check=False)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    if done.returncode and not lines:
        lines = [f"ruff ended with {done.returncode}"]
    return lines if done.returncode else []


def texts(root: Path) -> list[Path]:
    """The text files of the repository, learner's folders and environments left out."""
    return sorted(path for pattern in TEXTS for path in root.rglob(pattern)
                  if not SKIPPED & set(path.relative_to(root).parts))


def machine_paths(files: Iterable[Path], root: Path) -> list[str]:
    """Complaints about files that name a folder of somebody's computer."""
    found = []
    for path in files:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if match := HOME.search(line):
                found.append(f"{path.relative_to(root).as_posix()}:{number}: names a path of a "
                             f"computer, {match.group()}…")
    return found


def claims() -> list[str]:
    """Is the ledger what the executed chapters say?"""
    text, found = ledger.current()
    stored = ledger.FILE.read_text(encoding="utf-8") if ledger.FILE.exists() else ""
    if not found and text != stored:
        found = ["CLAIMS.md is not what the chapters say; run: python course.py ledger"]
    return found


def everything() -> dict[str, list[str]]:
    """name of the check -> complaints."""
    files = texts(ROOT)
    return {
        "code style": code_style(ROOT),
        "layers": layers.complaints(ROOT / layers.PACKAGE),
        "notebooks": notebooks(chapters.notebooks()),
        "claims": claims(),
        "paths": machine_paths(files, ROOT) if files else ["there are no files to check"],
    }


def main(arguments: list[str] | None = None) -> int:
    argparse.ArgumentParser(prog="python course.py check",
                            description=__doc__).parse_args(arguments)
    results = everything()
    for name, found in results.items():
        print(f"{name}: {'fine' if not found else f'{len(found)} complaints'}")
        for line in found:
            print(f"  {line}")
    total = sum(map(len, results.values()))
    print(f"check: {'passed' if not total else f'failed, {total} complaints'}")
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
