"""Colab simulated: nothing but a notebook in an empty folder, and the repository as a git remote.

A kernel starts where `google.colab` is loaded, as there. What this cannot show is listed in
docs/colab.md.
"""

import json
import os
import shutil
import subprocess
import time

import pytest
from jupyter_client.manager import start_new_kernel

from tests.notebook_maker import code, notebook, prose
from tools import bootstrap, canonical, chapters, kernel, play, rules

GITHUB = "https://github.com/me/ml-measured"
LINK = ("\n\n[Open this chapter on Colab](https://colab.research.google.com/github/me/ml-measured/"
        "blob/main/notebooks/02_regression.ipynb)")


@pytest.mark.parametrize("address", [GITHUB, GITHUB + ".git", GITHUB + "/"])
def test_a_repository_on_github_gives_a_link(address):
    assert bootstrap.with_badge("# 02", "02_regression.ipynb", address) == "# 02" + LINK


@pytest.mark.parametrize("address", ["", "https://example.org/me/ml", "/srv/git/ml"])
def test_what_colab_cannot_open_gives_none_and_takes_an_old_one_away(address):
    assert bootstrap.with_badge("# 02" + LINK, "02_regression.ipynb", address) == "# 02"


def test_the_link_is_put_once():
    once = bootstrap.with_badge("# 02", "02_regression.ipynb", GITHUB)

    assert bootstrap.with_badge(once, "02_regression.ipynb", GITHUB) == once


def test_check_refuses_a_chapter_whose_link_is_not_that_of_the_setting(tmp_path, monkeypatch):
    path = tmp_path / "02_regression.ipynb"
    canonical.write(notebook(prose("title", "# 02"), code("run", "1")), path)
    monkeypatch.setattr(bootstrap, "repository", lambda: "")
    assert rules.has_its_link_to_colab(rules.Chapter.read(path)) == []

    monkeypatch.setattr(bootstrap, "repository", lambda: GITHUB)
    (found,) = rules.has_its_link_to_colab(rules.Chapter.read(path))
    assert "python -m tools.bootstrap" in found


def git(folder, *words):
    who = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True,
                   env=clean | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"})


@pytest.fixture(scope="module")
def remote(tmp_path_factory):
    """A git repository of what the course needs on Colab, with one commit."""
    if shutil.which("git") is None:
        pytest.skip("git is missing")
    folder = tmp_path_factory.mktemp("remote")
    leave = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    for name in ("course_utils", "data"):
        shutil.copytree(chapters.ROOT / name, folder / name, ignore=leave)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "the course")
    return folder


@pytest.fixture(scope="module")
def colab(remote, tmp_path_factory):
    """A kernel in a folder that holds one notebook, with `google.colab` loaded."""
    folder, scratch = tmp_path_factory.mktemp("content"), tmp_path_factory.mktemp("private")
    source = canonical.read(chapters.choose(["02"])[0])
    page = play.page(source, ["live-playground"])
    for cell in page.cells:
        if bootstrap.is_bootstrap(cell):
            cell.source = bootstrap.source_for(remote.as_uri())
    canonical.write(page, folder / "02_regression.ipynb")
    stub = scratch / "stub"
    (stub / "google" / "colab").mkdir(parents=True)
    (stub / "google" / "__init__.py").touch()
    (stub / "google" / "colab" / "__init__.py").touch()
    (stub / "sitecustomize.py").write_text("import google.colab\n", encoding="utf-8")
    usual = {k: v for k, v in kernel.test_environment(scratch).items() if k != "COURSE_HEADLESS"}
    manager, client = start_new_kernel(cwd=str(folder), env=usual | {"PYTHONPATH": str(stub)},
                                       startup_timeout=120)
    yield Kernel(client, folder)
    client.stop_channels()
    manager.shutdown_kernel(now=True)


class Kernel:
    """The kernel's client: run code, click a button, and hear what the page would hear."""

    def __init__(self, client, folder):
        self.client, self.folder = client, folder

    def run(self, source):
        """Messages to the page until the cell is done; a traceback fails the test."""
        heard = self._until_idle(self.client.execute(source))
        errors = [m["content"] for m in heard if m["msg_type"] == "error"]
        assert not errors, f"{errors[0]['ename']}: {errors[0]['evalue']}"
        return heard

    def value(self, expression):
        """A value of the kernel, by way of JSON."""
        printed = self.run(f"import json; print(json.dumps({expression}))")
        return json.loads("".join(m["content"]["text"] for m in printed
                                  if m["msg_type"] == "stream"))

    def click(self, button):
        """Send what a page sends when a button is clicked; returns what came back meanwhile."""
        model = self.value(f"{button}.model_id")
        message = self.client.session.msg("comm_msg", {
            "comm_id": model, "data": {"method": "custom", "content": {"event": "click"}}})
        self.client.shell_channel.send(message)
        return self._until_idle(message["header"]["msg_id"])

    def _until_idle(self, id, seconds=300):
        heard, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            message = self.client.get_iopub_msg(timeout=seconds)
            if message["parent_header"].get("msg_id") != id:
                continue
            heard.append(message)
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return heard
        raise AssertionError("the kernel did not finish")


def pictures(heard):
    """How many times the playground sent a new picture."""
    return sum(["value"] in m["content"]["data"].get("buffer_paths", [])
               for m in heard if m["msg_type"] == "comm_msg")


@pytest.mark.slow
def test_from_an_empty_folder_a_playground_trains_inside_the_click(colab):
    cells = canonical.read(colab.folder / "02_regression.ipynb").cells
    for cell in cells:
        if cell.cell_type == "code":
            colab.run(cell.source)
    colab.run("shown = _")

    assert (colab.folder / "course" / "course_utils").is_dir()
    assert colab.value("__import__('course_utils').__file__").startswith(
        str((colab.folder / "course").resolve()))
    assert colab.value("[shown.mode, shown._transport.run.description]") == ["click", "Run steps"]

    heard = colab.click("shown._transport.run")
    step = colab.value("shown.current.step")
    assert 1 <= step <= 100 and colab.value("shown.state") in ("paused", "done")
    assert pictures(heard) >= 2, "the picture did not move while the click was worked on"

    colab.click("shown._transport.run")
    assert colab.value("shown.current.step") > step
    colab.click("shown._transport.reset")
    assert colab.value("[shown.current.step, shown.state]") == [0, "ready"]


@pytest.mark.slow
def test_run_again_it_fetches_nothing(colab):
    (cell,) = (c for c in canonical.read(colab.folder / "02_regression.ipynb").cells
               if bootstrap.is_bootstrap(c))
    before = (colab.folder / "course" / ".git").stat().st_mtime_ns

    colab.run(cell.source)

    assert (colab.folder / "course" / ".git").stat().st_mtime_ns == before
