"""What a stored chapter must look like. Each rule is a function (chapter) -> complaints."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from nbformat import NotebookNode

from course_utils.course_map import HEADING
from tools import bootstrap, canonical

TAGS = {"bootstrap", "recall", "predict", "verdict", "break-it", "playground", "exercise", "slow",
        "nbval-check-output", "nbval-ignore-output", "raises-exception"}
MAX_BYTES = 1_500_000
SPEAKING = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
GIVEN_BY_EDITOR = re.compile(r"(?=.*\d)[0-9a-f]{8}(-[0-9a-f-]+)?")
MACHINE_PATH = re.compile(
    r"(?<![\w.:/…])(?:/(?:home|root|Users|tmp|opt|usr|var|private|mnt|content|work)/[\w.]"
    r"|[A-Z]:\\+[A-Za-z])[^\s\"'<>]*")
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]{6,}")
LINK = re.compile(r"\]\((?!\w+://)([^)\s]+\.ipynb)?(?:#([^)\s]+))?\)")


@dataclass(frozen=True)
class Chapter:
    """A stored notebook: its file, and the file's text."""

    path: Path
    text: str

    @classmethod
    def read(cls, path: Path) -> Chapter:
        return cls(path, path.read_bytes().decode("utf-8"))

    @cached_property
    def notebook(self) -> NotebookNode:
        return canonical.read(self.path)

    @property
    def code(self) -> list[NotebookNode]:
        return [cell for cell in self.notebook.cells if cell.cell_type == "code"]

    def outputs(self) -> Iterator[tuple[NotebookNode, NotebookNode]]:
        """(cell, output) for every stored output."""
        for cell in self.code:
            for output in cell.outputs:
                yield cell, output


