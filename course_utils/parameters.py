"""A network as a function of one flat vector of parameters, and how to evaluate such a function at
many places without running out of memory.

`curvature` differentiates these functions twice, `surfaces` draws them.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from .progress_bar import Bar

Loss = Callable[[Tensor, Tensor], Tensor]
Function = Callable[[Tensor], Tensor]  # of one flat vector, (P,) to ()


def flatten(model: nn.Module) -> Tensor:
    """All parameters in one vector, in the order of `model.parameters()`.

    Args:
        model: not modified. A tied parameter counts once.
    Returns:
        (P,), detached, a copy: what happens to it leaves the model alone.
    Raises:
        ValueError: the model has no parameters.
    """
    parts = [p.detach().reshape(-1) for p in model.parameters()]
    if not parts:
        raise ValueError(f"{type(model).__name__} has no parameters to flatten")
    return torch.cat(parts)


def unflatten(model: nn.Module, theta: Tensor) -> dict[str, Tensor]:
    """The vector cut into the model's parameters: the way back from `flatten`.

    Args:
        model: says names and shapes; its own values play no part.
        theta: (P,).
    Returns:
        name → view of theta in the parameter's shape, for `torch.func.functional_call`.
    Raises:
        ValueError: theta is not of shape (P,).
    """
    named = dict(model.named_parameters())
    count = sum(p.numel() for p in named.values())
    if theta.shape != (count,):
        raise ValueError(
            f"{type(model).__name__} has {count} parameters, so theta needs shape ({count},); "
            f"it has {tuple(theta.shape)}"
        )
    parts = theta.split([p.numel() for p in named.values()])
    return {name: part.view(p.shape) for (name, p), part in zip(named.items(), parts, strict=True)}


def write(model: nn.Module, theta: Tensor) -> nn.Module:
    """Put the vector into the model, in place; dtype and device stay the model's.

    Args:
        model: its parameters are overwritten.
        theta: (P,), in the order of `flatten`.
    Returns:
        the same model.
    Raises:
        ValueError: theta is not of shape (P,).
    """
    with torch.no_grad():
        named = dict(model.named_parameters())
        for name, values in unflatten(model, theta).items():
            named[name].copy_(values)
    return model


def flat_loss(
    model: nn.Module, loss: Loss, data: tuple[Tensor, Tensor], dtype: torch.dtype = torch.float64
) -> tuple[Function, Tensor]:
    """The loss on fixed data as a function of the parameters alone.

    Args:
        model: copied; neither its weights nor its train/eval mode change. The copy is in eval mode,
            so that dropout is off and BatchNorm uses its running statistics.
        loss: loss(prediction, label) -> ().
        data: (x, y); floating-point parts are copied in `dtype`, class numbers stay whole.
        dtype: float64, since in float32 rounding hides small curvatures.
    Returns:
        f: theta (P,) -> (), differentiable twice, fit for `torch.func.vmap`.
        theta: (P,), where the model stands now.
    Raises:
        ValueError: the model has no parameters.
    """
    device = flatten(model).device
    if device.type == "mps":  # no float64 there
        device = torch.device("cpu")
    net = copy.deepcopy(model).to(device, dtype).eval().requires_grad_(False)
    measure = copy.deepcopy(loss).to(device, dtype) if isinstance(loss, nn.Module) else loss
    x, y = (part.detach().to(device, dtype if part.is_floating_point() else None) for part in data)

    def f(theta: Tensor) -> Tensor:
        with _plain_attention():
            prediction = torch.func.functional_call(net, unflatten(net, theta), (x,))
        return measure(prediction, y)

    return f, flatten(net)


@contextmanager
def _plain_attention() -> Iterator[None]:
    """Attention as written in its formula: the faster ones have no second derivative, no vmap."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


class _Counter(TorchDispatchMode):
    """Adds up the bytes of all results while it is entered."""

    bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        self.bytes += sum(t.nbytes for t in tree_leaves(out) if isinstance(t, Tensor))
        return out


def chunk_for(f: Function, theta: Tensor, budget: float, most: int) -> int:
    """How many evaluations of f may run side by side within a budget of memory.

    Args:
        f: theta -> (); it is evaluated once, and what its operations give out is added up, which
            is a little more than it holds at any one time.
        theta: where to try it.
        budget: bytes for all evaluations together.
        most: never more than this.
    Returns:
        1 … most.
    """
    with _Counter() as counter:
        f(theta)
    return max(1, min(most, math.floor(budget / max(1, counter.bytes))))


def in_chunks(total: int, chunk: int, unit: str) -> Iterator[slice]:
    """Slices that cover 0 … total; a progress bar after a second, if somebody is watching.

    Args:
        total: how many items.
        chunk: how many at a time, at least 1.
        unit: what is counted, for the bar.
    Raises:
        ValueError: chunk is below 1.
    """
    if chunk < 1:
        raise ValueError(f"chunk is {chunk}; at least one item is needed at a time")
    with Bar(total, unit) as bar:
        for start in range(0, total, chunk):
            part = slice(start, min(start + chunk, total))
            yield part
            bar.step(part.stop - part.start)
