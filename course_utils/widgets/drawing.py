"""A grid of buttons to draw on: a control whose value is the drawing, as one short string.

Plain ipywidgets, one button a pixel; so it needs no mouse, and works wherever buttons do.
"""

from __future__ import annotations

from dataclasses import dataclass

import ipywidgets
import torch
import traitlets
from torch import Tensor

SIDE = 8
INKS = 4  # levels from 0 (empty) to INKS (full)
# Not by colour alone: each level has its sign and, for screen readers, its word.
_SIGNS = (" ", "░", "▒", "▓", "█")
_WORDS = ("empty", "faint", "half", "strong", "full")
_COLOURS = ("#FFFFFF", "#C8C8C8", "#909090", "#585858", "#202020")
_NEXT = {0: 4, 4: 2}  # a click: full, half, empty


def to_drawing(image: Tensor) -> str:
    """An image as a string: eight rows of eight digits 0 (empty) to 4 (full), with "/" between.

    Args:
        image: (8, 8), values 0 … 1; rounded to quarters.
    Raises:
        ValueError: another shape.
    """
    if tuple(image.shape) != (SIDE, SIDE):
        raise ValueError(f"a drawing has the shape (8, 8), got {tuple(image.shape)}")
    levels = (image * INKS).round().clamp(0, INKS).int().tolist()
    return "/".join("".join(map(str, row)) for row in levels)


def to_pixels(drawing: str) -> Tensor:
    """The image of a string made by `to_drawing`: (8, 8), float32, 0 … 1.

    Raises:
        ValueError: the string is no drawing.
    """
    rows = drawing.split("/")
    allowed = set("01234")
    if len(rows) != SIDE or any(len(row) != SIDE or set(row) - allowed for row in rows):
        raise ValueError("a drawing has eight rows of eight digits 0 to 4, with / between them")
    return torch.tensor([[int(level) for level in row] for row in rows]).float() / INKS


def moved(drawing: str, right: int, down: int) -> str:
    """The drawing, moved by whole pixels; what leaves the grid is lost, empty ones come in."""
    image, out = to_pixels(drawing), torch.zeros(SIDE, SIDE)
    for row in range(SIDE):
        for column in range(SIDE):
            r, c = row - down, column - right
            if 0 <= r < SIDE and 0 <= c < SIDE:
                out[row, column] = image[r, c]
    return to_drawing(out)


@dataclass(frozen=True)
class Drawing:
    """A drawing of 8 × 8 pixels; its value is a string (`to_drawing`, `to_pixels`).

    Raises:
        ValueError: `value` is no drawing.
    """

    value: str = to_drawing(torch.zeros(SIDE, SIDE))
    label: str = ""
    live: bool = True

    def __post_init__(self) -> None:
        to_pixels(self.value)

    def start(self) -> str:
        return self.value

    def widget(self, name: str) -> ipywidgets.Widget:
        return Grid(self.value)

    def parse(self, text: str) -> str:
        to_pixels(text)
        return text

    def format(self, value: str) -> str:
        return value


class Grid(ipywidgets.VBox):
    """Sixty-four buttons; `value` is the drawing. A click inks a pixel: full, half, empty."""

    value = traitlets.Unicode()  # lives in Python only: the buttons carry it to the page

    def __init__(self, value: str):
        self.buttons = [ipywidgets.Button(layout={"width": "32px", "height": "30px",
                                                  "margin": "1px", "padding": "0",
                                                  "border": "1px solid #767676"})
                        for _ in range(SIDE * SIDE)]
        rows = [ipywidgets.HBox(self.buttons[SIDE * r : SIDE * (r + 1)]) for r in range(SIDE)]
        super().__init__(rows)
        for place, button in enumerate(self.buttons):
            button.on_click(lambda _, place=place: self.click(place))
        self._levels = [None] * (SIDE * SIDE)
        self.observe(lambda change: self._paint(), "value")
        self.value = value

    @property
    def disabled(self) -> bool:
        """Whether the buttons are out of use."""
        return self.buttons[0].disabled

    @disabled.setter
    def disabled(self, value: bool) -> None:
        for button in self.buttons:
            button.disabled = value

    def click(self, place: int) -> None:
        """Ink pixel number `place`, counted row by row from 0."""
        levels = [int(level) for level in self.value.replace("/", "")]
        levels[place] = _NEXT.get(levels[place], 0)
        self.value = to_drawing(torch.tensor(levels).view(SIDE, SIDE) / INKS)

    def _paint(self) -> None:
        """Show the value on the buttons; those that stay as they are send nothing."""
        for place, level in enumerate(map(int, self.value.replace("/", ""))):
            if level != self._levels[place]:
                self._levels[place] = level
                button, (row, column) = self.buttons[place], divmod(place, SIDE)
                button.description = _SIGNS[level]
                button.style.button_color = _COLOURS[level]
                button.tooltip = f"row {row + 1}, column {column + 1}: {_WORDS[level]}"
