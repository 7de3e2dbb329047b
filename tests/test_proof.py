"""The cheap proof: a chapter that says something else than what is stored does not pass."""

import nbformat
import pytest

from tests.notebook_maker import code, notebook, prose, start, stream, verdict_output
from tools import canonical, chapters, execute, proof

CHECKED = ["nbval-check-output"]
CLAIM = """
from IPython.display import display
record = {{"id": "torch-numpy-twins", "verdict": {rule}, "measured": "", "when": "", "seed": 1}}
display({{"text/plain": "torch-numpy-twins"}}, raw=True, metadata={{"claim": record}})
"""


def chapter(rule="'holds'", said="three", says="print('three')"):
    """A stored chapter with a verdict, and a cell whose text is a fact."""
    verdict = verdict_output("torch-numpy-twins", "holds")
    return notebook(start(), prose("why"), code("verdict", CLAIM.format(rule=rule), [verdict], 2),
                    code("fact", says, [stream(said + "\n")], 3, CHECKED))


def test_what_is_as_stored_passes():
    assert proof.complaints(chapter(), chapter()) == []


def test_another_verdict_another_text_and_a_missing_cell_are_told():
    other = chapter(said="four")
    other.cells[2].outputs[0].metadata["claim"]["verdict"] = "not decided"
    short = notebook(*chapter().cells[:3])

    assert proof.complaints(chapter(), other) == [
        "torch-numpy-twins: not decided, stored: holds", "cell fact: 'four', stored: 'three'"]
    assert proof.complaints(chapter(), short) == ["cell fact: 'is missing', stored: 'three'"]


def test_warnings_and_blank_lines_are_no_part_of_a_text():
    warned = chapter()
    warned.cells[3].outputs = list(map(nbformat.from_dict, [
        stream("careful\n", "stderr"), stream("three\n\n")]))

    assert proof.complaints(chapter(), warned) == []


def test_parts_of_a_joined_notebook_come_out_again():
    book = chapter()
    doubled = proof.twice(book)

    assert [cell.id for cell in doubled.cells][:4] == [
        "first--bootstrap", "again--bootstrap", "first--why", "again--why"]
    canonical.dumps(doubled)                       # ids are such as a notebook may have
    assert [proof.part(doubled, mark).cells for mark in ("first", "again")] == [book.cells] * 2


def test_the_longest_id_of_a_chapter_can_still_be_marked():
    for path in chapters.notebooks():
        canonical.dumps(proof.twice(canonical.without_outputs(canonical.read(path))))


def test_a_seed_gives_one_order_and_another_seed_another():
    every = chapters.notebooks()

    assert proof.shuffled(every, 1) == proof.shuffled(every, 1) != proof.shuffled(every, 2)
    assert sorted(proof.shuffled(every, 1)) == every


# --- With kernels (replaced by running the cells here) ---------------------------------------

@pytest.fixture
def course(tmp_path, monkeypatch):
    """Chapters 01 and 02 in a folder; a "kernel" that runs the cells in one set of names."""
    def run(book, folder, changes):
        book, names = canonical.without_outputs(book), {"shown": []}
        for cell in book.cells:
            if cell.cell_type == "code" and "bootstrap" not in cell.id:
                names["shown"].clear()
                exec(cell.source.replace("print(", "shown.append(").replace(
                    "from IPython.display import display", "display = lambda *a, **k: None"), names)
                if record := names.pop("record", None):
                    cell.outputs = [verdict_output(record["id"], record["verdict"])]
                cell.outputs += [stream(f"{word}\n") for word in names["shown"]]
        return nbformat.from_dict(book)

    monkeypatch.setattr(execute, "execute", run)
    monkeypatch.setattr(chapters, "choose", lambda names: [tmp_path / "01_x.ipynb",
                                                           tmp_path / "02_y.ipynb"])

    def store(first, second):
        canonical.write(first, tmp_path / "01_x.ipynb")
        canonical.write(second, tmp_path / "02_y.ipynb")
        return tmp_path
    return store


PLAIN = notebook(start(), code("fact", "print('two')", [stream("two\n")], 2, CHECKED))
LEAVES = notebook(start(), code("fact", "left = 1; print('two')", [stream("two\n")], 2, CHECKED))
FINDS = notebook(start(), code("fact", "print('left' in globals())", [stream("False\n")], 2,
                               CHECKED))
ONCE = notebook(start(), code("fact", "n = globals().get('n', 0) + 1; print(n)", [stream("1\n")],
                              2, CHECKED))


def test_chapters_as_stored_end_well(course, capsys):
    course(chapter(), PLAIN)

    assert proof.main([]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "01: as stored", "02: as stored", "as stored (1 verdicts, 2 texts)"]


def test_a_chapter_that_says_something_else_is_named(course, capsys):
    course(chapter(rule="'not decided'"), PLAIN)

    assert proof.main([]) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("DIFFERENT: 01 (")


def test_a_cell_that_counts_its_runs_does_not_pass_twice(course, capsys):
    course(PLAIN, ONCE)

    assert proof.main(["--twice"]) == 1
    said = capsys.readouterr().out
    assert "02 first: as stored" in said and "02 again: DIFFERENT\n    cell fact: '2'" in said


def test_a_chapter_that_finds_what_another_left_does_not_pass_in_one_kernel(course, capsys):
    course(LEAVES, FINDS)
    assert proof.main([]) == 0
    order = next(seed for seed in range(10) if proof.shuffled([1, 2], seed) == [1, 2])

    assert proof.main(["--one-kernel", str(order)]) == 1
    said = capsys.readouterr().out
    assert "order: 01 02" in said and said.splitlines()[-1].startswith("DIFFERENT: 02 ")


def test_copies_run_and_are_compared_with_the_chapters(course, tmp_path, capsys):
    course(PLAIN, PLAIN)
    (tmp_path / "mine").mkdir()
    canonical.write(PLAIN, tmp_path / "mine" / "01_x.ipynb")
    canonical.write(FINDS, tmp_path / "mine" / "02_y.ipynb")

    assert proof.main(["--copies", str(tmp_path / "mine")]) == 1
    assert "01: as stored\n02: DIFFERENT" in capsys.readouterr().out


def test_a_chapter_that_fails_fails(course, capsys, monkeypatch):
    def fail(*arguments, **more):
        raise execute.ChapterFailed("cell a failed\nZeroDivisionError: division by zero")

    course(PLAIN, PLAIN)
    monkeypatch.setattr(execute, "execute", fail)
    assert proof.main([]) == 1
    assert capsys.readouterr().out == (
        "FAILED: cell a failed\nZeroDivisionError: division by zero\n")


def test_variables_reach_the_kernel(course, monkeypatch):
    seen = []
    course(PLAIN, PLAIN)
    monkeypatch.setattr(execute, "execute", lambda book, folder, changes:
                        seen.append(changes) or book)
    proof.main(["--set", "LC_ALL=C", "--set", "A=b=c", "--unset", "LANG"])

    assert seen[0] == {"LC_ALL": "C", "A": "b=c", "LANG": None}
