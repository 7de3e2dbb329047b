"""The decision map of chapter 03: from two losses to what is wrong, and what to do about it.

Drawn by code, so that a run can be lit up on it: in a still figure, in a playground, and again in
the capstone.
"""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from ..figures import COLORS

QUIET, LIT = "#8A8A8A", COLORS["yours"]
GROUND, LIT_GROUND = "#F7F7F4", "#FFE9B8"
LEVEL = 15.0  # units of height between two rows of the map


@dataclass(frozen=True)
class Box:
    """One box of the map.

    Attributes:
        x: its centre, 0 (left) to 100 (right).
        level: its row, 0 at the top.
        text: a question, or the name of a finding.
        parent: the box above it, "" for the first.
        answer: what is written on the line that comes from the parent.
        remedies: what to do about the finding, a line each; () for a question.
    """

    x: float
    level: float
    text: str
    parent: str = ""
    answer: str = ""
    remedies: tuple[str, ...] = ()


# Boxes with remedies are findings, the others are questions.
BOXES: dict[str, Box] = {
    "training": Box(42, 0, "training loss"),
    "bias or optimisation": Box(
        20, 1, "does a smaller net\nreach a lower one?", "training", "large"),
    "held-out": Box(74, 1, "held-out loss", "training", "small"),
    "overfitting or mismatch": Box(
        60, 2, "large too on fresh rows\nlike the training rows?", "held-out", "large"),
    "model bias": Box(
        10, 3, "model bias", "bias or optimisation", "no",
        ("more features", "more neurons", "another kind of model")),
    "optimisation": Box(
        30, 3, "optimisation", "bias or optimisation", "yes",
        ("another rate or start", "skip connections", "a better rule (04–08)")),
    "overfitting": Box(
        50, 3, "overfitting", "overfitting or mismatch", "yes",
        ("more data, augmentation", "fewer features, parameters", "early stopping, dropout",
         "weight decay")),
    "mismatch": Box(
        70, 3, "mismatch", "overfitting or mismatch", "no",
        ("find out how the data", "were made; train on", "data like those to come")),
    "fine": Box(90, 3, "fine", "held-out", "small", ("look at the test set,", "once")),
}
FINDINGS = tuple(name for name, box in BOXES.items() if box.remedies)
# Where a reading of the curves may end before a finding: the box that is lit last, and why it ends.
OPEN = {
    "bias or optimisation": ("bias or optimisation", ""),
    "overfitting or mismatch": ("overfitting or mismatch", ""),
    "train longer": ("training", "large, but still falling"),
    "diverged": ("training", "no longer a finite number"),
}
PLACES = (*FINDINGS, *OPEN)


def way_to(place: str) -> tuple[str, ...]:
    """The boxes from the top to `place`, both included.

    Raises:
        ValueError: there is no such place on the map; names those there are.
    """
    if place not in PLACES:
        raise ValueError(f"{place!r} is no place on the map; there are: {', '.join(PLACES)}")
    way = [OPEN[place][0] if place in OPEN else place]
    while BOXES[way[0]].parent:
        way.insert(0, BOXES[way[0]].parent)
    return tuple(way)


