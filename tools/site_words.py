"""The site's glossary, and links to it from the first use of a word in each chapter."""

from __future__ import annotations

import re
from collections.abc import Iterable

from course_utils.glossary import Term

# Left as it is: code, formulas, links, HTML, directives, headings.
PROTECTED = re.compile(
    r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|!?\[[^\]]*\]\([^)]*\)|<[^>]+>|^#.*?$",
    re.DOTALL | re.MULTILINE)
NOTATION_LINK = re.compile(r"\[([^\]]+)\]\((?:00_start_here\.ipynb)?#Notation-and-glossary\)")


def names(term: Term) -> list[str]:
    """What a text calls the term in English: "filter, kernel" are two names of one entry."""
    plain = re.sub(r"\s*\([^)]*\)", "", term.en)
    return [name.removeprefix("to ") for name in re.split(r",\s*", plain) if name]


def pattern(name: str) -> str:
    """Regular expression for `name` and its plural; a small first letter may be a capital."""
    words = re.escape(name).replace(r"\ ", r"\s+")
    first = f"[{name[0]}{name[0].upper()}]" if name[0].islower() else re.escape(name[0])
    return rf"{first}{words[len(re.escape(name[0])):]}(?:e?s)?"


class FirstUses:
    """Links the first use of each word in one chapter, cell by cell in reading order.

    A word is linked from the chapter on that explains it: before, it may mean something else.
    """

    def __init__(self, terms: Iterable[Term], chapter: str):
        known = [term for term in terms if term.chapter <= chapter]
        self._entry = {name.lower(): names(term)[0] for term in reversed(known)
                       for name in names(term)}
        self._symbols = {term.symbol: names(term)[0] for term in reversed(known) if term.symbol}
        longest_first = sorted(self._entry, key=len, reverse=True)
        spelled = {name.lower(): name for term in known for name in names(term)}
        self._words = re.compile("|".join(
            [rf"(?P<n{at}>(?<![\w-]){pattern(spelled[name])}(?![\w-]))"
             for at, name in enumerate(longest_first)] or ["(?!)"]))
        self._names = longest_first
        self._linked: set[str] = set()

    def link(self, markdown: str) -> str:
        """`markdown` with roles of MyST at words that were not used before in this chapter."""
        markdown = NOTATION_LINK.sub(self._symbol, markdown)
        parts, at = [], 0
        for kept in PROTECTED.finditer(markdown):
            parts += [self._words.sub(self._word, markdown[at:kept.start()]), kept.group()]
            at = kept.end()
        return "".join(parts) + self._words.sub(self._word, markdown[at:])

    def _word(self, found: re.Match) -> str:
        entry = self._entry[self._names[int(found.lastgroup[1:])]]
        if entry in self._linked:
            return found.group()
        self._linked.add(entry)
        return role(" ".join(found.group().split()), entry)

    def _symbol(self, found: re.Match) -> str:
        entry = self._symbols.get(found[1])
        return role(found[1], entry) if entry else f"{{doc}}`{found[1]} </glossary>`"


def role(text: str, entry: str) -> str:
    """A link to the glossary's `entry`, in MyST."""
    return f"{{term}}`{text} <{entry}>`"


def glossary(terms: Iterable[Term], titles: dict[str, str]) -> str:
    """The glossary's page in MyST, one section a chapter.

    Args:
        titles: number of a chapter -> its title.
    """
    by_chapter: dict[str, list[Term]] = {}
    for term in terms:
        by_chapter.setdefault(term.chapter, []).append(term)
    parts = []
    taken: set[str] = set()
    for chapter in sorted(by_chapter):
        entries = [_entry(term, taken) for term in by_chapter[chapter]]
        parts.append("\n".join([f"## {chapter} · {titles[chapter]}", "", "````{glossary}",
                                *entries, "````", ""]))
    return "\n".join(parts)


def _entry(term: Term, taken: set[str]) -> str:
    """One entry: its names, a line of facts, its meaning."""
    heads = [name for name in dict.fromkeys([*names(term), term.zh]) if name.lower() not in taken]
    taken |= {name.lower() for name in heads}
    facts = [f"{label} {value}" for label, value in (
        ("written", term.symbol and f"**{_plain(term.symbol)}**"),
        ("in code", term.code and f"`{term.code}`"), ("shape", _plain(term.shape))) if value]
    lines = [f"{_plain(term.meaning)}", *([", ".join(facts)[0].upper() + ", ".join(facts)[1:] + "."]
                                          if facts else [])]
    return "\n".join([*heads, *("  " + line + "\n" for line in lines)])


def _plain(text: str) -> str:
    """`text` without what Markdown would read as a mark."""
    return re.sub(r"([*_`$<\\\[\]{}])", r"\\\1", text)
