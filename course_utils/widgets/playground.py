"""Playground: live training of the learner's own model, loss and update rule.

The learner writes a generator that trains; the playground runs it, a few milliseconds at a time,
on the kernel's main loop, so that sliders and buttons work while it trains. Where background
updates do not reach the page (Colab is not proven), the same steps are taken inside the click.
"""

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from ..figures import new_figure, sentence
from ..paths import headless
from .controls import Button, Control
from .explorer import Picture, draw_picture
from .frame import Frame, Mission
from .live_figure import LiveFigure
from .loss_panel import LossPanel, summary
from .run import Make, Run
from .shown import Shown
from .transport import SPEEDS, Transport

SLICE = 0.025  # seconds of training between two looks at the page's messages
FRAME = 1 / 16  # seconds from one redraw to the next; more where drawing takes most of that
SPOKEN = 1.0  # seconds between two changes of the line of words while it runs
CLICK_STEPS, CLICK_SECONDS = 100, 1.0  # what one click does in click mode
KEPT = 5  # earlier runs that stay visible
STATUS = {
    "ready": "ready: press Run",
    "running": "running",
    "paused": "paused",
    "done": "done: Reset starts a new run, this one stays as a faint curve",
}


class Playground(Shown):
    """Run, pause, step, reset; sliders act on the running training.

    Args:
        name: one word, used in the settings string; re-running the cell replaces the widget.
        make: `make(settings)` is a generator function: it builds the model, then forever yields
            `{"train": loss, …}` and updates. It yields *before* the update, so that step 0 is the
            start. Scalars become curves; anything else (the model) is for the picture. It reads
            `settings.lr` at every step, and so follows the slider.
        picture: as for `Explorer`; `update(state)` gets what was yielded last.
        controls: setting name → `Slider`, `Choice` or `Toggle`. `live=False`: from the next reset.
        steps: a run's length.
        headless_steps: the run's length without a browser (default: `steps`).
        panels: axes of the picture (the loss curves get one more).
        log_loss: logarithmic loss axis.
        missions: goals look at `run.settings` (those that steps were taken with), `run.step`,
            `run.curves`, `run.state`, `run.diverged`.
        mode: "task" (background), "click" (inside the click) or "auto".
        looks: name of a curve → colour, line style and the like, where the usual ones do not fit.
        speed: what the speed control shows at first; slower where a run would be over at once.
        ylabel, ylim, legend: of the curves, where they are not losses; "beside" sets the legend
            right of the axes, where no curve crosses it.
        view: settings that only the picture reads; they do not tell one run from another.
    Raises:
        ValueError, TypeError: arguments that cannot work; says what to change.

    An exception or a loss that is not finite pauses the run and says so; Reset recovers. A kernel
    interrupt does not stop the background task: Pause does. Nor does closing the page: the run goes
    on to its `steps`, then nothing is left to do.
    """

    kind = "playground"

    def __init__(
        self, name: str, make: Make, picture: Picture, controls: Mapping[str, Control | Button], *,
        steps: int = 400, headless_steps: int | None = None, title: str = "", panels: int = 1,
        figsize: tuple[float, float] | None = None, log_loss: bool = False,
        missions: Sequence[Mission] = (), mode: str = "auto",
        looks: Mapping[str, Mapping[str, Any]] | None = None, speed: str = "full speed",
        ylabel: str = "loss", ylim: tuple[float, float] | None = None, legend: str = "inside",
        view: Sequence[str] = (),
    ):
        _require(make, steps, headless_steps, mode, speed)
        if legend not in ("inside", "beside"):
            raise ValueError(f'legend must be "inside" or "beside", got {legend!r}')
        self.state = "ready"
        self.steps = steps
        self.earlier: list[Run] = []
        self.reference: Run | None = None
        self._make, self._picture, self._panels = make, picture, panels
        self._view = frozenset(view)
        self._task: asyncio.Task | None = None
        self._planned = self._next_frame = self._last_words = 0.0
        self._frame = Frame(
            name, controls, title=title, missions=missions, on_change=self._controls_moved,
            on_close=self._shut,
        )
        self.settings = self._frame.settings
        self.mode = self._choose_mode(mode)
        self._transport = Transport(
            self._frame.main, steps, run=self._run_or_pause, step=self.step, reset=self.reset,
            keep=self.keep_as_reference, switch=self._switch, background=self.mode == "task",
            speed=speed,
        )
        size = figsize or (4.0 * (panels + 1), 3.6)
        self._fig, axes = new_figure(panels + 1, size=size)
        self._axes, self._loss = list(axes[:-1]), LossPanel(
            axes[-1], steps, log=log_loss, looks=looks, ylabel=ylabel, ylim=ylim, legend=legend
        )
        self._live: LiveFigure | None = None
        self._begin()
        self._frame.assemble(self._live, *self._transport.rows)
        if headless():
            self.run_now(headless_steps if headless_steps is not None else steps)

    # what the learner's code may call

    def from_code(self, code: str) -> Self:
        """Take over a settings string and reset.

        Raises:
            ValueError: it does not fit this playground; nothing was changed.
        """
        super().from_code(code)
        self.reset()
        return self

    def run(self) -> None:
        """Train: in the background, or in click mode up to 100 steps at once."""
        self._require_open()
        if self.current.stopped or self.state == "running":
            return
        if self.mode == "click":
            self._run_inside_click()
            return
        self._set_state("running")
        self._task = self._frame.main.loop.create_task(self._train_in_background())

    def pause(self) -> None:
        """Stop after the step in progress; Run goes on from there."""
        self._halt()
        if self.state == "running":
            self._set_state("paused")
            self._draw()

    def step(self) -> None:
        """One step, then pause."""
        self.pause()
        self.run_now(1)

    def run_now(self, steps: int) -> Run:
        """Take up to `steps` steps before returning; the same seed gives the same result."""
        self._require_open()
        self.current.advance(steps, float("inf"))
        self._after_steps()
        self._draw()
        return self.current

    def reset(self) -> None:
        """Begin anew with the settings as they are; the run so far stays as a faint curve."""
        self._require_open()
        self._halt()
        old = self.current
        old.put_aside()
        if old.step >= 1:
            self.earlier = [*self.earlier, old][-KEPT:]
        self._begin()

    def keep_as_reference(self) -> None:
        """Keep the present run as the dashed curve that later ones are compared with."""
        self.reference = self.current
        self._frame.show_status("kept as reference: it is drawn dashed from the next reset on")

    # one run

    def _begin(self) -> None:
        self.current = Run(self._make, self.settings, self.steps, view=self._view)
        self.current.advance(1, float("inf"))  # step 0: the start, before any update
        axes = self._axes[0] if self._panels == 1 else np.array(self._axes)
        artists, self._update = draw_picture(self._picture, axes, self.settings)
        self._loss.start(self.current, self.earlier, self.reference)
        artists = [*artists, *self._loss.artists]
        if self._live is None:
            self._live = LiveFigure(
                self._fig, artists, alt=self._frame.name, name=self._frame.title
            )
        else:
            self._live.animate(artists)
        self._set_state("ready")
        self._after_steps()
        self._draw()

    async def _train_in_background(self) -> None:
        try:
            while self.state == "running":
                begin, pace = time.perf_counter(), self._transport.pace
                self.current.advance(1 if pace else sys.maxsize, self._slice())
                self._after_steps()
                if self.state == "running":
                    self._draw_if_due()
                    # not 0: sliders and buttons get their turn on every kernel
                    spent = time.perf_counter() - begin
                    await asyncio.sleep(max(pace - spent, 0.001))
            self._draw()
        except Exception as error:  # nobody awaits this task: it would vanish unseen
            self._set_state("error")
            self._frame.show_error(error)

    def _run_inside_click(self) -> None:
        end = time.perf_counter() + CLICK_SECONDS
        pace = self._transport.pace
        taken = 0
        self._set_state("running")
        while self.state == "running" and taken < CLICK_STEPS and time.perf_counter() < end:
            begin = time.perf_counter()
            taken += self.current.advance(1 if pace else CLICK_STEPS - taken, self._slice())
            self._after_steps()
            self._draw_if_due()
            time.sleep(max(pace - (time.perf_counter() - begin), 0.0))
        if self.state == "running":
            self._set_state("paused")
        self._draw()

    def _after_steps(self) -> None:
        run = self.current
        if run.error is not None:
            self._set_state("error")
            self._frame.show_status(
                f"your code stopped: {run.error}. Mend the cell, or press Reset.", warning=True
            )
        elif run.diverged:
            self._set_state("error")
            self._frame.show_status(
                "the loss is no longer a finite number: it diverged. Lower the rate and Reset.",
                warning=True,
            )
        elif run.finished:
            self._set_state("done")
        elif self.state != "running" and run.step >= 1:
            self._set_state("paused")

    def _shut(self) -> None:
        """End the training and let go of what is large: the notebook may keep this object."""
        self._halt()
        self.state = "closed"
        self._transport.disable()
        for run in (self.current, *self.earlier):
            run.put_aside()
        self.earlier, self.reference = [], None
        self._live.release()

    def _require_open(self) -> None:
        if self.state == "closed":
            raise RuntimeError(self._frame.why_closed)

    def _halt(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    # the picture

    def _slice(self) -> float:
        """Seconds to train before the next look at the page: no longer than to the next frame."""
        return min(SLICE, max(self._next_frame - time.perf_counter(), 0.0))

    def _draw_if_due(self) -> None:
        if time.perf_counter() >= self._next_frame:
            self._draw(moving=True)

    def _draw(self, moving: bool = False) -> None:
        begin, run = time.perf_counter(), self.current
        words = None
        if run.state is not None:
            try:
                words = self._update(run.state)
            except Exception as error:
                self._halt()
                self._set_state("error")
                self._frame.show_error(error)
        self._loss.follow(run)
        now = time.perf_counter()
        speak = not moving or now - self._last_words >= SPOKEN
        self._live.redraw(self._sentence(words) if speak else None, moving=moving)
        self._last_words = now if speak else self._last_words
        self._transport.show_progress(
            max(run.step, 0), run.seconds_left if self.state == "running" else None
        )
        self._frame.check_missions(run.as_trained())
        end = time.perf_counter()
        # A frame that comes late does not delay those after it; but training keeps a third.
        self._planned = max(self._planned, begin - FRAME) + FRAME
        self._next_frame = max(self._planned, end + (end - begin) / 2)

    def _sentence(self, words: str | None) -> str:
        numbers = [f"Step {max(self.current.step, 0)}", summary(self.current)]
        parts = ["; ".join(part for part in numbers if part), words]
        return " ".join(sentence(part) for part in parts if part)

    # what the page does

    def _run_or_pause(self) -> None:
        if self.state == "running":
            self.pause()
        else:
            self.run()

    def _switch(self, background: bool) -> None:
        self.pause()
        self.mode = "task" if background else "click"
        self._show_state()

    def _controls_moved(self, keys: set[str]) -> None:
        run = self.current
        if run.step < 1 and self.state != "running":
            self.reset()  # nothing trained yet: show the start that these settings give
            return
        for key in keys:
            if not run.stopped and self._acts_at_once(key):
                run.note_change(key)
        waiting = [c.label or key for key, c in self._frame.controls.items()
                   if key in keys and not c.live]
        if waiting:
            self._frame.show_status(f"{', '.join(waiting)}: takes effect at the next Reset")
        if self.state != "running":
            self._draw()  # a picture may look at its settings too; a run in progress draws anyway

    def _acts_at_once(self, key: str) -> bool:
        return key in self._frame.controls and self._frame.controls[key].live

    def _set_state(self, state: str) -> None:
        self.state = state
        self._show_state()

    def _show_state(self) -> None:
        self._transport.show(running=self.state == "running", click=self.mode == "click",
                             stopped=self.current.stopped)
        if self.state in STATUS:
            self._frame.show_status(STATUS[self.state])

    def _choose_mode(self, mode: str) -> str:
        if mode == "task" and self._frame.main.loop is None:
            raise ValueError('mode="task" needs a notebook\'s event loop; use mode="click" here')
        if mode != "auto":
            return mode
        background = self._frame.main.loop is not None and "google.colab" not in sys.modules
        return "task" if background else "click"


def _require(make: Any, steps: Any, headless_steps: Any, mode: str, speed: str) -> None:
    if not callable(make):
        raise TypeError(
            f"make must be a generator function train(settings), got {type(make).__name__}; "
            "pass the function itself, without calling it"
        )
    for label, number in (("steps", steps), ("headless_steps", headless_steps)):
        if number is None and label == "headless_steps":
            continue
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise ValueError(f"{label} must be a whole number of at least 1, got {number!r}")
    if mode not in ("auto", "task", "click"):
        raise ValueError(f'mode must be "auto", "task" or "click", got {mode!r}')
    if speed not in SPEEDS:
        raise ValueError(f"speed must be one of {list(SPEEDS)}, got {speed!r}")
