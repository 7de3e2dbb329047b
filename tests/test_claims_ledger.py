"""Table of claims, executed chapters and CLAIMS.md say the same."""

import pytest

from course_utils import paths
from tools import chapters, ledger, seeds

TABLE = paths.table("claims")["claims"]
SEEDS = 10
EXECUTED = ledger.read_chapters(chapters.notebooks())


def test_every_claim_of_a_written_chapter_has_exactly_one_verdict():
    assert ledger.problems(TABLE, EXECUTED) == []


def test_the_ledger_is_what_the_chapters_say():
    text = ledger.make(TABLE, EXECUTED, seeds.Runs(seeds.RESULTS))

    assert ledger.FILE.read_text(encoding="utf-8") == text, "run: python course.py ledger"


@pytest.mark.parametrize("chapter", EXECUTED, ids=lambda chapter: chapter.number)
def test_every_verdict_of_a_fact_was_the_same_under_other_seeds(chapter):
    runs, facts = seeds.Runs(seeds.RESULTS).of(chapter.path), seeds.facts(TABLE)

    assert len(runs) >= SEEDS, f"run: python course.py seeds {SEEDS} {chapter.number}"
    for record in chapter.records:
        if record.id in facts:
            assert {run["verdicts"][record.id] for run in runs.values()} == {record.verdict}


def test_every_claim_is_written_in_both_languages_with_a_known_kind():
    assert TABLE
    for id, row in TABLE.items():
        assert row["kind"] in ("fact", "time") and row["en"].strip() and row["zh"].strip(), id
        assert len(row["chapter"]) == 2 and row["chapter"].isdigit(), id
