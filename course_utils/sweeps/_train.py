"""Train one chunk of nets: the loop of chapter 01, for K nets at a time."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..seeding import forked, generator
from ._data import Batch, Rows, start_stream
from ._nets import Nets, Score

DROPOUT_STREAM = 1_000_003  # keeps what dropout draws apart from initial weights and orders
AT_ONCE = 32_768  # rows × nets in a measurement: small enough for a processor's cache
MOST_ROWS = 1_000  # of one net in a measurement

Schedule = Callable[[int, dict[str, Tensor]], Tensor]


@dataclass(frozen=True)
class Plan:
    """What all nets of a group have in common.

    Attributes:
        steps: updates of each net.
        records: at which update counts to measure, ascending, the last one is `steps`.
        schedule: (step, settings) -> learning rates (K,), or None.
    """

    loss: Score
    metrics: Mapping[str, Score]
    steps: int
    records: tuple[int, ...]
    schedule: Schedule | None


@dataclass
class Chunk:
    """K nets to be trained together.

    Attributes:
        make: makes each net; called under that net's seed.
        seeds: offsets to the course seed: initial weights and order of the rows.
        hyper: hyperparameters that are numbers: name -> (K,) float64, or one number for all.
        fixed: settings of the rule that are no numbers.
        numbers: all settings that are numbers, for the schedule: name -> (K,).
    """

    make: list[Callable[[], nn.Module]]
    seeds: list[int]
    rule: Callable[..., Tensor]
    hyper: dict[str, Tensor | float]
    fixed: dict[str, Any]
    numbers: dict[str, Tensor]
    batch_size: int | None
    train: Rows
    held_out: Rows | None


@dataclass
class Outcome:
    """What a chunk gave.

    Attributes:
        curves: name -> (K, T), NaN after a net's loss stopped being finite.
        diverged: (K,) booleans.
        nets: the trained nets.
    """

    curves: dict[str, Tensor]
    diverged: Tensor
    nets: Nets


def train_chunk(chunk: Chunk, plan: Plan, tick: Callable[[], None] = lambda: None) -> Outcome:
    """Train the nets of a chunk; `tick` is called after each update.

    What the nets draw while they train (dropout) follows from the chunk's seeds alone.
    """
    with forked(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "There is a performance drop")  # slower, still right
        start_stream(generator(DROPOUT_STREAM + chunk.seeds[0]).initial_seed())
        nets = Nets([made(make, seed) for make, seed in zip(chunk.make, chunk.seeds, strict=True)])
        first, few = next(_batches(chunk)), chunk.train.slice(0, 2)
        nets.find_way(first, few, plan.loss, list(plan.metrics.values()))
        return _train(nets, chunk, plan, tick)


def _train(nets: Nets, chunk: Chunk, plan: Plan, tick: Callable[[], None]) -> Outcome:
    update = _Updates(nets, chunk, plan.schedule)
    batches, measured = _batches(chunk), []
    alive = torch.ones(nets.count, dtype=torch.bool, device=nets.theta.device)
    for step in range(plan.steps):
        if step in plan.records:
            measured.append(_measure(nets, chunk, plan, alive))
        (losses,) = nets.scores(next(batches), [plan.loss], training=True)
        update(step, nets.grad(losses))
        alive &= losses.detach().isfinite()
        tick()
    measured.append(_measure(nets, chunk, plan, alive))
    curves = {name: torch.stack([m[name] for m in measured], 1).cpu() for name in measured[0]}
    return Outcome(curves, ~alive.cpu(), nets)


class _Updates:
    """The rule with its hyperparameters and its memory: changes all nets' parameters."""

    def __init__(self, nets: Nets, chunk: Chunk, schedule: Schedule | None) -> None:
        self._theta, self._rule, self._schedule = nets.theta, chunk.rule, schedule
        self._hyper = {
            name: value.to(nets.theta)[:, None] if isinstance(value, Tensor) else value
            for name, value in chunk.hyper.items()
        } | chunk.fixed
        self._numbers = {name: value.to(nets.theta) for name, value in chunk.numbers.items()}
        self._state: dict[str, Any] = {}
        self._fixed = nets.fixed()
        self._kept = None if self._fixed is None else nets.theta.detach()[:, self._fixed]

    @torch.no_grad()
    def __call__(self, step: int, grad: Tensor) -> None:
        if self._schedule is not None:
            self._hyper["lr"] = self._rates(step)
        new = self._rule(self._theta, grad, self._state, step, **self._hyper)
        if step == 0:
            self._check(new)
        if new is not self._theta:
            self._theta.copy_(new)
        if self._fixed is not None:
            self._theta[:, self._fixed] = self._kept

    def _rates(self, step: int) -> Tensor:
        rates = torch.as_tensor(self._schedule(step, self._numbers)).to(self._theta)
        if rates.numel() not in (1, len(self._theta)):
            raise ValueError(f"schedule returned shape {tuple(rates.shape)}; it has to return the "
                             f"learning rate of each net, ({len(self._theta)},)")  # fmt: skip
        return rates.reshape(-1, 1).expand(len(self._theta), 1)

    def _check(self, new: Any) -> None:
        name, shape = getattr(self._rule, "__name__", "rule"), tuple(self._theta.shape)
        if not isinstance(new, Tensor):
            raise TypeError(f"{name} returned {type(new).__name__}; it has to return the new theta")
        if new.shape != self._theta.shape or new.dtype != self._theta.dtype:
            raise ValueError(f"{name} returned shape {tuple(new.shape)}, {new.dtype}; theta has "
                             f"{shape}, {self._theta.dtype}")  # fmt: skip


