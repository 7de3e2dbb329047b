"""The image for Binder and JupyterHub: its lock file, and the script before each server."""

import os
import stat
import subprocess
import sys

import pytest

from tools import chapters
from tools.stacks import pins

BINDER = chapters.ROOT / ".binder"


def test_the_lock_file_holds_the_learners_pins():
    locked = dict(pins(".binder/requirements.txt"))
    assert all(locked[name].split("+")[0] == version for name, version in pins("requirements.txt"))
    assert len(locked) > 60 and "nbgitpuller" in locked


@pytest.mark.skipif(os.name == "nt", reason="a hub's image is Linux")
def test_the_start_script_caps_threads_and_makes_copies_before_the_server(tmp_path):
    home, course = tmp_path / "home", tmp_path / "course"
    for folder in (home, course / "tools", tmp_path / "bin"):
        folder.mkdir(parents=True)
    (course / "tools" / "__init__.py").touch()
    (course / "tools" / "copies.py").write_text("import sys; print('copies in', sys.argv[1])",
                                                encoding="utf-8")
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    puller = tmp_path / "bin" / "gitpuller"
    puller.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    puller.chmod(0o755)
    given = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "HOME": str(home)}
    start = [str(BINDER / "start"), "sh", "-c", "echo threads $OMP_NUM_THREADS, $PYTHONPATH"]

    done = subprocess.run(start, env=given | {"COURSE_FOLDER": str(course)}, cwd=home,
                          capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.splitlines() == [f"copies in {course}/my_course", f"threads 1, {course}"]

    done = subprocess.run(start, env=given | {"COURSE_REPOSITORY": "file:///nowhere"}, cwd=home,
                          capture_output=True, encoding="utf-8", check=True)
    assert "could not fetch" in done.stderr and "threads 1" in done.stdout
    assert os.stat(BINDER / "start").st_mode & stat.S_IXUSR
