"""One seed for the course, and random streams that follow from it.

`COURSE_SEED` changes initialisation, order, noise and subsamples everywhere at once; shipped data
and their splits stay as they are.
"""

from __future__ import annotations

import operator
import os
import random
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import numpy as np
import torch

DEFAULT_SEED = 42069
_LIMIT = 2**32  # numpy.random.seed takes 0 … 2³² − 1


def course_seed() -> int:
    """The seed of this run: the environment variable COURSE_SEED, else 42069.

    Raises:
        ValueError: COURSE_SEED is set and is not a whole number from 0 to 2³² − 1.
    """
    text = os.environ.get("COURSE_SEED", "").strip()
    if not text:
        return DEFAULT_SEED
    try:
        return checked_seed(int(text), "COURSE_SEED")
    except ValueError:
        raise ValueError(
            f"COURSE_SEED is {text!r}; it has to be a whole number from 0 to {_LIMIT - 1}, "
            f"for example COURSE_SEED=1. Without it the seed is {DEFAULT_SEED}."
        ) from None


def seed_everything(seed: int | None = None) -> int:
    """Start Python's, NumPy's and PyTorch's random numbers (on every device) from one seed.

    Args:
        seed: 0 … 2³² − 1; None takes `course_seed()`.
    Returns:
        the seed, so that a result can say where it came from.
    Raises:
        TypeError: `seed` is not a whole number.
        ValueError: `seed` is out of range.
    """
    seed = course_seed() if seed is None else checked_seed(seed, "seed")
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)  # CPU and, where present, CUDA and MPS
    return seed


def generator(offset: int = 0, device: str | torch.device = "cpu") -> torch.Generator:
    """A random stream of its own, fixed by the course's seed and `offset`.

    Two parts of a notebook that draw from `generator(0)` and `generator(1)` do not disturb each
    other: re-running one leaves the other's numbers as they were.

    Args:
        offset: 0, 1, 2, …: which stream. Seed and offset are mixed, so that seed 1 with offset 2
            and seed 2 with offset 1 share nothing.
        device: where the generator draws; the same stream gives other numbers on another device.
    Returns:
        a fresh generator at the start of its stream.
    Raises:
        TypeError: `offset` is not a whole number.
        ValueError: `offset` is negative.
    Source: numpy.random.SeedSequence (O'Neill's seed_seq), for the mixing.
    """
    if _whole(offset, "offset") < 0:
        raise ValueError(f"offset is {offset}; streams are numbered 0, 1, 2, …")
    entropy = np.random.SeedSequence(course_seed(), spawn_key=(operator.index(offset),))
    mixed = int(entropy.generate_state(1, np.uint64)[0]) >> 1  # 63 bits: what every torch accepts
    return torch.Generator(device=device).manual_seed(mixed)


def forked() -> AbstractContextManager[None]:
    """PyTorch's global streams, of the CPU and of CUDA GPUs in use, are put back afterwards.

    `torch.manual_seed` starts all of them. Not Apple's GPU: PyTorch does not put its stream back.
    """
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    return torch.random.fork_rng(devices=list(devices))


@contextmanager
def deterministic(on: bool = True) -> Iterator[None]:
    """Ask PyTorch for the same bits on every run inside the `with` block; restore afterwards.

    Sets `torch.use_deterministic_algorithms` and cuDNN's two switches (`deterministic` on,
    `benchmark` off: the fastest algorithm, chosen by timing, may differ from run to run).
    Seeds are a separate matter: see `seed_everything`.

    Args:
        on: False switches all three off, to compare with.
    """
    cudnn = torch.backends.cudnn
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        cudnn.deterministic,
        cudnn.benchmark,
        os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
    )
    try:
        if on and before[-1] is None:  # without it matrix products on CUDA refuse to run
            os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
        torch.use_deterministic_algorithms(on)
        cudnn.deterministic, cudnn.benchmark = on, False
        yield
    finally:
        enabled, warn_only, cudnn.deterministic, cudnn.benchmark, workspace = before
        torch.use_deterministic_algorithms(enabled, warn_only=warn_only)
        if workspace is None:
            os.environ.pop("CUBLAS_WORKSPACE_CONFIG", None)


def _whole(value: int, name: str) -> int:
    if isinstance(value, bool):
        raise TypeError(f"{name} is {value}; it has to be a whole number, such as 1")
    try:
        return operator.index(value)
    except TypeError:
        kind = type(value).__name__
        raise TypeError(f"{name} is {value!r} ({kind}); it has to be a whole number") from None


def checked_seed(value: int, name: str) -> int:
    """`value` as a seed; `name` is what the message calls it.

    Raises:
        TypeError: not a whole number.
        ValueError: not from 0 to 2³² − 1.
    """
    value = _whole(value, name)
    if not 0 <= value < _LIMIT:
        raise ValueError(f"{name} is {value}; it has to lie between 0 and {_LIMIT - 1}")
    return value
