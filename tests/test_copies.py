"""my_course/: a learner's work is never overwritten, and an update still reaches the learner."""

import os

import pytest

from tests.notebook_maker import code, notebook, prose, stream
from tools import canonical
from tools.copies import Copies, fingerprint

NAME = "02_regression.ipynb"


class Course:
    """A course of two chapters in a temporary folder, and one learner."""

    def __init__(self, root):
        self.source, self.mine = root / "notebooks", root / "my_course"
        self.source.mkdir()
        self.publish("00_start_here.ipynb", "hello")
        self.publish(NAME, "first")

    def publish(self, name, text):
        book = notebook(prose("a", text), code("b", outputs=[stream("spoiler")], count=1))
        canonical.write(book, self.source / name)

    def start(self):
        return Copies(self.mine, self.source).refresh()

    def edit(self, name, text):
        book = canonical.read(self.mine / name)
        book.cells[0].source = text
        canonical.write(book, self.mine / name)

    def run(self, name):
        """The learner runs all cells and saves: outputs and counts, same sources."""
        book = canonical.read(self.mine / name)
        book.cells[1].outputs, book.cells[1].execution_count = [stream("mine")], 12
        canonical.write(book, self.mine / name)

    def text(self, name):
        return canonical.read(self.mine / name).cells[0].source

    def files(self):
        return sorted(p.relative_to(self.mine).as_posix() for p in self.mine.rglob("*.ipynb"))


@pytest.fixture
def course(tmp_path):
    return Course(tmp_path)


def test_the_first_start_hands_out_every_chapter_without_outputs(course):
    assert course.start() == []
    assert course.files() == ["00_start_here.ipynb", NAME]
    assert "spoiler" not in (course.mine / NAME).read_text(encoding="utf-8")


def test_a_second_start_changes_nothing(course):
    course.start()
    course.edit(NAME, "my words")
    before = {name: (course.mine / name).read_bytes() for name in course.files()}

    assert course.start() == []
    assert {name: (course.mine / name).read_bytes() for name in course.files()} == before


def test_an_update_replaces_a_copy_that_was_only_run_and_keeps_the_old_one(course):
    course.start()
    course.run(NAME)
    course.publish(NAME, "second")
    (said,) = course.start()

    assert course.text(NAME) == "second"
    (kept,) = [name for name in course.files() if name.startswith("earlier/")]
    assert "mine" in (course.mine / kept).read_text(encoding="utf-8") and kept in said


def test_an_update_is_put_beside_a_copy_that_was_changed(course):
    course.start()
    course.edit(NAME, "my words")
    course.publish(NAME, "second")
    (said,) = course.start()

    assert course.text(NAME) == "my words"
    assert course.text("02_regression.new.ipynb") == "second"
    assert "stays as you left it" in said and "02_regression.new.ipynb" in said


def test_an_update_is_offered_once(course):
    course.start()
    course.edit(NAME, "my words")
    course.publish(NAME, "second")
    course.start()

    assert course.start() == []
    (course.mine / "02_regression.new.ipynb").unlink()
    assert course.start() == []


def test_a_third_version_does_not_overwrite_the_second_one(course):
    course.start()
    course.edit(NAME, "my words")
    for text in ("second", "third"):
        course.publish(NAME, text)
        course.start()

    assert course.text("02_regression.new.ipynb") == "second"
    assert course.text("02_regression.new-2.ipynb") == "third"


def test_a_learner_who_already_has_the_new_sources_hears_nothing(course):
    course.start()
    course.edit(NAME, "second")
    course.publish(NAME, "second")

    assert course.start() == [] and course.files() == ["00_start_here.ipynb", NAME]
    course.publish(NAME, "third")
    course.start()
    assert course.text(NAME) == "third"


def test_new_outputs_in_the_course_are_no_update(course):
    course.start()
    book = canonical.read(course.source / NAME)
    book.cells[1].outputs = [stream("measured again")]
    canonical.write(book, course.source / NAME)

    assert course.start() == []


@pytest.mark.parametrize("note", [None, "not json", "[]", '{"02_regression.ipynb": 3}'])
def test_without_its_note_a_copy_counts_as_changed(course, note):
    course.start()
    file = course.mine / ".handed_out.json"
    file.unlink() if note is None else file.write_text(note, encoding="utf-8")
    course.publish(NAME, "second")
    course.start()

    assert course.text(NAME) == "first"
    assert course.text("02_regression.new.ipynb") == "second"


def test_a_copy_that_is_no_notebook_any_more_is_left_alone(course):
    course.start()
    (course.mine / NAME).write_text("half a file", encoding="utf-8")
    course.publish(NAME, "second")
    course.start()

    assert (course.mine / NAME).read_text(encoding="utf-8") == "half a file"
    assert course.text("02_regression.new.ipynb") == "second"


def test_a_deleted_copy_is_handed_out_again(course):
    course.start()
    (course.mine / NAME).unlink()
    course.start()

    assert course.text(NAME) == "first"


def test_fresh_starts_a_chapter_anew_and_keeps_every_old_copy(course):
    course.start()
    for words in ("my words", "more words"):
        course.edit(NAME, words)
        said = Copies(course.mine, course.source).fresh(course.source / NAME)
        assert "yours is kept as earlier/" in said

    kept = [name for name in course.files() if name.startswith("earlier/")]
    assert course.text(NAME) == "first"
    assert sorted(course.text(name) for name in kept) == ["more words", "my words"]


def test_the_lab_goes_on_with_the_copy_saved_last(course):
    course.start()
    copies = Copies(course.mine, course.source)
    assert copies.last_touched().name == "00_start_here.ipynb"

    course.run(NAME)
    os.utime(course.mine / NAME, ns=(10**18, 2 * 10**18))
    assert copies.last_touched().name == NAME

    course.run("00_start_here.ipynb")
    os.utime(course.mine / "00_start_here.ipynb", ns=(10**18, 3 * 10**18))
    assert copies.last_touched().name == "00_start_here.ipynb"


def test_an_update_does_not_count_as_work_of_the_learner(course):
    course.start()
    course.publish(NAME, "second")
    course.start()

    assert Copies(course.mine, course.source).last_touched().name == "00_start_here.ipynb"


def test_a_fingerprint_sees_sources_and_nothing_else():
    book = notebook(code("a", "x = 1\n"))
    same = notebook(code("renamed", "x = 1", outputs=[stream("1")], count=3, tags=["slow"]))

    assert fingerprint(book) == fingerprint(same)
    assert fingerprint(book) != fingerprint(notebook(code("a", "x = 2")))
    assert fingerprint(book) != fingerprint(notebook(prose("a", "x = 1")))
