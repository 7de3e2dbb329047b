"""How cost grows with size: sweeps, Hessians, attention, pictures, redraws.

    python -m benchmarks.growth             # about two minutes

Each row doubles (or quadruples) one size and keeps all else; the last column is the slope of log
seconds against log size, fitted to the three larger sizes, where fixed costs matter less: 1 is
proportional, 2 quadratic. Process time, one thread, the median of interleaved rounds.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from benchmarks import live, report
from benchmarks.curvature import problem
from benchmarks.sweep import train_sweep
from course_utils.curvature import hessian
from course_utils.figures import new_figure, show
from course_utils.widgets import Playground, Slider

ROUNDS = report.rounds(5)
WIDTHS = (2.0, 4.0, 8.0, 16.0)          # of square pictures, inches
Work = Callable[[], object]


def sweeps() -> dict[int, Work]:
    """K small nets, 200 updates of SGD."""
    return {count: lambda count=count: train_sweep("SGD", count) for count in (8, 32, 128, 512)}


def hessians() -> dict[int, Work]:
    """The full Hessian of a tanh net, by its number of parameters."""
    found = {}
    for width in (8, 16, 32, 64):
        f, theta = problem([4, width, width, 1])
        found[theta.numel()] = lambda f=f, theta=theta: hessian(f, theta)
    return found


def attentions() -> dict[int, Work]:
    """Plain full attention of four heads over T tokens of width 64, forward."""
    found = {}
    for length in (128, 256, 512, 1024):
        tokens = torch.randn(4, 4, length, 16)
        found[length] = lambda x=tokens: (x @ x.mT / 4).softmax(-1) @ x
    return found


def pictures() -> dict[int, Work]:
    """A figure with a filled contour map, drawn and encoded, by its number of pixels."""
    x, y = np.meshgrid(np.linspace(-2, 2, 60), np.linspace(-2, 2, 60))

    def draw(width: float) -> None:
        fig, ax = new_figure(size=(width, width))
        ax.contourf(x, y, np.log1p((1 - x) ** 2 + 5 * (y - x**2) ** 2), 20)
        show(fig, "A curved valley seen from above, its lowest point at (1, 1).")

    return {pixels(width): lambda width=width: draw(width) for width in WIDTHS}


def redraws() -> dict[int, Work]:
    """The moving parts of a playground's picture, drawn and encoded anew, by its pixels."""
    x = torch.linspace(-3, 3, 400)[:, None]
    train, picture = live.make_train(x, torch.sin(2 * x)), live.make_picture(x, torch.sin(2 * x))
    found = {}
    for width in WIDTHS:
        play = Playground(f"redraw-{width:g}", train, picture,
                          {"lr": Slider(0.001, 1, 0.05, log=True)}, figsize=(width, width),
                          steps=10, mode="click")
        play.step()
        found[pixels(width)] = lambda play=play: play._draw(moving=True)
    return found


def pixels(width: float) -> int:
    """Of a square figure `width` inches wide."""
    return round((width * new_figure()[0].dpi) ** 2)


def forward_and_back() -> dict[int, Work]:
    """One update of a fully connected net with two hidden layers, by its width."""
    found = {}
    for width in (64, 128, 256, 512):
        net = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(),
                            nn.Linear(width, 10))
        x, label = torch.randn(64, 64), torch.arange(64) % 10
        loss = nn.CrossEntropyLoss()
        found[width] = lambda net=net, x=x, label=label, loss=loss: loss(net(x), label).backward()
    return found


SIZES = {
    "sweep of K nets": sweeps, "full Hessian of P parameters": hessians,
    "attention over T tokens": attentions, "new picture of so many pixels": pictures,
    "redraw of a picture of so many pixels": redraws,
    "update of a net of width w": forward_and_back,
}


def seconds(work: Work, repeats: int) -> float:
    gc.collect()
    begin = time.process_time()
    for _ in range(repeats):
        work()
    return (time.process_time() - begin) / repeats


def measured(works: dict[int, Work]) -> dict[int, float]:
    """size -> median seconds; rounds go through all sizes in turn."""
    repeats = {size: max(1, int(0.2 / max(seconds(work, 1), 1e-5))) for size, work in works.items()}
    times: dict[int, list[float]] = {size: [] for size in works}
    for _ in range(ROUNDS):
        for size, work in works.items():
            times[size].append(seconds(work, repeats[size]))
    return {size: statistics.median(each) for size, each in times.items()}


def slope(times: dict[int, float]) -> float:
    """Of log seconds against log size, over the three larger sizes."""
    larger = sorted(times)[-3:]
    return float(np.polyfit(np.log(larger), np.log([times[size] for size in larger]), 1)[0])


def main() -> None:
    torch.set_num_threads(1)
    found = report.Report("growth", ("torch", "numpy", "matplotlib"))
    lines = ["# How cost grows", "", "| | milliseconds by size | slope |", "|---|---|---|"]
    for name, sizes in SIZES.items():
        times = measured(sizes())
        each = ", ".join(f"{size:,}: {1000 * spent:,.3g}" for size, spent in times.items())
        lines.append(f"| {name} | {each} | {slope(times):.2f} |")
        found.number(f"slope: {name}", slope(times))
    lines += ["", f"Slopes over the three larger sizes, medians of {ROUNDS} rounds, process time, "
              f"one thread. {report.environment(found.packages)}."]
    found.text("\n".join(lines))
    found.write()


if __name__ == "__main__":
    main()
