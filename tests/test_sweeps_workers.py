"""Sweeps on a cluster: Dask, an address, Ray; the same numbers, and a killed worker."""

import math
import os
import signal
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from course_utils.sweeps import _workers, grid, sweep
from course_utils.workers import start_cluster

F64 = torch.float64
CELL = """
calls = [0]
def with_accident(scores, label):
    calls[0] += 1
    if calls[0] == 10 and os.getpid() != kernel and os.path.exists(fuse):
        os.unlink(fuse)
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    return nn.functional.mse_loss(scores, label)
def make():
    return nn.Linear(3, 1).double()
"""


def rows():
    g = torch.Generator().manual_seed(1)
    return (torch.randn(40, 3, generator=g, dtype=F64), torch.randn(40, 1, generator=g, dtype=F64))


def same(one, other):
    for name, values in one.curves.items():
        np.testing.assert_allclose(other.curves[name], values, rtol=1e-10)
    assert other.finished.all() and [s["lr"] for s in other.settings] == [
        s["lr"] for s in one.settings]


@pytest.mark.slow
def test_a_sweep_on_dask_survives_a_killed_worker_and_gives_the_same_numbers(tmp_path):
    pytest.importorskip("distributed")
    fuse = tmp_path / "fuse"
    fuse.touch()
    cell = {"__name__": "__main__", "nn": nn, "os": os, "signal": signal, "kernel": os.getpid(),
            "fuse": str(fuse)}                            # as in a notebook: pickled by value
    exec(CELL, cell)
    settings = grid(lr=[0.05, 0.1], seed=range(3))
    here = sweep(cell["make"], nn.MSELoss(), rows(), settings, steps=20)

    client = start_cluster(2)
    try:
        before = set(client.run(os.getpid).values())
        there = sweep(cell["make"], cell["with_accident"], rows(), settings, steps=20,
                      workers=client)
        after = set(client.run(os.getpid).values())
        address = client.scheduler.address
        by_address = sweep(cell["make"], nn.MSELoss(), rows(), settings, steps=20, workers=address)
    finally:
        client.close()

    assert not fuse.exists() and before - after           # somebody did die
    same(here, there)
    same(here, by_address)


class FakeClient:
    """A Dask client as far as a sweep knows it; jobs end in reverse order."""

    def __init__(self):
        self.jobs, self.cancelled = [], []

    def nthreads(self):
        return {"tcp://one": 1, "tcp://two": 2}

    def submit(self, work, *job, pure, retries):
        assert not pure and retries == _workers.ATTEMPTS
        self.jobs.append(Future(result=lambda: work(*job)))
        return self.jobs[-1]

    def cancel(self, futures):
        self.cancelled = futures


class Future(SimpleNamespace):
    __hash__ = object.__hash__


@pytest.fixture
def fake_dask(monkeypatch):
    module = SimpleNamespace(as_completed=lambda futures: reversed(futures))
    monkeypatch.setitem(sys.modules, "distributed", module)
    return module


def make():
    return nn.Linear(3, 1).double()


def test_chunks_that_end_in_another_order_are_put_back_into_their_rows(fake_dask):
    client, settings = FakeClient(), grid(lr=[0.05, 0.1], seed=range(5))
    there = sweep(make, nn.MSELoss(), rows(), settings, steps=5, workers=client)

    same(sweep(make, nn.MSELoss(), rows(), settings, steps=5), there)
    assert len(client.jobs) == math.ceil(10 / math.ceil(10 / 6))        # two chunks a thread
    assert client.cancelled == client.jobs


def test_ray_gets_the_chunks_and_may_begin_them_anew(monkeypatch):
    said, cancelled = {}, []

    def remote(max_retries):
        said["retries"] = max_retries
        return lambda work: SimpleNamespace(remote=lambda *job: Future(value=lambda: work(*job)))

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(
        is_initialized=lambda: True, cluster_resources=lambda: {"CPU": 2.0}, remote=remote,
        wait=lambda waiting, num_returns: (waiting[-1:], waiting[:-1]),
        get=lambda future: future.value(), cancel=cancelled.append))
    settings = grid(lr=[0.05, 0.1], seed=range(3))

    there = sweep(make, nn.MSELoss(), rows(), settings, steps=5, workers="ray")
    same(sweep(make, nn.MSELoss(), rows(), settings, steps=5), there)
    assert said["retries"] == _workers.ATTEMPTS and not cancelled

    def stop():
        raise KeyboardInterrupt

    each = _workers._by_ray(lambda job: stop() if job == 2 else job, [(1,), (2,), (3,)])
    assert next(each) == (2, 3)                      # the stand-in gives the last one first
    with pytest.raises(KeyboardInterrupt):
        next(each)
    assert len(cancelled) == 1                       # the one that was still waiting


@pytest.mark.parametrize(("workers", "module"), [("ray", "ray"), ("tcp://h:8786", "distributed")])
def test_a_missing_engine_is_named_with_the_remedy(monkeypatch, workers, module):
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(ModuleNotFoundError, match=f"pip install {module}"):
        sweep(make, nn.MSELoss(), rows(), grid(lr=[0.1]), steps=1, workers=workers)


def test_a_word_that_is_no_address_is_refused():
    with pytest.raises(ValueError, match="address of a Dask scheduler"):
        sweep(make, nn.MSELoss(), rows(), grid(lr=[0.1]), steps=1, workers="my-cluster")