class DecisionMap:
    """The map on `ax`, with nothing lit yet.

    Args:
        ax: a panel about twice as wide as high; its axis is switched off.
        remedies: whether the findings name their remedies (needs about 8 inches of width).

    `artists` are those that change; the rest of the map stays as it is.
    """

    def __init__(self, ax: Axes, *, remedies: bool = True):
        self._depth = LEVEL * 0.95 if remedies else 6.5  # of a finding, from its top edge
        self._half = 13 if remedies else 16  # of a question's width
        self._lit: dict[str, list[Artist]] = {}
        self._guess: dict[str, list[Artist]] = {}
        ax.set(xlim=(0, 100), ylim=(-3 * LEVEL - self._depth + 0.5, 4.2))
        ax.axis("off")
        for name, box in BOXES.items():
            self._draw_line(ax, box, QUIET, 1.2, zorder=1)
            self._draw_box(ax, box, GROUND, QUIET, 1.2, zorder=2)
            self._write(ax, box, remedies)
            self._lit[name] = [
                *self._draw_line(ax, box, LIT, 2.8, zorder=3),
                *self._draw_box(ax, box, LIT_GROUND, LIT, 2.4, zorder=4),
                *self._write(ax, box, remedies, zorder=6)]
            if box.remedies:
                self._guess[name] = [ax.text(
                    box.x, self._bottom(box) - 1.2, "▲ your guess", ha="center", va="top",
                    fontsize=8.5, color=LIT, fontweight="bold")]
        self.light(None)

    @property
    def artists(self) -> list[Artist]:
        """Everything that `light` shows or hides."""
        return [artist for marks in (self._lit, self._guess) for group in marks.values()
                for artist in group]

    def light(self, place: str | None, guess: str | None = None) -> str:
        """Light the way to `place`, mark the learner's guess; what was lit before goes dark.

        Args:
            place: a finding, or where the reading ends before one; None lights nothing.
            guess: a finding to mark with the words "your guess"; None marks nothing.
        Returns:
            the way in words.
        Raises:
            ValueError: no such place on the map.
        """
        way = () if place is None else way_to(place)
        if guess is not None and guess not in FINDINGS:
            raise ValueError(f"{guess!r} cannot be guessed; there are: {', '.join(FINDINGS)}")
        for name, artists in self._lit.items():
            for artist in artists:
                artist.set_visible(name in way)
        for name, artists in self._guess.items():
            for artist in artists:
                artist.set_visible(name == guess)
        return in_words(place)

    def _bottom(self, box: Box) -> float:
        return -box.level * LEVEL + 3.5 - self._depth

    def _draw_line(self, ax: Axes, box: Box, color: str, width: float, zorder: int) -> list:
        """The line from the parent, with the answer beside its lower end."""
        if not box.parent:
            return []
        above = BOXES[box.parent]
        ends = (-above.level * LEVEL - 3.5, -box.level * LEVEL + 3.5)
        middle = ends[0] - 2.2
        (line,) = ax.plot([above.x, above.x, box.x, box.x], [ends[0], middle, middle, ends[1]],
                          color=color, linewidth=width, zorder=zorder, solid_joinstyle="round")
        side = -1 if box.x < above.x else 1
        word = ax.text(box.x + side, (middle + ends[1]) / 2 + 0.3, box.answer, fontsize=9,
                       ha="right" if side < 0 else "left", va="center", zorder=zorder,
                       color=LIT if color == LIT else "#555555")
        return [line, word]

    def _draw_box(
        self, ax: Axes, box: Box, ground: str, edge: str, width: float, zorder: int
    ) -> list:
        half = 9.3 if box.remedies else self._half
        height = self._depth if box.remedies else 7
        patch = FancyBboxPatch(
            (box.x - half, -box.level * LEVEL + 3.5 - height), 2 * half, height,
            boxstyle=f"round,pad=0,rounding_size={0.8 if box.remedies else 3}", facecolor=ground,
            edgecolor=edge, linewidth=width, zorder=zorder)
        return [ax.add_patch(patch)]

    def _write(self, ax: Axes, box: Box, remedies: bool, zorder: int = 5) -> list:
        style = {"ha": "center", "color": "black", "zorder": zorder}
        top = -box.level * LEVEL
        if not (box.remedies and remedies):
            middle = top + 3.5 - self._depth / 2 if box.remedies else top
            return [ax.text(box.x, middle, box.text, va="center", fontsize=9, **style)]
        name = ax.text(box.x, top + 1.6, box.text, va="center", fontsize=10, fontweight="bold",
                       **style)
        lines = ax.text(box.x, top - 0.6, "\n".join(box.remedies), va="top", fontsize=8,
                        linespacing=1.3, **style)
        return [name, lines]


def in_words(place: str | None) -> str:
    """The way to `place` in one sentence, for those who cannot see the map.

    Raises:
        ValueError: no such place on the map.
    """
    if place is None:
        return "nothing is lit on the map"
    way = way_to(place)
    steps = [f"{BOXES[above].text}: {BOXES[below].answer}"
             for above, below in zip(way[:-1], way[1:], strict=True)]
    if place in OPEN:
        last, why = OPEN[place]
        steps.append(f"{BOXES[last].text}: {why}" if why else BOXES[last].text)
    return f"lit on the map: {'; '.join(steps)} → {place}".replace("\n", " ")
