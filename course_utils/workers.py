"""Start a script on k worker processes, wait for them, and bring back what each of them found.

Plumbing for chapter 14. What a worker does stands in the notebook; the script is made of its cells.
A script's last function runs in every worker and leaves its result in a folder.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

RUNNER = '''

if __name__ == "__main__":
    import sys
    import traceback

    try:
        {main}(sys.argv[1])
    except Exception:
        Path(sys.argv[1], f"error-{{os.environ['RANK']}}.txt").write_text(
            traceback.format_exc(), encoding="utf-8")
        raise
'''
HAS_TORCHRUN = sys.platform != "win32"  # why: launch.py
LOOPBACK = {"linux": "lo", "darwin": "lo0"}  # Windows: gloo finds an address by itself


class WorkerError(RuntimeError):
    """A script failed on its workers, or did not end in time; the message says how."""


def write_script(path: Path, imports: str, *functions: Callable) -> Path:
    """Write a script for workers: imports, the text of the functions, a call of the last one.

    Args:
        path: the file; one that is there is replaced.
        imports: import statements; `os` and `Path` are there in any case.
        functions: defined with `def` in the notebook (or a worked answer). The last one is what
            each worker runs; it takes the folder for results.
    Returns:
        path.
    Raises:
        ValueError: no function, or one whose text cannot be read.
    """
    if not functions:
        raise ValueError("a script needs a function f(folder) that each worker runs")
    texts = [source_of(function) for function in functions]
    start = "from __future__ import annotations\n\nimport os\nfrom pathlib import Path\n"
    body = "\n\n".join([start + imports.strip() + "\n", *texts])
    body += RUNNER.format(main=functions[-1].__name__)
    path.write_text(body, encoding="utf-8")
    return path


def run_workers(script: Path, workers: int = 2, *, seconds: float = 900) -> list[Any]:
    """Run a script on several workers of this computer with torchrun (on Windows: launch.py).

    The workers find each other on 127.0.0.1; each computes with one thread.

    Args:
        script: gets a folder and leaves `torch.save(result, Path(folder, f"{rank}.pt"))` there.
        workers: how many processes, k.
        seconds: after so long everything that was started is ended.
    Returns:
        the result of each worker, by rank.
    Raises:
        ValueError: no worker. FileNotFoundError: no such script.
        WorkerError: a worker raised (its own traceback is in the message), left no result, or the
            time ran out.
    """
    import torch

    if not (isinstance(workers, int) and workers >= 1):
        raise ValueError(f"workers is {workers!r}; give a whole number from 1 on")
    if not script.is_file():
        raise FileNotFoundError(f"there is no script {script.name}; run the cell that writes it")
    folder = script.parent / f"{script.stem}-results"
    folder.mkdir(exist_ok=True)
    for old in [*folder.glob("*.pt"), *folder.glob("error-*.txt")]:
        old.unlink()
    command = [sys.executable, *_launcher(workers), str(script), str(folder)]
    said = _run(command, script.parent / f"{script.stem}.log", seconds, workers)
    errors = sorted(folder.glob("error-*.txt"))
    if errors:
        rank = errors[0].stem.removeprefix("error-")
        raise WorkerError(f"worker {rank} of {script.name} raised:\n\n"
                          + errors[0].read_text(encoding="utf-8"))
    results = [folder / f"{rank}.pt" for rank in range(workers)]
    lacking = [path.stem for path in results if not path.exists()]
    if lacking:
        raise WorkerError(f"{script.name}: no result of worker {', '.join(lacking)}. What was "
                          f"said last:\n\n{said}")
    return [torch.load(path, weights_only=True) for path in results]


def start_cluster(workers: int = 2, address: str | None = None) -> Any:
    """A client of a Dask cluster, of one on this computer unless an address is given.

    The one here has worker processes of one thread each, is bound to 127.0.0.1, has no dashboard,
    and ends with `client.close()`. A cluster that was there before is left running.

    Args:
        workers: how many processes, if the cluster is started here.
        address: of a scheduler, such as "tcp://10.0.0.5:8786".

    Raises:
        ModuleNotFoundError: Dask's `distributed` is not installed; says how to get it.
    """
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("Dask's scheduler is not installed. To go on, run "
                                  "`%pip install distributed`, then this cell again") from error
    if address is not None:
        return Client(address)
    return Client(
        n_workers=workers, threads_per_worker=1, processes=True, host="127.0.0.1",
        dashboard_address=None, memory_limit=0, silence_logs=50,
    )  # 50: only critical messages


def source_of(function: Callable) -> str:
    """The text of a function, as it goes into a script.

    Raises:
        ValueError: it has none that begins with `def`.
    """
    name = getattr(function, "__name__", repr(function))
    try:
        text = textwrap.dedent(inspect.getsource(function)).rstrip()
    except (OSError, TypeError):
        text = ""
    if not text.startswith("def "):
        raise ValueError(f"the text of {name} cannot be put into a script: define it with "
                         f"`def {name}(…):` in a cell of its own, without decorators")
    return text


def _launcher(workers: int) -> list[str]:
    """Arguments of Python that start the script after them in `workers` processes."""
    if not HAS_TORCHRUN:
        return [str(Path(__file__).with_name("launch.py")), str(workers)]
    return ["-m", "torch.distributed.run", "--standalone", "--local-addr=127.0.0.1",
            f"--nproc-per-node={workers}"]


def _environment() -> dict[str, str]:
    changes = {"OMP_NUM_THREADS": "1", "PYTHONUTF8": "1", "TORCH_CPP_LOG_LEVEL": "ERROR",
               "MASTER_ADDR": "127.0.0.1"}
    if sys.platform == "win32":
        changes["USE_LIBUV"] = "0"  # PyTorch's Windows builds come without it
    elif sys.platform in LOOPBACK:
        changes["GLOO_SOCKET_IFNAME"] = LOOPBACK[sys.platform]  # no network, no look-up of names
    return os.environ | changes


def _run(command: Sequence[str], log: Path, seconds: float, workers: int) -> str:
    """Run to the end or to the time limit; the last lines that were said.

    What they say goes to a file: a pipe that a surviving worker holds open would never end.
    """
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            env=_environment(), cwd=log.parent,
        )
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise WorkerError(
                f"{workers} workers did not end within {seconds:g} s and were ended. Does one of "
                "them wait for a message that nobody sends? Does each call every all-reduce?"
            ) from None
        finally:  # also after a kernel interrupt
            if process.poll() is None:
                _end(process)
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])


def _end(process: subprocess.Popen) -> None:
    """End the launcher and all workers that it started, and see them gone."""
    import psutil  # ipykernel brings it

    with contextlib.suppress(psutil.NoSuchProcess):  # it ended by itself meanwhile
        family = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        for child in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        psutil.wait_procs(family, timeout=10)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
