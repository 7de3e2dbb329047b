"""Verdicts under other seeds: facts must agree with the stored ones, speed need not."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.notebook_maker import code, notebook, prose, start, verdict_output
from tools import canonical, chapters, seeds

TABLE = {"reg-a": {"kind": "fact"}, "reg-b": {"kind": "time"}}
FACTS = seeds.facts(TABLE)
RUN = {"seconds": 30, "verdicts": {"reg-a": "holds"}}
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


def test_prose_and_the_first_cell_do_not_make_runs_stale_but_code_does():
    book = notebook(prose("t", "old"), start(), code("a", "x = 1"))
    other_words = notebook(prose("t", "new"), code("a", "x = 1"))

    assert seeds.code_fingerprint(book) == seeds.code_fingerprint(other_words)
    assert seeds.code_fingerprint(book) != seeds.code_fingerprint(notebook(code("a", "x = 2")))


def test_a_cell_cut_in_two_is_no_change_of_the_code():
    whole, halves = notebook(code("a", "x = 1\n\ny = 2")), notebook(code("a", "x = 1"),
                                                                   code("b", "y = 2"))
    assert seeds.code_fingerprint(whole) == seeds.code_fingerprint(halves)
    assert seeds.code_fingerprint(whole) != seeds.code_fingerprint(notebook(code("a", "x = 1"),
                                                                            code("b", "y = 3")))


def test_comments_are_no_change_of_the_code():
    said = 'x = "# no comment"   # a number\n# of its own\nfor i in x:\n    # why\n    print(i)\n'
    bare = 'x = "# no comment"\nfor i in x:\n    print(i)'
    text = '"""\n# in a text\n\n"""'

    assert seeds.code_fingerprint(notebook(code("a", said))) == seeds.code_fingerprint(
        notebook(code("a", bare)))
    assert seeds.code_fingerprint(notebook(code("a", said))) != seeds.code_fingerprint(
        notebook(code("a", said.replace("no comment", "text"))))
    assert seeds.without_comments(text) == text


@pytest.mark.parametrize(("cell", "source", "stale"), [
    ("data", "x = [1, 2, 4]", True), ("rule", "def rule(x): return min(x)", True),
    ("verdict", "claim('reg-a', holds=rule(x) > 2, measured='1')", True),
    ("verdict", "claim('reg-a', holds=rule(x) > 1, measured=f'at {x}'\n      '!')", False),
    ("figure", "show(x, 'red')", False), ("colour", "colour = 'red'", False),
    ("figure", "torch.manual_seed(3)", True)])
def test_only_code_that_a_verdict_needs_makes_runs_stale(cell, source, stale):
    cells = {"data": "x = [1, 2, 3]", "rule": "def rule(x): return max(x)", "colour": "colour = 1",
             "figure": "show(x, colour)",
             "verdict": "claim('reg-a', holds=rule(x) > 1, measured='1')"}

    def fingerprint(cells):
        defined = code("names", "claim = show = print")
        return seeds.code_fingerprint(notebook(defined, *(
            code(id, text, tags=["verdict"] if id == "verdict" else []) for id, text in
            cells.items())))
    assert (fingerprint(cells) != fingerprint(cells | {cell: source})) == stale


def test_runs_of_other_chapters_and_seeds_are_kept(tmp_path):
    for name in ("02_y.ipynb", "01_x.ipynb"):
        canonical.write(notebook(code("a")), tmp_path / name)
        for seed in (2, 1):
            seeds.Runs(tmp_path / "seeds.json").add(tmp_path / name, seed, RUN)

    assert list(json.loads((tmp_path / "seeds.json").read_text())) == ["01", "02"]
    assert seeds.Runs(tmp_path / "seeds.json").of(tmp_path / "01_x.ipynb") == {1: RUN, 2: RUN}
    assert seeds.Runs(tmp_path / "seeds.json").minutes() == 4 * 30 / 60


def test_runs_of_other_code_count_as_none(tmp_path):
    path = tmp_path / "01_x.ipynb"
    canonical.write(notebook(code("a", "1")), path)
    runs = seeds.Runs(tmp_path / "seeds.json")
    runs.add(path, 1, RUN)
    canonical.write(notebook(code("a", "2")), path)
    assert runs.of(path) == {}

    runs.add(path, 2, RUN)
    assert runs.of(path) == {2: RUN}


@pytest.fixture
def course(tmp_path, monkeypatch):
    """One chapter whose stored verdict is "holds"; the rule of its claim is given.

    Its kernels are real; threads start them, which is quicker than the command's processes.
    """
    monkeypatch.setattr(seeds, "RESULTS", tmp_path / "seeds.json")
    monkeypatch.setattr(seeds, "ProcessPoolExecutor", lambda jobs, *_: ThreadPoolExecutor(jobs))
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
    found = seeds.Runs(seeds.RESULTS).of(path)
    assert [found[seed]["verdicts"]["reg-a"] for seed in (1, 2)] == ["holds", "not decided"]
    assert path.read_bytes() == before


def test_a_chapter_that_fails_under_a_seed_fails(course, capsys):
    course("'holds' if os.environ['COURSE_SEED'] == '7' else 1 / 0")

    assert seeds.main(["1", "--jobs", "1"]) == 1
    assert "cell claim-verdict failed" in capsys.readouterr().err


def test_a_seed_proof_chapter_passes(course):
    course("'holds'")

    assert seeds.main(["1", "--jobs", "1"]) == 0


def test_an_interrupted_command_goes_on_where_it_was(course, capsys, monkeypatch):
    path = course("'holds'")
    run_one, began = seeds.run_one, []

    def run_in_this_process(pending, jobs):
        for job in pending:
            began.append(job)
            if len(began) == 2:
                raise KeyboardInterrupt
            yield job, run_one(*job)

    monkeypatch.setattr(seeds, "run_all", run_in_this_process)
    with pytest.raises(KeyboardInterrupt):
        seeds.main(["3"])
    assert list(seeds.Runs(seeds.RESULTS).of(path)) == [1]

    assert seeds.main(["3"]) == 0
    assert began == [(path, 1), (path, 2), (path, 2), (path, 3)]
    assert "seeds: 2 runs now, 3 in all, 0 not as stored" in capsys.readouterr().out
    assert seeds.main(["3"]) == 0
    assert "seeds: 0 runs now" in capsys.readouterr().out

    assert seeds.main(["1", "--again"]) == 0
    assert "seeds: 1 runs now" in capsys.readouterr().out


def test_a_chapter_whose_code_changed_runs_again(course, capsys):
    course("'holds'")
    assert seeds.main(["1", "--jobs", "1"]) == 0
    course("'holds' or 0")
    assert seeds.main(["1", "--jobs", "1"]) == 0
    assert capsys.readouterr().out.count("seeds: 1 runs now") == 2


POOL = """
if __name__ == "__main__":
    import os, time
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context
    from tools import seeds

    pool = ProcessPoolExecutor(1, get_context("spawn"), seeds._end_with_parent)
    print(pool.submit(os.getpid).result(), flush=True)
    pool.submit(time.sleep, 300)
    time.sleep(300)
"""


@pytest.mark.skipif(os.name == "nt", reason="asks for a process by its number, as POSIX does")
def test_workers_end_when_the_command_is_killed(tmp_path):
    script = tmp_path / "pool.py"
    script.write_text(POOL, encoding="utf-8")
    command = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True,
                               env=os.environ | {"PYTHONPATH": str(chapters.ROOT)})
    worker = int(command.stdout.readline())
    command.kill()
    command.wait()
    for _ in range(300):
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("the worker goes on after its command was killed")
