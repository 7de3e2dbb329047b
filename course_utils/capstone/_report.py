"""The report: what gave each fault away."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable

from ..cards import Card, block, escape, measured, paragraph, table_html
from ._casebook import LETTERS, current
from ._judge import Solved, range_text, solved


def report() -> Card:
    """What gave each solved case away, as a table; the last expression of its cell.

    It knows the cases that were solved since the notebook was started: run their cells again
    after a restart.
    """
    book = current()
    found = [solved[book.seed, letter] for letter in LETTERS if (book.seed, letter) in solved]
    word = f"{len(found)} of {len(LETTERS)} cases"
    body = paragraph("Each case that passes its check is entered here, with the number that gave "
                     "it away.")
    if found:
        head = ("Case", "Fault", "On the case", "On healthy runs", "Once mended")
        body = table_html(head, [_row(one) for one in found])
        body += "".join(paragraph(f"<strong>{one.letter}</strong>") + block(source(one.evidence))
                        for one in found)
    return Card("report", "✓" if len(found) == len(LETTERS) else "", word,
                "what gave it away", body, f"report: {word}")


def source(evidence: Callable) -> str:
    """The code of an evidence function, or its name where the code cannot be found."""
    try:
        return textwrap.dedent(inspect.getsource(evidence)).strip()
    except (OSError, TypeError):
        return getattr(evidence, "__name__", repr(evidence))


def _row(one: Solved) -> list[str]:
    ranges = (one.on_case, one.on_healthy, one.on_mended)
    return [one.letter, escape(one.fault), *(measured(range_text(values)) for values in ranges)]
