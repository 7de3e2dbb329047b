"""What an Explorer and a Playground are alike in: a frame, a picture, and the calls from code."""

from typing import Any, Self

from .frame import Frame
from .live_figure import LiveFigure
from .settings import Settings


class Shown:
    """A widget that a cell shows; its class gives it `_frame` and `_live`.

    Attributes:
        settings: the current values of the controls.
    """

    kind: str  # in the line of text that stands for it
    settings: Settings
    _frame: Frame
    _live: LiveFigure

    @property
    def code(self) -> str:
        """The settings as one short string."""
        return self._frame.code

    @property
    def alt(self) -> str:
        """What the picture shows now, in words."""
        return self._live.alt

    def from_code(self, code: str) -> Self:
        """Set the controls from a settings string.

        Raises:
            ValueError: it does not fit this widget; nothing was changed.
        """
        self._frame.from_code(code)
        return self

    def move(self, **values: Any) -> Self:
        """Move controls from code: `widget.move(lr=0.5)`.

        Raises:
            ValueError: an unknown setting, or a value that its control does not allow.
        """
        self._frame.move(values)
        return self

    def press(self, button: str) -> Self:
        """Press a button among the controls.

        Raises:
            ValueError: there is none of that name.
        """
        self._frame.press(button)
        return self

    def close(self) -> None:
        """Stop for good and take the widget off the page, where only the reason stays."""
        self._frame.close()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        name = f"{self.kind} {self._frame.name}"
        return self._frame.mimebundle(name, self._live)
