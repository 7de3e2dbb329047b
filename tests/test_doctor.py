"""`course.py doctor` names what is wrong, goes on, and says so in its exit status."""

import pytest

from course_utils import self_check
from tools import doctor


def test_a_package_of_another_version_is_noted_and_a_missing_one_is_wrong(tmp_path, monkeypatch):
    (tmp_path / "requirements.txt").write_text("pytest==0.1\nno-such-thing==1.0\n",
                                               encoding="utf-8")
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    (other, missing) = doctor.packages()

    assert other[0] == doctor.NOTE and "tested with 0.1" in other[1]
    assert missing[0] == doctor.BAD and "no-such-thing is missing" in missing[1]


def test_one_question_that_fails_does_not_silence_the_others(monkeypatch, capsys):
    def broken():
        raise ImportError("torch does not load")

    monkeypatch.setattr(doctor, "computer", broken)
    status = doctor.main([])
    said = capsys.readouterr().out

    assert status == 1
    assert "WRONG" in said and "torch does not load" in said and "free on the disk" in said


@pytest.mark.parametrize("grade", [doctor.OK, doctor.NOTE])
def test_notes_are_no_failure(monkeypatch, capsys, grade):
    for name in ("computer", "packages", "notebooks", "disk", "copies", "browser"):
        monkeypatch.setattr(doctor, name, lambda: [(grade, "words")])

    assert doctor.main([]) == 0


def test_what_the_notebooks_find_wrong_is_wrong_here_too(monkeypatch):
    found = [self_check.Finding("widgets", True, "they work"),
             self_check.Finding("data files", False, "births.csv.gz is damaged", "download it")]
    monkeypatch.setattr(self_check, "examine", lambda: found)

    assert doctor.notebooks() == [
        (doctor.OK, "widgets: they work"),
        (doctor.BAD, "data files: births.csv.gz is damaged; download it")]
