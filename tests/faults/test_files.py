"""Files that are damaged, and disks that are full: the old file stays, the new one is told of."""

import json
import re
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from course_utils import datafiles, paths, study
from course_utils import stored as stored_module
from course_utils.files import NotWrittenError, write_whole
from course_utils.stored import stored
from course_utils.study._store import Store
from tests import faults
from tests.notebook_maker import code, notebook, prose
from tools import canonical, chapters, lab, ledger, seeds
from tools.copies import Copies

LONG = "x" * 200
RUN = {"seconds": 3, "verdicts": {"reg-a": "holds"}}


# ---- one way of writing -------------------------------------------------------------------------


@pytest.mark.parametrize("content", ["甲\n", b"\x00\xff", "", "a\r\nb\n"])
def test_what_is_written_is_read_back_to_the_byte(tmp_path, content, only):
    write_whole(tmp_path / "a", "something before, and longer")
    write_whole(str(tmp_path / "a"), content)

    expected = content.encode() if isinstance(content, str) else content
    assert (tmp_path / "a").read_bytes() == expected and only(tmp_path) == ["a"]


def test_a_full_disk_leaves_the_old_file_whole(tmp_path, full_disk, only):
    path = tmp_path / "kept.json"
    write_whole(path, "old")

    with full_disk(), pytest.raises(NotWrittenError) as error:
        write_whole(path, LONG)

    assert path.read_text() == "old" and only(tmp_path) == ["kept.json"]
    assert str(path) in str(error.value) and "is as it was" in str(error.value)
    assert "\n" not in str(error.value) and error.value.errno


def test_a_folder_that_is_not_there_is_one_clear_line(tmp_path):
    with pytest.raises(NotWrittenError, match=r"b could not be written \(No such file"):
        write_whole(tmp_path / "a" / "b", "x")


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_stays_a_link_and_rights_stay(tmp_path):
    (tmp_path / "far").write_text("old")
    (tmp_path / "far").chmod(0o600)
    (tmp_path / "near").symlink_to(tmp_path / "far")

    write_whole(tmp_path / "near", "new")

    assert (tmp_path / "near").is_symlink() and (tmp_path / "far").read_text() == "new"
    assert (tmp_path / "far").stat().st_mode & 0o777 == 0o600


def test_a_killed_process_leaves_a_whole_file(tmp_path):
    path = tmp_path / "kept"
    program = (
        "import sys; from course_utils.files import write_whole\n"
        "for n in range(10**6): write_whole(sys.argv[1], str(n % 10) * 300_000)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(path)], cwd=paths.root())
    try:
        until = time.monotonic() + 30
        while not path.exists() and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.1)
    finally:
        process.kill()
        process.wait(10)

    content = path.read_text()
    assert len(content) == 300_000 and len(set(content)) == 1


@pytest.mark.parametrize("name", ["canonical", "copies", "seeds", "ledger"])
def test_tools_write_through_the_one_helper(name):
    text = (chapters.ROOT / "tools" / f"{name}.py").read_text(encoding="utf-8")
    assert "write_whole(" in text and "write_text(" not in text


# ---- data sets ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", datafiles.names())
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_one_flipped_bit_of_a_data_file_is_never_used(tmp_path, monkeypatch, name, share):
    file = datafiles.expected(name)["file"]
    raw = bytearray((paths.root() / "data" / file).read_bytes())
    raw[int(share * len(raw))] ^= 0b100
    (tmp_path / file).write_bytes(raw)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))

    with pytest.raises(datafiles.DataError) as error:
        datafiles.read(name)

    assert file in str(error.value) and f"build_data.py {name}" in str(error.value)


def test_the_lab_names_damaged_data_before_it_opens(tmp_path, monkeypatch, capsys):
    broken = datafiles.FileReport("births", False, "births.csv.gz is missing.")
    monkeypatch.setattr("course_utils.datasets.verify_all", lambda: [broken])
    monkeypatch.setattr(lab, "prepare", lambda *_: lab.ROOT / "my_course" / "00_start_here.ipynb")
    monkeypatch.setattr(lab, "MINE", tmp_path)
    monkeypatch.setattr(lab.subprocess, "Popen", lambda *_, **__: SimpleNamespace(wait=lambda: 0))

    assert lab.main(["--no-browser"]) == 0
    assert "course: damaged data set: births: births.csv.gz is missing" in capsys.readouterr().err


