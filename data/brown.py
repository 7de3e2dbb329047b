"""The Brown Corpus: from its tape's tags to 12 universal ones, and which sentences are shipped.

A document is a file `ca01` … `cr09`: c, then the category's letter, then its number; tokens are
written `word/tag`. What is done to them, in this order:

1. A sentence that holds a `nil` tag, or whose tokens are mostly headline (`-hl`), is dropped.
2. The tape doubles ; ? ! at the end of a sentence: one is kept.
3. A tag is reduced to its first simple tag: `-tl`, `-hl`, `-nc` (title, headline, cited word) and
   a negating `*` go, and of `ppss+bem` (I'm) the first part stays; then the map `UNIVERSAL`.
4. Sentences of 4 to 30 tokens stay.
5. In each category, of every six documents in order the fifth goes to dev and the last to test.
6. Each split takes as nearly the same number of sentences of every category as there are, picked
   by a hash of document and sentence number, and is ordered by that hash: any first rows are a
   fair sample.
"""

from __future__ import annotations

import re
from collections import defaultdict

from recipes import Files, rank

SIZES = {"train": 12_000, "dev": 2_000, "test": 2_000}
SHORTEST, LONGEST = 4, 30

_MAP = {
    "NOUN": "nn nn$ nns nns$ np np$ nps nps$ nr nr$ nrs",
    "VERB": "be bed bedz beg bem ben ber bez do dod doz hv hvd hvg hvn hvz md vb vbd vbg vbn vbz",
    "ADJ": "jj jj$ jjr jjs jjt ap ap$ od",
    "ADV": "rb rb$ rbr rbt rn ql qlp wrb wql *",
    "PRON": "ex pn pn$ pp$$ ppl ppls ppo pps ppss wps wpo",
    "DET": "at dt dt$ dti dts dtx abl abn abx pp$ wdt wp$",
    "ADP": "in",
    "NUM": "cd cd$",
    "CONJ": "cc cs",
    "PRT": "rp to",
    "X": "uh",
    ".": "' '' `` ( ) , -- . :",
}
UNIVERSAL = {tag: name for name, tags in _MAP.items() for tag in tags.split()}
_MARKS = re.compile(r"(-(tl|hl|nc|t|n))+$")  # -t and -n: cut short on the tape

Tokens = list[tuple[str, str]]


def universal(tag: str) -> str:
    """The universal tag of a tag on the tape; a foreign word (`fw-…`) is X."""
    if tag.startswith("fw-"):
        return "X"
    first = _MARKS.sub("", tag).split("+")[0]
    if first not in UNIVERSAL and first.endswith("*"):
        first = first.removesuffix("*")
    return UNIVERSAL[first]


def sentence(line: str) -> Tokens | None:
    """Words and universal tags of one line of the tape; None if it is not to be used."""
    pairs = [tuple(token.rsplit("/", 1)) for token in line.split()]
    headline = sum("-hl" in tag for _, tag in pairs)
    if any(tag == "nil" for _, tag in pairs) or 2 * headline > len(pairs):
        return None
    tokens: Tokens = []
    for word, tag in pairs:
        if word in (";", "?", "!") and tokens and tokens[-1][0] == word:
            continue
        tokens.append((word, universal(tag)))
    return tokens if SHORTEST <= len(tokens) <= LONGEST else None


def split_of(documents: list[str]) -> dict[str, str]:
    """To which split each document belongs: within a category, the fifth and sixth of six."""
    split = {}
    for letter in sorted({name[1] for name in documents}):
        for place, name in enumerate(sorted(d for d in documents if d[1] == letter)):
            split[name] = {4: "dev", 5: "test"}.get(place % 6, "train")
    return split


def balanced(available: dict[str, int], total: int) -> dict[str, int]:
    """How many to take of each category: the same of all, but all of those that have too few."""
    quota, left = {}, total
    names = sorted(available, key=lambda name: (available[name], name))
    for place, name in enumerate(names):
        quota[name] = min(available[name], left // (len(names) - place))
        left -= quota[name]
    return quota


def brown(files: Files) -> bytes:
    """Lines `split<TAB>document<TAB>word/TAG word/TAG …`."""
    texts = {n.rsplit("/", 1)[1]: raw.decode("ascii") for n, raw in files.items()}
    documents = {n: text for n, text in texts.items() if re.fullmatch(r"c[a-r]\d\d", n)}
    split = split_of(list(documents))
    found: dict[str, dict[str, list]] = defaultdict(lambda: defaultdict(list))
    for name, text in documents.items():
        lines = [line for line in text.splitlines() if line.strip()]
        for number, line in enumerate(lines):
            if tokens := sentence(line):
                entry = (rank(f"brown {name} {number}"), name, tokens)
                found[split[name]][name[1]].append(entry)
    return "".join(
        f"{part}\t{name}\t{' '.join(f'{word}/{tag}' for word, tag in tokens)}\n"
        for part, size in SIZES.items()
        for _, name, tokens in _pick(found[part], size)
    ).encode("ascii")


def _pick(by_category: dict[str, list], size: int) -> list:
    quota = balanced({letter: len(rows) for letter, rows in by_category.items()}, size)
    return sorted(row for letter, n in quota.items() for row in sorted(by_category[letter])[:n])
