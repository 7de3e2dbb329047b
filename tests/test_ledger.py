"""CLAIMS.md: made from executed chapters, refusing what does not fit the table of claims."""

import pytest

from tests.notebook_maker import code, notebook, verdict_output
from tools import canonical, ledger, seeds

TABLE = {
    "reg-a": {"chapter": "02", "kind": "fact", "en": "A | holds", "zh": "甲"},
    "reg-b": {"chapter": "02", "kind": "time", "en": "B is fast", "zh": "乙"},
    "opt-c": {"chapter": "03", "kind": "fact", "en": "C", "zh": "丙"},
}


def chapter(tmp_path, *outputs, name="02_regression.ipynb"):
    cells = [code(f"cell-{n}", str(n), [output], n + 1) for n, output in enumerate(outputs)]
    canonical.write(notebook(*cells), tmp_path / name)
    return ledger.read_chapters([tmp_path / name])[0]


def test_a_complete_chapter_is_fine_and_chapters_not_written_are_not_missed(tmp_path):
    done = chapter(tmp_path, verdict_output("reg-a", "holds"), verdict_output("reg-b", "holds"))

    assert ledger.problems(TABLE, [done]) == []


@pytest.mark.parametrize(("ids", "message"), [
    (["reg-a"], "claim reg-b has no verdict"),
    (["reg-a", "reg-b", "reg-a"], "claim reg-a appears 2 times"),
    (["reg-a", "reg-b", "opt-c"], "claim opt-c belongs to chapter 03"),
    (["reg-a", "reg-b", "reg-z"], "claim reg-z is not in claims.toml"),
])
def test_a_claim_missing_repeated_or_misplaced_is_a_problem(tmp_path, ids, message):
    found = ledger.problems(
        TABLE, [chapter(tmp_path, *[verdict_output(id, "holds") for id in ids])])

    assert found == [f"02_regression.ipynb: {message}"]


def test_no_executed_chapters_is_a_problem():
    assert ledger.problems(TABLE, []) == ["there are no executed chapters"]


def test_the_ledger_shows_sentence_verdict_evidence_and_a_link_to_the_cell(tmp_path):
    done = chapter(tmp_path, verdict_output("reg-a", "holds when", "1 | 2", "η < 1"),
                   verdict_output("reg-b", "holds", "8 times"))
    text = ledger.make(TABLE, [done], seeds.Runs(tmp_path / "none.json"))

    assert "2 claims: 1 holds, 1 holds when." in text
    assert ("| A \\| holds<br>甲<br>[`reg-a`](notebooks/02_regression.ipynb#cell-id=cell-0) "
            "| **holds when** η &lt; 1 | 1 \\| 2 | not run |") in text
    assert "**holds**, speed on one computer | 8 times" in text


def test_agreement_over_seeds_is_quoted_while_the_code_is_the_same(tmp_path):
    done = chapter(tmp_path, verdict_output("reg-a", "holds"), verdict_output("reg-b", "holds"))
    runs = seeds.Runs(tmp_path / "seeds.json")
    for seed, verdict in enumerate(["holds", "not decided", "holds"], 1):
        runs.add(done.path, seed, {"seconds": 1800, "verdicts": {"reg-a": verdict}})
    text = ledger.make(TABLE, [done], runs)
    assert "| 2 of 3 |" in text and "1.5 hours of computing" in " ".join(text.split())

    other = chapter(tmp_path, verdict_output("reg-b", "holds"), verdict_output("reg-a", "holds"))
    canonical.write(notebook(code("new", "2 + 2"), *canonical.read(other.path).cells), other.path)
    assert "2 of 3" not in ledger.make(TABLE, [done], runs)


def test_a_problem_leaves_the_ledger_as_it_was(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(ledger, "FILE", tmp_path / "CLAIMS.md")
    monkeypatch.setattr(ledger, "current", lambda: ("", ["claim reg-a has no verdict"]))

    assert ledger.main([]) == 1
    assert "reg-a" in capsys.readouterr().err and not (tmp_path / "CLAIMS.md").exists()


def test_the_ledger_is_written_as_utf8_with_lf(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "FILE", tmp_path / "CLAIMS.md")
    monkeypatch.setattr(ledger, "current", lambda: ("甲\n", []))

    assert ledger.main([]) == 0
    assert (tmp_path / "CLAIMS.md").read_bytes() == "甲\n".encode()
