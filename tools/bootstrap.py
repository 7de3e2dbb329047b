"""The first code cell of every chapter, identical everywhere.

    python -m tools.bootstrap            put the current cell into every notebook

It finds `course_utils` from any working folder, or an installed one. On Colab it fetches the
repository named by one setting, `repository` under `[tool.course]` in pyproject.toml; change it
there and run this tool. Empty means: not published yet, and the cell says what to do instead.

The same setting puts a link to Colab under the title of each chapter, where the repository is on
GitHub (Colab opens notebooks from nowhere else by their address). It is words, not a picture from a
server: a notebook fetches nothing when it is looked at.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from urllib.parse import quote

from nbformat import NotebookNode

from tools import addresses

ROOT = Path(__file__).resolve().parents[1]
TAG = "bootstrap"
BADGE = re.compile(r"\n\n\[Open this chapter on Colab\]\([^)\s]*\)")

TEMPLATE = '''\
# Finds the course's helpers from any folder; on Colab it fetches them first. Run me once.
import importlib.util
import subprocess
import sys
from pathlib import Path

repository, colab, course = "@REPOSITORY@", "google.colab" in sys.modules, Path("course").resolve()
if colab and repository and not course.exists():
    subprocess.run(["git", "clone", "--depth", "1", repository, str(course)], check=True)
folders = [f for f in (Path.cwd(), *Path.cwd().parents, course) if (f / "course_utils").is_dir()]
sys.path[:0] = [str(f) for f in folders[:1] if str(f) not in sys.path]
needed = ["course_utils", "torch", "numpy", "matplotlib", "ipywidgets", "tqdm", "platformdirs"]
if missing := [name for name in needed if importlib.util.find_spec(name) is None]:
    advice = "open this notebook with `python course.py lab`, run in the folder of the course"
    if colab:
        advice = ("put the folder of the course (upload, or your Drive) beside this notebook"
                  if "course_utils" in missing else f"run `%pip install {' '.join(missing)}`")
    raise ModuleNotFoundError(f"Not found: {', '.join(missing)}. To go on, {advice}.")
'''


def repository() -> str:
    """Address of the public repository, or an empty string before there is one."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return settings.get("tool", {}).get("course", {}).get("repository", "")


def source_for(address: str) -> str:
    """The cell's text for the repository at `address`."""
    return TEMPLATE.replace("@REPOSITORY@", address).rstrip("\n")


def is_bootstrap(cell: NotebookNode) -> bool:
    return TAG in cell.metadata.get("tags", [])


def fill(notebook: NotebookNode) -> NotebookNode:
    """Put the current text into the bootstrap cell of `notebook`, in place; returns it."""
    for cell in notebook.cells:
        if is_bootstrap(cell):
            cell.source = SOURCE
    return notebook


def badge(name: str, address: str) -> str:
    """The link to Colab for the notebook file `name`; empty if Colab cannot open it from there."""
    place = addresses.colab(address, f"notebooks/{quote(name)}")
    return f"\n\n[Open this chapter on Colab]({place})" if place else ""


def with_badge(title: str, name: str, address: str) -> str:
    """The text of the title cell of the chapter `name`, with its link or without one."""
    return BADGE.sub("", title) + badge(name, address)


SOURCE = source_for(repository())


def main() -> int:
    from tools import canonical, chapters

    for path in chapters.notebooks():
        before = path.read_text(encoding="utf-8")
        notebook = fill(canonical.read(path))
        title = notebook.cells[0]
        title.source = with_badge(title.source, path.name, repository())
        canonical.write(notebook, path)
        changed = path.read_text(encoding="utf-8") != before
        print(f"{path.name}: {'updated' if changed else 'unchanged'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
