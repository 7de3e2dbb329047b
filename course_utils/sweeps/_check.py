"""One net tried alone before many are trained: what is wrong is said before it takes time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..seeding import forked
from ..training_input import Batches, check_loss, check_parts, check_prediction, explained
from ._nets import Score
from ._train import Chunk


def check_net(
    net: nn.Module, chunk: Chunk, loss: Score, metrics: Mapping[str, Score] | None
) -> dict[str, Score]:
    """Refuse what does not fit for this net, the first of its group.

    Returns:
        the metrics as a dict.
    Raises:
        TypeError, ValueError: says what is wrong, and what to do.
    """
    metrics = check_parts(net, loss, metrics)
    if not any(p.requires_grad for p in net.parameters()):
        raise ValueError("no parameter of the model requires a gradient: nothing to train")
    x, y = chunk.train.slice(0, len(chunk.train)).of(0)
    x, y = next(iter(Batches("train", (x, y), net, chunk.batch_size)))
    _try(net, x, y, loss, metrics, training=True)
    if chunk.held_out is not None:
        held = chunk.held_out.slice(0, len(chunk.held_out)).of(0)
        _try(net, *next(iter(Batches("held_out", held, net))), loss, metrics, training=False)
    return metrics


def _try(
    net: nn.Module, x: Tensor, y: Tensor, loss: Score, metrics: Mapping[str, Score], training: bool
) -> None:
    prediction: Any = None
    net.train(training)
    try:
        with forked():
            prediction = net(x)
            check_prediction(prediction, y)
            check_loss(loss(prediction, y), learning=True)
    except (RuntimeError, IndexError) as error:
        if type(error) not in (RuntimeError, IndexError):
            raise
        raise explained(error, x, y, prediction) from error
    for name, metric in metrics.items():
        value = metric(prediction.detach(), y)
        if not isinstance(value, int | float) and getattr(value, "size", None) is None:
            raise TypeError(f"metric {name!r} returned {type(value).__name__}; give one number")
        if isinstance(value, Tensor) and value.numel() != 1:
            raise ValueError(f"metric {name!r} returned shape {tuple(value.shape)}; it has to be "
                             "the mean over the rows, ()")  # fmt: skip


def bytes_per_net(net: nn.Module, chunk: Chunk) -> int:
    """Memory that one net takes while it is trained: weights, the rule's state, activations."""
    weights = sum(p.numel() * p.element_size() for p in net.parameters())
    rows = chunk.batch_size or len(chunk.train)
    seen = [0]

    def count(module: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor):
            seen[0] += output.numel() * output.element_size()

    hooks = [module.register_forward_hook(count) for module in net.modules()]
    x, _ = chunk.train.slice(0, 2).of(0)
    with torch.no_grad():
        net.eval()(x)
    for hook in hooks:
        hook.remove()
    batch_bytes = rows * x[0].numel() * x.element_size()
    return int(8 * weights + 2 * seen[0] / len(x) * rows + batch_bytes)
