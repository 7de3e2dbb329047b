"""A stored chapter as a page of the site: anchors, buttons, still pictures, links to the glossary.

Notebooks are not changed; what is made here goes to Sphinx and nowhere else.
"""

from __future__ import annotations

import base64
import html
import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tools import canonical
from tools.site_words import FirstUses

LIVE = re.compile(r"(?:playground|explorer) ")    # how the text of a live widget begins
CELL_LINK = re.compile(r'href="(\d\d_\w+)\.ipynb(?:#cell-id=([\w-]+))?"')
FOLDED = ("bootstrap", "imports")                 # cells that a reader may skip


@dataclass(frozen=True)
class Addresses:
    """Where a chapter is to be had besides the page; None: nowhere yet."""

    download: str
    colab: str | None = None
    source: str | None = None


def page(notebook: NotebookNode, number: str, words: FirstUses, addresses: Addresses,
         pictures: Path) -> NotebookNode:
    """The chapter as Sphinx shall read it.

    Args:
        notebook: the stored chapter; not modified.
        words: links the chapter's first uses of words.
        pictures: folder where the chapter's pictures are written, as <cell>-<n>.png; it lies in
            the folder of static files.
    """
    title, *rest = notebook.cells
    cells = [_markdown(_linked(title, words)), _markdown(buttons(addresses))]
    for cell in rest:
        cells.append(_markdown(_place(cell)))
        if cell.cell_type == "markdown":
            cells.append(_markdown(_linked(cell, words)))
        else:
            cells.append(_code(cell, number, pictures))
    return _notebook(cells)


def stub(notebook: NotebookNode) -> NotebookNode:
    """The chapter's title, and its places for links: stands in for a chapter that is left out."""
    title, *rest = notebook.cells
    note = "This chapter was left out of these pages."
    cells = [_markdown(f"{title.source.splitlines()[0]}\n\n{note}"),
             *(_markdown(_place(cell)) for cell in rest)]
    return _notebook(cells)


def buttons(addresses: Addresses) -> str:
    """The row of links at the top of a chapter."""
    links = [("Open in Colab", addresses.colab, ""),
             ("Download the notebook", addresses.download, " download"),
             ("See its source", addresses.source, "")]
    shown = [f'<a href="{html.escape(address)}"{more}>{label}</a>'
             for label, address, more in links if address]
    return f'<div class="buttons">{"".join(shown)}</div>'


def how_to_go_live(number: str) -> str:
    """What stands below the still picture of a live widget."""
    return ("This is a still picture of a live widget. To turn its knobs, run "
            f"<code>python course.py lab {number}</code> in the folder of the course, or open the "
            "chapter in any Jupyter, and run this cell.")


def _notebook(cells: list[dict]) -> NotebookNode:
    return nbformat.from_dict({"cells": cells, "nbformat": 4, "nbformat_minor": 4, "metadata": {
        "kernelspec": dict(canonical.KERNEL), "language_info": {"name": "python"}}})


def _place(cell: NotebookNode) -> str:
    """Where a link to the cell leads."""
    return f'<span class="anchor" id="cell-{cell.id}"></span>'


def _linked(cell: NotebookNode, words: FirstUses) -> str:
    return words.link(cell.source)


def _markdown(source: str) -> dict:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def _code(cell: NotebookNode, number: str, pictures: Path) -> dict:
    tags = list(cell.metadata.get("tags", []))
    if FOLDED[0] in tags or cell.id.endswith(FOLDED[1]):
        tags.append("hide-input")
    outputs = [_output(output, f"{cell.id}-{at}", number, pictures)
               for at, output in enumerate(cell.outputs)]
    return {"cell_type": "code", "metadata": {"tags": tags}, "source": cell.source,
            "execution_count": cell.execution_count, "outputs": outputs}


def _output(output: NotebookNode, name: str, number: str, pictures: Path) -> dict:
    """A copy of `output` that needs no kernel and no script."""
    if "data" not in output:
        return dict(output)
    data = dict(output.data)
    if "image/png" in data:
        (pictures / f"{name}.png").write_bytes(base64.b64decode(data["image/png"]))
        live = LIVE.match(str(data.get("text/plain", "")))
        shown = still(f"../_static/figures/{number}/{name}.png",
                      output.metadata.get("image/png", {}), how_to_go_live(number) if live else "")
    elif "text/html" in data:
        shown = CELL_LINK.sub(_page_link, str(data["text/html"]))
    else:
        return dict(output)
    return {"output_type": "display_data", "metadata": {}, "data": {"text/html": shown}}


def still(address: str, known: dict, caption: str) -> str:
    """A picture in HTML, with its text alternative and at its own size.

    Args:
        known: the output's metadata: alt; width and height in CSS pixels.
        caption: HTML, or nothing.
    """
    size = "".join(f' {side}="{known[side]}"' for side in ("width", "height") if side in known)
    below = f"<figcaption>{caption}</figcaption>" if caption else ""
    alt = html.escape(known.get("alt", ""))
    # a link to itself: on a narrow page a touch shows the picture at its own size
    return (f'<figure class="still"><a href="{address}"><img src="{address}" alt="{alt}"{size} '
            f'loading="lazy"></a>{below}</figure>')


def _page_link(found: re.Match) -> str:
    """A card's link to a cell of a chapter, as a link to its place on the page."""
    place = f"#cell-{found[2]}" if found[2] and not found[2].endswith("title") else ""
    return f'href="{found[1]}.html{place}"'
