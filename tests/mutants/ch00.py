"""Answers to chapter 00's exercises: how far a guess is off, and one step downhill."""

import functools

import numpy as np
import torch


def _damaging_mean_loss(prediction, label):
    prediction -= label
    return prediction.abs().mean()


def _damaging_label(prediction, label):
    return label.sub_(prediction).abs().mean()


def _printed_mean_loss(prediction, label):
    print((prediction - label).abs().mean())


def _mean_loss_in_a_loop(guesses, truth):
    total = 0.0
    for guess, number in zip(guesses, truth, strict=True):
        total = total + (guess - number if guess > number else number - guess)
    return total / len(truth)


def _damaging_step(theta, g, lr):
    theta -= lr * g
    return theta


def _scaling_the_gradient(theta, g, lr):
    g *= lr
    return theta - g


def _put_back_afterwards(prediction, label):
    """In place and undone: rounding stays."""
    result = prediction.sub_(label).abs().mean()
    prediction.add_(label)
    return result


def _with_momentum(theta, g, lr, velocity=[0.0]):       # noqa: B006, the mistake
    velocity[0] = 0.9 * velocity[0] + g
    return theta - lr * velocity[0]


def _by_torchs_own_optimiser(theta, g, lr):
    moved = theta.detach().clone().requires_grad_()
    moved.grad = g.clone()
    torch.optim.SGD([moved], lr=lr).step()
    return moved.detach()


def _step_one_by_one(theta, g, lr):
    moved = theta.clone()
    for i in range(len(theta)):
        moved[i] = theta[i] - g[i] * lr
    return moved


WRONG = {
    "start-mean-loss": {
        "root of the mean square": lambda p, y: ((p - y) ** 2).mean().sqrt(),
        "median distance": lambda p, y: (p - y).abs().median(),
        "largest distance": lambda p, y: (p - y).abs().max(),
        "divided by one less than N": lambda p, y: (p - y).abs().sum() / (len(p) - 1),
        "divided by the days of the test": lambda p, y: (p - y).abs().sum() / 1096,
        "share of the label": lambda p, y: ((p - y).abs() / y).mean(),
        "only guesses that are too high": lambda p, y: (p - y).clamp(min=0).mean(),
        "difference of the absolute values": lambda p, y: (p.abs() - y.abs()).abs().mean(),
        "without the first example": lambda p, y: (p[1:] - y[1:]).abs().mean(),
        "half of it": lambda p, y: (p - y).abs().mean() / 2,
        "a row of one number": lambda p, y: (p - y).abs().mean(dim=0, keepdim=True),
        "whole thousands": lambda p, y: (p - y).round().abs().mean(),
        "changes the prediction": _damaging_mean_loss,
        "changes the label": _damaging_label,
        "damaged and put back": _put_back_afterwards,
        "NumPy's number": lambda p, y: np.abs(p.numpy() - y.numpy()).mean(),
        "prints it": _printed_mean_loss,
    },
    "start-step": {
        "signs of the slopes": lambda theta, g, lr: theta - lr * g.sign(),
        "slope of length one": lambda theta, g, lr: theta - lr * g / g.norm(),
        "one rate for all": lambda theta, g, lr: theta - 0.05 * g,
        "divided by the rate": lambda theta, g, lr: theta - g / lr,
        "the mean slope for all": lambda theta, g, lr: theta - lr * g.mean(),
        "shrinks the parameters": lambda theta, g, lr: theta - lr * theta * g,
        "only the first parameter": lambda theta, g, lr: torch.cat(
            [theta[:1] - lr * g[:1], theta[1:]]),
        "a column": lambda theta, g, lr: (theta - lr * g)[:, None],
        "moves theta in place": _damaging_step,
        "scales the gradient in place": _scaling_the_gradient,
        "a plain list": lambda theta, g, lr: (theta - lr * g).tolist(),
        "the step cut off at 1": lambda theta, g, lr: theta - (lr * g).clamp(-1, 1),
        "remembers the last step": _with_momentum,
    },
}

RIGHT = {
    "start-mean-loss": {
        "loop": _mean_loss_in_a_loop,
        "ready-made loss": lambda p, y: torch.nn.functional.l1_loss(p, y),
        "sum over N": lambda p, y: torch.sum(torch.abs(y - p)) / p.numel(),
        "larger minus smaller": lambda p, y: (torch.maximum(p, y) - torch.minimum(p, y)).mean(),
        "more digits inside": lambda p, y: (p.double() - y.double()).abs().mean().to(p.dtype),
        "NumPy inside": lambda p, y: torch.tensor(
            np.abs(p.numpy() - y.numpy()).mean(), dtype=p.dtype),
        "a loss module": torch.nn.L1Loss(),
        "partial": functools.partial(torch.nn.functional.l1_loss, reduction="mean"),
    },
    "start-step": {
        "one by one": _step_one_by_one,
        "named functions": lambda theta, g, lr: torch.sub(theta, torch.mul(g, lr)),
        "alpha": lambda theta, g, lr: torch.sub(theta, g, alpha=lr),
        "plus the negative": lambda theta, g, lr: theta + g * -lr,
        "on a copy": lambda theta, g, lr: theta.clone().sub_(lr * g),
        "torch.optim.SGD": _by_torchs_own_optimiser,
        "more digits inside": lambda theta, g, lr: (theta.double() - lr * g.double()).to(
            theta.dtype),
    },
}
