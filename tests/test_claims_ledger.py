"""Table of claims, executed chapters and CLAIMS.md say the same."""

from course_utils import paths
from tools import canonical, chapters, ledger, seeds

TABLE = paths.table("claims")["claims"]
EXECUTED = ledger.read_chapters(chapters.notebooks())


def test_every_claim_of_a_written_chapter_has_exactly_one_verdict():
    assert ledger.problems(TABLE, EXECUTED) == []


def test_the_ledger_is_what_the_chapters_say():
    text = ledger.make(TABLE, EXECUTED, seeds.read())

    assert ledger.FILE.read_text(encoding="utf-8") == text, "run: python course.py ledger"


def test_every_verdict_of_a_fact_was_the_same_under_five_seeds():
    runs, facts = seeds.read(), seeds.facts(TABLE)
    for chapter in EXECUTED:
        for record in chapter.records:
            if record.id in facts:
                found = runs.get(chapter.number, {}).get("verdicts", {}).get(record.id, [])
                assert len(found) >= 5, f"{record.id}: run python course.py seeds 5"
                assert set(found) == {record.verdict}, record.id


def test_the_runs_under_other_seeds_are_of_the_present_code():
    runs = seeds.read()
    for chapter in (chapter for chapter in EXECUTED if chapter.records):
        code = seeds.code_fingerprint(canonical.read(chapter.path))
        assert runs.get(chapter.number, {}).get("code") == code, (
            f"chapter {chapter.number} changed: run python course.py seeds 5 {chapter.number}")


def test_every_claim_is_written_in_both_languages_with_a_known_kind():
    assert TABLE
    for id, row in TABLE.items():
        assert row["kind"] in ("fact", "time") and row["en"].strip() and row["zh"].strip(), id
        assert len(row["chapter"]) == 2 and row["chapter"].isdigit(), id
