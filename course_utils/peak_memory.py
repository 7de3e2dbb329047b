"""How much memory a computation needs at one time, counted by PyTorch's own allocator.

Resident memory, as the system reports it, keeps what earlier cells left behind and never shrinks;
what is counted here starts at zero with every call, is the same on every system, and repeats.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable

import torch


def peak_bytes(call: Callable[[], object]) -> int:
    """The most bytes of CPU tensors that `call()` held at one time, above what was there before.

    Counted: whatever PyTorch's CPU allocator hands out while `call` runs: results, temporaries
    (those inside a kernel too), and what is kept for the backward pass. Not counted: tensors that
    were there before (one that `call` frees makes room, as it does in truth), memory of NumPy, of
    Python objects or of a GPU, and scratch space that a library such as MKL takes from the system
    by itself.

    Args:
        call: takes no argument. What it returns is alive until the count ends.
    Returns:
        bytes, 0 or more.
    Raises:
        TypeError: `call` cannot be called (it would have run before it could be watched).
        Whatever `call` itself raises.
    Source: the memory events of PyTorch's profiler, one for each allocation and each release. It
        notes operations as well: a call of 10,000 operations takes a few seconds more.
    """
    if not callable(call):
        raise TypeError(f"peak_bytes takes a function, not {type(call).__name__}: "
                        "write peak_bytes(lambda: full(q, k, v))")  # fmt: skip
    # Its first use would else write lines of its own to standard error, below the cell.
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    gc.collect()  # else what earlier cells left could be freed while it counts
    # Not torch.profiler.profile, which imports the compiler first: three seconds.
    with torch.autograd.profiler.profile(profile_memory=True) as profile:
        result = call()
    held = peak = 0
    for change in _changes(profile):
        held += change
        peak = max(peak, held)
    del result
    return peak


def _changes(profile: torch.autograd.profiler.profile) -> list[int]:
    """Bytes taken (positive) or given back (negative) on the CPU, in the order of time."""
    events = [(event.start_ns(), event.nbytes()) for event in profile.kineto_results.events()
              if event.name() == "[memory]" and event.device_type().name == "CPU"]
    return [change for _, change in sorted(events, key=lambda event: event[0])]
