"""Controls: what a setting may be, and the ipywidget that lets the learner choose it.

Every control knows its allowed values, so that a settings string typed by hand is checked
against the same rule as a slider move.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable
from urllib.parse import quote, unquote

import ipywidgets

ROOM = 9.5  # em; of labels, the same in every row


def _labelled(label: str, room: float | None = None) -> dict[str, Any]:
    """A row as wide as its column; a long label gets more room, else it would be cut off."""
    room = max(ROOM, 0.55 * len(label)) if room is None else room
    return {"description": label, "style": {"description_width": f"{room:.3g}em"},
            "layout": {"width": "auto"}}  # fmt: skip


@runtime_checkable
class Control(Protocol):
    """What has a value: the controls below, and those of single chapters (a drawing).

    `live`: whether a running training hears of a change at once, or at the next reset.
    """

    label: str
    live: bool

    def start(self) -> Any:
        """The value at the beginning."""

    def widget(self, name: str) -> ipywidgets.Widget:
        """The ipywidget that chooses it; its `value` is the setting."""

    def parse(self, text: str) -> Any:
        """The value that `text`, made by `format`, stands for; ValueError if there is none."""

    def format(self, value: Any) -> str:
        """The value as text without blanks."""


@dataclass(frozen=True)
class Slider:
    """A number between `low` and `high`.

    Args:
        low, high, value: the range and the start; whole numbers give whole numbers.
        step: distance of two positions; for `log=True` in powers of ten (0.1: ten a decade).
        log: positions evenly spaced on a logarithmic axis, three significant digits.
        label: the words beside the slider; the setting's name if empty.
        live: False: takes effect at the next reset.
    Raises:
        ValueError: an empty range, a start outside it, a step that is not positive, `log` with
            `low` ≤ 0.
    """

    low: float
    high: float
    value: float
    step: float | None = None
    log: bool = False
    label: str = ""
    live: bool = True

    def __post_init__(self) -> None:
        numbers = (self.low, self.high, self.value) + (() if self.step is None else (self.step,))
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError(f"Slider needs finite numbers, got {numbers}")
        if not self.low < self.high:
            raise ValueError(f"Slider needs low < high, got {self.low} and {self.high}")
        if not self.low <= self.value <= self.high:
            raise ValueError(f"start {self.value} lies outside {self.low} to {self.high}")
        if self.step is not None and self.step <= 0:
            raise ValueError(f"Slider needs a step above 0, got {self.step}")
        if self.log and self.low <= 0:
            raise ValueError(f"a logarithmic slider needs low > 0, got {self.low}")

    @property
    def whole(self) -> bool:
        """Whether the values are whole numbers."""
        parts = (self.low, self.high, self.value, 1 if self.step is None else self.step)
        return not self.log and all(isinstance(part, int) for part in parts)

    @property
    def grid(self) -> tuple[float, ...]:
        """The positions of a logarithmic slider, ascending; `value` is one of them."""
        step = 0.1 if self.step is None else self.step
        start = math.log10(self.value)
        down = int((start - math.log10(self.low)) / step + 1e-9)
        up = int((math.log10(self.high) - start) / step + 1e-9)
        values = [float(f"{10 ** (start + k * step):.3g}") for k in range(-down, up + 1)]
        return tuple(sorted({*values, float(f"{self.value:.3g}")}))

    def start(self) -> float:
        return self.snap(self.value)

    def snap(self, value: float) -> float:
        """The allowed value nearest to `value` (which lies inside the range)."""
        if self.log:
            return min(self.grid, key=lambda position: abs(math.log(position / value)))
        if self.whole:
            step = self.step or 1
            return self.low + round((value - self.low) / step) * step
        return float(f"{value:.6g}")

    def widget(self, name: str) -> ipywidgets.Widget:
        shared = _labelled(self.label or name)
        if self.log:
            # A SelectionSlider holds exactly the grid's values: a FloatLogSlider rounds and
            # reports changes that nobody made.
            options = [(f"{position:.3g}", position) for position in self.grid]
            return ipywidgets.SelectionSlider(options=options, value=self.start(), **shared)
        if self.whole:
            return ipywidgets.IntSlider(
                self.value, self.low, self.high, self.step or 1, **shared
            )
        step = (self.high - self.low) / 100 if self.step is None else self.step
        digits = max(0, -math.floor(math.log10(step) + 1e-9))
        return ipywidgets.FloatSlider(
            self.value, min=self.low, max=self.high, step=step, readout_format=f".{digits}f",
            **shared,
        )

    def parse(self, text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise ValueError(f"{text!r} is not a number") from None
        if not self.low <= value <= self.high:  # also refuses nan
            raise ValueError(f"{text} lies outside {self.low} to {self.high}")
        return self.snap(value)

    def format(self, value: float) -> str:
        return str(value) if self.whole else f"{value:.6g}"


@dataclass(frozen=True)
class Choice:
    """One of several options.

    Args:
        options: texts or numbers, all different as text.
        value: where it starts; None: at the first option.
        label: the words beside it; the setting's name if empty.
        live: False: takes effect at the next reset.
    Raises:
        ValueError: no options, two that read alike, or a start that is none of them.
    """

    options: Sequence[Any]
    value: Any = None
    label: str = ""
    live: bool = True

    def __post_init__(self) -> None:
        if not self.options:
            raise ValueError("Choice needs at least one option")
        if self.value is not None and self.value not in self.options:
            raise ValueError(f"start {self.value!r} is not one of {list(self.options)}")
        if len({self.format(option) for option in self.options}) != len(self.options):
            raise ValueError(f"the options {list(self.options)} do not all differ as text")

    def start(self) -> Any:
        return self.options[0] if self.value is None else self.value

    def widget(self, name: str) -> ipywidgets.Widget:
        return ipywidgets.Dropdown(
            options=[(str(option), option) for option in self.options], value=self.start(),
            **_labelled(self.label or name),
        )

    def parse(self, text: str) -> Any:
        for option in self.options:
            if self.format(option) == text:
                return option
        known = ", ".join(map(self.format, self.options))
        raise ValueError(f"{text!r} is not one of {known}")

    def format(self, value: Any) -> str:
        return str(value).replace(" ", "_")  # a blank separates settings in the string


@dataclass(frozen=True)
class Toggle:
    """Yes or no: a box to tick.

    Args:
        value: where it starts.
        label, live: as for `Choice`.
    """

    value: bool = False
    label: str = ""
    live: bool = True

    def start(self) -> bool:
        return bool(self.value)

    def widget(self, name: str) -> ipywidgets.Widget:
        # its label stands behind the box, outside that room
        return ipywidgets.Checkbox(value=self.start(), **_labelled(self.label or name, ROOM))

    def parse(self, text: str) -> bool:
        if text not in ("on", "off"):
            raise ValueError(f"{text!r} is neither on nor off")
        return text == "on"

    def format(self, value: bool) -> str:
        return "on" if value else "off"


@dataclass(frozen=True)
class Text:
    """One line of text that the learner types; taken over at Enter, or when the field is left.

    In a settings string a blank is written as `_`; see `escape`.

    Args:
        value: where it starts.
        label, live: as for `Choice`.
    Raises:
        TypeError: `value` is no text.
    """

    value: str = ""
    label: str = ""
    live: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.value, str):
            raise TypeError(f"Text needs a text to start with, got {self.value!r}")

    def start(self) -> str:
        return self.value

    def widget(self, name: str) -> ipywidgets.Widget:
        return ipywidgets.Text(
            value=self.value, **_labelled(self.label or name),
            continuous_update=False, placeholder="type, then press Enter",
        )

    def parse(self, text: str) -> str:
        return unquote(text.replace("_", " "))

    def format(self, value: str) -> str:
        return escape(value)


@dataclass(frozen=True)
class Seed:
    """The seed of a run: a whole number from 0 to 2³² − 1, typed into a field."""

    value: int
    label: str = "seed"
    live: bool = False

    def start(self) -> int:
        return self.value

    def widget(self, name: str) -> ipywidgets.Widget:
        return ipywidgets.BoundedIntText(
            value=self.value, min=0, max=2**32 - 1, **_labelled(self.label),
        )

    def parse(self, text: str) -> int:
        if not text.isdecimal() or int(text) >= 2**32:
            raise ValueError(f"{text!r} is not a whole number from 0 to {2**32 - 1}")
        return int(text)

    def format(self, value: int) -> str:
        return str(value)


@dataclass(frozen=True)
class Button:
    """Moves other controls when it is pressed; it has no value of its own.

    Args:
        label: the words on the button: what pressing it does.
        action: `action(settings) -> {setting: new value}`.
    Raises:
        ValueError: no label.
        TypeError: `action` cannot be called.
    """

    label: str
    action: Callable[[Mapping[str, Any]], Mapping[str, Any]]

    def __post_init__(self) -> None:
        if not self.label:
            raise ValueError("Button needs a label that says what pressing it does")
        if not callable(self.action):
            raise TypeError(f"action must be a function, got {type(self.action).__name__}")

    def widget(self, name: str) -> ipywidgets.Button:
        return ipywidgets.Button(description=self.label, layout={"width": "auto"})


def escape(text: str) -> str:
    """`text` as one word without `=`: a blank becomes `_`, other such signs `%` and their code."""
    return "".join(
        "_" if sign == " " else quote(sign, safe="") if sign.isspace() or sign in "=%" else
        "%5F" if sign == "_" else sign
        for sign in text
    )


def to_code(name: str, controls: Mapping[str, Control], values: Mapping[str, Any]) -> str:
    """Settings as one short string, such as `reg-live lr=0.1 pieces=5 seed=42069`."""
    return " ".join([name, *(f"{key}={c.format(values[key])}" for key, c in controls.items())])


def from_code(code: str, name: str, controls: Mapping[str, Control]) -> dict[str, Any]:
    """The settings that `code` names (those left out are left out here too).

    Raises:
        ValueError: the string belongs to another widget, names an unknown setting, or holds a
            value that its control does not allow; says which and what would be right.
    """
    words = code.split()
    if words and "=" not in words[0]:
        if words[0] != name:
            raise ValueError(f"these settings are of {words[0]!r}, this is {name!r}")
        words = words[1:]
    if not words:
        raise ValueError(f"no settings in {code!r}; it should look like: {name} seed=1")
    values = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or key not in controls:
            raise ValueError(f"{word!r} names no setting; there are: {', '.join(controls)}")
        try:
            values[key] = controls[key].parse(text)
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from None
    return values