# ---- progress and stored results ----------------------------------------------------------------


def test_progress_survives_a_full_disk(tmp_path, monkeypatch, full_disk, only):
    monkeypatch.setenv("COURSE_HEADLESS", "0")
    store = Store(tmp_path)
    monkeypatch.setattr(study, "store", lambda: store)
    study.record("exercise", "torch-mse", "passed")

    with full_disk():
        study.record("exercise", "torch-shape-bug", "passed")

    assert study.recorded("exercise", "torch-shape-bug") == "passed"
    assert "kept only until this kernel stops" in store.notice() and store.notice() == ""
    assert list(Store(tmp_path).read()["exercise"]) == ["torch-mse"]
    assert only(tmp_path) == ["progress.json"]


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(stored_module, "root", lambda: tmp_path)
    (tmp_path / "results").mkdir()
    return tmp_path / "results"


def test_a_result_that_cannot_be_stored_is_shown_all_the_same(results, monkeypatch, full_disk):
    monkeypatch.setenv("COURSE_SLOW", "1")
    stored("trial", lambda: [1], {"rate": 1})
    before = (results / "trial.json").read_bytes()

    with full_disk():
        shown = stored("trial", lambda: [LONG], {"rate": 1})

    assert shown.result == [LONG]  # hours of computing
    assert shown.label.startswith("not stored: ") and "could not be written" in shown.label
    assert (results / "trial.json").read_bytes() == before


