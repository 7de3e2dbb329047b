"""One frame for everything that the course says beside its text: claims, checks, predictions.

A card reads well three ways: with JupyterLab's colours (light or dark), with no style at all
(GitHub strips it), and as one line of plain text. Colour is never the only cue: a sign and a word
say the same.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

# Okabe–Ito, by sign; anything else has the quiet colour.
_ACCENTS = {"✓": "#009E73", "✗": "#D55E00", "◐": "#0072B2", "?": "#E69F00"}
_QUIET = "var(--jp-border-color1, rgba(127,127,127,.7))"

# Text inherits its colour and backgrounds are see-through, so that a card fits a light page and a
# dark one, also where JupyterLab's variables are unknown.
_FRAME = (
    "border:1px solid var(--jp-border-color2, rgba(127,127,127,.4));border-left:5px solid {accent};"
    "border-radius:4px;padding:.55em .9em;margin:.35em 0;max-width:760px;box-sizing:border-box;"
    "line-height:1.5;"
    "font-family:var(--jp-ui-font-family, system-ui, sans-serif);font-size:14px;color:inherit"
)
CODE = (
    "font-family:var(--jp-code-font-family, monospace);font-size:13px;padding:.05em .3em;"
    "border-radius:3px;color:inherit;background:rgba(127,127,127,.15)"
)
BLOCK = (
    "font-family:var(--jp-code-font-family, monospace);font-size:13px;line-height:1.4;"
    "padding:.4em .7em;margin:0;border-radius:3px;color:inherit;background:rgba(127,127,127,.12);"
)
_WRAPPED = "white-space:pre-wrap;word-break:normal;overflow-wrap:anywhere"
QUIET = "opacity:.78;font-size:13px"
_RING = "outline:2px solid var(--jp-brand-color1,#0072B2)!important;outline-offset:1px"
_CELL = "text-align:left;vertical-align:top"  # repeated in every cell: keep it short


@dataclass(frozen=True, repr=False)
class Card:
    """A framed message that a cell displays.

    Attributes:
        kind: what the card is: "claim", "check", "hint", …; shown before the verdict.
        sign: "✓", "✗", "◐" or "?" for a verdict; "" or "·" where there is none.
        word: the verdict in words; a screen reader hears it instead of the sign.
        title: what the verdict is about, e.g. an id; plain text.
        body: HTML; text in it is already escaped.
        text: the `text/plain` form, the same on every computer.
        metadata: the output's metadata, e.g. {"claim": {…}}.
    """

    kind: str
    sign: str
    word: str
    title: str
    body: str
    text: str
    metadata: dict[str, Any] | None = None

    @property
    def html(self) -> str:
        """The `text/html` form: inline styles only."""
        accent = _ACCENTS.get(self.sign, _QUIET)
        label = ": ".join(part for part in (self.kind, self.word or self.title) if part)
        return (
            f'<div role="group" aria-label="{escape(label)}" '
            f'style="{_FRAME.format(accent=accent)}">{self._head()}{self.body}</div>'
        )

    def _head(self) -> str:
        sign = f'<span aria-hidden="true">{escape(self.sign)}</span> ' if self.sign else ""
        verdict = f"<strong>{sign}{escape(self.word)}</strong>" if self.word else ""
        title = f'<span style="{QUIET}">{escape(self.title)}</span>' if self.title else ""
        kind = f'<span style="{QUIET}">{escape(self.kind.capitalize())}</span>'
        return f"<div>{' &nbsp;'.join(part for part in (kind, verdict, title) if part)}</div>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        return {"text/plain": self.text, "text/html": self.html}, dict(self.metadata or {})

    def __repr__(self) -> str:
        return self.text


def escape(text: object) -> str:
    """`str(text)` for use in HTML, on one line: line ends become `<br>`."""
    return html.escape(str(text)).replace("\r\n", "\n").replace("\n", "<br>")


def prose(text: str) -> str:
    """Escaped, with `code` between backticks and *stressed* words between stars."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return "".join(code(part) if i % 2 else _stressed(part) for i, part in enumerate(parts))


def _stressed(text: str) -> str:
    return re.sub(r"(?<![\w*])\*(\w[\w -]*\w)\*(?![\w*])", r"<em>\1</em>", escape(text))


def measured(text: object) -> str:
    """Text that differs from computer to computer, marked so that the tests do not compare it."""
    return f'<span class="measured">{escape(text)}</span>'


def paragraph(content: str, *, quiet: bool = False) -> str:
    """An HTML paragraph; `content` is HTML."""
    style = "margin:.3em 0;" + (QUIET if quiet else "")
    return f'<p style="{style}">{content}</p>'


def code(text: object) -> str:
    """A short piece of code inside a sentence."""
    return f'<code style="{CODE}">{escape(text)}</code>'


def block(text: str) -> str:
    """Lines of output, spaces kept; long ones are wrapped."""
    return f'<pre style="{BLOCK}{_WRAPPED}">{html.escape(text)}</pre>'


def focus_ring(place: str) -> str:
    """A CSS rule: inside elements of class `place`, what has the keyboard's focus has a ring.

    ipywidgets takes the ring away from text fields, insistently; the class is named three times
    because the more specific of two such rules wins.
    """
    return f".{place}.{place}.{place} :focus-visible{{{_RING}}}"


def table_html(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table that keeps its look inside JupyterLab; head and cells are HTML."""
    top = "".join(f'<th scope="col" style="{_CELL}">{cell}</th>' for cell in head)
    lines = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in row) + "</tr>"
        for row in rows
    )
    return (
        '<div style="overflow-x:auto">'
        '<table style="border-collapse:collapse;margin:.4em 0;font-size:13.5px;color:inherit">'
        f"<thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def pairs_html(rows: Iterable[tuple[str, str]]) -> str:
    """Names (plain text) beside contents (HTML); below each other where styles are dropped."""
    return "".join(
        f'<div style="display:flex;gap:.6em;margin:.4em 0">'
        f'<div style="flex:0 0 6em;padding-top:.3em"><strong>{escape(name)}</strong></div>'
        f'<div style="flex:1;min-width:0">{content}</div></div>'
        for name, content in rows
    )


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of an error message for an unknown id: " Did you mean 'torch-mse'?", or nothing."""
    from difflib import get_close_matches

    close = get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(repr(one) for one in close)}?" if close else ""
