"""Chapter 12's recall race: who still knows the first symbol after T steps?

The nets and the sequences are the learner's, handed in. Here stand the bookkeeping of a race in
which all nets see the same batches, and its picture.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ..figures import COLORS
from .controls import Choice, Control, Slider, Toggle

Makers = Mapping[str, Callable[[], nn.Module]]
Draw = Callable[[int], tuple[Tensor, Tensor]]
Updater = Callable[[Mapping[str, Any]], str]

WINDOW = 10  # batches over which an accuracy is averaged
LENGTHS = (8, 16, 32, 64)
LEARNED = 0.9  # accuracy from which the words call a net one that recalls
SHORTEST = 20  # steps of a run whose result stays in the picture
_COLOURS = (COLORS["held_out"], COLORS["train"], COLORS["saddle"], COLORS["warning"],
            COLORS["minimum"], COLORS["yours"])
_LINES = ("--", "-", "-.", (0, (5, 1, 1, 1, 1, 1)), "-", ":")
_MARKERS = "sovD^P"


def recall_looks(nets: Sequence[str] | Makers) -> dict[str, dict[str, Any]]:
    """Colour, line style and marker of each net, the same in every picture.

    Raises:
        ValueError: more nets than can be told apart.
    """
    names = list(nets)
    if len(names) > len(_MARKERS):
        raise ValueError(f"a recall race has at most {len(_MARKERS)} nets; it got {len(names)}")
    return {
        name: {"color": color, "linestyle": line, "marker": marker, "markersize": 5,
               "markevery": (6 * index, 40), "linewidth": 1.6}
        for index, (name, color, line, marker)
        in enumerate(zip(names, _COLOURS, _LINES, _MARKERS, strict=False))
    }  # fmt: skip


def toggle_of(net: str) -> str:
    """The setting that switches a net on: its name as a Python name ("LSTM (+4)": "LSTM_4")."""
    return re.sub(r"\W+", "_", net).strip("_")


def recall_controls(
    nets: Makers, lengths: Sequence[int] = LENGTHS, length: int = 16, lr: float = 3e-3
) -> dict[str, Control]:
    """Controls of the race, all live: `length` (T), `lr`, and a toggle for each net.

    Raises:
        ValueError: `length` is not among `lengths`, or two names give the same setting.
    """
    toggles: dict[str, Control] = {
        toggle_of(name): Toggle(True, label=name) for name in nets
    }
    if len(toggles) != len(nets) or {"length", "lr"} & toggles.keys():
        raise ValueError(f"the nets' names must differ as settings too; got {list(toggles)}")
    return {
        "length": Choice(lengths, value=length, label="length T"),
        "lr": Slider(3e-4, 3e-2, lr, log=True, step=0.25, label="rate η"),
        **toggles,
    }


def recall_race(
    nets: Makers, draw: Draw, settings: Any,
    loss: Callable[[Tensor, Tensor], Tensor] = cross_entropy,
) -> Iterator[dict[str, Any]]:
    """Every net takes one Adam update a step, all on the same fresh batch; without end.

    Args:
        nets: name → constructor; net(symbols (B, T)) -> logits (B, S). Built here, in this order.
        draw: draw(T) -> symbols (B, T), label (B,): new ones at every call, so that no accuracy is
            one of sequences learned by heart.
        settings: `length`, `lr` and the toggles, read at every step. A net that is switched off
            stands still and goes on from there.
    Yields:
        each net's accuracy, the mean over its last ten batches of this length (of a net that stands
        still: only in step 0); "race": length T, steps taken, "places": T → name → accuracy, and
        "out": the nets whose loss was no longer a finite number.
    Raises:
        ValueError: no net.
    """
    if not nets:
        raise ValueError("a recall race needs at least one net")
    runners = {name: Runner(make(), loss) for name, make in nets.items()}
    places: dict[int, dict[str, float]] = {}
    taken = 0
    while True:
        symbols, label = draw(settings["length"])
        running = [name for name, runner in runners.items()
                   if not runner.out and (taken == 0 or settings[toggle_of(name)])]
        here = {name: runners[name].answer(symbols, label) for name in running}
        places.setdefault(settings["length"], {}).update(
            {name: value for name, value in here.items() if settings[toggle_of(name)]})
        out = [name for name, runner in runners.items() if runner.out]
        yield {**here, "race": {"length": settings["length"], "taken": taken, "places": places,
                                "out": out}}
        for name in running:
            if settings[toggle_of(name)]:
                runners[name].learn(settings["lr"])
        taken += 1


class Runner:
    """One net in the race, with its optimiser and its latest answers."""

    def __init__(self, net: nn.Module, loss: Callable[[Tensor, Tensor], Tensor]):
        self.out = False
        self._net, self._loss = net, loss
        self._optimizer = torch.optim.Adam(net.parameters())
        self._right: deque[float] = deque(maxlen=WINDOW)
        self._length = 0

    def answer(self, symbols: Tensor, label: Tensor) -> float:
        """Accuracy on symbols (B, T), averaged with up to nine batches of this T before."""
        logits = self._net(symbols)  # (B, S)
        if symbols.shape[1] != self._length:
            self._right.clear()
            self._length = symbols.shape[1]
        self._now = self._loss(logits, label)
        self._right.append((logits.argmax(1) == label).float().mean().item())
        self.out = not bool(self._now.isfinite())
        return sum(self._right) / len(self._right)

    def learn(self, lr: float) -> None:
        """One update on the batch that was answered last."""
        if self.out:
            return
        for group in self._optimizer.param_groups:
            group["lr"] = lr
        self._optimizer.zero_grad()
        self._now.backward()
        self._optimizer.step()


def recall_picture(
    nets: Sequence[str] | Makers, chance: float, lengths: Sequence[int] = LENGTHS
) -> Callable:
    """Accuracy against T: this run's filled, that of runs before hollow.

    Args:
        chance: the accuracy of guessing.
        lengths: those that can be chosen.
    Returns:
        picture for one panel; what training yields is what `recall_race` yields.
    """
    styles = recall_looks(nets)
    before: list[dict[int, dict[str, float]]] = []
    latest: dict[str, Any] = {}

    def picture(ax: Axes, settings: Mapping[str, Any]) -> tuple[list[Artist], Updater]:
        if latest.get("taken", 0) >= SHORTEST:
            before.append(latest["places"])
        latest.clear()
        marks = {}
        for name, place in zip(styles, _beside(len(styles)), strict=True):
            look = {"color": styles[name]["color"], "marker": styles[name]["marker"],
                    "linestyle": "none"}
            old = [(length * place, run[length][name]) for run in before for length in run
                   if name in run[length]]
            ax.plot(*zip(*old, strict=True) if old else ([], []), markerfacecolor="none",
                    markersize=6, alpha=0.6, **look)
            marks[name] = place, ax.plot([], [], markersize=7, zorder=4, **look)[0]
        ax.axhline(chance, linestyle="--", color=COLORS["reference"])
        ax.text(1.0, chance + 0.015, "guessing", transform=ax.get_yaxis_transform(), ha="right",
                color="#555555", fontsize=8)
        ax.set(xscale="log", xlim=(min(lengths) / 1.4, max(lengths) * 2.2), ylim=(0, 1.05),
               xlabel="length T", ylabel="accuracy, fresh sequences",
               title="reached (hollow: runs before)")  # fmt: skip
        ax.set_xticks(lengths, labels=[str(length) for length in lengths])
        ax.minorticks_off()

        def update(state: Mapping[str, Any]) -> str:
            latest.update(state["race"])
            places = latest["places"]
            for name, (beside, mark) in marks.items():
                found = [(length * beside, places[length][name]) for length in places
                         if name in places[length]]
                mark.set_data(*zip(*found, strict=True) if found else ([], []))
            return standings(latest, chance)

        return [mark for _, mark in marks.values()], update

    return picture


def _beside(count: int) -> list[float]:
    """Factors that set markers of the same T side by side on a logarithmic axis."""
    return [1.06 ** (index - (count - 1) / 2) for index in range(count)]


def standings(race: Mapping[str, Any], chance: float) -> str:
    """Who recalls, who guesses, and who is out, in words."""
    here = race["places"].get(race["length"], {})
    recall = [name for name, accuracy in here.items() if accuracy >= LEARNED]
    guess = [name for name, accuracy in here.items() if accuracy < chance + 0.1]
    words = [f"over T = {race['length']}"]
    words.append(f"recalls: {', '.join(recall)}" if recall else "no net recalls it yet")
    words += [f"hardly better than guessing: {', '.join(guess)}"] if guess else []
    words += [f"out: {', '.join(race['out'])}"] if race["out"] else []
    return "; ".join(words)
