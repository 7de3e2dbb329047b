"""One prediction: the question, the answer's buttons or field, and how near it came."""

from __future__ import annotations

import math
import re
from typing import Any, Protocol

from ..cards import Card, code, escape, measured, paragraph, prose
from .live import Choices, Live, close_tree, frame, status, text

NEAR, NOT_FAR = 1.25, 2  # a number within this factor counts as near, or not far
SHARE_NEAR, SHARE_NOT_FAR = 0.05, 0.15  # a share: at most so much of the whole away


class Kept(Protocol):
    """Where a prediction is kept: `{"predicted": …, "unit": …}`, with "measured" once compared."""

    def get(self) -> dict[str, Any] | None:
        """What is kept, or None."""

    def put(self, value: dict[str, Any]) -> None:
        """Keep this instead."""

    def notice(self) -> str:
        """What to tell the learner about the keeping, as HTML; "" if nothing."""


class Prediction:
    """A question and, with somebody there, the widget that takes its answer.

    Args:
        kept: where the answer goes; None in a headless run.
    """

    def __init__(
        self, id: str, question: str, choices: Any, number: bool, unit: str, kept: Kept | None
    ):
        self.id, self.unit = id, unit
        self.choices = None if choices is None else _checked_choices(id, choices)
        if (self.choices is None) == (not number):
            raise TypeError(f"predict({id!r}): give choices=[…] or number=True, one of the two")
        if unit and not number:
            raise TypeError(f"predict({id!r}): unit= belongs to number=True")
        self._kept = kept
        self._question = question or "What do you expect?"
        self._choices: Choices | None = None
        self._field: Any = None
        self._status: Any = None
        self._note = ""
        self.view = Live(self._card(), None if kept is None else self._build())

    def lock(self) -> None:
        """No more changes: the measurement has been seen."""
        if self._kept is None:
            return
        if self._choices:
            self._choices.disable()
        else:
            self._field.disabled = self._button.disabled = True
        self._show()

    def close(self) -> None:
        """Lock the view and take it off the page: the cell was run again."""
        self.lock()
        if self.view.widget is not None:
            close_tree(self.view.widget)

    def _card(self) -> Card:
        if self.choices is None:
            answer = paragraph(f"A number{f' ({escape(self.unit)})' if self.unit else ''}.")
        else:
            answer = "<ul>" + "".join(f"<li>{escape(one)}</li>" for one in self.choices) + "</ul>"
        body = paragraph(prose(self._question)) + answer
        return Card("predict", "", "", self.id, body, f"predict {self.id}")

    def _build(self) -> Any:
        head = Card("predict", "", "", self.id, paragraph(prose(self._question)), "")
        self._status = text()
        if self.choices is None:
            answer = self._number_row()
        else:
            self._choices = Choices(self.choices, self._chosen)
            answer = self._choices.box
        box = frame(text(head._head() + head.body), answer, self._status)
        entry = self._kept.get()
        if entry and "measured" in entry:
            self.lock()
        else:
            self._show()
        return box

    def _number_row(self) -> Any:
        import ipywidgets

        self._field = ipywidgets.Text(
            placeholder="a number", continuous_update=False, layout={"width": "11em"}
        )
        entry = self._kept.get()
        if entry and not isinstance(entry["predicted"], str):
            self._field.value = shown(entry["predicted"])
        self._button = ipywidgets.Button(description="Keep", layout={"width": "auto"})
        self._button.add_class("mlm-choice")
        self._field.observe(lambda change: self._typed(change["new"]), "value")
        self._button.on_click(lambda _: self._typed(self._field.value))
        row = {"display": "flex", "flex_flow": "row wrap", "align_items": "center"}
        parts = [self._field, text(escape(self.unit)), self._button]
        return ipywidgets.Box(parts, layout=row)

    def _chosen(self, index: int) -> None:
        self._keep(self.choices[index])

    def _typed(self, typed: str) -> None:
        if not typed.strip():
            return
        try:
            self._keep(parse_number(typed, self.unit))
        except ValueError as error:
            self._status.value = status(escape(error) + self._note)

    def _keep(self, predicted: str | float) -> None:
        entry = self._kept.get()
        if entry is None or "measured" not in entry:
            self._kept.put({"predicted": predicted, "unit": self.unit})
        self._show()

    def _show(self) -> None:
        entry = self._kept.get()
        predicted = entry["predicted"] if entry else None
        if self._choices:
            chosen = self.choices.index(predicted) if predicted in self.choices else None
            self._choices.mark({} if chosen is None else {chosen: "●"})
        if predicted is None:
            said = "No prediction kept yet. You can go on without one."
        elif "measured" in entry:
            said = f"You predicted: <strong>{escape(shown(predicted, self.unit))}</strong>. "
            said += f"Measured since: {escape(shown(entry['measured'], self.unit))}."
        else:
            said = f"Kept: <strong>{escape(shown(predicted, self.unit))}</strong>. "
            said += "You can change it until you compare."
        self._note += self._kept.notice()  # told once, so it stays on this card
        self._status.value = status(said + self._note)