def tags_of(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def is_canonical(chapter: Chapter) -> list[str]:
    if chapter.text == canonical.dumps(chapter.notebook):
        return []
    return ["not in canonical form; run: python course.py notebooks " + chapter.path.name[:2]]


def has_outputs(chapter: Chapter) -> list[str]:
    """Every code cell was run, in order, and something was stored."""
    never = [cell.id for cell in chapter.code if cell.source and cell.execution_count is None]
    if never:
        return [f"cell {id} was not run" for id in never]
    if not any(cell.outputs for cell in chapter.code):
        return ["no outputs are stored"]
    counts = [cell.execution_count for cell in chapter.code if cell.source]
    return [] if counts == list(range(1, len(counts) + 1)) else ["the run counts are out of order"]


def has_no_errors(chapter: Chapter) -> list[str]:
    """Errors are stored where one is shown on purpose, and only there."""
    raised = {cell.id for cell, output in chapter.outputs() if output.output_type == "error"}
    meant = {cell.id for cell in chapter.code if "raises-exception" in tags_of(cell)}
    return ([f"cell {id} holds an error" for id in sorted(raised - meant)]
            + [f"cell {id} is tagged raises-exception but did not raise"
               for id in sorted(meant - raised)])


def has_no_warnings(chapter: Chapter) -> list[str]:
    """Nothing on standard error: it shows as a red box and names files of the computer."""
    return [f"cell {cell.id} wrote to standard error" for cell, output in chapter.outputs()
            if output.output_type == "stream" and output.name == "stderr"]


def starts_with_bootstrap(chapter: Chapter) -> list[str]:
    marked = [cell for cell in chapter.code if bootstrap.is_bootstrap(cell)]
    if len(marked) != 1:
        return [f"{len(marked)} bootstrap cells, expected 1"]
    if marked[0] is not chapter.code[0]:
        return ["the bootstrap cell is not the first code cell"]
    if marked[0].source != bootstrap.SOURCE:
        return ["the bootstrap cell differs; run: python -m tools.bootstrap"]
    return []


def has_its_link_to_colab(chapter: Chapter) -> list[str]:
    """Under the title, if the setting names a repository that Colab opens; else nowhere."""
    title = chapter.notebook.cells[0].source if chapter.notebook.cells else ""
    if title == bootstrap.with_badge(title, chapter.path.name, bootstrap.repository()):
        return []
    return ["the link to Colab under the title differs; run: python -m tools.bootstrap"]


def has_known_tags(chapter: Chapter) -> list[str]:
    return [f"cell {cell.id} has the unknown tag {tag!r}" for cell in chapter.notebook.cells
            for tag in tags_of(cell) if tag not in TAGS]


def has_speaking_ids(chapter: Chapter) -> list[str]:
    """Ids say what a cell is for, once each: saddle-escape-run, not 3f2a9c01."""
    ids = [cell.id for cell in chapter.notebook.cells]
    return ([f"cell id {id} does not speak; name it like saddle-escape-run" for id in ids
             if not SPEAKING.fullmatch(id) or GIVEN_BY_EDITOR.fullmatch(id)]
            + [f"cell id {id} is used more than once"
               for id in canonical.repeated_ids(chapter.notebook)])


def has_no_widget_views(chapter: Chapter) -> list[str]:
    """A stored view without its model shows an error where the picture should be."""
    found = [f"cell {cell.id} stores a widget view" for cell, output in chapter.outputs()
             if canonical.WIDGET_VIEW in output.get("data", {})]
    if "widgets" in chapter.notebook.metadata:
        found.append("the notebook's metadata store widget state")
    return found


def has_no_attachments(chapter: Chapter) -> list[str]:
    return [f"cell {cell.id} has attachments; draw the picture in a code cell"
            for cell in chapter.notebook.cells if cell.get("attachments")]


def has_no_machine_paths(chapter: Chapter) -> list[str]:
    return [f"cell {id} names a path of a computer: {match.group()[:40]}"
            for id, text in _texts(chapter) if (match := MACHINE_PATH.search(text))]


def has_no_addresses(chapter: Chapter) -> list[str]:
    """A default repr (<X at 0x7f…>) differs in every run."""
    return [f"cell {cell.id} shows a memory address" for cell, output in chapter.outputs()
            if ADDRESS.search(_text_of(output))]


def is_small(chapter: Chapter) -> list[str]:
    size = len(chapter.text.encode("utf-8"))
    return [] if size < MAX_BYTES else [f"{size / 1e6:.2f} MB, the limit is {MAX_BYTES / 1e6} MB"]


def has_working_links(chapter: Chapter) -> list[str]:
    """Links to chapters and to headings lead somewhere."""
    found = []
    for cell in chapter.notebook.cells:
        if cell.cell_type != "markdown":
            continue
        for name, anchor in LINK.findall(cell.source):
            target = chapter.path.parent / unquote(name) if name else chapter.path
            if not target.exists():
                found.append(f"cell {cell.id} links to {name}, which is not there")
            elif anchor and unquote(anchor) not in _anchors(target):
                found.append(f"cell {cell.id} links to #{anchor}, no heading of {target.name}")
    return found


def _anchors(path: Path) -> set[str]:
    """Headings of a notebook, as JupyterLab writes them in links."""
    headings = [title for cell in canonical.read(path).cells if cell.cell_type == "markdown"
                for title in HEADING.findall(cell.source)]
    return {re.sub(r"[*`$]", "", title).replace(" ", "-") for title in headings}


def _text_of(output: NotebookNode) -> str:
    """Every text of an output; pictures are left out."""
    parts = [output.get("text", ""), output.get("evalue", ""), *output.get("traceback", [])]
    parts += [json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value
              for kind, value in output.get("data", {}).items() if not kind.startswith("image/")]
    return "\n".join(parts)


def _texts(chapter: Chapter) -> Iterator[tuple[str, str]]:
    for cell in chapter.notebook.cells:
        yield cell.id, cell.source
    for cell, output in chapter.outputs():
        yield cell.id, _text_of(output)


RULES: tuple[Callable[[Chapter], list[str]], ...] = (
    is_canonical, has_outputs, has_no_errors, has_no_warnings, starts_with_bootstrap,
    has_its_link_to_colab, has_known_tags, has_speaking_ids, has_no_widget_views,
    has_no_attachments, has_no_machine_paths, has_no_addresses, is_small, has_working_links,
)


def complaints(path: Path) -> list[str]:
    """Everything that is wrong with the chapter at `path`, in words."""
    chapter = Chapter.read(path)
    try:
        _ = chapter.notebook
    except ValueError as error:
        return [str(error)]
    return [line for rule in RULES for line in rule(chapter)]
