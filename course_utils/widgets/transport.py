"""The buttons of a playground: run, step, reset, keep; speed, engine and progress."""

from collections.abc import Callable

import ipywidgets

from .frame import MainLoop, row

SPEEDS = {"full speed": 0.0, "50 steps a second": 0.02, "10 steps a second": 0.1,
          "2 steps a second": 0.5}  # fmt: skip
_FIELD = {"style": {"description_width": "9.5em"}, "layout": {"width": "auto"}}

Action = Callable[[], None]


class Transport:
    """Buttons that call the given actions on the main loop; shows what it is told."""

    def __init__(
        self, main: MainLoop, steps: int, *, run: Action, step: Action, reset: Action,
        keep: Action, switch: Callable[[bool], None], background: bool, speed: str,
    ):
        self.run = _button("Run", "play", main, run, width="110px")
        self.step = _button("Step", "step-forward", main, step)
        self.reset = _button("Reset", "refresh", main, reset)
        self.keep = _button("Keep as reference", "bookmark", main, keep, width="165px")
        self.speed = ipywidgets.Dropdown(
            options=list(SPEEDS), value=speed, description="speed", **_FIELD
        )
        self.background = ipywidgets.Checkbox(
            value=background, disabled=main.loop is None, description="train in the background",
            **_FIELD,
        )
        self.background.observe(
            lambda change: main.call(lambda: switch(change["new"])), "value"
        )
        self._steps = steps
        self._bar = ipywidgets.IntProgress(max=steps, layout={"width": "70px"})
        self._words = ipywidgets.HTML()
        self.rows = (
            row(self.run, self.step, self.reset, self.keep), self.speed, self.background,
            row(self._bar, self._words),
        )

    @property
    def pace(self) -> float:
        """Seconds from one step to the next; 0 at full speed."""
        return SPEEDS[self.speed.value]

    def show(self, *, running: bool, click: bool, stopped: bool) -> None:
        """Let the buttons say what they do now; `stopped`: no further step can be taken."""
        label = "Run steps" if click else "Pause" if running else "Run"
        self.run.description = label
        self.run.icon = "pause" if label == "Pause" else "play"
        self.run.disabled = self.step.disabled = stopped

    def show_progress(self, step: int, seconds_left: float | None) -> None:
        """`seconds_left`: of computing, without the pauses of a slow speed; None: unknown."""
        self._bar.value = step
        text = f"step {step} of {self._steps}"
        if seconds_left is not None:
            left = max(seconds_left, self.pace * (self._steps - step))
            text += f" · about {max(left, 1):.0f} s left"
        self._words.value = text

    def disable(self) -> None:
        for button in (self.run, self.step, self.reset, self.keep):
            button.disabled = True


def _button(
    label: str, icon: str, main: MainLoop, action: Action, width: str = "90px"
) -> ipywidgets.Button:
    button = ipywidgets.Button(description=label, icon=icon, layout={"width": width})
    button.on_click(lambda _: main.call(action))
    return button
