"""Chapter 11: a tagger that learns while one watches where it looks, and how often it is right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.artist import Artist
from torch import Tensor
from torch.nn.functional import cross_entropy

from ..figures import COLORS
from ..seeding import forked
from ..texts import NO_TAG, TAGS, Vocabulary
from .attention import SENTENCE, place
from .attention_map import ALL, Typed, WeightMap, labels, read, write
from .controls import Choice, Slider, Text
from .frame import Mission
from .playground import Playground

KEPT = 3  # earlier runs whose accuracies stay visible
_CURVES = {  # what is counted: its colour and line
    "all words": {"color": COLORS["held_out"], "linestyle": "-."},
    "ambiguous": {"color": COLORS["extra"][0], "linestyle": "-", "linewidth": 2.0},
    "hidden": {"color": COLORS["extra"][1], "linestyle": "--"},
}
Rows = tuple[Tensor, Tensor]  # tokens and tags, (N, T) each, as of texts.encode


def train_tagger(
    name: str, make_net: Callable[[str, int], Any], train: Rows, held_out: Rows,
    vocabulary: Vocabulary, *, marked: Tensor, hide: Callable[..., Tensor], hidden: int,
    tags: Sequence[str] = TAGS, positions: Sequence[str] = ("relative", "absolute", "none"),
    heads: Sequence[int] = (1, 2, 4), start_heads: int = 4, lr: float = 0.03, share: float = 0.2,
    batch: int = 48, sentence: str = SENTENCE, longest: int = 12, steps: int = 300,
    headless_steps: int = 60, every: int = 10, title: str = "", missions: Sequence[Mission] = (),
) -> Playground:
    """Live training of the learner's tagger.

    Args:
        make_net: make_net(positions, heads) -> a net with `attend`, as for `explore_attention`;
            called on logits by `net(tokens)`.
        train, held_out: tokens and tags. Held-out sentences are read every `every` steps: some
            hundreds are enough.
        marked: (words,) bool, the ambiguous words by id, as of `texts.ambiguous`.
        hide: hide(tokens, share, generator) -> tokens with about that share of words hidden.
        hidden: the id by which `hide` replaces a word; ___ in the typed sentence.
        lr, share, batch: where their controls start. Adam's rate falls to 0 on the last step.
        missions: goals may look at `run.state["right"]`: curve name → (steps, shares right).
    Returns:
        a Playground; settings sentence, head, lr, share, batch, and from the next reset on
        positions, heads, seed.
    Raises:
        ValueError: a sentence that cannot be shown.
    """
    typed = Typed(sentence, longest)
    counted = _Counter(held_out, marked, hide, hidden)

    def make(settings: Any) -> Iterator[Mapping[str, Any]]:
        with forked():
            torch.manual_seed(settings.seed)
            net = make_net(settings.positions, settings.heads)
        draw = torch.Generator().manual_seed(settings.seed)
        optimizer = torch.optim.Adam(net.parameters(), settings.lr)
        right: dict[str, tuple[list[int], list[float]]] = {}
        for step in range(steps + 1):
            rows = torch.randint(len(train[0]), (settings.batch,), generator=draw)
            seen = hide(train[0][rows], settings.share, draw)
            loss = _loss(net(seen), train[1][rows])
            state = {"train": loss, "net": net, "right": right}
            if step % every == 0 or step == steps:
                state["held_out"] = counted(net, step, right)
            yield state
            optimizer.param_groups[0]["lr"] = settings.lr * (1 - step / steps)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    def look(net: Any) -> Any:
        return read(net, typed.words, vocabulary, tags, hidden)

    controls = {
        "sentence": Text(sentence, label="your sentence"),
        "head": Choice([ALL, *range(1, max(heads) + 1)], label="head shown"),
        "positions": Choice(list(positions), live=False),
        "heads": Choice(list(heads), start_heads, live=False),
        "lr": Slider(1e-4, 1.0, lr, log=True, step=0.25, label="rate η at start"),
        "share": Slider(0.0, 0.5, share, step=0.1, label="share hidden"),
        "batch": Choice(sorted({8, batch, 192}), batch, label="batch size B"),
    }
    return Playground(
        name, make, _picture(look, typed, steps), controls, steps=steps,
        headless_steps=headless_steps, panels=2, figsize=(9.0, 4.8), missions=missions,
        view=("sentence", "head"),
        title=title or "A tagger in training",
    )


class _Counter:
    """How often a net is right on held-out sentences."""

    def __init__(self, held_out: Rows, marked: Tensor, hide: Callable[..., Tensor], hidden: int):
        self.tokens, self.tags = held_out
        self.known = self.tags != NO_TAG
        self.ambiguous = marked[self.tokens] & self.known
        # the same words are hidden at every look: the curve moves with the net only
        self.hidden = hide(self.tokens, 0.2, torch.Generator().manual_seed(0))
        self.gone = (self.hidden == hidden) & self.known

    def __call__(self, net: Any, step: int, right: dict[str, Any]) -> Tensor:
        """Append the shares of words tagged right; returns the loss on whole sentences."""
        with torch.no_grad():
            logits = net(self.tokens)
            plain = logits.argmax(-1) == self.tags
            blind = net(self.hidden).argmax(-1) == self.tags
        where = (plain[self.known], plain[self.ambiguous], blind[self.gone])
        for curve, hits in zip(_CURVES, where, strict=True):
            steps, shares = right.setdefault(curve, ([], []))
            steps.append(step)
            shares.append(hits.double().mean().item())
        return _loss(logits, self.tags)


def _loss(logits: Tensor, tags: Tensor) -> Tensor:
    """Cross-entropy of logits (B, T, tags) against tags (B, T), padding left out."""
    return cross_entropy(logits.flatten(0, 1), tags.flatten(), ignore_index=NO_TAG)


def _picture(look: Callable[[Any], Any], typed: Typed, steps: int) -> Callable:
    """Left: the map of the sentence. Right: shares right above, and below the loss curves."""
    earlier: list[dict[str, Any]] = []  # the accuracies of the runs so far; the last is running

    def picture(axes: np.ndarray, settings: Any) -> tuple[list[Artist], Callable]:
        left, right = axes
        place([left, right, left.figure.axes[2]],
              (0.18, 0.22, 0.36, 0.68), (0.63, 0.57, 0.34, 0.36), (0.63, 0.12, 0.34, 0.34))
        grid = WeightMap(left, typed.longest)
        parts = labels(left, typed.longest, -0.47, ha="left")
        left.text(-0.47, 1.03, "tag", transform=left.transAxes, fontsize=11)
        title = left.text(0, 1.03, "", transform=left.transAxes, fontsize=11)
        right.set(title="held-out words tagged right", xlim=(0, steps), ylim=(0, 1),
                  yticks=[0, 0.5, 1], yticklabels=["0%", "50%", "100%"], xticklabels=[])
        earlier[:] = [run for run in earlier if len(run["hidden"][0]) > 1]  # those that trained
        for run in earlier:
            for curve, points in run.items():
                look_of = _CURVES[curve] | {"color": COLORS["reference"], "linewidth": 1.0}
                right.plot(*points, alpha=0.5, **look_of)
        lines = {curve: right.plot([], [], label=curve, **style)[0]
                 for curve, style in _CURVES.items()}
        right.legend(loc="lower right", fontsize=8, ncols=3)

        def update(state: Mapping[str, Any]) -> str:
            complaint = typed.take(settings["sentence"])
            seen = look(state["net"])
            weights, head = seen.head(settings["head"])
            grid.show(weights, seen.shown)
            write(parts, seen.tags, along="y")
            title.set_text(f"where each row looks: {head}")
            if not earlier or earlier[-1] is not state["right"]:
                earlier[:] = [*earlier, state["right"]][-KEPT:]
            for curve, line in lines.items():
                line.set_data(*state["right"][curve])
            shares = ", ".join(f"{c} {p[1][-1]:.0%}" for c, p in state["right"].items())
            return (f"{complaint}{seen.strangers()}Held-out words tagged right: {shares}. "
                    f"The map shows {head}. Tags: {seen.tagged}")

        return [*grid.artists, *parts, title, *lines.values()], update

    return picture
