"""The learner's own copies of the chapters, in my_course/. A learner's work is never overwritten.

- Made once, without outputs: a stored picture would give away what is to be predicted.
- When a chapter changes (an update of the course), a copy whose sources are as handed out is
  replaced, and the old file kept in my_course/earlier/ (it may hold outputs).
- A copy whose sources the learner changed stays; the new version is put beside it.
- "Fresh" starts a chapter anew; the old copy is kept in my_course/earlier/.

What was handed out is noted in my_course/.handed_out.json. Without that note a copy counts as
changed, so nothing can get lost.
"""

from __future__ import annotations

import hashlib
import json
import sys
from datetime import datetime
from pathlib import Path

from nbformat import NotebookNode

from course_utils.files import write_whole
from tools import canonical, chapters

NOTE = ".handed_out.json"
FIRST = "00_start_here.ipynb"


def fingerprint(notebook: NotebookNode) -> str:
    """Same for two notebooks with the same sources, whatever their outputs, counts and ids."""
    cells = [[cell.cell_type, canonical.source(cell.source)] for cell in notebook.cells]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


class Copies:
    """The folder of copies; `refresh` brings it up to date and says what it did.

    Args:
        folder: where the copies live; made if missing.
        source: the folder of the chapters.
    """

    def __init__(self, folder: Path, source: Path = chapters.NOTEBOOKS):
        self.folder, self.source = folder, source
        self.folder.mkdir(parents=True, exist_ok=True)
        self._note = self._read_note()

    def refresh(self) -> list[str]:
        """Hand out what is missing or new. Returns what there is to tell the learner."""
        said = [self._refresh_one(path) for path in chapters.notebooks(self.source)]
        self._write_note()
        return [line for line in said if line]

    def fresh(self, chapter: Path) -> str:
        """Start the copy of `chapter` (a path in `source`) anew; the old copy is kept."""
        mine = self.folder / chapter.name
        kept = self._keep(mine) if mine.exists() else None
        self._hand_out(canonical.read(chapter), mine)
        self._write_note()
        return f"{mine.name}: fresh copy" + (f"; yours is kept as {self._name(kept)}" if kept
                                             else "")

    def last_touched(self) -> Path:
        """The copy saved last since it was handed out; the first chapter before that."""
        touched = [path for path in self.folder.glob("*.ipynb")
                   if self._noted(path).get("saved") != path.stat().st_mtime_ns]
        return max(touched, key=lambda path: path.stat().st_mtime_ns, default=self.folder / FIRST)

    def _refresh_one(self, path: Path) -> str | None:
        new, mine = canonical.read(path), self.folder / path.name
        noted, current = self._noted(mine), fingerprint(new)
        if not mine.exists():
            self._hand_out(new, mine)
            return None
        if noted.get("sources") == current or noted.get("offered") == current:
            return None
        try:
            found = fingerprint(canonical.read(mine))
        except (ValueError, KeyError, AttributeError):
            found = None                        # not a notebook any more: theirs all the same
        if found == current:
            self._write_down(mine, current)
            return None
        if found is not None and found == noted.get("sources"):
            kept = self._keep(mine)
            self._hand_out(new, mine)
            return (f"{mine.name}: there is a new version; you had changed nothing, so it takes "
                    f"the place of the old one, kept as {self._name(kept)}")
        return self._put_beside(new, mine, current)

    def _put_beside(self, new: NotebookNode, mine: Path, current: str) -> str:
        beside = _free(mine.with_name(f"{mine.stem}.new.ipynb"))
        canonical.write(canonical.without_outputs(new), beside)
        self._write_down(beside, current)
        self._note[mine.name] = {**self._noted(mine), "offered": current}
        return f"{mine.name}: stays as you left it; the new version is beside it, {beside.name}"

    def _hand_out(self, notebook: NotebookNode, mine: Path) -> None:
        canonical.write(canonical.without_outputs(notebook), mine)
        self._write_down(mine, fingerprint(notebook))

    def _write_down(self, mine: Path, sources: str) -> None:
        self._note[mine.name] = {"sources": sources, "saved": mine.stat().st_mtime_ns}

    def _keep(self, mine: Path) -> Path:
        earlier = self.folder / "earlier"
        earlier.mkdir(exist_ok=True)
        kept = _free(earlier / f"{mine.stem}.{datetime.now():%Y-%m-%d}.ipynb")
        write_whole(kept, mine.read_bytes())    # a copy: on a full disk the learner's file stays
        return kept

    def _noted(self, mine: Path) -> dict:
        noted = self._note.get(mine.name)
        return noted if isinstance(noted, dict) else {}

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def _read_note(self) -> dict:
        try:
            note = json.loads((self.folder / NOTE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return note if isinstance(note, dict) else {}

    def _write_note(self) -> None:
        write_whole(self.folder / NOTE, json.dumps(self._note, indent=1))


def _free(path: Path) -> Path:
    """`path`, or the first of path-2, path-3, … that does not exist."""
    tried, n = path, 1
    while tried.exists():
        n += 1
        tried = path.with_name(f"{path.name.removesuffix('.ipynb')}-{n}.ipynb")
    return tried


def main(arguments: list[str]) -> int:
    """python -m tools.copies [FOLDER]: for a hub's start script; `course.py lab` does the same."""
    folder = Path(arguments[0]) if arguments else chapters.ROOT / "my_course"
    try:
        for line in Copies(folder).refresh():
            print(f"course: {line}")
    except OSError as error:
        print(f"course: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
