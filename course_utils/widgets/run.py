"""One training run: the learner's generator, advanced step by step, and what it yielded.

Knows nothing of widgets or pictures, so the whole of it is tested without a browser.
"""

import copy
import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from ..own_code import own_frame
from .settings import Settings

Make = Callable[[Settings], Iterator[Mapping[str, Any]]]


class Run:
    """A run of `make(settings)` of at most `steps` steps.

    The first yield is step 0 (before any update), the next one step 1, and so on.

    Attributes:
        step: steps taken so far; -1 before the first yield.
        curves: for each scalar that was yielded, its values; `at` holds the steps they belong to.
        state: what was yielded last, or None.
        finished: the generator ended, or `steps` are done.
        diverged: a scalar was not finite.
        error: the learner's exception in words, or None.
        seconds: time spent inside the generator.
        changes: for each setting, the values that steps were taken with.
    """

    def __init__(
        self, make: Make, settings: Settings, steps: int, *, view: Collection[str] = ()
    ):
        self._settings = settings
        self._frozen: dict[str, Any] | None = None
        self.steps = steps
        self.step = -1
        self.curves: dict[str, list[float]] = {}
        self.at: dict[str, list[int]] = {}
        self.state: Mapping[str, Any] | None = None
        self.finished = False
        self.diverged = False
        self.error: str | None = None
        self.seconds = 0.0
        self.changes: dict[str, list[Any]] = {
            name: [settings[name]] for name in settings if name not in view
        }
        self._moved: set[str] = set()  # controls moved since the last step
        self._waiting: dict[str, list[Any]] = {}  # tensors not read yet: reading waits for a GPU
        self._generator: Iterator | None = None
        self._make = make

    @property
    def settings(self) -> dict[str, Any]:
        """The settings in force (of a run put aside: at its end)."""
        return dict(self._settings) if self._frozen is None else self._frozen

    @property
    def stopped(self) -> bool:
        """Whether no further step can be taken."""
        return self.finished or self.diverged or self.error is not None

    @property
    def seconds_left(self) -> float | None:
        """Seconds of computing still to come at the pace so far; None before the first step."""
        return None if self.step < 1 else self.seconds / self.step * (self.steps - self.step)

    def as_trained(self) -> "Run":
        """This run with the settings that its steps were taken with, as missions see it.

        Else a control moved after the last step, or one that waits for the next reset, would count.
        """
        seen = copy.copy(self)
        seen._frozen = self.settings | {name: trail[-1] for name, trail in self.changes.items()}
        return seen

    def note_change(self, name: str) -> None:
        """Remember that a control was moved: it counts if another step is taken."""
        if name in self.changes:  # else only the picture reads it
            self._moved.add(name)

    def advance(self, limit: int, seconds: float) -> int:
        """Take up to `limit` steps, stopping after about `seconds`; returns how many it took."""
        begin = time.perf_counter()
        taken = 0
        if not self.stopped:
            self._count_moves()
        while taken < limit and not self.stopped:
            self._next()
            taken += 1
            if time.perf_counter() - begin >= seconds:
                break
        self._collect()
        self.seconds += time.perf_counter() - begin
        return taken

    def put_aside(self) -> None:
        """Close the generator; curves and settings stay."""
        self._frozen = dict(self._settings)
        close = getattr(self._generator, "close", None)
        if close is not None:
            try:
                close()
            except Exception:  # the learner's clean-up must not stop a reset
                self.error = self.error or "an error while closing the run"
        self._generator = None
        self.state = None

    def _count_moves(self) -> None:
        for name in self._moved:
            trail, value = self.changes[name], self._settings[name]
            if self.step < 1:
                trail[:] = [value]
            elif value != trail[-1]:
                trail.append(value)
        self._moved.clear()

    def _next(self) -> None:
        try:
            if self._generator is None:
                self._generator = iter(self._make(self._settings))
            state = next(self._generator)
            scalars = _scalars(state)
        except StopIteration:
            self.finished = True
            return
        except Exception as error:
            self.error = explain(error)
            return
        self.step += 1
        self.state = state
        for name, value in scalars.items():
            self._waiting.setdefault(name, []).append(value)
            self.at.setdefault(name, []).append(self.step)
        self.finished = self.step >= self.steps

    def _collect(self) -> None:
        for name, values in self._waiting.items():
            numbers = _to_floats(values)
            self.curves.setdefault(name, []).extend(numbers)
            self.diverged = self.diverged or not all(map(math.isfinite, numbers))
        self._waiting.clear()


def _scalars(state: Any) -> dict[str, Any]:
    """The numbers among what was yielded.

    Raises:
        TypeError: it is not a dict.
    """
    if not isinstance(state, Mapping):
        raise TypeError(
            f"a training generator yields a dict such as {{'train': loss}}, not a "
            f"{type(state).__name__}"
        )
    numbers = {}
    for name, value in state.items():
        if isinstance(value, bool):
            continue
        if isinstance(value, (int, float)):
            numbers[name] = value
        elif getattr(value, "ndim", None) == 0:
            # without its graph, or every step's graph would stay in memory
            numbers[name] = value.detach() if hasattr(value, "detach") else value
    return numbers


def _to_floats(values: list[Any]) -> list[float]:
    on_gpu = getattr(getattr(values[0], "device", None), "type", "cpu") != "cpu"
    if not on_gpu:
        return [float(value) for value in values]
    import torch

    return torch.stack(values).tolist()  # one transfer instead of one a step


def explain(error: BaseException) -> str:
    """The learner's exception in words: its message, and the line of *their* code."""
    frame = own_frame(error)
    where = ""
    if frame is not None:
        line = f", in {frame.name}, line {frame.lineno}"
        where = f"{line}: {frame.line.strip()}" if frame.line else line
    return f"{type(error).__name__}: {error}{where}"
