"""Trying an answer on one input: what came out, and what happened on the way."""

from __future__ import annotations

import contextlib
import copy
import inspect
import io
import itertools
import linecache
import random
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from ..own_code import own_frame
from ..seeding import forked

_LONGEST = 10_000  # items taken from a generator


@dataclass(frozen=True)
class Outcome:
    """What one call gave.

    Attributes:
        value: what was returned; None if `error`.
        error: the exception that was raised, or None.
        changed: positions of the arguments that the call has changed.
        switched: settings of torch that it left switched (put back since): "gradients" are off,
            "dtype" is another default.
        printed: what it printed.
        warned: texts of the warnings it caused.
    """

    value: Any = None
    error: Exception | None = None
    changed: tuple[int, ...] = ()
    switched: tuple[str, ...] = ()
    printed: str = ""
    warned: tuple[str, ...] = ()


def call(answer: Callable, args: tuple) -> Outcome:
    """Call `answer` on copies of `args`, always with the same random state.

    A KeyboardInterrupt passes through.
    """
    copies, switched = copied(args), []
    printed = io.StringIO()
    with (
        same_randomness(),
        _same_settings(switched),
        contextlib.redirect_stdout(printed),
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("always")
        try:
            value = answer(*copies)
            if inspect.isgenerator(value):
                value = list(itertools.islice(value, _LONGEST))
        except Exception as error:
            value, raised = None, error
        else:
            raised = None
    changed = tuple(i for i, (new, old) in enumerate(zip(copies, args, strict=True))
                    if not _unchanged(new, old))
    warned = tuple(dict.fromkeys(str(one.message) for one in caught))
    return Outcome(value, raised, changed, tuple(switched), printed.getvalue(), warned)


def functions_called(answer: Callable, args: tuple) -> set[str]:
    """Names of PyTorch's functions and methods that a call uses ("softmax", "backward")."""
    names: set[str] = set()

    class Recorder(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            names.add(func.__name__)
            return func(*args, **(kwargs or {}))

    with Recorder():
        call(answer, args)
    return names


def copied(args: tuple) -> tuple:
    """Copies that share among each other what the originals share (memory, modules)."""
    try:
        return copy.deepcopy(args)
    except Exception:  # a part that cannot be copied; the others still can
        return tuple(_copied(value) for value in args)


def _copied(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    if type(value) in (list, tuple):
        return type(value)(_copied(one) for one in value)
    if type(value) is dict:
        return {key: _copied(one) for key, one in value.items()}
    try:
        return copy.deepcopy(value)
    except Exception:
        return value


def _unchanged(new: Any, old: Any) -> bool:
    """Compares data only: modules, optimisers and the like are there to be changed."""
    if isinstance(old, torch.Tensor):
        if new.shape != old.shape or new.dtype != old.dtype:
            return False
        new, old = new.detach(), old.detach()
        return bool(((new == old) | ((new != new) & (old != old))).all())
    if isinstance(old, np.ndarray):
        inexact = np.issubdtype(old.dtype, np.inexact)
        return new.dtype == old.dtype and np.array_equal(new, old, equal_nan=inexact)
    if isinstance(old, list | tuple):
        return len(new) == len(old) and all(map(_unchanged, new, old))
    if isinstance(old, dict):
        return new.keys() == old.keys() and all(_unchanged(new[key], old[key]) for key in old)
    if isinstance(old, bool | int | float | str | set):
        return bool(new == old) or new != new
    return True


@contextlib.contextmanager
def same_randomness() -> Iterator[None]:
    """Draws inside are the same each time; the notebook's own random state stays as it was."""
    python, numpy = random.getstate(), np.random.get_state()
    with forked():
        random.seed(0)
        np.random.seed(0)
        torch.manual_seed(0)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)


@contextlib.contextmanager
def _same_settings(switched: list[str]) -> Iterator[None]:
    """torch's settings for everybody are put back; `switched` gets the names of those left."""
    gradients, dtype = torch.is_grad_enabled(), torch.get_default_dtype()
    try:
        yield
    finally:
        switched += ["gradients"] * (gradients and not torch.is_grad_enabled())
        switched += ["dtype"] * (torch.get_default_dtype() != dtype)
        torch.set_grad_enabled(gradients)
        torch.set_default_dtype(dtype)


def line_of(error: BaseException) -> tuple[int, str] | None:
    """(number, text) of the innermost line of the learner's code that led to `error`.

    None if no frame is theirs: the call itself failed, or the fault is the check's own.
    """
    last = own_frame(error)
    if last is None:
        return None
    text = last.line or linecache.getline(last.filename, last.lineno or 0)
    return last.lineno or 0, text.strip()
