"""`sweep` against what a user would write instead: a loop over nets, or processes.

    python -m benchmarks.sweep              # about four minutes on an idle computer

K nets (2-32-32-1, ReLU) with seeds of their own learn 200 updates on batches of 32 of the same
1,024 rows. `sweep` is timed whole: building the nets, their batches, one measurement at the end.
The loop keeps no loss and measures nothing; it takes the same time for each net, so that a few nets
are timed, and all times are given for one net. On one core: seconds of process time. With
processes: seconds on the clock, once the processes are up, on a computer that does nothing else.
"""

from __future__ import annotations

import gc
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import torch
from torch import nn

from benchmarks import report
from course_utils.sweeps import grid, sweep

STEPS, BATCH, ROWS = 200, 32, 1_024
TIMED, SPREAD = 8, 32  # nets that the loop trains: on one core; where processes share them
ROUNDS, ROUNDS_OF_PROCESSES = report.rounds(5), report.rounds(3)
COUNTS = (8, 32, 128, 512)
RULES = {"SGD": torch.optim.SGD, "Adam": torch.optim.Adam}
PACKAGES = ("torch", "joblib")
Timer = Callable[[], float]


def rows() -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    x = 2 * torch.rand(ROWS, 2, generator=draw) - 1
    return x, torch.sin(3 * x[:, :1]) * x[:, 1:]


def make() -> nn.Module:
    return nn.Sequential(
        nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1)
    )


def train_one(rule: str, seed: int) -> None:
    """The plain loop of chapter 01 for one net: keeps no loss at all."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    (x, y), net, loss = rows(), make(), nn.MSELoss()
    optimizer = RULES[rule](net.parameters(), lr=0.01)
    done = 0
    while done < STEPS:
        for index in torch.randperm(ROWS).split(BATCH)[: STEPS - done]:
            optimizer.zero_grad()
            loss(net(x[index]), y[index]).backward()
            optimizer.step()
            done += 1


def train_many(rule: str, seeds: range) -> None:
    for seed in seeds:
        train_one(rule, seed)


def train_sweep(rule: str, count: int, workers: int | None = None) -> None:
    settings = grid(lr=[0.01], batch_size=[BATCH], seed=range(count))
    sweep(make, nn.MSELoss(), rows(), settings, rule=rule, steps=STEPS, record=1, workers=workers,
          progress=False)  # fmt: skip


def products(count: int) -> None:
    """Nothing but the matrix products that the updates of K nets cannot do without.

    Forward three, backward five (the slope of x is not needed). What a sweep takes beyond this is
    biases, ReLU, loss, batches and the update.
    """
    x, hidden = torch.randn(count, BATCH, 2), torch.randn(count, BATCH, 32)
    first, second, third = (torch.randn(count, *size) for size in ((2, 32), (32, 32), (32, 1)))
    slope = torch.randn(count, BATCH, 1)
    for _ in range(STEPS):
        for a, b in ((x, first), (hidden, second), (hidden, third), (hidden.mT, slope),
                     (slope, third.mT), (hidden.mT, hidden), (hidden, second.mT),
                     (x.mT, hidden)):  # fmt: skip
            torch.bmm(a, b)


def timed(work: Callable[[], object], clock: Timer) -> float:
    gc.collect()
    begin = clock()
    work()
    return clock() - begin


def one_core(rule: str) -> dict[str, list[float]]:
    """Seconds of process time of the loop and of sweeps of K nets, each for K nets' updates."""
    clock, times = time.process_time, {}
    train_one(rule, 0)
    train_sweep(rule, 8)
    for _ in range(ROUNDS):
        loop = timed(partial(train_many, rule, range(TIMED)), clock) / TIMED
        for count in COUNTS:
            seconds = timed(partial(train_sweep, rule, count), clock) / count
            times.setdefault(f"**sweep**, K = {count}", []).append(seconds)
        for count in COUNTS[-2:]:
            seconds = timed(partial(products, count), clock) / count
            times.setdefault(f"its matrix products alone, K = {count}", []).append(seconds)
        times.setdefault("loop", []).append(loop)
    return {name: times[name] for name in ("loop", *times)}


def processes(rule: str) -> dict[str, list[float]]:
    """Seconds on the clock for one net, of everybody who may use two cores."""
    from joblib import Parallel, delayed

    halves = (range(SPREAD // 2), range(SPREAD // 2, SPREAD))
    with ProcessPoolExecutor(2) as pool:
        contestants = {
            "loop": (SPREAD, partial(train_many, rule, range(SPREAD))),
            "loop in 2 processes": (
                SPREAD, lambda: list(pool.map(partial(train_many, rule), halves))
            ),
            "joblib (loky), 2 workers": (SPREAD, lambda: Parallel(n_jobs=2)(
                delayed(train_one)(rule, seed) for seed in range(SPREAD)
            )),
        }  # fmt: skip
        for count in COUNTS:
            name = f"**sweep**, K = {count}"
            contestants[name] = count, partial(train_sweep, rule, count)
            contestants[name + ", workers=2"] = count, partial(train_sweep, rule, count, workers=2)
        times: dict[str, list[float]] = {name: [] for name in contestants}
        for number in range(ROUNDS_OF_PROCESSES + 1):
            for name, (count, contestant) in contestants.items():
                seconds = timed(contestant, time.perf_counter) / count
                if number:  # the first round starts the processes
                    times[name].append(seconds)
    return times


def peak_memory(call: str) -> float:
    """Largest resident memory of a fresh process that runs `call`, in MB; NaN if unknown."""
    code = ("import torch; torch.set_num_threads(1); from benchmarks import report, sweep; "
            f"sweep.{call}; print(report.peak_megabytes())")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def faster(times: dict[str, list[float]]) -> tuple[str, dict[str, float]]:
    """How many times as fast as the loop, the median over rounds: a sentence, and by name."""
    ratios = {
        name.replace("*", ""): statistics.median(b / s for b, s in zip(times["loop"], seconds,
                                                                       strict=True))
        for name, seconds in times.items() if name != "loop"
    }  # fmt: skip
    said = "; ".join(f"{name}: {ratio:.1f}" for name, ratio in ratios.items())
    return f"Times as fast as the loop: {said}.", ratios


def memory_table() -> str:
    calls = {
        "imports alone": "rows()", "loop": "train_many('Adam', range(8))",
        "sweep, K = 8": "train_sweep('Adam', 8)", "sweep, K = 128": "train_sweep('Adam', 128)",
        "sweep, K = 512": "train_sweep('Adam', 512)",
    }  # fmt: skip
    lines = ["# Peak memory of the process, Adam", "", "| | MB |", "|---|---|"]
    for name, call in calls.items():
        peak = peak_memory(call)
        lines.append(f"| {name} | {'not measured' if math.isnan(peak) else f'{peak:.0f}'} |")
    return "\n".join(lines)


def main() -> None:
    torch.set_num_threads(1)
    found = report.Report("sweep", PACKAGES)
    for cores, race, clock in (
        ("one core", one_core, "Process time; a sweep's is divided by K."),
        ("at most two cores", processes, "Time on the clock, divided by the number of nets."),
    ):
        for rule in RULES:
            title = f"sweep: {STEPS} updates of one net, {rule}, {cores}"
            times = race(rule)
            words, speed = faster(times)
            found.ratios(title, times, base="loop", note=f"{clock} {words}")
            for count in (128, 512) if race is one_core else ():
                found.number(f"sweep of {count} small nets, {rule}, times as fast as the loop",
                             speed[f"sweep, K = {count}"], at_least=15)
    found.text(memory_table())
    found.write()


if __name__ == "__main__":
    main()