def _checked_choices(id: str, choices: Any) -> tuple[str, ...]:
    choices = (choices,) if isinstance(choices, str) else tuple(choices)
    if not all(isinstance(choice, str) for choice in choices):
        raise TypeError(f"predict({id!r}): choices are texts, got {choices!r}")
    if len(choices) < 2 or len(set(choices)) < len(choices):
        raise ValueError(f"predict({id!r}): give two choices or more, all different: {choices!r}")
    return choices


def parse_number(typed: str, unit: str = "") -> float:
    """A number as learners write it: "12", "1e-3", "−0.5", "12 steps" (if that is the unit).

    Raises:
        ValueError: it is not one finite number; the message says how to write it.
    """
    cleaned = typed.strip().removesuffix(unit).replace("−", "-").replace(" ", "")
    factor = 1.0
    if cleaned.endswith("%"):
        cleaned, factor = cleaned[:-1], 0.01
    try:
        number = float(cleaned) * factor
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        said = f"“{typed.strip()}” was not kept"
        raise ValueError(f"{said}: write a number such as 1200, 0.5 or 1e-3")
    return number


def shown(value: str | float, unit: str = "") -> str:
    """A prediction or result as text: four significant digits."""
    if isinstance(value, str):
        return value
    whole = float(value).is_integer() and abs(value) < 1e9
    text = str(int(value)) if whole else f"{value:.4g}"
    return f"{text} {unit}".strip()


def result_of(id: str, result: Any, asked: Prediction | None) -> str | float:
    """The measured result as text or float, checked against what was asked.

    Raises:
        TypeError: neither text nor a number, or not of the kind that was asked for.
        ValueError: a text that is none of the choices.
    """
    if not isinstance(result, str):
        if isinstance(result, bool) or getattr(result, "ndim", 0) != 0:
            raise TypeError(f"compare({id!r}): measured must be a number or a choice's text")
        try:
            result = float(result)
        except (TypeError, ValueError):
            raise TypeError(
                f"compare({id!r}): measured must be a number or a choice's text, "
                f"got {type(result).__name__}"
            ) from None
    if asked is None:
        return result
    if isinstance(result, str) != (asked.choices is not None):
        wanted = "a number" if asked.choices is None else f"one of {list(asked.choices)}"
        raise TypeError(f"compare({id!r}): predict asked for {wanted}, measured is {result!r}")
    if isinstance(result, str) and result not in asked.choices:
        raise ValueError(f"compare({id!r}): {result!r} is none of {list(asked.choices)}")
    return result


def whole_of(unit: str) -> float | None:
    """What a share is a share of, as its unit says it: "%", "of 100", "share right"; else None."""
    if named := re.fullmatch(r"of (\d+)", unit):
        return float(named[1])
    return 100.0 if unit.startswith("%") else 1.0 if unit.startswith("share") else None


def how_near(predicted: str | float, result: str | float, unit: str = "") -> tuple[str, str]:
    """(sign, words) for a prediction and what was measured.

    Numbers are compared by their factor. A share is compared by its distance, beside the whole and
    beside the smaller part: of 96 right in 100, 80 would be within the factor, and is five times
    as many wrong.
    """
    if isinstance(predicted, str):
        return ("✓", "as predicted") if predicted == result else ("✗", "not as predicted")
    if not math.isfinite(result):
        return "·", "the measurement is not a finite number"
    if predicted == result:
        return "✓", "exactly"
    if whole := whole_of(unit):
        away, direction = abs(predicted - result), "high" if predicted > result else "low"
        rest = max(min(result, whole - result), 0.01 * whole)    # the hits, or the errors
        near_by, not_far = (min(part * whole, times * rest) + 1e-9           # rounding
                            for part, times in ((SHARE_NEAR, 0.5), (SHARE_NOT_FAR, 2)))
        sign = "✓" if away <= near_by else "◐" if away <= not_far else "✗"
        near = "near: " if sign == "✓" else ""
        return sign, f"{near}{shown(away)} too {direction}"
    if predicted * result <= 0:
        return "✗", f"{shown(abs(predicted - result))} away"
    factor = max(predicted / result, result / predicted)
    direction = "high" if abs(predicted) > abs(result) else "low"
    if factor <= NEAR:
        return "✓", f"near: {100 * abs(predicted / result - 1):.2g} % too {direction}"
    sign = "◐" if factor <= NOT_FAR else "✗"
    return sign, f"too {direction} by a factor of {factor:,.3g}"


def compared_card(
    id: str, predicted: str | float | None, result: str | float, unit: str, *,
    headless: bool = False, notice: str = "",
) -> Card:
    """Prediction beside measurement."""
    found = f"Measured: {measured(shown(result, unit))}."
    text = f"compare {id}"
    if headless:
        return Card("compare", "", "", id, paragraph(found), text)
    if predicted is None:
        advice = f"You had not predicted it, or the question has changed since ({code(text)})."
        return Card("compare", "·", "no prediction", id, paragraph(f"{found} {advice}"), text)
    sign, words = how_near(predicted, result, unit)
    yours = f"You predicted: <strong>{escape(shown(predicted, unit))}</strong>."
    return Card("compare", sign, words, id, paragraph(f"{yours} {found}") + notice, text)
