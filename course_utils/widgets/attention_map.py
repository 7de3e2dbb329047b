"""What a net does with a typed sentence, and its attention weights as a map between the words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from matplotlib import font_manager
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from ..figures import COLORS, LOOK
from ..sentence_pictures import WEIGHT
from ..texts import UNKNOWN, Vocabulary, words_of

ALL = "all"  # the heads' mean
_ROOM = 64.0  # points that a word may take beside the map
# Fonts for what the course's own lacks (Windows, macOS, Linux); the first that is there is used.
_CHINESE = ("Microsoft JhengHei", "PingFang TC", "Heiti TC", "Noto Sans CJK TC", "Noto Sans TC",
            "Noto Sans CJK JP", "WenQuanYi Zen Hei", "AR PL UMing TW")


@dataclass(frozen=True)
class Reading:
    """A sentence as a net sees it.

    Attributes:
        words: as typed, T of them.
        unknown: for each word, whether the vocabulary lacks it.
        hidden: for each word, whether it was typed as ___.
        tags: the predicted part of speech of each word.
        weights: (layers, heads, T, T), row: the word that looks; column: the word looked at.
    """

    words: tuple[str, ...]
    unknown: tuple[bool, ...]
    hidden: tuple[bool, ...]
    tags: tuple[str, ...]
    weights: np.ndarray

    def head(self, head: Any, layer: int = 1) -> tuple[np.ndarray, str]:
        """(T, T) weights of a head (1, 2, … or "all") and its name; the last if it lacks that."""
        heads = self.weights[layer - 1 if layer <= len(self.weights) else -1]
        if head == ALL and len(heads) > 1:
            return heads.mean(0), f"the mean of {len(heads)} heads"
        if head == ALL or len(heads) == 1:
            return heads[0], "its only head"
        last = min(int(head), len(heads))
        return heads[last - 1], f"head {last}" + (", its last" if last < int(head) else "")

    @property
    def shown(self) -> list[str]:
        """The words as they fit beside the map."""
        return [label(w, strange) for w, strange in zip(self.words, self.unknown, strict=True)]

    @property
    def tagged(self) -> str:
        """Words and tags as the corpus writes them: `They/PRON work/VERB`."""
        return " ".join(f"{w}/{t}" for w, t in zip(self.words, self.tags, strict=True))

    def strangers(self) -> str:
        """The words that the vocabulary lacks, in words; empty if there are none."""
        names = [f"“{w}”" for w, strange in zip(self.words, self.unknown, strict=True) if strange]
        return f"Unknown to the vocabulary: {', '.join(dict.fromkeys(names))}. " if names else ""


def read(
    net: Any, words: Sequence[str], vocabulary: Vocabulary, tags: Sequence[str],
    hidden: int | None = None,
) -> Reading:
    """Let `net` tag the words.

    Args:
        net: `net.attend(tokens (1, T))` -> logits (1, T, tags), weights (layers, 1, heads, T, T).
        hidden: the id that stands for a hidden word, typed as ___; None: there is none.
    """
    blank = tuple(hidden is not None and set(word) == {"_"} for word in words)
    ids = vocabulary.ids(words)
    ids = [hidden if gone else id for id, gone in zip(ids, blank, strict=True)]
    with torch.no_grad():
        logits, weights = net.attend(torch.tensor([ids]))
    guesses = logits[0].argmax(-1).tolist()
    return Reading(
        tuple(words), tuple(id == UNKNOWN for id in ids), blank, tuple(tags[i] for i in guesses),
        weights[:, 0].cpu().numpy(),
    )


class Typed:
    """The words of a typed sentence; one that cannot be shown leaves those before in place.

    Raises:
        ValueError: the sentence at the start cannot be shown.
    """

    def __init__(self, sentence: str, longest: int):
        self.longest = longest
        self.words: tuple[str, ...] = ()
        complaint = self.take(sentence)
        if complaint:
            raise ValueError(f"{complaint} (sentence={sentence!r}, longest={longest})")

    def take(self, text: str) -> str:
        """Take the words over; returns what is wrong with them, or nothing."""
        words = words_of(text)
        if 0 < len(words) <= self.longest:
            self.words = words
            return ""
        wrong = (f"Your sentence has {len(words)} words and signs, at most {self.longest} fit"
                 if words else "There is no word in your sentence")
        return f"{wrong}: type another. The picture shows the one before. " if self.words else wrong


class WeightMap:
    """T × T weights with the words at both sides, for any T up to `longest`.

    White is 0 and blue is 1; the dot in each row marks its largest weight.
    """

    def __init__(self, ax: Axes, longest: int):
        self.ax = ax
        self.image = ax.imshow(np.zeros((1, 1)), cmap=WEIGHT, vmin=0, vmax=1, aspect="auto",
                               interpolation="nearest")
        (self.dots,) = ax.plot([], [], "o", color="black", markersize=4.5, markeredgecolor="white",
                               markeredgewidth=0.8, zorder=4)
        (self.frame,) = ax.plot([], [], color=COLORS["yours"], linewidth=1.8, zorder=3,
                                clip_on=False)
        self.rows = labels(ax, longest, -0.02, ha="right")
        self.columns = [
            ax.text(0, -0.02, "", transform=ax.get_xaxis_transform(), rotation=90, ha="center",
                    va="top", parse_math=False, fontfamily=families())
            for _ in range(longest)
        ]
        ax.grid(False)
        ax.spines[:].set_visible(True)
        ax.set(xticks=[], yticks=[])
        self._nudge = 0.0

    @property
    def artists(self) -> list[Artist]:
        """What moves from frame to frame; the words stay in the background until they change."""
        return [self.image, self.frame, self.dots]

    def show(
        self, weights: np.ndarray, words: Sequence[str], chosen: int | None = None
    ) -> None:
        """Show (T, T) weights of T words; frame the row `chosen`."""
        count = len(weights)
        self.image.set_data(weights)
        self.image.set_extent((-0.5, count - 0.5, count - 0.5, -0.5))
        write(self.rows, words, along="y")
        if write(self.columns, words, along="x"):
            self._nudge = 1e-6 - self._nudge  # another limit: the background is drawn anew
        self.ax.set(xlim=(-0.5, count - 0.5 + self._nudge), ylim=(count - 0.5, -0.5))
        self.dots.set_data(weights.argmax(1), np.arange(count))
        box = [] if chosen is None else [chosen - 0.5, chosen - 0.5, chosen + 0.5, chosen + 0.5]
        right = count - 0.5
        self.frame.set_data([-0.5, right, right, -0.5, -0.5] if box else [], [*box, *box[:1]])


def labels(ax: Axes, longest: int, x: float, **look: Any) -> list[Artist]:
    """Empty texts beside the rows of a panel; `x` in widths of the panel."""
    return [
        ax.text(x, 0, "", transform=ax.get_yaxis_transform(), va="center", parse_math=False,
                fontfamily=families(), **look)
        for _ in range(longest)
    ]


def write(texts: Sequence[Any], words: Sequence[str], *, along: str) -> bool:
    """Put words into `texts`, one a place along an axis, the rest empty; whether any changed."""
    before = [text.get_text() for text in texts]
    size = LOOK["font.size"] if len(words) <= 12 else 9
    for place, text in enumerate(texts):
        text.set_text(words[place] if place < len(words) else "")
        text.set_fontsize(size)
        text.set_x(place) if along == "x" else text.set_y(place)
    return before != [text.get_text() for text in texts]


def label(word: str, strange: bool = False) -> str:
    """A word as it fits beside the map; `(?)` marks one that the vocabulary lacks."""
    mark = " (?)" * strange
    drawn = "".join(sign if _font_of(sign) else "□" for sign in word)
    room = _ROOM - sum(map(_width, mark))
    if sum(map(_width, drawn)) > room:
        while sum(map(_width, drawn + "…")) > room:
            drawn = drawn[:-1]
        drawn += "…"
    return drawn + mark


@cache
def families() -> list[str]:
    """Font families of typed words: the course's, and one with Chinese signs if there is any."""
    there = set(font_manager.get_font_names())
    return [LOOK["font.family"], *[name for name in _CHINESE if name in there][:1]]


@cache
def _font_of(sign: str) -> Any | None:
    """The font that draws a sign, or None: a missing one would be a warning in the cell."""
    for name in families():
        # in a list: a name alone would be read as a pattern
        path = font_manager.findfont(font_manager.FontProperties(family=[name]))
        font = font_manager.get_font(path)
        if font.get_char_index(ord(sign)):
            return font
    return None


@cache
def _width(sign: str) -> float:
    """Points to the next sign at the course's font size; of a sign that some font draws."""
    font = _font_of(sign)
    font.set_size(LOOK["font.size"], 72)
    return font.load_char(ord(sign)).linearHoriAdvance / 65536
