"""Verdicts under other seeds: facts must agree with the stored ones, speed need not."""

import pytest

from tests.notebook_maker import code, notebook, prose, verdict_output
from tools import canonical, chapters, seeds

TABLE = {"reg-a": {"kind": "fact"}, "reg-b": {"kind": "time"}}
FACTS = seeds.facts(TABLE)
CLAIM = """
import os
from IPython.display import display
verdict = {rule}
record = {{"id": "reg-a", "verdict": verdict, "measured": "", "when": "", "seed": 1}}
display({{"text/plain": "reg-a"}}, raw=True, metadata={{"claim": record}})
"""


def test_only_facts_are_compared():
    assert seeds.differences({"reg-a": "holds", "reg-b": "holds"},
                             {"reg-a": "holds", "reg-b": "does not hold"}, FACTS) == []


def test_another_verdict_and_a_missing_one_are_differences():
    assert seeds.differences({"reg-a": "holds"}, {"reg-a": "not decided"}, FACTS) == [
        "reg-a: not decided, stored: holds"]
    assert seeds.differences({"reg-a": "holds"}, {}, FACTS) == ["reg-a: no verdict, stored: holds"]


def test_prose_does_not_make_runs_stale_but_code_does():
    book = notebook(prose("t", "old"), code("a", "x = 1"))
    other_words = notebook(prose("t", "new"), code("a", "x = 1"))

    assert seeds.code_fingerprint(book) == seeds.code_fingerprint(other_words)
    assert seeds.code_fingerprint(book) != seeds.code_fingerprint(notebook(code("a", "x = 2")))


def test_runs_of_other_chapters_are_kept(tmp_path):
    file = tmp_path / "seeds.json"
    for name in ("01_x.ipynb", "02_y.ipynb"):
        canonical.write(notebook(code("a")), tmp_path / name)
        seeds.store({(tmp_path / name, 1): {"reg-a": "holds"}}, [1], file)

    assert list(seeds.read(file)) == ["01", "02"]


@pytest.fixture
def course(tmp_path, monkeypatch):
    """One chapter whose stored verdict is "holds"; the rule of its claim is given."""
    monkeypatch.setattr(seeds, "RESULTS", tmp_path / "seeds.json")
    monkeypatch.setattr(seeds.paths, "table", lambda name: {"claims": TABLE})

    def make(rule):
        path = tmp_path / "02_x.ipynb"
        cell = code("claim-verdict", CLAIM.format(rule=rule), [verdict_output("reg-a", "holds")], 1)
        canonical.write(notebook(cell), path)
        monkeypatch.setattr(chapters, "choose", lambda names: [path])
        return path
    return make


def test_a_verdict_that_hangs_on_the_seed_fails(course, capsys):
    path = course("'holds' if os.environ['COURSE_SEED'] == '1' else 'not decided'")
    before = path.read_bytes()

    assert seeds.main(["2", "--jobs", "2"]) == 1
    assert "02_x.ipynb, seed 2: reg-a: not decided, stored: holds" in capsys.readouterr().err
    assert seeds.read(seeds.RESULTS)["02"]["verdicts"] == {"reg-a": ["holds", "not decided"]}
    assert path.read_bytes() == before


def test_a_chapter_that_fails_under_a_seed_fails(course, capsys):
    course("'holds' if os.environ['COURSE_SEED'] == '7' else 1 / 0")

    assert seeds.main(["1", "--jobs", "1"]) == 1
    assert "cell claim-verdict failed" in capsys.readouterr().err


def test_a_seed_proof_chapter_passes(course):
    course("'holds'")

    assert seeds.main(["1", "--jobs", "1"]) == 0


def test_only_stale_chapters_are_run_again_when_asked(course, capsys):
    path = course("'holds'")
    assert seeds.main(["1", "--jobs", "1", "--stale"]) == 0
    assert "seeds: 1 runs" in capsys.readouterr().out
    assert seeds.main(["1", "--jobs", "1", "--stale"]) == 0
    assert "seeds: 0 runs" in capsys.readouterr().out

    assert seeds.is_stale(path, 2)
    course("'holds' or 0")
    assert seeds.is_stale(path, 1)
