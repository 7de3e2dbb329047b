"""Many small nets at once: seeds and hyperparameters of one architecture, trained together.

    table = sweep(make, loss, (x, y), grid(lr=[0.1, 0.3], seed=range(10)), steps=300)
    table.plot("lr", "train_loss")

The nets are stacked and run through one forward pass (`torch.func.vmap`); the gradient of the sum
of their losses holds each net's own gradient. Net for net the result is that of a plain loop:

    torch.manual_seed(generator(seed).initial_seed()); model = make(...)
    fit(model, loss, optimizer, (x, y), epochs=…, batch_size=…, generator=generator(seed))

Dropout and other draws in `forward` take other numbers than in the plain loop.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial

import torch
from torch import nn

from ..progress_bar import Bar
from ..training_input import whole
from ._check import bytes_per_net, check_net
from ._data import Data, Settings
from ._nets import Score
from ._rules import Rule
from ._settings import Given, checked, chunk_of, grid, groups
from ._table import Done, Sweep
from ._train import Chunk, Plan, Schedule, made, train_chunk
from ._workers import Workers, chunks_at_once, connected, finished

__all__ = ["Sweep", "grid", "sweep"]

Job = tuple[list[int], Plan]  # numbers of the nets, and how to train them


def sweep(
    make: Callable[..., nn.Module],
    loss: Score,
    train: Data,
    settings: Iterable[Settings],
    *,
    held_out: Data | None = None,
    rule: str | Rule = "SGD",
    steps: int | None = None,
    epochs: int | None = None,
    schedule: Schedule | None = None,
    metrics: Mapping[str, Score] | None = None,
    record: int = 20,
    memory: float = 5e8,
    workers: Workers = None,
    progress: bool | None = None,
) -> Sweep:
    """Train one net for each of the `settings`.

    Args:
        make: make(**architecture) -> model. The settings that it names (depth, width, …) are
            passed; it is called once per net, under that net's own seed.
        loss: loss(prediction, label) -> mean over the batch, shape ().
        train: (x, y), shapes (N, …); or a function of settings that returns them (`train(rows,
            seed)`), where the nets differ in their data.
        settings: one dict a net, see `grid`. Names: `seed` (an offset to the course seed: initial
            weights and order of the rows), `batch_size` (None or absent: all rows), `rule`, the
            rule's hyperparameters by torch's names (Adam: beta1, beta2), and what your functions
            ask for.
        held_out: as `train`; measured, never trained on.
        rule: "SGD", "Adagrad", "RMSprop", "Adam", "AdamW", or your own elementwise
            rule(theta, grad, state, step, *, lr, …) -> new theta; see `_rules`.
        steps, epochs: how many updates, or how often through the data; exactly one of them.
        schedule: schedule(step, settings) -> learning rates (K,), from the settings that are
            numbers, each of shape (K,).
        metrics: name -> f(prediction, label) -> mean over the rows.
        record: at how many evenly spaced updates to measure, start and end included.
        memory: bytes that a chunk of nets may take; more nets are trained in several chunks.
        workers: where the chunks are trained. None: one after another, here. A number: so many
            processes of this computer (joblib). A Dask client, or the address of a Dask scheduler
            ("tcp://…"); "ray": that cluster, where a chunk is trained anew if its process dies.
        progress: None shows a bar if it takes over a second and somebody is watching.
    Returns:
        a table, one row a net. What vmap cannot run is run net by net; `table.reason` says why.
    Raises:
        TypeError, ValueError: something given does not fit; the message says what, and what to do.
        MemoryError: not even one net fits into the memory.
    """
    settings = checked(settings)
    if (steps is None) == (epochs is None):
        raise ValueError("give either steps=… (updates) or epochs=… (times through the data)")
    if not memory > 0:
        raise ValueError(f"memory is {memory}; give the bytes that a chunk may take, such as 5e8")
    given = Given(make, train, held_out, rule, schedule)
    given.check(settings)
    with connected(workers) as workers:
        jobs = []
        for rows in groups(given, settings):
            first = chunk_of(given, settings, rows[:1])
            net = made(first.make[0], first.seeds[0])
            scores = check_net(net, first, loss, metrics)
            plan = _plan(first, loss, scores, steps, epochs, schedule, record)
            data = sum(one.bytes_per_net([settings[row] for row in rows]) for one in given.sources)
            size = max(1, int(memory / (bytes_per_net(net, first) + data)))
            if workers is not None:
                size = min(size, math.ceil(len(rows) / chunks_at_once(workers)))
            jobs += [(rows[i : i + size], plan) for i in range(0, len(rows), size)]
        total = sum(len(rows) * plan.steps for rows, plan in jobs)
        with Bar(total, "updates", progress, scaled=True) as bar:
            done = _run(given, settings, jobs, workers, bar)
        planned = {tuple(rows) for rows, _ in jobs}
        halved = any(tuple(rows) not in planned for rows, _, _ in done)
        return Sweep.collect(settings, done, halved)


def _run(
    given: Given, settings: list[Settings], jobs: list[Job], workers: Workers, bar: Bar
) -> list[Done]:
    """What the jobs gave, in order; after a kernel interrupt, those that were finished."""
    done: list[Done] = []
    try:
        if workers is None:
            for rows, plan in jobs:
                done += _job(given, settings, rows, plan, partial(bar.step, len(rows)))
            return done
        for number, parts in finished(_job, [(given, settings, *job) for job in jobs], workers):
            rows, plan = jobs[number]
            done += parts
            bar.step(len(rows) * plan.steps)
    except KeyboardInterrupt:
        if not done:
            raise
    return done


def _job(
    given: Given, settings: list[Settings], rows: list[int], plan: Plan,
    tick: Callable[[], None] = lambda: None,
) -> list[Done]:
    """Train one chunk; if the memory does not suffice after all, in halves."""
    try:
        return [(rows, train_chunk(chunk_of(given, settings, rows), plan, tick), plan.records)]
    except (RuntimeError, MemoryError) as error:
        if not _out_of_memory(error):
            raise
        if len(rows) == 1:
            raise MemoryError(
                f"the net with {settings[rows[0]]} alone needs more memory than there is: give "
                "fewer rows of data, a smaller batch_size or a smaller net"
            ) from error
    half = len(rows) // 2
    parts = (rows[:half], rows[half:])
    return [one for part in parts for one in _job(given, settings, part, plan, tick)]


def _out_of_memory(error: Exception) -> bool:
    """PyTorch says it with a class of its own on a GPU, with words on a CPU."""
    kinds = (MemoryError, torch.OutOfMemoryError)
    return isinstance(error, kinds) or "allocate memory" in str(error)


def _plan(
    chunk: Chunk, loss: Score, metrics: Mapping[str, Score], steps: int | None,
    epochs: int | None, schedule: Schedule | None, record: int,
) -> Plan:
    total = len(chunk.train)
    if steps is None:
        steps = whole(epochs, "epochs") * math.ceil(total / (chunk.batch_size or total))
    steps, record = whole(steps, "steps"), whole(record, "record")
    count = min(record, steps + 1)
    between = [round(steps * i / max(count - 1, 1)) for i in range(count)] if count > 1 else []
    return Plan(loss, metrics, steps, tuple(sorted({*between, steps})), schedule)
