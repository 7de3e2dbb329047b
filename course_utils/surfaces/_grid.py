"""Heights of a function on a grid of two numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from ..parameters import Function, chunk_for, in_chunks

MEMORY = 16e6  # bytes of results in f, for all places evaluated at once: about a processor's cache
MOST = 4096  # places at once

Numbers = Tensor | np.ndarray | Sequence[float]


def loss_grid(f: Function, xs: Numbers, ys: Numbers, *, chunk: int | None = None) -> Tensor:
    """The height at every (x, y), many places at a time (`vmap`).

    A function that vmap cannot do (it has an `if` on its values, calls `.item()`, draws random
    numbers or leaves torch) is evaluated in a plain loop, place by place: the same heights, later.

    Args:
        f: theta (2,) -> ().
        xs: (columns,), places along the first parameter; taken as float64.
        ys: (rows,), places along the second.
        chunk: how many places at a time; None chooses by f's memory.
    Returns:
        (rows, columns), detached: row i belongs to ys[i], column j to xs[j], as matplotlib's
        `contour` takes it.
    Raises:
        ValueError: xs or ys is not 1-D or empty, or f does not return a scalar.
        Exception: whatever f raises in the plain loop.
    """
    xs, ys = _axis(xs, "xs"), _axis(ys, "ys")
    y, x = torch.meshgrid(ys, xs, indexing="ij")
    places = torch.stack([x, y], dim=-1).reshape(-1, 2)  # row by row
    return heights(f, places, chunk).reshape(len(ys), len(xs))


def heights(f: Callable[[Tensor], Tensor], places: Tensor, chunk: int | None = None) -> Tensor:
    """f at many places (n, 2) -> (n,): by vmap in chunks, else in a loop.

    Raises:
        ValueError: f does not return a scalar, or `chunk` is below 1.
        Whatever f itself raises.
    """
    _check_scalar(f(places[0]))
    if chunk is not None and chunk < 1:
        raise ValueError(f"chunk is {chunk}; at least one place is needed at a time")
    try:
        with torch.no_grad():
            return _many_at_a_time(f, places, chunk)
    except Exception:  # whatever vmap, or f under it, stumbled over: the loop says if f is wrong
        loop = in_chunks(len(places), 1, "places")
        return torch.stack([torch.as_tensor(f(places[part][0])).detach() for part in loop])


def _many_at_a_time(f: Callable[[Tensor], Tensor], places: Tensor, chunk: int | None) -> Tensor:
    if chunk is None:
        chunk = chunk_for(f, places[0], MEMORY, MOST)
    parts = in_chunks(len(places), chunk, "places")
    return torch.cat([torch.func.vmap(f)(places[part]) for part in parts])


def _check_scalar(value: object) -> None:
    if isinstance(value, float | int):
        return
    shape = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
    if shape != ():
        raise ValueError(f"f has to return a scalar, shape (), at each place; it returned {shape}")


def _axis(values: Numbers, name: str) -> Tensor:
    values = torch.as_tensor(values, dtype=torch.float64).detach()
    if values.ndim != 1 or not len(values):
        raise ValueError(f"{name} needs shape (n,), n ≥ 1; it has {tuple(values.shape)}")
    return values
