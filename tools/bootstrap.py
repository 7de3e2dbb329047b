"""The first code cell of every chapter, identical everywhere.

    python -m tools.bootstrap            put the current cell into every notebook

It finds `course_utils` from any working folder, or an installed one. On Colab it fetches the
repository named by one setting, `repository` under `[tool.course]` in pyproject.toml; change it
there and run this tool. Empty means: not published yet, and the cell says what to do instead.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
TAG = "bootstrap"

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


SOURCE = source_for(repository())


def main() -> int:
    from tools import canonical, chapters

    for path in chapters.notebooks():
        before = path.read_text(encoding="utf-8")
        canonical.write(fill(canonical.read(path)), path)
        changed = path.read_text(encoding="utf-8") != before
        print(f"{path.name}: {'updated' if changed else 'unchanged'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
