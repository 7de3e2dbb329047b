"""Update rules for many nets at once: one row of `theta` is one net, flattened.

A rule is `rule(theta, grad, state, step, **hyper) -> new theta`, elementwise:

- theta, grad: (K, P), float; K nets with P parameters each.
- state: a dict that the rule may fill, empty at step 0; kept from step to step.
- step: how many updates came before, 0 at the first.
- hyper: each a number, or a tensor of shape (K, 1).

Names, defaults and arithmetic are those of `torch.optim` (tested against it in float64). The rules
here change `theta` and `grad` in place and return `theta`: their cost is moving memory.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ._calls import named, required

Rule = Callable[..., Tensor]
Number = float | Tensor


def sgd(
    theta: Tensor, grad: Tensor, state: dict[str, Tensor], step: int, *, lr: Number,
    momentum: Number = 0.0, weight_decay: Number = 0.0, nesterov: bool = False,
) -> Tensor:
    """`torch.optim.SGD`, with L2 penalty, (Nesterov) momentum."""
    grad = _with_penalty(theta, grad, weight_decay)
    if _is_zero(momentum):
        return _down(theta, grad, lr)
    if step == 0:
        state["buffer"] = grad.clone()
    else:
        state["buffer"].mul_(momentum).add_(grad)
    return _down(theta, grad + momentum * state["buffer"] if nesterov else state["buffer"], lr)


def adagrad(
    theta: Tensor, grad: Tensor, state: dict[str, Tensor], step: int, *, lr: Number,
    lr_decay: Number = 0.0, weight_decay: Number = 0.0, eps: Number = 1e-10,
) -> Tensor:
    """`torch.optim.Adagrad`: divides by the root of the sum of all squared gradients."""
    grad = _with_penalty(theta, grad, weight_decay)
    total = _kept(state, "sum", grad).addcmul_(grad, grad)
    return _down(theta, grad.div_(total.sqrt().add_(eps)), lr / (1 + step * lr_decay))


def rmsprop(
    theta: Tensor, grad: Tensor, state: dict[str, Tensor], step: int, *, lr: Number,
    alpha: Number = 0.99, eps: Number = 1e-8, weight_decay: Number = 0.0, momentum: Number = 0.0,
) -> Tensor:
    """`torch.optim.RMSprop`: divides by the root of a running mean of squared gradients."""
    grad = _with_penalty(theta, grad, weight_decay)
    square = _add_square(_kept(state, "square", grad).mul_(alpha), grad, 1 - alpha)
    move = grad.div_(square.sqrt().add_(eps))
    if not _is_zero(momentum):
        move = _kept(state, "buffer", grad).mul_(momentum).add_(move)
    return _down(theta, move, lr)


def adam(
    theta: Tensor, grad: Tensor, state: dict[str, Tensor], step: int, *, lr: Number,
    beta1: Number = 0.9, beta2: Number = 0.999, eps: Number = 1e-8, weight_decay: Number = 0.0,
) -> Tensor:
    """`torch.optim.Adam` (betas = (beta1, beta2)); weight_decay is added to the gradient."""
    grad = _with_penalty(theta, grad, weight_decay)
    mean = _kept(state, "mean", grad).lerp_(grad, 1 - beta1)
    square = _add_square(_kept(state, "square", grad).mul_(beta2), grad, 1 - beta2)
    root = square.sqrt().div_((1 - beta2 ** (step + 1)) ** 0.5).add_(eps)
    return _down(theta, torch.div(mean, root, out=root), lr / (1 - beta1 ** (step + 1)))


def adamw(
    theta: Tensor, grad: Tensor, state: dict[str, Tensor], step: int, *, lr: Number,
    beta1: Number = 0.9, beta2: Number = 0.999, eps: Number = 1e-8, weight_decay: Number = 0.01,
) -> Tensor:
    """`torch.optim.AdamW`: weight_decay shrinks the weights, apart from the gradient."""
    theta.mul_(1 - lr * weight_decay)
    return adam(theta, grad, state, step, lr=lr, beta1=beta1, beta2=beta2, eps=eps)


RULES: dict[str, Rule] = {
    "SGD": sgd, "Adagrad": adagrad, "RMSprop": rmsprop, "Adam": adam, "AdamW": adamw,
}  # fmt: skip
DEFAULT_LR = {"SGD": 1e-3, "Adagrad": 1e-2, "RMSprop": 1e-2, "Adam": 1e-3, "AdamW": 1e-3}


def hyperparameters(rule: Rule) -> list[str]:
    """Names that the rule takes after (theta, grad, state, step)."""
    return named(rule, after=4)


def needed(rule: Rule) -> list[str]:
    """Those hyperparameters that have no default."""
    return required(rule, after=4)


def _down(theta: Tensor, move: Tensor, lr: Number) -> Tensor:
    """theta − lr · move, in place."""
    if isinstance(lr, Tensor):
        return theta.addcmul_(move, lr, value=-1)
    return theta.sub_(move, alpha=lr)


def _add_square(total: Tensor, grad: Tensor, share: Number) -> Tensor:
    if isinstance(share, Tensor):
        return total.addcmul_(grad, share * grad)
    return total.addcmul_(grad, grad, value=share)


def _kept(state: dict[str, Tensor], name: str, like: Tensor) -> Tensor:
    """What the rule remembers under this name; zeros at first."""
    if name not in state:
        state[name] = torch.zeros_like(like)
    return state[name]


def _with_penalty(theta: Tensor, grad: Tensor, weight_decay: Number) -> Tensor:
    if _is_zero(weight_decay):
        return grad
    if isinstance(weight_decay, Tensor):
        return grad.addcmul_(theta, weight_decay)
    return grad.add_(theta, alpha=weight_decay)


def _is_zero(value: Number) -> bool:
    return not isinstance(value, Tensor) and value == 0
