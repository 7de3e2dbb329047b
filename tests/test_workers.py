"""Starting scripts on worker processes: results by rank, errors in words, nothing left running."""
# ruff: noqa: F821  (the workers' functions become scripts with imports of their own)

import inspect
import os
import sys
import time

import psutil
import pytest

from course_utils import workers
from course_utils.workers import WorkerError, run_workers, write_script

TORCH = "import torch\nimport torch.distributed as dist"


def add_ranks(folder):
    dist.init_process_group("gloo")
    x = torch.full((3,), float(dist.get_rank() + 1))
    dist.all_reduce(x)
    torch.save({"sum": x, "threads": os.environ["OMP_NUM_THREADS"]},
               Path(folder, f"{dist.get_rank()}.pt"))
    dist.destroy_process_group()


def raise_in_the_second(folder):
    if os.environ["RANK"] == "1":
        raise ZeroDivisionError("nothing to divide")


def leave_nothing(folder):
    pass


def wait_for_ever(folder):
    import time
    Path(folder, "pid").write_text(str(os.getpid()), encoding="utf-8")
    time.sleep(1000)


@pytest.fixture
def as_on_windows(monkeypatch):
    """Workers are started without torchrun, in half the time."""
    monkeypatch.setattr(workers, "HAS_TORCHRUN", False)


@pytest.mark.parametrize("torchrun", [True, False], ids=["by torchrun", "as on Windows"])
def test_two_workers_add_and_each_result_comes_back_by_rank(tmp_path, monkeypatch, torchrun):
    monkeypatch.setattr(workers, "HAS_TORCHRUN", torchrun)

    found = run_workers(write_script(tmp_path / "add.py", TORCH, add_ranks), 2)

    assert [one["sum"].tolist() for one in found] == [[3.0] * 3] * 2
    assert {one["threads"] for one in found} == {"1"}


def test_a_script_holds_the_functions_as_they_stand_and_runs_the_last(tmp_path):
    script = write_script(tmp_path / "a.py", "import math", leave_nothing, add_ranks)
    text = script.read_text(encoding="utf-8")

    assert inspect.getsource(add_ranks) in text and "import math\n" in text
    assert "        add_ranks(sys.argv[1])" in text
    compile(text, "a.py", "exec")


@pytest.mark.parametrize("function", [lambda folder: None, len], ids=["a lambda", "built in"])
def test_a_function_without_a_text_is_refused_with_advice(tmp_path, function):
    with pytest.raises(ValueError, match="define it with"):
        write_script(tmp_path / "a.py", "", function)
    assert not (tmp_path / "a.py").exists()


def test_a_script_without_functions_is_refused(tmp_path):
    with pytest.raises(ValueError, match="needs a function"):
        write_script(tmp_path / "a.py", "")


def test_the_workers_own_traceback_is_in_the_message(tmp_path, as_on_windows):
    script = write_script(tmp_path / "a.py", "", raise_in_the_second)

    with pytest.raises(WorkerError, match=r"(?s)worker 1 of a\.py raised.*nothing to divide"):
        run_workers(script, 2)


def test_an_error_of_an_earlier_run_is_forgotten(tmp_path, as_on_windows):
    (tmp_path / "a-results").mkdir()
    (tmp_path / "a-results" / "error-0.txt").write_text("old", encoding="utf-8")
    (tmp_path / "a-results" / "0.pt").write_text("old", encoding="utf-8")

    with pytest.raises(WorkerError, match="no result of worker 0"):
        run_workers(write_script(tmp_path / "a.py", "", leave_nothing), 1)


def test_what_hangs_is_ended_with_all_its_workers(tmp_path, as_on_windows):
    begin = time.monotonic()
    with pytest.raises(WorkerError, match="did not end within"):
        run_workers(write_script(tmp_path / "a.py", "", wait_for_ever), 1, seconds=8)

    assert time.monotonic() - begin < 60
    written = tmp_path / "a-results" / "pid"
    assert not written.exists() or not psutil.pid_exists(int(written.read_text(encoding="utf-8")))


def test_wrong_arguments_are_refused_before_anything_starts(tmp_path):
    with pytest.raises(ValueError, match="workers is 0"):
        run_workers(tmp_path / "a.py", 0)
    with pytest.raises(FileNotFoundError, match="run the cell that writes it"):
        run_workers(tmp_path / "a.py", 1)


@pytest.mark.parametrize(("system", "name", "value"), [
    ("win32", "USE_LIBUV", "0"), ("linux", "GLOO_SOCKET_IFNAME", "lo"),
    ("darwin", "GLOO_SOCKET_IFNAME", "lo0")])
def test_each_system_gets_what_it_needs(monkeypatch, system, name, value):
    monkeypatch.setattr(workers.sys, "platform", system)

    assert workers._environment()[name] == value
    assert workers._environment()["MASTER_ADDR"] == "127.0.0.1"


def test_a_missing_dask_is_said_with_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)

    with pytest.raises(ModuleNotFoundError, match="pip install distributed"):
        workers.start_cluster(1)


