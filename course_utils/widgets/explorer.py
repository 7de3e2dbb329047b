"""Explorer: a picture that follows its sliders. No training; see `playground` for that."""

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import matplotlib
import numpy as np
from matplotlib.artist import Artist

from ..figures import LOOK, new_figure, sentence
from .controls import Button, Control
from .frame import Frame, Mission
from .live_figure import LiveFigure
from .settings import Settings
from .shown import Shown

Update = Callable[[Any], str]
Picture = Callable[[Any, Settings], tuple[Sequence[Artist], Update]]


class Explorer(Shown):
    """Sliders and a picture of what they set.

    Args:
        name: one word; re-running the cell replaces the widget of that name.
        picture: `picture(axes, settings)` draws what stays and returns the artists that move and
            `update(settings) -> str`, which moves them and says in one sentence what is to be seen.
            With `panels=1` it gets one Axes, else an array of them.
        controls: setting name → `Slider`, `Choice`, `Toggle` or `Button`.
        title, panels, figsize: of the picture (figsize in inches).
        missions: goals look at `run.settings`.
    Raises:
        ValueError, TypeError: a name, control or picture that cannot work; says what to change.
        Whatever `picture` itself raises when it is first drawn.
    """

    kind = "explorer"

    def __init__(
        self, name: str, picture: Picture, controls: Mapping[str, Control | Button], *,
        title: str = "", panels: int = 1, figsize: tuple[float, float] | None = None,
        missions: Sequence[Mission] = (),
    ):
        self._frame = Frame(
            name, controls, title=title, missions=missions, on_change=lambda _: self._follow(),
            on_close=lambda: self._live.release(), with_seed=False,
        )
        self.settings = self._frame.settings
        fig, axes = new_figure(panels, size=figsize)
        artists, self._update = draw_picture(picture, axes, self.settings)
        self._live = LiveFigure(
            fig, artists, alt=self._words() or name, name=self._frame.title
        )
        self._frame.assemble(self._live)
        self._frame.check_missions(SimpleNamespace(settings=dict(self.settings)))

    def _words(self) -> str:
        words = self._update(self.settings)
        return sentence(words) if words else ""

    def _follow(self) -> None:
        try:
            self._live.redraw(self._words(), moving=True)
        except Exception as error:  # the last good picture stays
            self._frame.show_error(error)
            return
        self._frame.show_status("")
        self._frame.check_missions(SimpleNamespace(settings=dict(self.settings)))


def draw_picture(picture: Picture, axes: Any, settings: Settings) -> tuple[list[Artist], Update]:
    """Call `picture` on cleared axes, in the course's look, and check what it returned.

    Raises:
        TypeError: it is not (artists, update).
    """
    with matplotlib.rc_context(LOOK):
        for ax in np.atleast_1d(axes).flat:
            ax.clear()
        drawn = picture(axes, settings)
    if not (isinstance(drawn, tuple) and len(drawn) == 2 and callable(drawn[1])):
        raise TypeError(
            "picture(axes, settings) must return ([artists that move], update), "
            f"got {type(drawn).__name__}"
        )
    artists = list(drawn[0])
    if not all(isinstance(artist, Artist) for artist in artists):
        raise TypeError(
            "the first thing picture returns is a list of Matplotlib artists; "
            "`ax.plot` returns a list itself: write `line, = ax.plot(…)`"
        )
    return artists, drawn[1]
