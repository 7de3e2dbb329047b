"""The words and symbols of the course, from `tables/glossary.toml`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from . import paths
from .cards import Card, code, escape, table_html


@dataclass(frozen=True)
class Term:
    """One entry: a word of the course and how formulas and code write it."""

    id: str
    symbol: str
    code: str
    en: str
    zh: str
    shape: str
    chapter: str
    meaning: str


def read_terms() -> list[Term]:
    """All entries, in the order of the table.

    Raises:
        ValueError: an entry lacks a field or has one too many; the message names the entry.
    """
    terms = []
    for id, fields in paths.table("glossary").get("terms", {}).items():
        try:
            terms.append(Term(id=id, **fields))
        except TypeError as error:
            raise ValueError(f"glossary.toml, entry {id!r}: {error}") from error
    return terms


def glossary(chapter: str | None = None) -> Card:
    """The glossary as a table; the last expression of its cell.

    Args:
        chapter: only the words explained in this chapter ("02"); all of them if None.
    Raises:
        ValueError: no word belongs to that chapter.
    """
    terms = read_terms()
    if chapter is not None:
        chapters = sorted({term.chapter for term in terms})
        terms = [term for term in terms if term.chapter == chapter]
        if not terms:
            raise ValueError(f"no words for chapter {chapter!r}; there are some for {chapters}")
    where = "" if chapter is None else f"chapter {chapter}, "
    head = ["Symbol", "In code", "Word", "Shape", "Meaning", "Chapter"]
    columns = len(head) if chapter is None else len(head) - 1  # it is the same in every row
    return Card(
        kind="glossary",
        sign="",
        word="",
        title=f"{where}{len(terms)} terms",
        body=table_html(head[:columns], (_row(term)[:columns] for term in terms)),
        text="\n".join(_line(term) for term in terms),
    )


def _row(term: Term) -> list[str]:
    # commas inside brackets belong to the name
    names = " ".join(code(name) for name in re.split(r",\s*(?![^()]*\))", term.code) if name)
    return [
        f"<strong>{escape(term.symbol)}</strong>",
        names,
        f'{escape(term.en)}<br><span lang="zh-Hant">{escape(term.zh)}</span>',
        escape(term.shape),
        f'<div style="min-width:16em">{escape(term.meaning)}</div>',
        escape(term.chapter),
    ]


def _line(term: Term) -> str:
    symbol = f" {term.symbol}" if term.symbol else ""
    return f"{term.en}{symbol} ({term.zh}): {term.meaning}"
