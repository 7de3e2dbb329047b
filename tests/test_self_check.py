"""The check of the computer: each thing that can be wrong is found and comes with advice."""

import re
import shutil
import tomllib

import pytest

from course_utils import paths, self_check
from course_utils.self_check import Finding, examine, this_computer


def finding(name):
    return next(each for each in examine() if each.name == name)


@pytest.fixture
def installed(monkeypatch):
    """Pretend that a package has another version, or None."""
    real = self_check._installed

    def pretend(package, version):
        monkeypatch.setattr(self_check, "_installed",
                            lambda name: version if name == package else real(name))
    return pretend


def test_this_computer_is_ready():
    wrong = [each for each in examine() if not each.ok]
    assert wrong == []
    assert all(each.found and not each.advice for each in examine())


def test_the_oldest_versions_are_those_of_the_package():
    path = paths.root() / "pyproject.toml"
    project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
    needs = dict(re.fullmatch(r"([\w-]+)>=([\d.]+)", need).groups()
                 for need in project["dependencies"])
    assert needs == self_check.OLDEST
    assert project["requires-python"] == f">={'.'.join(map(str, self_check.OLDEST_PYTHON))}"


@pytest.mark.parametrize(("version", "numbers"), [
    ("2.13.0+cpu", (2, 13, 0)), ("2.6", (2, 6)), ("10.0rc1", (10, 0)), ("unknown", ())])
def test_versions_are_compared_by_their_numbers(version, numbers):
    assert self_check._numbers(version) == numbers


def test_python_too_old(monkeypatch):
    monkeypatch.setattr(self_check.sys, "version_info", (3, 10, 4))
    python = finding("Python")
    assert not python.ok and "3.10.4" in python.found and "3.11" in python.advice


@pytest.mark.parametrize(("version", "found"), [(None, "tqdm is missing"), ("4.9", "tqdm 4.9")])
def test_a_package_missing_or_too_old(installed, version, found):
    installed("tqdm", version)
    packages = finding("packages")
    assert not packages.ok and packages.found == found
    assert '%pip install "tqdm>=4.66"' in packages.advice


def test_newer_versions_are_fine(installed):
    installed("torch", "10.0.1+cu999")
    assert finding("packages").ok


def test_a_device_that_is_not_there(monkeypatch):
    monkeypatch.setenv("COURSE_DEVICE", "cuda:99")
    device = finding("device")
    assert not device.ok and "cuda:99" in device.found and "COURSE_DEVICE" in device.advice


def test_a_device_that_cannot_compute(monkeypatch):
    class Broken:
        def to(self, device):
            raise RuntimeError("no kernel image is available\nlong story")
    monkeypatch.setattr(self_check.torch, "arange",
                        lambda *_: type("A", (), {"reshape": lambda *_: Broken()})())
    device = finding("device")
    assert not device.ok and device.found.endswith("no kernel image is available")
    assert "COURSE_DEVICE=cpu" in device.advice


def test_damaged_data(monkeypatch, tmp_path):
    shutil.copytree(paths.data_dir(), tmp_path / "data", ignore=shutil.ignore_patterns("*.py"))
    broken = tmp_path / "data" / "births.csv.gz"
    broken.write_bytes(broken.read_bytes()[:1000])
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    data = finding("data files")
    assert not data.ok and "births" in data.found and "digits" not in data.found
    assert "build_data.py births" in data.advice


def test_a_study_folder_that_cannot_be_written(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("COURSE_STUDY_DIR", str(tmp_path / "file" / "study"))
    study = finding("study folder")
    assert not study.ok and "cannot be written" in study.found
    assert "COURSE_STUDY_DIR" in study.advice


def test_half_of_the_widgets(installed):
    installed("jupyterlab_widgets", None)
    monkey = finding("widgets")
    if self_check._installed("jupyterlab"):
        assert not monkey.ok and "jupyterlab_widgets" in monkey.advice


def test_a_look_that_fails_is_a_finding(monkeypatch):
    def fails():
        raise KeyError("surprise")
    monkeypatch.setitem(self_check.LOOKS, "data files", fails)
    broken = finding("data files")
    assert not broken.ok and "KeyError" in broken.found and "course.py lab" in broken.advice
    assert finding("widgets").ok


# ---- shown in the notebook ----------------------------------------------------------------------


def test_headless_nothing_of_this_computer_is_stored(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_STUDY_DIR", str(tmp_path))
    data, _ = this_computer()._repr_mimebundle_()
    assert set(data) == {"text/plain", "text/html"}
    shown = "".join(data.values())
    for each in examine():
        assert each.name in shown and each.found not in shown
    assert str(tmp_path) not in shown


@pytest.fixture
def watched(monkeypatch):
    """As in a notebook with somebody in front of it."""
    monkeypatch.delenv("COURSE_HEADLESS")
    monkeypatch.setattr(self_check, "examine", lambda: [
        Finding("good", True, "all <well>"), Finding("bad", False, "broken", "run `mend` now")])


def test_what_is_wrong_is_shown_with_its_advice(watched):
    data, _ = this_computer()._repr_mimebundle_()
    assert "1 to mend" in data["text/html"] and data["text/plain"] == "this computer: 1 to mend"
    assert "all &lt;well&gt;" in data["text/html"]
    assert re.search(r"run <code[^>]*>mend</code> now", data["text/html"])


def test_the_button_answers(watched):
    shown = this_computer()
    button, words = shown.widget.children[1].children
    assert "Not tried yet" in words.value

    button.click()

    assert "✓ It does" in words.value
    data, _ = shown._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == shown.widget.model_id
    assert "no button shows" in data["text/html"]          # what stands there without widgets
