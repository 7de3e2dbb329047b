"""Chapter 11's widgets: what a tagger looks at, in a sentence of your own and while it trains.

The nets are the learner's: anything with `attend(tokens)` -> logits (B, T, tags) and weights
(layers, B, heads, T, T).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from matplotlib.artist import Artist

from ..figures import COLORS
from ..texts import TAGS, Vocabulary
from .attention_map import ALL, Reading, Typed, WeightMap, families, labels, read, write
from .controls import Choice, Slider, Text
from .explorer import Explorer
from .frame import Mission

SENTENCE = "They have to work hard at work ."
LOOKS_BACK = 0.5  # share of the words whose largest weight lies on the word before
Look = Callable[[Mapping[str, Any]], Reading]


def explore_attention(
    name: str, nets: Mapping[str, Any], vocabulary: Vocabulary, *, tags: Sequence[str] = TAGS,
    hidden: int | None = None, sentence: str = SENTENCE, title: str = "", longest: int = 16,
    missions: Sequence[Mission] | None = None,
) -> Explorer:
    """The attention weights of trained nets on a sentence that the learner types.

    Args:
        nets: name → net; the learner chooses among them.
        tags: names of the net's classes.
        hidden: the id that stands for a hidden word, typed as ___; None: there is none.
        sentence, longest: at the start; how many words and signs it may have.
        missions: None: find a head that looks back, change a tag by a neighbour, an unknown word.
    Returns:
        an Explorer; settings sentence, net, head, word, and layer if a net has several.
    Raises:
        ValueError: no nets, or a sentence that cannot be shown.
        TypeError: a net without `attend`.
    """
    typed = Typed(sentence, longest)
    layers, heads = _most(nets)

    @lru_cache(maxsize=64)
    def reading(net: str, words: tuple[str, ...]) -> Reading:
        return read(nets[net], words, vocabulary, tags, hidden)

    def look(settings: Mapping[str, Any]) -> Reading:
        typed.take(settings["sentence"])
        return reading(settings["net"], typed.words)

    controls: dict[str, Any] = {
        "sentence": Text(sentence, label="your sentence"), "net": Choice(list(nets)),
    }
    if layers > 1:
        controls["layer"] = Slider(1, layers, 1)
    controls["head"] = Choice([ALL, *range(1, heads + 1)])
    controls["word"] = Slider(1, longest, min(4, len(typed.words)), label="word that looks")
    return Explorer(
        name, _picture(look, typed), controls, panels=2, figsize=(9.0, 4.6),
        title=title or "Where does each word look?",
        missions=standard_missions(look) if missions is None else missions,
    )


def standard_missions(look: Look) -> tuple[Mission, ...]:
    """Three goals for the explorer; `look(settings)` reads the sentence that is set."""

    def looks_back(run: Any) -> bool:
        seen = look(run.settings)
        weights, _ = seen.head(run.settings["head"], run.settings.get("layer", 1))
        back = weights.argmax(1)[1:] == np.arange(len(seen.words) - 1)
        return len(back) >= 4 and run.settings["head"] != ALL and back.mean() > LOOKS_BACK

    return (
        Mission("Find a head that looks at the word before: the dot lies there for more than half "
                "of the words (five or more)", looks_back),
        Mission("Replace one word so that the word beside it changes its tag",
                _TagChanged(look)),
        Mission("Find a word that the net does not know (signs do not count)",
                lambda run: _has_stranger(look(run.settings))),
    )


class _TagChanged:
    """Goal: against the sentence before, one word is another, and its neighbour's tag too."""

    def __init__(self, look: Look):
        self._look = look
        self._before: tuple[str, Reading] | None = None

    def __call__(self, run: Any) -> bool:
        net, new = run.settings["net"], self._look(run.settings)
        before, self._before = self._before, (net, new)
        if before is None or before[0] != net or len(before[1].words) != len(new.words):
            return False
        old = before[1]
        replaced = [i for i, (a, b) in enumerate(zip(old.words, new.words, strict=True))
                    if a.lower() != b.lower()]
        if len(replaced) != 1:
            return False
        sides = {replaced[0] - 1, replaced[0] + 1} & set(range(len(new.words)))
        return any(old.tags[i] != new.tags[i] for i in sides)