@pytest.mark.parametrize("damage", [
    lambda text: "", lambda text: text[: len(text) // 2], lambda text: "[]", lambda text: "{}",
    lambda text: text.replace("1.25", "1.26"), lambda text: text.replace("seconds", "second"),
])
def test_a_damaged_stored_result_says_how_to_get_it_again(results, monkeypatch, damage):
    monkeypatch.setenv("COURSE_SLOW", "1")
    stored("trial", lambda: [1.25], {"rate": 1})
    monkeypatch.delenv("COURSE_SLOW")
    path = results / "trial.json"
    path.write_text(damage(path.read_text()))

    with pytest.raises(ValueError, match=r"results/trial.json .*COURSE_SLOW=1"):
        stored("trial", lambda: 1 / 0, {"rate": 1})


# ---- chapters, the learner's copies, runs -------------------------------------------------------


def test_a_chapter_that_cannot_be_written_stays_as_it_was(tmp_path, full_disk, only):
    canonical.write(notebook(prose("a", "old")), tmp_path / "02_x.ipynb")

    with full_disk(), pytest.raises(NotWrittenError, match="02_x"):
        canonical.write(notebook(prose("a", LONG)), tmp_path / "02_x.ipynb")

    assert canonical.read(tmp_path / "02_x.ipynb").cells[0].source == "old"
    assert only(tmp_path) == ["02_x.ipynb"]


@pytest.fixture
def copies(tmp_path):
    """One chapter handed out, run by the learner, and since then changed in the course."""
    source, mine = tmp_path / "notebooks", tmp_path / "my_course"
    source.mkdir()
    canonical.write(notebook(prose("a", "first"), code("b")), source / "00_start_here.ipynb")
    Copies(mine, source).refresh()
    canonical.write(notebook(prose("a", "second"), code("b")), source / "00_start_here.ipynb")
    return mine, source


@pytest.mark.parametrize("step", ["refresh", "fresh"])
def test_an_update_on_a_full_disk_keeps_the_learners_copy(copies, full_disk, step, only):
    mine, source = copies
    before = (mine / "00_start_here.ipynb").read_bytes()

    with full_disk(), pytest.raises(NotWrittenError):
        if step == "refresh":
            Copies(mine, source).refresh()
        else:
            Copies(mine, source).fresh(source / "00_start_here.ipynb")

    assert (mine / "00_start_here.ipynb").read_bytes() == before
    assert only(mine / "earlier") == []
    assert "takes the place" in Copies(mine, source).refresh()[0]  # as soon as there is room


def test_a_full_disk_is_one_line_in_the_lab(copies, monkeypatch, capsys):
    def full(*_):
        raise NotWrittenError("02.ipynb could not be written (No space left on device)")

    monkeypatch.setattr(lab, "MINE", copies[0])
    monkeypatch.setattr(lab, "prepare", full)

    assert lab.main([]) == 1
    assert capsys.readouterr().err == ("course: 02.ipynb could not be written (No space left on "
                                       "device)\n")


def test_a_run_that_cannot_be_written_leaves_the_file_as_it_was(tmp_path, full_disk):
    path = tmp_path / "01_x.ipynb"
    canonical.write(notebook(code("a")), path)
    runs = seeds.Runs(tmp_path / "seeds.json")
    runs.add(path, 1, RUN)
    before = (tmp_path / "seeds.json").read_bytes()

    with full_disk(), pytest.raises(NotWrittenError):
        runs.add(path, 2, RUN)

    assert (tmp_path / "seeds.json").read_bytes() == before
    runs.add(path, 3, RUN)  # with room again, nothing of what was computed is missing
    assert list(seeds.Runs(tmp_path / "seeds.json").of(path)) == [1, 2, 3]


def test_seeds_go_on_when_a_run_cannot_be_written(tmp_path, monkeypatch, capsys):
    path = tmp_path / "01_x.ipynb"
    canonical.write(notebook(code("a")), path)
    monkeypatch.setattr(seeds, "RESULTS", tmp_path / "seeds.json")
    monkeypatch.setattr(seeds.chapters, "choose", lambda _: [path])
    monkeypatch.setattr(seeds, "run_all", lambda pending, _: ((job, RUN) for job in pending))
    monkeypatch.setattr(seeds, "report", lambda *_: 0)
    tried = []

    def sometimes(file, text):
        tried.append(text)
        if len(tried) == 1:
            raise NotWrittenError(f"{file} could not be written (No space left on device)")
        write_whole(file, text)

    monkeypatch.setattr(seeds, "write_whole", sometimes)

    assert seeds.main(["2"]) == 0
    assert "course: " in capsys.readouterr().err
    assert list(seeds.Runs(tmp_path / "seeds.json").of(path)) == [1, 2]


@pytest.mark.parametrize("text", ["", '{"01": {"co', "[]", '{"01": {}}', '{"01": {"code": 3}}'])
def test_damaged_runs_are_named_with_their_repair(tmp_path, monkeypatch, capsys, text):
    (tmp_path / "seeds.json").write_text(text)
    monkeypatch.setattr(seeds, "RESULTS", tmp_path / "seeds.json")
    monkeypatch.setattr(ledger, "problems", lambda *_: [])
    monkeypatch.setattr(ledger, "read_chapters", lambda _: [])

    assert seeds.main(["1", "00"]) == 1
    assert "is damaged" in (told := capsys.readouterr().err) and "git restore" in told
    assert told.startswith("course: ") and told.count("\n") == 1
    found = ledger.current()[1]
    assert len(found) == 1 and "is damaged" in found[0]
    assert (tmp_path / "seeds.json").read_text() == text


def test_a_rebuilt_data_file_replaces_the_old_one_in_one_move():
    text = (paths.root() / "data" / "build_data.py").read_text(encoding="utf-8")
    assert text.count("write_whole(") == 3 and "write_bytes(" not in text


def test_the_helper_needs_nothing_but_the_standard_library():
    program = "import sys, course_utils.files; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", f"import json; {program}"], cwd=paths.root(),
                          capture_output=True, encoding="utf-8", check=True)  # fmt: skip
    assert not {"torch", "numpy", "matplotlib"} & set(json.loads(done.stdout))


def test_the_table_of_faults_names_tests_that_exist():
    rows = re.findall(r"^\| .+ \| ([\w/]+\.py)(?:::(\w+))? \| .+ \|$", faults.__doc__, re.M)
    assert len(rows) > 35
    for file, name in rows:
        text = (paths.root() / "tests" / file).read_text(encoding="utf-8")
        assert f"def {name}(" in text, (file, name)
