"""Chapter 12's cross-attention viewer: which signs a decoder looks at while it writes each word.

The trained net and the rule it should follow are the learner's, handed in as two functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle
from torch import Tensor

from ..figures import COLORS, percent, sentence
from .controls import Choice, Control, Slider, Text

Read = Callable[[str, "Sequence[str] | None"], tuple[Sequence[str], Tensor, Tensor]]
Answer = Callable[[str], Sequence[str]]
Updater = Callable[[Mapping[str, Any]], str]

GREEDY, TEACHER = "its own words", "the right words"
SHARES = LinearSegmentedColormap.from_list("shares", ["#FFFFFF", "#56B4E9"])
LONGEST, WIDEST = 16, 16  # words that are shown, signs that can be typed
OFFERED = 5  # words in the right panel


def decoding_controls(start: str, longest: int = 12, step: int = 3) -> dict[str, Control]:
    """Controls: `typed` (what is to be read), `step` (of the decoder), `feeding`.

    Raises:
        ValueError: `longest` is not from 2 to the words that the picture has room for.
    """
    if not 2 <= longest <= LONGEST:
        raise ValueError(f"longest is {longest}; the picture has room for 2 to {LONGEST} words")
    return {
        "typed": Text(start, label="read this"),
        "step": Slider(1, longest, step, label="words written"),
        "feeding": Choice((GREEDY, TEACHER), label="it is fed"),
    }


@dataclass(frozen=True)
class Reading:
    """What the net wrote for one text.

    Attributes:
        typed: the text.
        right: the words it should write.
        said: the words it wrote.
        weights: (n, signs), how much each of the n words looked at each sign.
        chances: (n, vocabulary).
    """

    typed: str
    right: list[str]
    said: list[str]
    weights: np.ndarray
    chances: np.ndarray

    def is_right(self, row: int) -> bool:
        """Whether word number `row` is the right one at its place."""
        return row < len(self.right) and self.said[row] == self.right[row]

    @property
    def exact(self) -> bool:
        """Whether all of it is right."""
        return self.said == self.right


def reading_of(read: Read, answer: Answer, typed: str, feeding: str) -> Reading:
    """Let the net read `typed`.

    Raises:
        ValueError: the text cannot be read (the rule's own words, or it is too long), or what the
            net returned does not fit together.
    """
    typed = typed.strip()
    right = list(answer(typed))
    if len(typed) > WIDEST:
        raise ValueError(f"{len(typed)} signs are too many: at most {WIDEST}")
    said, weights, chances = read(typed, right if feeding == TEACHER else None)
    found = Reading(typed, right, list(said)[:LONGEST], np.asarray(weights)[:LONGEST],
                    np.asarray(chances)[:LONGEST])  # fmt: skip
    rows = len(found.said)
    if not rows or found.weights.shape != (rows, len(typed)) or len(found.chances) != rows:
        raise ValueError(
            f"read(text) must return n ≥ 1 words, weights (n, {len(typed)}) and chances (n, "
            f"vocabulary); it returned {rows} words, {found.weights.shape} and "
            f"{found.chances.shape}"
        )
    return found


def decoding_picture(read: Read, answer: Answer, vocabulary: Sequence[str]) -> Callable:
    """Left: the weights, word by sign, as far as it has written. Right: what the next word may be.

    Args:
        read: read(text, words) -> the n words that the net writes, its end sign included, weights
            (n, signs of the text), chances (n, vocabulary). `words` None: it is fed its own; else
            these right ones.
        answer: answer(text) -> the right words, end sign included; ValueError with a sentence for
            the learner where the text is none that can be read.
        vocabulary: the words, in the order of `chances`.
    Returns:
        picture for two panels, for the controls of `decoding_controls`.
    """
    latest: dict[tuple[str, str], Reading] = {}  # a step more needs no new reading

    def picture(axes: np.ndarray, settings: Mapping[str, Any]) -> tuple[list[Artist], Updater]:
        table, offer = WeightTable(axes[0]), Offer(axes[1], vocabulary)
        wrong = axes[0].text(0.5, 0.5, "", transform=axes[0].transAxes, ha="center", va="center",
                             parse_math=False)  # it may quote a typed "$"

        def update(settings: Mapping[str, Any]) -> str:
            typed, feeding = settings["typed"], settings["feeding"]
            if (typed, feeding) not in latest:
                latest.clear()
                try:
                    latest[typed, feeding] = reading_of(read, answer, typed, feeding)
                except ValueError as error:
                    table.hide()
                    offer.hide()
                    wrong.set_text(fill(str(error), 36))
                    return f"Nothing was read. {sentence(str(error))}"
            reading = latest[typed, feeding]
            wrong.set_text("")
            row = min(settings["step"], len(reading.said)) - 1
            table.show(reading, row)
            offer.show(reading, row)
            return in_words(reading, row, feeding)

        return [*table.artists, *offer.artists, wrong], update

    return picture


def in_words(reading: Reading, row: int, feeding: str) -> str:
    """What the picture shows after word number `row` (from 0)."""
    said, weights = reading.said, reading.weights[row]
    sign = int(weights.argmax())
    verdict = ("all of it right" if reading.exact else
               f"wrong; right would be “{' '.join(reading.right)}”")  # fmt: skip
    should = "" if reading.is_right(row) or row >= len(reading.right) else (
        f" instead of “{reading.right[row]}”")  # fmt: skip
    chance = percent(reading.chances[row].max().item())
    return (
        f"Fed {feeding}, “{reading.typed}” becomes “{' '.join(said)}”: {verdict}. Word {row + 1} "
        f"of {len(said)}: “{said[row]}”{should}, with chance {chance}; "
        f"it looks most at sign {sign + 1}, “{reading.typed[sign]}” ({weights[sign]:.0%})."
    )


class WeightTable:
    """A table of weights in percent: a row for each word written, a column for each sign."""

    def __init__(self, ax: Axes):
        self._ax = ax
        self._image = ax.imshow(np.zeros((1, 1)), cmap=SHARES, vmin=0, vmax=1, aspect="auto",
                                interpolation="nearest")
        self._frame = ax.add_patch(Rectangle((0, 0), 1, 1, fill=False, linewidth=2,
                                             edgecolor=COLORS["yours"]))
        self._words = [ax.text(0, 0, "", ha="right", va="center", fontsize=9)
                       for _ in range(LONGEST)]
        self._signs = [ax.text(0, 0, "", ha="center", va="center", fontsize=12, weight="bold")
                       for _ in range(WIDEST)]
        self._numbers = [ax.text(0, 0, "", ha="center", va="center", fontsize=8)
                         for _ in range(LONGEST * WIDEST)]
        ax.set(title="where each word looks (percent)\n✗: not the right word at its place",
               xticks=[], yticks=[])  # fmt: skip
        ax.grid(False)
        ax.spines[:].set_visible(False)
        self.artists: list[Artist] = [self._image, self._frame, *self._words, *self._signs,
                                      *self._numbers]

    def hide(self) -> None:
        for artist in self.artists:
            artist.set_visible(False)

    def show(self, reading: Reading, row: int) -> None:
        """The words up to number `row`, framed."""
        self.hide()
        rows, columns = reading.weights.shape
        shown = np.full((rows, columns), np.nan)
        shown[: row + 1] = reading.weights[: row + 1]
        self._image.set(data=np.ma.masked_invalid(shown), visible=True)
        self._image.set_extent((-0.5, columns - 0.5, rows - 0.5, -0.5))
        # room for the words at the left, two fifths of the panel; for the signs at the top
        self._ax.set(xlim=(-0.5 - 0.55 * columns, columns - 0.5 + 0.02 * columns),
                     ylim=(rows - 0.5 + 0.02 * rows, -0.5 - 0.11 * rows))  # fmt: skip
        self._frame.set_bounds(-0.5, row - 0.5, columns, 1)
        self._frame.set_visible(True)
        for column, sign in enumerate(reading.typed):
            self._signs[column].set(text=sign, x=column, y=-0.5 - 0.05 * rows, visible=True)
        for at in range(row + 1):
            look = {"color": COLORS["yours"], "weight": "normal"} if reading.is_right(at) else {
                "color": COLORS["held_out"], "weight": "bold"}
            sign = "" if reading.is_right(at) else "✗ "
            self._words[at].set(text=sign + reading.said[at], x=-0.5 - 0.03 * columns, y=at,
                                visible=True, **look)
            for column, share in enumerate(reading.weights[at]):
                self._numbers[at * WIDEST + column].set(
                    text=f"{100 * share:.0f}", x=column, y=at, visible=bool(share >= 0.005)
                )


class Offer:
    """The likeliest words at a step and the right one, as bars; what it took is hatched."""

    def __init__(self, ax: Axes, vocabulary: Sequence[str]):
        self._vocabulary = list(vocabulary)
        self._bars = ax.barh(range(OFFERED), [0.0] * OFFERED, height=0.5, color=COLORS["train"])
        self._words = [ax.text(0.02, place - 0.26, "", va="bottom", fontsize=9)
                       for place in range(OFFERED)]
        ax.set(title="chance of each word at this place\nhatched: what it wrote", xlabel="chance",
               xlim=(0, 1), yticks=[], ylim=(OFFERED - 0.6, -0.7))  # fmt: skip
        ax.grid(False, axis="y")
        self.artists: list[Artist] = [*self._bars, *self._words]

    def hide(self) -> None:
        for artist in self.artists:
            artist.set_visible(False)

    def show(self, reading: Reading, row: int) -> None:
        """The words that were offered as number `row`."""
        chances = reading.chances[row]
        order = np.argsort(-chances)[:OFFERED]
        right = reading.right[row] if row < len(reading.right) else None
        if right in self._vocabulary and self._vocabulary.index(right) not in order:
            order[-1] = self._vocabulary.index(right)
        for bar, words, at in zip(self._bars, self._words, order, strict=False):
            word = self._vocabulary[at]
            bar.set(width=chances[at], hatch="//" if word == reading.said[row] else "",
                    edgecolor="white", linewidth=0, visible=True)
            note = " (right)" if word == right else ""
            words.set(text=f"{word}{note}: {chances[at]:.1%}", visible=True)