def _has_stranger(seen: Reading) -> bool:
    return any(strange and any(map(str.isalpha, word))
               for word, strange in zip(seen.words, seen.unknown, strict=True))


def _picture(look: Look, typed: Typed) -> Callable:
    """Left: the whole map. Right: the chosen word's weights as bars, and the predicted tags."""
    longest = typed.longest

    def picture(axes: np.ndarray, settings: Any) -> tuple[list[Artist], Callable]:
        place(axes, (0.125, 0.22, 0.37, 0.66), (0.635, 0.22, 0.27, 0.66))
        left, right = axes
        left.set_title("each row: where that word looks")
        grid = WeightMap(left, longest)
        bars = right.barh(range(longest), [0] * longest, height=0.7, color=COLORS["train"])
        names = labels(right, longest, -0.03, ha="right")
        numbers = labels(right, longest, 0, ha="left")
        parts = labels(right, longest, 1.05, ha="left")
        title = right.text(-0.42, 1.1, "", transform=right.transAxes, fontsize=11, parse_math=False,
                           fontfamily=families())
        right.text(1.05, 1.03, "tag", transform=right.transAxes, fontsize=11)
        right.set(xlim=(0, 1.14), xticks=[0, 0.5, 1], yticks=[], xlabel="weight (a row sums to 1)")

        def update(settings: Any) -> str:
            complaint = typed.take(settings["sentence"])
            seen = look(settings)
            weights, head = seen.head(settings["head"], settings.get("layer", 1))
            chosen = min(settings["word"], len(seen.words)) - 1
            shown = seen.shown
            grid.show(weights, shown, chosen)
            right.set_ylim(len(shown) - 0.5, -0.5)
            row = weights[chosen]
            for i, bar in enumerate(bars):
                bar.set_width(row[i] if i < len(row) else 0.0)
            write(names, [("▶ " if i == chosen else "") + w for i, w in enumerate(shown)],
                  along="y")
            write(numbers, [f" {weight:.0%}" for weight in row], along="y")
            for number, weight in zip(numbers, row, strict=False):
                number.set_transform(right.transData)
                number.set_x(weight)
            write(parts, seen.tags, along="y")
            title.set_text(f"“{shown[chosen]}” looks most at “{shown[row.argmax()]}”")
            return complaint + _sentence(seen, row, chosen, settings, head)

        moving = [*grid.artists, *bars, *names, *numbers, *parts, title]
        return moving, update

    return picture


def _sentence(
    seen: Reading, row: np.ndarray, chosen: int, settings: Mapping[str, Any], head: str
) -> str:
    order = np.argsort(-row)[:2]
    where = [f"“{seen.words[i]}” (word {i + 1}, {row[i]:.0%})" for i in order]
    asked = settings["word"]
    ends = f" The sentence ends at word {len(row)}." if asked > len(row) else ""
    layer = f", layer {settings['layer']}" if "layer" in settings else ""
    return (f"{seen.strangers()}Net “{settings['net']}”{layer}, {head}: “{seen.words[chosen]}” "
            f"(word {chosen + 1}) looks most at {' and '.join(where)}.{ends} Tags: {seen.tagged}")


def place(axes: Sequence[Any], *boxes: tuple[float, float, float, float]) -> None:
    """Put the panels of a figure where labels of moving words have room (shares of the figure)."""
    axes[0].figure.set_layout_engine("none")  # it would not see the labels that come later
    for ax, box in zip(axes, boxes, strict=True):
        ax.set_position(box)


def _most(nets: Mapping[str, Any]) -> tuple[int, int]:
    """The largest number of layers and of heads among the nets."""
    if not nets:
        raise ValueError("nets is empty: give at least one, such as {'mine': tagger}")
    shapes = []
    for name, net in nets.items():
        if not callable(getattr(net, "attend", None)):
            raise TypeError(f"net {name!r} has no method attend(tokens) -> logits, weights")
        with torch.no_grad():
            _, weights = net.attend(torch.ones(1, 1, dtype=torch.int64))
        shapes.append(weights.shape)
    return max(s[0] for s in shapes), max(s[2] for s in shapes)
