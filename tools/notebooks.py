"""Execute chapters in a fresh kernel and store them (python course.py notebooks 02)."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from course_utils.files import write_whole
from tools import bootstrap, canonical, chapters, execute, percent


def from_draft(name: str, draft: str) -> int:
    """Execute the draft (percent text) and store it as the chapter called `name`.

    Returns:
        exit status; if it is not 0, or the run was interrupted, the chapter is as it was.
    Raises:
        ValueError: the draft cannot be read, or a new chapter's file name is not NN_title.
    """
    text = Path(os.environ.get("COURSE_CALLED_FROM", "."), draft).read_text(encoding="utf-8")
    notebook = bootstrap.fill(percent.to_notebook(text))
    try:
        path = chapters.choose([name])[0]
    except ValueError:
        path = chapters.NOTEBOOKS / (Path(name).name.removesuffix(".ipynb") + ".ipynb")
        if not chapters.FILE_NAME.fullmatch(path.name):
            raise ValueError(f"there is no chapter {name!r} yet; name a new one like "
                             "04_critical_points") from None
    path.parent.mkdir(exist_ok=True)
    earlier, status = path.read_bytes() if path.exists() else None, 1
    try:
        canonical.write(notebook, path)
        status = execute.run([path])
    finally:
        if status and earlier is None:
            path.unlink(missing_ok=True)
        elif status:
            write_whole(path, earlier)
    return status


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python course.py notebooks", description=__doc__)
    parser.add_argument("chapter", nargs="*", help="02, or a file name; every chapter if none")
    parser.add_argument("--from", dest="draft", metavar="DRAFT.py",
                        help="first make the notebook from this percent text")
    chosen = parser.parse_args(arguments)
    if chosen.draft and len(chosen.chapter) != 1:
        parser.error("--from needs exactly one chapter")
    try:
        if chosen.draft:
            return from_draft(chosen.chapter[0], chosen.draft)
        return execute.run(chapters.choose(chosen.chapter))
    except (ValueError, OSError) as error:
        print(f"course: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
