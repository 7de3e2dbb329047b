"""Live training against the bare loop: what watching a run costs.

    python -m benchmarks.live

Both train the same small network for the same number of steps on one thread. The bare loop does
nothing else; the playground looks for messages every 25 ms, draws the picture, the loss curves and
the words up to 16 times a second, and sends them. Interleaved runs, process time, medians.
"""

import asyncio
import itertools
import time

import torch

from benchmarks import report
from course_utils.figures import COLORS
from course_utils.widgets import Playground, Slider

STEPS, ROUNDS = 4_000, report.rounds(7)


def make_train(x: torch.Tensor, y: torch.Tensor):
    def train(settings):
        torch.manual_seed(settings.seed)
        model = torch.nn.Sequential(
            torch.nn.Linear(1, 64), torch.nn.Tanh(), torch.nn.Linear(64, 1)
        )
        optimizer = torch.optim.SGD(model.parameters(), lr=settings.lr)
        while True:
            loss = (model(x) - y).square().mean()
            yield {"train": loss, "model": model}
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return train


def make_picture(x: torch.Tensor, y: torch.Tensor):
    def picture(ax, settings):
        ax.scatter(x, y, s=8)
        places = x[:, 0].numpy()  # as the course's pictures do: from tensors it takes far longer
        (line,) = ax.plot([], [], color=COLORS["yours"])

        def update(state):
            with torch.no_grad():
                line.set_data(places, state["model"](x)[:, 0].numpy())
            return "the fitted curve"

        return [line], update

    return picture


def bare(train, settings) -> float:
    """Seconds of process time for STEPS steps of the generator, and nothing else."""
    begin = time.process_time()
    for _ in itertools.islice(train(settings), STEPS + 1):
        pass
    return time.process_time() - begin


async def live(train, picture) -> float:
    """The same in a running playground."""
    play = Playground("bench", train, picture, {"lr": Slider(0.001, 1, 0.05, log=True)},
                      steps=STEPS)
    begin = time.process_time()
    play.run()
    while play.state == "running":
        await asyncio.sleep(0.05)
    seconds = time.process_time() - begin
    play.close()
    return seconds


def redraw_parts(train, picture, repeats: int = 50) -> str:
    """Where the process time of one redraw goes, in words."""
    play = Playground("parts", train, picture, {"lr": Slider(0.001, 1, 0.05, log=True)},
                      steps=STEPS, mode="click")
    play.step()
    figure = play._live

    def milliseconds(work) -> float:
        begin = time.process_time()
        for _ in range(repeats):
            work()
        return 1000 * (time.process_time() - begin) / repeats

    whole = milliseconds(lambda: play._draw(moving=True))
    drawing = milliseconds(lambda: figure._render(full=False))
    encoding = milliseconds(lambda: figure._encode("jpeg"))
    play.close()
    return (f"A redraw takes {whole:.1f} ms of process time: drawing what moves {drawing:.1f}, "
            f"encoding it {encoding:.1f}, the rest is words, curves and messages.")


def main() -> None:
    torch.set_num_threads(1)
    x = torch.linspace(-3, 3, 400)[:, None]
    y = torch.sin(2 * x) + 0.2 * torch.randn(400, 1, generator=torch.Generator().manual_seed(0))
    train, picture = make_train(x, y), make_picture(x, y)
    settings = Playground("settings", train, picture, {"lr": Slider(0.001, 1, 0.05, log=True)},
                          mode="click").settings
    times = {"bare loop": [], "live, 16 redraws a second": []}
    for _ in range(ROUNDS):
        times["bare loop"].append(bare(train, settings))
        times["live, 16 redraws a second"].append(asyncio.run(live(train, picture)))
    found = report.Report("live", ("torch", "matplotlib", "ipywidgets"))
    ratio = found.ratios("Live training against the bare loop", times, base="bare loop",
                         note=redraw_parts(train, picture))
    found.number("live training / bare loop, 16 redraws a second",
                 ratio["live, 16 redraws a second"], at_most=1.35)
    found.write()


if __name__ == "__main__":
    main()
