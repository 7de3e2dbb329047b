"""In other surroundings a chapter says the same: quick proofs (all of it: course.py matrix).

They run the first cells of chapter 00, as stored: these read a data set, ask for a prediction,
measure, draw, and decide. All in a folder whose name has a space and letters beyond ASCII.
"""

import os
import subprocess
import sys

import pytest

from tools import canonical, chapters, kernel, matrix_rows, proof, surroundings
from tools.copies import Copies

LAST = "start-verdict"


@pytest.fixture(scope="module")
def small_course():
    """A copy of the course with two chapters, each as short as that section."""
    with surroundings.odd_folder() as root:
        first, second = chapters.notebooks(root / "notebooks")[:2]
        for path in chapters.notebooks(root / "notebooks")[2:]:
            path.unlink()
        book = canonical.read(first)
        ids = [cell.id for cell in book.cells]
        book.cells = book.cells[:ids.index(LAST) + 1]
        for path in (first, second):
            canonical.write(book, path)
        yield root


def assert_as_stored(outcome):
    assert outcome.result == matrix_rows.PASSED, outcome.words
    assert "texts" in outcome.words and " 0 texts" not in outcome.words


def test_locale_c_a_home_folder_that_cannot_be_written_and_no_network_at_once(small_course):
    before, variables, _ = surroundings.without_network()
    with surroundings.read_only_home() as way:
        if way is None:
            pytest.skip("no such folder can be made on this system")
        options = matrix_rows.kernel_with(surroundings.LOCALE_C | way[1])

        assert_as_stored(matrix_rows.prove(["00"], *options, root=small_course,
                                           before=[*before, *way[0]], variables=variables))


def test_cells_run_twice(small_course):
    assert_as_stored(matrix_rows.prove(["00"], "--twice", root=small_course))


def test_chapters_in_one_kernel(small_course):
    assert_as_stored(matrix_rows.prove(["00", "01"], "--one-kernel", "1", root=small_course))


# --- What the surroundings are -------------------------------------------------------------

OUTSIDE = "192.0.2.1"       # reserved for documentation: nobody's address
TRIAL = f"""
import socket
with socket.socket() as door, socket.socket() as visitor:
    door.bind(("127.0.0.1", 0)); door.listen()
    visitor.connect(door.getsockname())
for host, trouble in (({OUTSIDE!r}, OSError), ("example.org", OSError)):
    try:
        socket.create_connection((host, 80), timeout=5)
    except TimeoutError:
        print("tried", host)
    except trouble as error:
        print("refused", host)
"""


def run_without_network(before, variables):
    done = subprocess.run([*before, sys.executable, "-c", TRIAL], capture_output=True, check=False,
                          encoding="utf-8", env=os.environ | variables)
    return done.stdout.splitlines(), done.stderr


@pytest.mark.parametrize("by_the_system", [True, False])
def test_a_blocked_network_still_has_this_computer(by_the_system, monkeypatch):
    monkeypatch.setattr(surroundings, "_may_leave_the_network", lambda: by_the_system)
    if by_the_system and not leaving_is_permitted():
        pytest.skip("the system does not let us leave the network")

    said, trouble = run_without_network(*surroundings.without_network()[:2])
    assert said == [f"refused {OUTSIDE}", "refused example.org"], trouble


def leaving_is_permitted():
    done = subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False) \
        if sys.platform == "linux" else None
    return done is not None and done.returncode == 0


def test_nothing_can_be_written_into_the_read_only_home():
    trial = "import os, sys; os.mkdir(os.environ['HOME'] + '/course')"
    with surroundings.read_only_home() as way:
        if way is None:
            pytest.skip("no such folder can be made on this system")
        before, changes = way
        variables = kernel.changed(os.environ, changes)
        done = subprocess.run([*before, sys.executable, "-c", trial], capture_output=True,
                              encoding="utf-8", check=False, env=variables)

    assert done.returncode and "Error: [Errno" in done.stderr
    assert changes["COURSE_STUDY_DIR"] is None


def test_an_update_replaces_untouched_copies_and_leaves_touched_ones(small_course):
    before = [path.read_bytes() for path in chapters.notebooks(small_course / "notebooks")]

    assert surroundings.update_copies(small_course, ["00", "01"]) == []
    now = [path.read_bytes() for path in chapters.notebooks(small_course / "notebooks")]
    assert now == before
    assert "a line of my own" in (small_course / "my_course" / "01_pytorch_basics.ipynb").read_text(
        encoding="utf-8")


def test_an_update_that_overwrites_work_would_be_seen(small_course, monkeypatch):
    monkeypatch.setattr(Copies, "_put_beside", lambda copies, new, mine, current:
                        canonical.write(new, mine))
    found = surroundings.update_copies(small_course, ["00", "01"])

    assert "a touched copy was changed" in found
    assert "the new version is not beside the touched copy" in found


def test_a_copy_runs_as_the_chapter_does(small_course, monkeypatch):
    ran = []
    monkeypatch.setattr(chapters, "NOTEBOOKS", small_course / "notebooks")
    monkeypatch.setattr(proof.execute, "execute", lambda book, folder, changes:
                        ran.append((book, folder)) or book)
    surroundings.update_copies(small_course, ["00", "01"])
    every = chapters.notebooks(small_course / "notebooks")

    assert [name for name, _, _ in proof.each(every, {}, small_course / "my_course")] == [
        "00", "01"]
    assert [folder.name for _, folder in ran] == ["my_course", "my_course"]
