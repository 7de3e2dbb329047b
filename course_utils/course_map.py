"""The way through the course: its map, its chapters, and where each heading of the notes went.

Everything is read from `tables/chapters.toml` and `tables/notes_index.toml`. A chapter whose
notebook is not there is shown as coming and never linked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from matplotlib.axes import Axes

from . import paths
from .cards import Card, escape, table_html
from .figures import COLORS, Picture, new_figure, show

HEADING = re.compile(r"^#{1,6} +(.+?)\s*$", re.MULTILINE)
BOX_WIDTH, BOX_HEIGHT = 0.86, 0.62  # in lanes and in rows


@dataclass(frozen=True)
class Chapter:
    """One chapter of the course; `builds_on` holds numbers, `lane` is its place on the map."""

    number: str
    slug: str
    title: str
    zh: str
    promise: str
    builds_on: tuple[str, ...]
    minutes: int
    lane: int

    @property
    def file(self) -> str:
        """The notebook's name, "02_regression.ipynb"."""
        return f"{self.number}_{self.slug}.ipynb"

    @property
    def written(self) -> bool:
        """Whether the notebook is there."""
        return (paths.notebooks_dir() / self.file).is_file()


@dataclass(frozen=True)
class Place:
    """Where something is treated: a chapter and, once it is written, a cell of it ("" before)."""

    chapter: str
    cell: str = ""


@dataclass(frozen=True)
class Heading:
    """One heading of the notes and the places that treat it."""

    heading: str
    part: str
    places: tuple[Place, ...]


def chapters() -> tuple[Chapter, ...]:
    """All chapters of the course, in order.

    Raises:
        ValueError: a chapter builds on one that is not there or does not come before it.
    """
    entries = paths.table("chapters")["chapters"]
    found = []
    for number, entry in sorted(entries.items()):
        wrong = [n for n in entry["builds_on"] if n not in entries or n >= number]
        if wrong:
            raise ValueError(f"chapter {number} cannot build on {', '.join(wrong)}")
        found.append(Chapter(number=number, **entry | {"builds_on": tuple(entry["builds_on"])}))
    return tuple(found)


def headings() -> tuple[Heading, ...]:
    """Every heading of the notes, in the notes' order."""
    return tuple(
        Heading(entry["heading"], entry["part"], tuple(map(_place, entry["places"])))
        for entry in paths.table("notes_index")["headings"]
    )


def rows(every: Iterable[Chapter]) -> dict[str, int]:
    """How deep each chapter lies: 0, or one more than the deepest chapter it builds on."""
    depth: dict[str, int] = {}
    for chapter in every:
        depth[chapter.number] = 1 + max((depth[n] for n in chapter.builds_on), default=-1)
    return depth


