"""Cards with buttons: what `predict` and `recall` show when somebody is there to click."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..cards import Card, focus_ring

# Buttons of ipywidgets cut long texts off; these grow. Plain HTML widgets carry the styles, because
# that works in JupyterLab, VS Code and Colab alike.
_STYLE = """<style>
.mlm-live{border:1px solid var(--jp-border-color2,rgba(127,127,127,.4));border-radius:4px;
border-left:5px solid var(--jp-border-color1,rgba(127,127,127,.7));padding:.55em .9em;
margin:.35em 0;max-width:760px;box-sizing:border-box;overflow:hidden}
.mlm-live .widget-html-content,.mlm-live .jupyter-widget-html-content{line-height:1.5;
font-size:14px;white-space:normal;color:var(--jp-content-font-color1,inherit)}
.mlm-choice{white-space:normal!important;height:auto!important;min-height:30px;
line-height:1.35!important;padding:5px 12px!important;text-align:left!important;
max-width:100%;width:auto!important;overflow:visible!important}
""" + focus_ring("mlm-live") + "</style>"


class Live:
    """Displays a widget where there is a browser, and a card where there is none.

    A plain object on purpose: the display hooks of ipywidgets 7 and 8 differ.
    """

    def __init__(self, card: Card, widget: Any = None):
        self.card = card
        self.widget = widget

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        if self.widget is None:
            return self.card._repr_mimebundle_()
        view = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        return {
            "text/plain": self.card.text,
            "application/vnd.jupyter.widget-view+json": view,
        }, {}

    def __repr__(self) -> str:
        return self.card.text


def frame(*parts: Any) -> Any:
    """The parts below each other, in the frame that all cards have."""
    import ipywidgets

    box = ipywidgets.VBox([ipywidgets.HTML(_STYLE, layout={"display": "none"}), *parts])
    box.add_class("mlm-live")
    return box


def close_tree(widget: Any, but: Any = None) -> None:
    """Close a widget and all that it holds, `but` one of them; its view leaves the page.

    ipywidgets keeps every widget that was ever made until it is closed, with all that its callbacks
    hold. A cell that is run again and again would fill the memory.
    """
    if widget is but:
        return
    for child in getattr(widget, "children", ()):
        close_tree(child, but)
    for part in (widget, getattr(widget, "layout", None), getattr(widget, "style", None)):
        if part is not None:
            part.close()


def text(html: str = "") -> Any:
    """A widget for HTML; change its `value`."""
    import ipywidgets

    return ipywidgets.HTML(html)


def status(html: str) -> str:
    """HTML that a screen reader announces when it changes."""
    return f'<div role="status" aria-live="polite">{html}</div>'


class Choices:
    """A button for each choice; the sign before a choice can be changed.

    Args:
        choices: texts of the buttons.
        chosen: called with the index of the button that was pressed.
    """

    def __init__(self, choices: Sequence[str], chosen: Callable[[int], None]):
        import ipywidgets

        self._choices = tuple(choices)
        self.buttons = [ipywidgets.Button() for _ in choices]
        for index, button in enumerate(self.buttons):
            button.add_class("mlm-choice")
            button.on_click(lambda _, index=index: chosen(index))
        column = {"display": "flex", "flex_flow": "column", "align_items": "flex-start"}
        self.box = ipywidgets.Box(self.buttons, layout=column)
        self.mark({})

    def mark(self, signs: dict[int, str], empty: str = "○") -> None:
        """Put `signs[index]` before each choice, `empty` before the others."""
        for index, (choice, button) in enumerate(zip(self._choices, self.buttons, strict=True)):
            button.description = f"{signs.get(index, empty)}  {choice}"

    def disable(self) -> None:
        """No more clicks."""
        for button in self.buttons:
            button.disabled = True
