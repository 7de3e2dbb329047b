"""Where the chunks of a sweep are trained: processes of this computer, a Dask cluster, or Ray.

Tried with Dask as pinned, and with Ray 2.60 on one computer.

Nothing here is imported before somebody asks for it. Dask and Ray train a chunk anew elsewhere when
the process that had it dies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..training_input import whole

ATTEMPTS = 3  # how often a chunk is begun anew after its process died
CHUNKS_EACH = 2  # of a cluster's worker: what a dying one takes along is small
ADDRESSES = ("tcp://", "tls://", "ws://", "wss://", "inproc://", "ucx://")

Workers = Any  # a number, "ray", an address of a Dask scheduler, or a Dask client
Each = Iterator[tuple[int, Any]]  # (number of the job, its result), as they are done


def is_cluster(workers: Workers) -> bool:
    """Whether it is Dask's or Ray's; else a number of processes.

    Raises:
        ValueError: a text that is neither "ray" nor the address of a scheduler.
    """
    if workers == "ray" or hasattr(workers, "submit"):
        return True
    if isinstance(workers, str):
        if workers.startswith(ADDRESSES):
            return True
        raise ValueError(f"workers is {workers!r}; give a number, a Dask client, the address of a "
                         'Dask scheduler such as "tcp://10.0.0.5:8786", or "ray"')
    return False


def chunks_at_once(workers: Workers) -> int:
    """Into how many chunks the nets of one architecture are divided at least."""
    if not is_cluster(workers):
        return whole(workers, "workers")
    return CHUNKS_EACH * max(1, _size(workers))


@contextmanager
def connected(workers: Workers) -> Iterator[Workers]:
    """The same, an address replaced by a client that is closed afterwards.

    Raises:
        ModuleNotFoundError: Dask or Ray is not installed; says how to get it.
    """
    if workers == "ray":
        _module("ray", "ray")
        yield workers
    elif isinstance(workers, str):
        is_cluster(workers)
        with _module("distributed", "distributed").Client(workers) as client:
            yield client
    else:
        yield workers


def finished(work: Callable, jobs: Sequence[tuple], workers: Workers) -> Each:
    """Call work(*job) for each job, elsewhere; yield (number, result) as they are done."""
    if workers == "ray":
        return _by_ray(work, jobs)
    if hasattr(workers, "submit"):
        return _by_dask(work, jobs, workers)
    return _by_joblib(work, jobs, whole(workers, "workers"))


def _by_joblib(work: Callable, jobs: Sequence[tuple], workers: int) -> Each:
    from joblib import Parallel, delayed

    parallel = Parallel(n_jobs=workers, return_as="generator")
    return iter(enumerate(parallel(delayed(work)(*job) for job in jobs)))


def _by_dask(work: Callable, jobs: Sequence[tuple], client: Any) -> Each:
    as_completed = _module("distributed", "distributed").as_completed
    # Each job carries its data: what is scattered to a worker dies with it.
    futures = {client.submit(work, *job, pure=False, retries=ATTEMPTS): number
               for number, job in enumerate(jobs)}  # fmt: skip
    try:
        for future in as_completed(list(futures)):
            yield futures[future], future.result()
    finally:  # after an error or an interrupt the others are not wanted any more
        client.cancel(list(futures))


def _by_ray(work: Callable, jobs: Sequence[tuple]) -> Each:
    ray = _ray()
    task = ray.remote(max_retries=ATTEMPTS)(work)
    waiting = {task.remote(*job): number for number, job in enumerate(jobs)}
    try:
        while waiting:
            done, _ = ray.wait(list(waiting), num_returns=1)
            for reference in done:
                yield waiting.pop(reference), ray.get(reference)
    finally:  # as with Dask
        for reference in waiting:
            ray.cancel(reference)


def _size(workers: Workers) -> int:
    if workers == "ray":
        return int(_ray().cluster_resources().get("CPU", 1))
    return sum(workers.nthreads().values())


def _ray() -> Any:
    """Ray, connected to its cluster: the one in use, else one of this computer."""
    ray = _module("ray", "ray")
    if not ray.is_initialized():
        ray.init(include_dashboard=False, log_to_driver=False)
    return ray


def _module(name: str, package: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise ModuleNotFoundError(f"{name} is not installed; `pip install {package}` gets it, or "
                                  "give workers= a number") from error
