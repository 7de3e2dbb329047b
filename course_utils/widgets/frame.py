"""What every widget of the course shares: controls, picture, words, missions, settings string."""

import asyncio
import contextlib
import html
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets

from ..cards import focus_ring
from ..paths import headless
from ..seeding import course_seed
from ..study import record
from ..study.live import close_tree
from .controls import Button, Control, Seed, from_code, to_code
from .live_figure import LiveFigure
from .run import explain
from .settings import Settings

_STYLE = f"<style>{focus_ring('mlm-frame')}</style>"
_ROW = {"display": "flex", "flex_flow": "row wrap", "grid_gap": "4px", "align_items": "center"}


@dataclass(frozen=True)
class Mission:
    """A goal to reach with a widget: what to do, and how to see that it was done.

    `goal(run)` gets the run so far (an Explorer: only its `settings`) and returns a boolean.
    """

    text: str
    goal: Callable[[Any], bool]


class MainLoop:
    """Runs functions on the thread that made it, whichever thread asks.

    JupyterLab may deliver a slider's message on a thread of its own, but figures and models are
    not made for that: everything that touches them goes through here.
    """

    def __init__(self, on_error: Callable[[Exception], None]):
        self._thread = threading.get_ident()
        self._on_error = on_error
        self.loop: asyncio.AbstractEventLoop | None = None  # None: everything happens at once
        if not headless():
            with contextlib.suppress(RuntimeError):  # a plain script has no loop
                self.loop = asyncio.get_running_loop()

    def call(self, function: Callable[[], None]) -> None:
        """At once on the main thread, else as soon as it is free."""
        if self.loop is None or threading.get_ident() == self._thread:
            self._guarded(function)
        else:
            self.loop.call_soon_threadsafe(self._guarded, function)

    def soon(self, function: Callable[[], None]) -> None:
        """After the current message, so that a burst of changes costs one redraw."""
        if self.loop is None:
            self._guarded(function)
        else:
            self.loop.call_soon_threadsafe(self._guarded, function)

    def _guarded(self, function: Callable[[], None]) -> None:
        try:
            function()
        except Exception as error:  # an exception in a callback would vanish unseen
            self._on_error(error)