def arrow_ends(
    start: tuple[float, float], end: tuple[float, float]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Where the arrow between two boxes begins and ends, at their lower and upper edges.

    An arrow that passes a row goes from corner to corner, in the gap between the boxes there.

    Args:
        start, end: centres (lane, row) of the two boxes; `end` lies lower.
    """
    passes_a_row = end[1] - start[1] > 1
    lean = (BOX_WIDTH / 2 if passes_a_row else 0.28) * (end[0] - start[0])
    return ((start[0] + lean, start[1] + BOX_HEIGHT / 2),
            (end[0] - lean, end[1] - BOX_HEIGHT / 2))


def draw_map() -> Picture:
    """The map: one box per chapter, arrows from what a chapter builds on."""
    every = chapters()
    depth = rows(every)
    fig, ax = new_figure(size=(9, 0.78 * (max(depth.values()) + 1)))
    ax.set(xlim=(-0.5, 2.5), ylim=(max(depth.values()) + 0.5, -0.5))
    ax.axis("off")
    at = {c.number: (c.lane, depth[c.number]) for c in every}
    for chapter in every:
        _box(ax, chapter, *at[chapter.number])
        for earlier in chapter.builds_on:
            _arrow(ax, at[earlier], at[chapter.number])
    ready = [c.number for c in every if c.written]
    words = "all are ready" if len(ready) == len(every) else (
        f"ready: {', '.join(ready) or 'none'}; the others are coming")
    return show(fig, f"Map of the {len(every)} chapters, an arrow from each chapter to those that "
                     f"build on it; {words}.")


def chapter_list() -> Card:
    """The chapters as a table: a link where the notebook is there, "coming" where it is not."""
    lines = []
    for c in chapters():
        title = f'<a href="{c.file}">{escape(c.title)}</a>' if c.written else escape(c.title)
        when = f"{c.minutes}&nbsp;min" if c.written else "coming"
        lines.append((c.number, f"{title}<br><small>{escape(c.zh)}</small>", escape(c.promise),
                      when))
    body = table_html(("", "Chapter", "Afterwards you can …", ""), lines)
    return Card("map", "", "", "The chapters", body, f"table: {len(lines)} chapters")


def notes_index() -> Card:
    """A table from each heading of the notes to the cells that treat it."""
    by_number = {c.number: c for c in chapters()}
    lines, part = [], ""
    for h in headings():
        places = "<br>".join(_link(by_number[place.chapter], place.cell) for place in h.places)
        lines.append((escape(h.part) if h.part != part else "", escape(h.heading), places))
        part = h.part
    body = table_html(("Part", "Heading of the notes", "Where it is here"), lines)
    return Card("map", "", "", "From the notes to the course", body,
                f"table: {len(lines)} headings of the notes")


def _place(text: str) -> Place:
    chapter, _, cell = text.partition("#")
    return Place(chapter, cell)


def _box(ax: Axes, chapter: Chapter, x: float, y: float) -> None:
    edge = COLORS["train"] if chapter.written else COLORS["reference"]
    ink = "black" if chapter.written else "0.35"
    ax.add_patch(_rounded(x, y, facecolor="white", edgecolor=edge,
                          linewidth=1.8 if chapter.written else 1.0,
                          linestyle="-" if chapter.written else (0, (4, 3))))
    note = f"{chapter.minutes} min" if chapter.written else "coming"
    ax.text(x, y - 0.09, f"{chapter.number} · {chapter.title}", ha="center", va="center",
            color=ink, fontsize=9)
    ax.text(x, y + 0.17, note, ha="center", va="center", color=ink, fontsize=8.5)


def _rounded(x: float, y: float, **look):
    from matplotlib.patches import FancyBboxPatch

    pad = 0.03
    return FancyBboxPatch((x - BOX_WIDTH / 2 + pad, y - BOX_HEIGHT / 2 + pad),
                          BOX_WIDTH - 2 * pad, BOX_HEIGHT - 2 * pad,
                          boxstyle=f"round,pad={pad}", zorder=2, **look)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    tail, head = arrow_ends(start, end)
    ax.annotate("", xy=head, xytext=tail, zorder=1,
                arrowprops={"arrowstyle": "-|>", "color": "0.45", "linewidth": 1.1,
                            "shrinkA": 0, "shrinkB": 0})


def _link(chapter: Chapter, cell: str) -> str:
    if not chapter.written:
        return f"chapter {chapter.number}, coming"
    title = _sections(paths.notebooks_dir() / chapter.file).get(cell, chapter.title)
    title = title.removeprefix(f"{chapter.number} · ")
    target = f"{chapter.file}#cell-id={cell}" if cell else chapter.file
    return f'<a href="{target}">{chapter.number} · {escape(title)}</a>'


@cache
def _sections(notebook: Path) -> dict[str, str]:
    """For each cell id of a notebook, the nearest heading in or above it."""
    found, title = {}, ""
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "markdown":
            heading = HEADING.search("".join(cell["source"]))
            title = re.sub(r"[`*]", "", heading[1]) if heading else title
        found[cell["id"]] = title
    return found
