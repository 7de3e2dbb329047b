"""How an output differs from what it should be, in words: type, shape, dtype, then values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from .show import kind_of, number_text

# (relative, absolute). Wider than assert_close: another order of summing is not a mistake.
_TOLERANCES = {
    torch.float64: (1e-7, 1e-9), torch.float32: (1e-4, 1e-6),
    torch.float16: (1e-2, 1e-3), torch.bfloat16: (3e-2, 1e-2),
    torch.complex64: (1e-4, 1e-6), torch.complex128: (1e-7, 1e-9),
}
_NUMBER = (1e-5, 1e-8)  # Python floats often come from float32
_FACTORS = (-1.0, 2.0, 0.5, -2.0, -0.5)  # what single numbers are tried against

Tolerance = tuple[float, float] | None


def difference(got: Any, expected: Any, tolerance: Tolerance = None) -> str | None:
    """What is wrong with `got`, one or two sentences; None if nothing is.

    Args:
        got: what the learner's code returned.
        expected: what it should have returned.
        tolerance: (relative, absolute); None takes the one that belongs to the dtype.
    """
    if got is Ellipsis:
        return "A `...` is still left where your code should be."
    if got is None and expected is not None:
        return "Your code returned None. Is the `return` missing?"
    if isinstance(expected, torch.Tensor):
        return _tensors(got, expected, tolerance)
    if isinstance(expected, np.ndarray):
        return _arrays(got, expected, tolerance)
    if isinstance(expected, bool | np.bool_):
        return _plain(got, bool(expected), (bool, np.bool_))
    if isinstance(expected, int | float | np.number):
        return _numbers(got, expected, tolerance)
    if isinstance(expected, list | tuple):
        return _sequences(got, expected, tolerance)
    if isinstance(expected, dict):
        return _dicts(got, expected, tolerance)
    return _plain(got, expected, type(expected))


def _tensors(got: Any, expected: torch.Tensor, tolerance: Tolerance) -> str | None:
    if not isinstance(got, torch.Tensor):
        return f"Your code returned {kind_of(got)}; a tensor is expected."
    problem = _shapes(tuple(got.shape), tuple(expected.shape))
    if problem:
        return problem
    if got.dtype != expected.dtype:
        return _dtypes(got.dtype, expected.dtype)
    problem = _values(got, expected, tolerance)
    if problem is None and expected.requires_grad and not got.requires_grad:
        return ("The values are right, but the result is cut off from the graph, so that no "
                "gradient can flow through it (`.item()`, `.detach()` and `torch.tensor(…)` cut).")
    return problem


def _arrays(got: Any, expected: np.ndarray, tolerance: Tolerance) -> str | None:
    if not isinstance(got, np.ndarray):
        return f"Your code returned {kind_of(got)}; a NumPy array is expected."
    problem = _shapes(got.shape, expected.shape)
    if problem:
        return problem
    if got.dtype != expected.dtype:
        return _dtypes(got.dtype, expected.dtype)
    if expected.dtype.kind not in "biufc":
        wrong = int((got != expected).sum())
        return f"{wrong} of {expected.size} entries differ." if wrong else None
    return _values(torch.from_numpy(got.copy()), torch.from_numpy(expected.copy()), tolerance)


def _shapes(got: tuple, expected: tuple) -> str | None:
    if got == expected:
        return None
    said = f"The shape is {got}; it should be {expected}."
    if math.prod(got) == math.prod(expected):
        if got == expected[::-1] and len(got) > 1:
            return f"{said} Are two dimensions swapped?"
        return f"{said} The number of entries is right: the dimensions are not."
    if len(expected) < len(got):
        return f"{said} Is a sum or mean over a dimension missing, or did shapes broadcast?"
    return said


def _dtypes(got: Any, expected: Any) -> str:
    got, expected = (str(dtype).removeprefix("torch.") for dtype in (got, expected))
    return f"The dtype is {got}; it should be {expected}. The shape is right."


def _values(got: torch.Tensor, expected: torch.Tensor, tolerance: Tolerance) -> str | None:
    got, expected = got.detach().cpu(), expected.detach().cpu()
    relative, absolute = tolerance or _TOLERANCES.get(expected.dtype, (0.0, 0.0))
    right = torch.isclose(got, expected, rtol=relative, atol=absolute, equal_nan=True)
    if bool(right.all()):
        return None
    diagnosis = _diagnosis(got, expected, relative, absolute)
    if expected.dim() == 0:
        return f"The value is wrong: {_pair(got, expected)}.{diagnosis}"
    wrong = int((~right).sum())
    at = tuple((~right).nonzero()[0].tolist())
    where = ", ".join(map(str, at))
    return (f"{wrong} of {expected.numel()} values are wrong; the first is at [{where}]: "
            f"{_pair(got[at], expected[at])}.{diagnosis}")


def _pair(got: Any, expected: Any) -> str:
    got, expected = (one.item() if hasattr(one, "item") else one for one in (got, expected))
    digits = 5
    while digits < 17 and number_text(got, digits) == number_text(expected, digits):
        digits += 2
    return f"got {number_text(got, digits)}, expected {number_text(expected, digits)}"


def _diagnosis(
    got: torch.Tensor, expected: torch.Tensor, relative: float, absolute: float
) -> str:
    """A sentence on what all values have in common, if they do."""
    if not (got.is_floating_point() or got.dtype == torch.int64):
        return ""
    got, expected = got.double(), expected.double()
    finite = bool(expected.isfinite().all())
    if finite and not bool(got.isfinite().all()):
        return " There is nan or inf among yours."
    if not finite:
        return ""

    def close(one: torch.Tensor, other: torch.Tensor) -> bool:
        return torch.allclose(one, other, rtol=max(relative, 1e-6), atol=absolute)

    if got.dim() == 2 and got.shape[0] == got.shape[1] and close(got, expected.T):
        return " Yours is the transpose of what is expected."
    factor = _common_factor(got, expected)
    if factor is None or f"{factor:.4g}" == "1" or not close(got, factor * expected):
        return ""
    if factor == -1:
        return " The sign is turned."
    yours = "All of yours are" if got.dim() else "Yours is"
    return f" {yours} {factor:.4g} times what is expected."


def _common_factor(got: torch.Tensor, expected: torch.Tensor) -> float | None:
    largest = expected.abs().argmax() if expected.numel() else None
    if largest is None or expected.flatten()[largest] == 0:
        return None
    factor = (got.flatten()[largest] / expected.flatten()[largest]).item()
    near = [one for one in _FACTORS if abs(factor - one) < 1e-5]
    if near:
        return near[0]
    several = int((expected != 0).sum()) > 1
    return factor if several and factor != 0 else None


def _numbers(got: Any, expected: Any, tolerance: Tolerance) -> str | None:
    whole = isinstance(expected, int | np.integer)
    fits = isinstance(got, int | np.integer if whole else int | float | np.number)
    if not fits or isinstance(got, bool):
        wanted = "a whole number (int)" if whole else "a Python number (float)"
        item = " `.item()` makes one of a tensor." if getattr(got, "ndim", None) == 0 else ""
        return f"Your code returned {kind_of(got)}; {wanted} is expected.{item}"
    if whole:
        return None if got == expected else f"The number is wrong: {_pair(got, expected)}."
    one, other = (torch.tensor(float(x), dtype=torch.float64) for x in (got, expected))
    return _values(one, other, tolerance or _NUMBER)


def _sequences(got: Any, expected: Any, tolerance: Tolerance) -> str | None:
    if not isinstance(got, list | tuple):
        return f"Your code returned {kind_of(got)}; {kind_of(expected)} is expected."
    if len(got) != len(expected):
        return f"Your code returned {len(got)} items; {len(expected)} are expected."
    for index, (one, other) in enumerate(zip(got, expected, strict=True)):
        problem = difference(one, other, tolerance)
        if problem:
            return f"Item [{index}]: {problem}"
    return None


def _dicts(got: Any, expected: dict, tolerance: Tolerance) -> str | None:
    if not isinstance(got, dict):
        return f"Your code returned {kind_of(got)}; a dict is expected."
    if got.keys() != expected.keys():
        return f"The keys are {list(got)}; they should be {list(expected)}."
    for key, value in expected.items():
        problem = difference(got[key], value, tolerance)
        if problem:
            return f"Entry [{key!r}]: {problem}"
    return None


def _plain(got: Any, expected: Any, kinds: Any) -> str | None:
    if not isinstance(got, kinds):
        return f"Your code returned {kind_of(got)}; {kind_of(expected)} is expected."
    return None if bool(got == expected) else f"got {got!r:.60}, expected {expected!r:.60}."