class Frame:
    """Controls at the left, picture at the right, words and missions below.

    Args:
        name: names the widget in settings strings; a second widget of that name closes the first.
        controls: setting name → control or button; a `seed` is added at the end if there is none.
        on_change: called on the main thread with the names of the settings that changed.
        on_close: called when the cell was run again.
    """

    _open: dict[str, "Frame"] = {}

    def __init__(
        self, name: str, controls: Mapping[str, Control | Button], *, title: str = "",
        missions: Sequence[Mission] = (), on_change: Callable[[set[str]], None],
        on_close: Callable[[], None] = lambda: None, with_seed: bool = True,
    ):
        _require_name(name, controls)
        self.name = name
        self.title = title or name
        self.missions = tuple(missions)
        self.buttons = {k: c for k, c in controls.items() if isinstance(c, Button)}
        self.controls = {k: c for k, c in controls.items() if k not in self.buttons}
        if with_seed:
            self.controls.setdefault("seed", Seed(course_seed()))
        values = {key: control.start() for key, control in self.controls.items()}
        values.setdefault("seed", course_seed())
        self.settings = Settings(values)
        self.main = MainLoop(self.show_error)
        self._on_change = on_change
        self._on_close = on_close
        self.inputs = {key: control.widget(key) for key, control in self.controls.items()}
        pressed = {key: button.widget(key) for key, button in self.buttons.items()}
        order = [*controls, *(key for key in self.controls if key not in controls)]
        self._column = [(self.inputs | pressed)[key] for key in order]
        self._title = ipywidgets.HTML(f"<b>{html.escape(self.title)}</b>")
        self._status = ipywidgets.HTML()
        self._mission_list = ipywidgets.HTML()
        self.code_field = ipywidgets.Text(
            value=self.code, description="settings", continuous_update=False,
            style={"description_width": "9.5em"}, layout={"width": "auto"},
        )
        self._reached: set[int] = set()
        self._writing_code = False
        self._changed: deque[str] = deque()  # written by any thread, emptied by the main one
        self._waiting = False  # whether the main thread is to look at it already
        self._closed = False
        self._older: ipywidgets.Widget | None = None  # what stays of the one closed for this one
        self.box: ipywidgets.Widget | None = None
        for key, widget in self.inputs.items():
            widget.observe(lambda change, key=key: self._moved(key, change["new"]), "value")
        for key, widget in pressed.items():
            widget.on_click(lambda _, key=key: self.main.call(lambda: self.press(key)))
        self.code_field.observe(self._typed, "value")
        self._show_missions()

    @property
    def code(self) -> str:
        """Settings and seed as one short string; paste it into the field or `from_code`."""
        return to_code(self.name, self.controls, self.settings)

    def from_code(self, code: str) -> None:
        """Set the controls from a settings string.

        Raises:
            ValueError: the string does not fit this widget; nothing was changed.
        """
        for key, value in from_code(code, self.name, self.controls).items():
            self.inputs[key].value = value
        self._write_code()

    def move(self, values: Mapping[str, Any]) -> None:
        """Move controls from code.

        Raises:
            ValueError: an unknown setting, or a value that its control does not allow.
        """
        words = []
        for key, value in values.items():
            if key not in self.controls:
                raise ValueError(f"no setting {key!r}; there are: {', '.join(self.controls)}")
            words.append(f"{key}={self.controls[key].format(value)}")
        self.from_code(" ".join(words))

    def press(self, key: str) -> None:
        """Press a button: move the controls to where its action says.

        Raises:
            ValueError: no such button. A move that a control does not allow is said on the page.
        """
        if key not in self.buttons:
            known = ", ".join(self.buttons) or "none"
            raise ValueError(f"no button {key!r}; there are: {known}")
        values = self.buttons[key].action(self.settings)
        try:
            self.move(values)
        except ValueError as error:
            self.show_status(f"nothing moved: {error}", warning=True)

    def assemble(self, live: LiveFigure, *rows: ipywidgets.Widget) -> None:
        """Lay the parts out; `rows` (buttons, progress) stand between controls and words."""
        left = ipywidgets.VBox(
            [self._title, *self._column, *rows, self.code_field, self._status],
            layout={"flex": "1 1 290px", "max_width": "440px", "min_width": "0"},
        )
        panes = ipywidgets.Box([left, live.widget], layout=_ROW | {"align_items": "flex-start"})
        style = ipywidgets.HTML(_STYLE, layout={"display": "none"})
        self.box = ipywidgets.VBox([style, panes, self._mission_list])
        self.box.add_class("mlm-frame")
        self._replace_earlier()  # only now: a widget that could not be built replaces nothing

    def show_status(self, text: str, *, warning: bool = False) -> None:
        """One line below the controls."""
        if self._closed:
            return  # what is still on its way must not hide why it is closed
        weight = "bold" if warning else "normal"
        sign = "⚠ " if warning and text else ""
        self._status.value = (
            f'<div role="status" style="font-weight:{weight};line-height:1.4">'
            f"{sign}{html.escape(text)}</div>"
        )

    def show_error(self, error: Exception) -> None:
        self.show_status(f"your code stopped: {explain(error)}", warning=True)

    def check_missions(self, run: Any) -> None:
        """Mark the missions whose goal `run` reaches; a reached one stays reached."""
        new = set()
        for index, mission in enumerate(self.missions):
            if index not in self._reached and self._is_reached(mission, run):
                new.add(index)
        if new:
            self._reached |= new
            self._show_missions()
            if not headless():
                for index in new:
                    record("mission", f"{self.name}/{index + 1}", True)

    def mimebundle(self, text: str, live: LiveFigure) -> tuple[dict, dict]:
        """(data, metadata) for IPython: the live view, and the still picture with its words."""
        data: dict[str, Any] = {"text/plain": f"{text}: {live.alt}", "image/png": live.png()}
        if not headless() and self.box is not None and not self._closed:
            data["application/vnd.jupyter.widget-view+json"] = {
                "version_major": 2, "version_minor": 0, "model_id": self.box.model_id,
            }
        return data, live.about()

    @property
    def why_closed(self) -> str:
        """What stands in the place of a closed widget."""
        return (f"this cell was run again, or another one took the name {self.name!r}: use the "
                "newer widget, or run this cell again")

    def close(self) -> None:
        """Take the widget off the page, where only `why_closed` stays, and free what it held."""
        if self._closed:
            return
        self._on_close()
        for widget in self.inputs.values():
            widget.unobserve_all()
        for widget in self._column:
            widget.disabled = True
        self.show_status(self.why_closed)
        self._closed = True
        if self.box is not None:
            parts, self.box.children = self.box.children, (self._status,)
            for part in parts:
                close_tree(part, but=self._status)
        if self._older is not None:
            close_tree(self._older)  # of closed ones, the last sentence is enough
            self._older = None
        if Frame._open.get(self.name) is self:
            del Frame._open[self.name]

    def _moved(self, key: str, value: Any) -> None:
        self.settings.write(key, value)
        self._changed.append(key)
        if not self._waiting:  # one call for a burst: more would starve a click that comes between
            self._waiting = True
            self.main.soon(self._after_moves)

    def _after_moves(self) -> None:
        self._waiting = False  # before looking, so that no move falls between
        changed = set()
        while self._changed:
            changed.add(self._changed.popleft())
        if changed and not self._closed:
            self._write_code()
            self._on_change(changed)

    def _write_code(self) -> None:
        self._writing_code = True
        self.code_field.value = self.code
        self._writing_code = False

    def _typed(self, change: dict) -> None:
        if self._closed or self._writing_code or change["new"] == self.code:
            return
        try:
            self.from_code(change["new"])
            self.show_status("settings taken over")
        except ValueError as error:
            self.show_status(f"nothing changed: {error}", warning=True)

    def _is_reached(self, mission: Mission, run: Any) -> bool:
        try:
            return bool(mission.goal(run))
        except (KeyError, IndexError, ZeroDivisionError, TypeError, AttributeError, ValueError):
            return False  # not come to what the goal looks at, or a typed text that is none

    def _show_missions(self) -> None:
        if not self.missions:
            return
        rows = "".join(
            f"<li>{'✓ done: ' if i in self._reached else '○ to do: '}{html.escape(m.text)}</li>"
            for i, m in enumerate(self.missions)
        )
        self._mission_list.value = (
            f'<b>Missions</b><ul style="list-style:none;padding-left:.5em;margin:0">{rows}</ul>'
        )

    def _replace_earlier(self) -> None:
        earlier = Frame._open.get(self.name)
        if earlier is not None:
            earlier.close()
            self._older = earlier.box
        Frame._open[self.name] = self


def row(*widgets: ipywidgets.Widget) -> ipywidgets.Box:
    """Widgets side by side, wrapping when there is no room."""
    return ipywidgets.Box(widgets, layout=_ROW)


def _require_name(name: str, controls: Mapping[str, Control | Button]) -> None:
    if not name or any(letter.isspace() or letter == "=" for letter in name):
        raise ValueError(f"a widget's name is one word without blanks or '=', got {name!r}")
    for key, control in controls.items():
        if not key.isidentifier():
            raise ValueError(f"a control's name is a Python name (settings.name), got {key!r}")
        if not isinstance(control, Control | Button):
            raise TypeError(
                f"control {key!r} must be a Slider, Choice, Toggle, Text, Seed or Button, "
                f"got {type(control).__name__}"
            )
