"""One set of tested versions: requirements, environment.yml and pyproject.toml hold together."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def pins(name):
    """package -> pinned version; every line must be a pin, a comment or a reference."""
    found = {}
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        line = line.split("#")[0].strip()
        if line and not line.startswith("-r "):
            package, version = re.fullmatch(r"([a-z0-9_-]+)==([\w.]+)", line).groups()
            found[package] = Version(version)
    assert found, f"{name} pins nothing"
    return found


LEARN, DEVELOP, SITE, COLAB = map(pins, ("requirements.txt", "requirements-dev.txt",
                                         "requirements-site.txt", "requirements-colab.txt"))
RANGES = {r.name: r.specifier for r in map(Requirement, PROJECT["dependencies"])}


def test_the_tested_versions_and_colabs_older_ones_lie_in_the_packages_ranges():
    for name, specifier in RANGES.items():
        assert LEARN[name] in specifier, name
        assert COLAB[name] in specifier, name


def test_what_the_package_imports_is_what_it_asks_for():
    text = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "course_utils").rglob("*.py"))
    imported = set(re.findall(r"^ *(?:import|from) ([a-zA-Z_]+)", text, re.MULTILINE))
    names = {"PIL": "pillow", "IPython": "ipython"}
    used = {names.get(name, name) for name in imported}

    assert set(RANGES) <= used | {"ipython"}, "asked for but not imported"
    assert used & set(LEARN) <= set(RANGES) | {"nbformat"}, "imported but not asked for"


def test_learners_and_tests_never_ask_for_two_versions_of_one_package():
    assert not set(LEARN) & set(DEVELOP) and not set(SITE) & (set(LEARN) | set(DEVELOP))
    text = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
    assert "-r requirements.txt" in text and "-r requirements-site.txt" in text


def test_both_stacks_use_the_same_torch_and_test_tools():
    assert COLAB["torch"] == LEARN["torch"]
    for name in {"pytest", "pytest-xdist", "nbval", "hypothesis"}:
        assert COLAB[name] == DEVELOP[name]


def test_the_second_stack_is_the_older_widget_generation():
    assert {name: str(COLAB[name]) for name in ("ipywidgets", "ipython", "ipykernel", "traitlets",
                                                "numpy", "matplotlib")} == {
        "ipywidgets": "7.7.1", "ipython": "7.34.0", "ipykernel": "6.17.1", "traitlets": "5.7.1",
        "numpy": "2.1.3", "matplotlib": "3.10.0"}


def test_conda_installs_the_same_list():
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")

    assert re.search(r"^ +- -r requirements\.txt$", text, re.MULTILINE)
    assert not re.search(r"==", text), "versions belong into requirements.txt"
    python = re.search(r"python=(\d+\.\d+)", text).group(1)
    assert Version(python) in SpecifierSet(PROJECT["requires-python"])


def test_the_front_door_asks_for_the_same_python():
    import course

    assert PROJECT["requires-python"] == ">=" + ".".join(map(str, course.NEEDED))


def test_the_package_has_the_version_of_its_description():
    import course_utils

    assert PROJECT["version"] == course_utils.__version__


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "environment.yml",
                                  "requirements-colab.txt", "requirements-site.txt",
                                  "pyproject.toml"])
def test_no_registry_is_named(name):
    assert not re.search(r"https?://(?!example\.org)", (ROOT / name).read_text(encoding="utf-8"))
