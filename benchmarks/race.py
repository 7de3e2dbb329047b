"""Chapter 06's races: redraws a second, and what drawing costs the training.

    python -m benchmarks.race

Both races are the chapter's own cells, with all six rules running: on a surface, and on a network.
The bare loop takes the same steps and draws nothing. Redraws are counted per second of the clock,
so other work on the computer lowers them; the ratio is one of process time, rounds interleaved.
"""

import asyncio
import itertools
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from benchmarks import report
from course_utils.widgets import Playground
from tests.chapter import Chapter

ROUNDS = report.rounds(5)
CELLS = ["race-yours", "race-train", "race-controls", "race-playground", "real-train",
         "real-playground"]
RACES = {"surface": ("race-playground", 3_000), "network": ("real-playground", 1_500)}


@dataclass(frozen=True)
class Watched:
    """A run in the page: seconds of the clock and of this process, redraws, those from scratch."""

    clock: float
    process: float
    redraws: int
    anew: int

    @property
    def rate(self) -> float:
        return self.redraws / self.clock


def counted(playground: Playground) -> Callable[[], tuple[int, int]]:
    """From now on the playground's redraws are counted: () -> (all, those of the whole figure)."""
    live, counts = playground._live, [0, 0]
    redraw, draw = live.redraw, live.canvas.draw

    def count(place: int, original: Callable) -> Callable:
        def counting(*args, **kwargs):
            counts[place] += 1
            return original(*args, **kwargs)

        return counting

    live.redraw, live.canvas.draw = count(0, redraw), count(1, draw)
    return lambda: (counts[0], counts[1])


def bare(playground: Playground, make: Callable, steps: int) -> float:
    """Seconds of process time for the steps alone."""
    begin = time.process_time()
    for _ in itertools.islice(make(playground.settings), steps + 1):
        pass
    return time.process_time() - begin


async def watched(playground: Playground, counts: Callable, steps: int, speed: str) -> Watched:
    """The same steps in a running playground."""
    playground._transport.speed.value = speed
    playground.steps = steps
    playground.reset()
    playground.earlier.clear()  # else the axes would know from the start how far they must reach
    playground.reset()
    before = counts()
    clock, process = time.perf_counter(), time.process_time()
    playground.run()
    while playground.state == "running":
        await asyncio.sleep(0.02)
    clock, process = time.perf_counter() - clock, time.process_time() - process
    if playground.state != "done":
        raise RuntimeError(f"the race ended with {playground.state!r}")
    redraws, anew = (now - then for now, then in zip(counts(), before, strict=True))
    return Watched(clock, process, redraws, anew)


def middle(values: list[float], digits: int = 1) -> str:
    """The median, and from where to where."""
    low, median, high = (f"{v:.{digits}f}" for v in (min(values), statistics.median(values),
                                                     max(values)))
    return f"{median} ({low} – {high})"


async def measure(name: str, playground: Playground, make: Callable, steps: int) -> list[str]:
    """Lines of the table: at the speed of the chapter's cell, and at full speed."""
    usual, own_steps = playground._transport.speed.value, playground.steps
    counts = counted(playground)
    bares, full, shown = [], [], []
    for _ in range(ROUNDS):
        bares.append(bare(playground, make, steps))
        full.append(await watched(playground, counts, steps, "full speed"))
        shown.append(await watched(playground, counts, own_steps, usual))
    ratios = [run.process / seconds for run, seconds in zip(full, bares, strict=True)]
    step = f"{1000 * statistics.median(bares) / steps:.2f} ms"
    lines = [row(f"{name}, {steps:,} steps, full speed", full, middle(ratios, 2), step)]
    return [row(f"{name}, as in the chapter ({own_steps} steps, {usual})", shown, "", step), *lines]


def row(label: str, runs: list[Watched], ratio: str, step: str) -> str:
    rates = middle([run.rate for run in runs])
    seconds = f"{statistics.median(run.clock for run in runs):.1f}"
    busy = statistics.median(run.process / run.clock for run in runs)
    anew = statistics.median(run.anew for run in runs)
    total = statistics.median(run.redraws for run in runs)
    return (f"| {label} | {rates} | {total:.0f}, {anew:.0f} | {seconds} | {busy:.0%} | {ratio} | "
            f"{step} |")


async def main() -> None:
    torch.set_num_threads(1)
    packages = ("torch", "matplotlib", "ipywidgets")
    names = Chapter("06").names(CELLS)
    lines = ["# The races of chapter 06, six rules each", "",
             "| | redraws a second | redraws, from scratch | seconds | processor used | process "
             "time against the bare loop | a bare step of all six |",
             "|---|---|---|---|---|---|---|"]
    makes = {"surface": names.surface_race, "network": names.network_race}
    for name, (cell, steps) in RACES.items():
        lines += await measure(name, names.shown[cell], makes[name], steps)
    lines += ["", f"Median (from – to) of {ROUNDS} rounds; redraws and seconds by the clock. "
              "At most 16 redraws a second are asked for. "
              + report.environment(packages) + "."]
    found = report.Report("race", packages)
    found.text("\n".join(lines))
    found.write()


if __name__ == "__main__":
    asyncio.run(main())
