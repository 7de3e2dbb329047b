"""The claim ledger as a table in HTML; docs/site/_static/ledger.js sorts and filters it."""

from __future__ import annotations

from collections import Counter
from html import escape

from course_utils.claims import Record
from tools import ledger, seeds

SIGNS = {"holds": "✓", "holds when": "◐", "does not hold": "✗", "not decided": "?"}
HEAD = ("Chapter", "Claim", "Verdict", "Measured", "Seeds")


def page(table: dict[str, dict], executed: list[ledger.Chapter], runs: seeds.Runs) -> str:
    """The ledger: what narrows it down, and one row a claim.

    Args:
        table: the claims of claims.toml, by id.
        executed: the chapters with their stored verdicts.
    """
    rows = []
    for chapter in executed:
        under_seeds = runs.of(chapter.path) if chapter.records else {}
        rows += [_row(record, table[record.id], chapter, under_seeds)
                 for record in chapter.records]
    head = "".join(f'<th scope="col">{name}</th>' for name in HEAD)
    return "\n".join([
        _tools(executed), '<p id="ledger-count" aria-live="polite"></p>',
        f'<table class="ledger"><thead><tr>{head}</tr></thead><tbody>', *rows, "</tbody></table>",
        '<script src="_static/ledger.js"></script>'])


def _tools(executed: list[ledger.Chapter]) -> str:
    count = Counter(record.verdict for chapter in executed for record in chapter.records)
    verdicts = "".join(f'<option value="{verdict}">{verdict} ({count[verdict]})</option>'
                       for verdict in SIGNS if count[verdict])
    numbers = "".join(f"<option>{chapter.number}</option>" for chapter in executed
                      if chapter.records)
    return ('<div class="ledger-tools" hidden>'
            f'<label>Verdict <select name="verdict"><option value="">all</option>{verdicts}'
            '</select></label>'
            f'<label>Chapter <select name="chapter"><option value="">all</option>{numbers}'
            '</select></label>'
            '<label>Words <input name="words" type="search" placeholder="learning rate"></label>'
            '</div>')


def _row(record: Record, row: dict, chapter: ledger.Chapter, runs: dict) -> str:
    link = f"chapters/{chapter.path.stem}.html#cell-{record.cell_id}"
    claim = (f'{escape(row["en"])}<br><span lang="zh-Hant">{escape(row["zh"])}</span><br>'
             f'<a href="{link}"><code>{record.id}</code></a>')
    agreed = ledger.agreement(record, runs)
    cells = [chapter.number, claim, _verdict(record, row), escape(record.measured), agreed]
    # sorted by what a reader sees, except: verdicts by their word, not their sign
    keys = {"Verdict": f"{record.verdict} {record.when}", "Claim": row["en"]}
    shown = "".join(
        f'<td data-label="{name}"'
        + (f' data-sort="{escape(keys[name])}"' if name in keys else "") + f">{cell}</td>"
        for name, cell in zip(HEAD, cells, strict=True))
    return (f'<tr id="claim-{record.id}" data-verdict="{record.verdict}" '
            f'data-chapter="{chapter.number}">{shown}</tr>')


def _verdict(record: Record, row: dict) -> str:
    words = f'<span class="verdict"><span aria-hidden="true">{SIGNS[record.verdict]}</span> ' \
            f"{record.verdict}</span>"
    if record.when:
        words += (f" {escape(record.when)}" if record.verdict == "holds when"
                  else f" (condition: {escape(record.when)})")
    return words + (", speed on one computer" if row["kind"] == "time" else "")