def made(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    """The net with that seed's initial weights; torch's global stream is left as it was."""
    with forked():
        start_stream(generator(seed).initial_seed())
        return make()


def _batches(chunk: Chunk) -> Iterator[Batch]:
    """Endless batches, each net in its own order: that of `fit` with the net's generator."""
    total = len(chunk.train)
    if chunk.batch_size is None:
        everything = chunk.train.slice(0, total)
        while True:
            yield everything
    streams = [generator(seed) for seed in chunk.seeds]
    while True:
        order = torch.stack([torch.randperm(total, generator=stream) for stream in streams])
        for rows in order.to(chunk.train.x.device).split(chunk.batch_size, dim=1):
            yield chunk.train.take(rows)


@torch.no_grad()
def _measure(nets: Nets, chunk: Chunk, plan: Plan, alive: Tensor) -> dict[str, Tensor]:
    """Losses and metrics on all rows, in eval mode: name -> (K,), NaN for diverged nets."""
    found = {}
    prefix = "" if chunk.held_out is None else "train "
    names = ("train_loss", *(prefix + name for name in plan.metrics))
    found |= dict(zip(names, _means(nets, chunk.train, plan), strict=True))
    if chunk.held_out is not None:
        names = ("held_out_loss", *plan.metrics)
        found |= dict(zip(names, _means(nets, chunk.held_out, plan), strict=True))
    finite = alive.cpu() & found["train_loss"].isfinite()
    return {name: value.masked_fill(~finite, math.nan) for name, value in found.items()}


def _means(nets: Nets, rows: Rows, plan: Plan) -> list[Tensor]:
    functions = [plan.loss, *plan.metrics.values()]
    sums = [torch.zeros(nets.count, dtype=torch.float64) for _ in functions]
    size = max(1, min(MOST_ROWS, AT_ONCE // nets.count))
    for start in range(0, len(rows), size):
        batch = rows.slice(start, start + size)
        for total, value in zip(sums, nets.scores(batch, functions, False), strict=True):
            total.add_(value.cpu().double() * len(batch))
    return [total / len(rows) for total in sums]
