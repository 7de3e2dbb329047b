"""Five short training runs to diagnose, for the exercise "guide-five-curves".

How each run was made stands here and not in the notebook, since it gives the answer away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from ..figures import COLORS, STYLES, CourseFigure, new_figure
from ..seeding import generator

FEATURES, WIDTH, UPDATES, EVERY = 4, 24, 200, 4
LETTERS, HIGHEST = "ABCDE", 3.0


@dataclass(frozen=True)
class Run:
    """One training run, and what else was measured beside it. All losses are MSE.

    Attributes:
        letter: "A" to "E".
        steps: (T,) updates made when the losses were measured.
        train, held_out: (T,) losses on the training rows and on the held-out rows.
        baseline: loss on the held-out rows if one always predicts their mean.
        smaller_train: training loss, at the end, of a smaller network trained in the same way on
            the same rows.
        same_source: loss at the end on fresh rows drawn as the *training* rows were.
    """

    letter: str
    steps: Tensor
    train: Tensor
    held_out: Tensor
    baseline: float
    smaller_train: float
    same_source: float

    def __repr__(self) -> str:
        return f"Run {self.letter}: {int(self.steps[-1])} updates"


@dataclass(frozen=True)
class Recipe:
    """How a run is made: number of training rows, where held-out rows lie, two networks."""

    rows: int
    shift: float
    net: Callable[[], nn.Module]
    smaller: Callable[[], nn.Module]


def five_runs() -> list[Run]:
    """Train the five networks, with their smaller companions; about a second of work.

    They follow the course's seed. What is wrong with each does not: it lies in how it was made.
    """
    return [_run(letter, recipe, generator(300 + place))
            for place, (letter, recipe) in enumerate(zip(LETTERS, RECIPES, strict=True))]


def draw_runs(runs: list[Run]) -> CourseFigure:
    """The runs' curves side by side on one scale, cut off at HIGHEST; the baseline dashed."""
    figure, axes = new_figure((1, len(runs)), size=(9.0, 3.2), sharey=True)
    for ax, run in zip(axes, runs, strict=True):
        for name in ("train", "held_out"):
            ax.plot(run.steps, getattr(run, name), color=COLORS[name], **STYLES[name],
                    label=name.replace("_", "-"))
        ax.axhline(run.baseline, color=COLORS["reference"], **STYLES["reference"],
                   label="baseline")
        ax.set(xlabel="updates", title=f"Run {run.letter}", ylim=(0, HIGHEST))
    axes[0].set(ylabel="loss (MSE)")
    axes[0].legend(loc="upper left")
    return figure


def measured(runs: list[Run]) -> dict[str, list]:
    """What was measured at the end of each run, a column each, for `pandas.DataFrame` or print."""
    return {
        "run": [run.letter for run in runs],
        "train": [round(run.train[-1].item(), 3) for run in runs],
        "held-out": [round(run.held_out[-1].item(), 3) for run in runs],
        "baseline": [round(run.baseline, 3) for run in runs],
        "smaller net: train": [round(run.smaller_train, 3) for run in runs],
        "fresh rows like the training rows": [round(run.same_source, 3) for run in runs],
    }


# ---- how they are made -----------------------------------------------------------------------


def _label(x: Tensor) -> Tensor:
    """(N, 4) -> (N, 1), without noise: a loss of 0 is possible."""
    return torch.sin(4 * x[:, :1]) + torch.cos(3 * x[:, 1:2])


def _rows(count: int, shift: float, g: torch.Generator) -> tuple[Tensor, Tensor]:
    x = 2 * torch.rand(count, FEATURES, generator=g) - 1
    x[:, 0] += shift
    return x, _label(x)


def _plain(hidden: int, width: int = WIDTH) -> nn.Module:
    """`hidden` layers of `width` tanh units each; 0 hidden layers make a linear model."""
    sizes = [FEATURES, *[width] * hidden]
    layers = [part for one, two in zip(sizes[:-1], sizes[1:], strict=True)
              for part in (nn.Linear(one, two), nn.Tanh())]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], 1))


def _deep(hidden: int) -> nn.Module:
    """Many layers of sigmoids: the gradient hardly reaches the first ones."""
    net = _plain(hidden)
    return nn.Sequential(*[nn.Sigmoid() if isinstance(part, nn.Tanh) else part for part in net])


def _run(letter: str, recipe: Recipe, g: torch.Generator) -> Run:
    seed = int(torch.randint(2**31, (), generator=g))
    train = _rows(recipe.rows, 0.0, g)
    held_out = _rows(200, recipe.shift, g)
    fresh = _rows(200, 0.0, g)
    net, curves = _trained(recipe.net, seed, train, held_out)
    smaller, _ = _trained(recipe.smaller, seed, train, held_out)
    steps, train_loss, held_out_loss = curves.T
    return Run(
        letter, steps, train_loss, held_out_loss,
        baseline=held_out[1].var(unbiased=False).item(),
        smaller_train=_loss(smaller, train), same_source=_loss(net, fresh),
    )


def _trained(make: Callable[[], nn.Module], seed: int, train: tuple, held_out: tuple
             ) -> tuple[nn.Module, Tensor]:
    """The network after UPDATES full-batch updates, and (T, 3): step, training, held-out loss."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = make()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    curves = []
    for step in range(UPDATES + 1):
        if step % EVERY == 0:
            curves.append((step, _loss(net, train), _loss(net, held_out)))
        optimizer.zero_grad()
        nn.functional.mse_loss(net(train[0]), train[1]).backward()
        optimizer.step()
    return net, torch.tensor(curves)


@torch.no_grad()
def _loss(net: nn.Module, rows: tuple[Tensor, Tensor]) -> float:
    return nn.functional.mse_loss(net(rows[0]), rows[1]).item()


RECIPES: tuple[Recipe, ...] = (
    Recipe(300, 0.0, partial(_plain, 1, 1), partial(_plain, 0)),
    Recipe(16, 0.0, partial(_plain, 2), partial(_plain, 1, 4)),
    Recipe(300, 0.0, partial(_deep, 12), partial(_plain, 1)),
    Recipe(300, 0.0, partial(_plain, 2), partial(_plain, 1, 4)),
    Recipe(300, 1.2, partial(_plain, 2), partial(_plain, 1, 4)),
)
