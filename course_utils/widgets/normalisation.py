"""Pictures of chapter 08's playgrounds: squeezed contours, and what each layer hands on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.artist import Artist
from torch import Tensor

from ..figures import COLORS, move_path, path

HEIGHTS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)  # of the level lines above the lowest loss
CORNERS = 181  # of a level line
LONGEST = 2000  # places of the path that are drawn
FLOOR, CEILING = 1e-6, 1e3  # of the spread axis


def skew_picture(x_range: tuple[float, float], y_range: tuple[float, float]) -> Callable:
    """Level lines of a quadratic loss, which follow its Hessian, and the path of two weights.

    Args:
        x_range, y_range: the window, which stays as it is: so the lines are seen to be squeezed.
    Returns:
        picture for one panel. What the training yields has "places", a list of tensors (2,),
        "hessian" (2, 2), symmetric and positive definite, and "best" (2,), where the loss is
        lowest.
    """

    def picture(ax: Any, settings: Mapping[str, Any]) -> tuple[list[Artist], Callable]:
        lines = [ax.plot([], [], color="#6E7F88", linewidth=0.8)[0] for _ in HEIGHTS]
        (star,) = ax.plot([], [], "*", color=COLORS["minimum"], markersize=11, zorder=5)
        route, dot, ring = path(ax, [[0.0, 0.0]], COLORS["yours"])
        route.set(linewidth=1.0)
        ax.set(xlim=x_range, ylim=y_range, xlabel="w₁", ylabel="w₂", title="loss from above")
        ax.grid(False)

        def update(state: Mapping[str, Any]) -> str:
            best, hessian = state["best"], state["hessian"]
            for line, height in zip(lines, HEIGHTS, strict=True):
                line.set_data(*level_line(hessian, best, height).T)
            places = torch.stack(list(state["places"])[-LONGEST:]).numpy()  # (n, 2)
            move_path((route, dot, ring), places)
            star.set_data([best[0]], [best[1]])
            values = torch.linalg.eigvalsh(hessian)
            ratio, limit = (values[1] / values[0]).item(), 2 / values[1].item()
            ax.set_title(f"condition number {ratio:.3g}, η limit {limit:.2g}")
            return f"condition number {ratio:.3g}; descent comes nearer below η = {limit:.2g}"

        return [*lines, star, route, dot, ring, ax.title], update

    return picture


def level_line(hessian: Tensor, best: Tensor, height: float) -> Tensor:
    """The ellipse on which ½ vᵀHv = `height`, with v the distance from `best`.

    Args:
        hessian: (2, 2), symmetric, positive definite.
        best: (2,), the centre.
    Returns:
        (CORNERS, 2) places; the last is the first again.
    Raises:
        ValueError: an eigenvalue is not positive: the line would not close.
    """
    values, vectors = torch.linalg.eigh(hessian)
    if values[0] <= 0:
        raise ValueError(f"the eigenvalues are {values.tolist()}; a closed level line needs "
                         "positive ones")  # fmt: skip
    turn = torch.linspace(0, 2 * torch.pi, CORNERS, dtype=hessian.dtype)
    circle = torch.stack([turn.cos(), turn.sin()], dim=1)  # (CORNERS, 2)
    return best + circle * (2 * height / values).sqrt() @ vectors.T


def layers_picture(most: int) -> Callable:
    """Left: each layer's values over a batch. Right: how far they differ from example to example.

    Args:
        most: layers that the axes have room for. (A new run draws anew, so that a shorter net
            leaves no bars behind.)
    Returns:
        picture for two panels. What the training yields has "layers", a list of tensors
        (examples, neurons), one for each hidden layer.
    """

    def picture(axes: np.ndarray, settings: Mapping[str, Any]) -> tuple[list[Artist], Callable]:
        left, right = axes
        numbers = np.arange(1, most + 1)
        look = {"color": COLORS["train"], "solid_capstyle": "butt"}
        wide = [left.plot([], [], linewidth=1.5, **look)[0] for _ in numbers]
        narrow = [left.plot([], [], linewidth=7, alpha=0.5, **look)[0] for _ in numbers]
        (middle,) = left.plot([], [], "o", color=COLORS["yours"], markersize=4)
        left.axhline(0, color=COLORS["reference"], linewidth=1)
        left.set(xlim=(0, most + 1), ylim=(-4, 4), xlabel="layer", xticks=numbers[1::2],
                 ylabel="what ReLU gets", title="middle 80 % of the values; thick: 50 %")
        (spread,) = right.plot([], [], "o-", color=COLORS["train"], markersize=4)
        right.axhline(1, color=COLORS["reference"], linewidth=1)
        right.set(xlim=(0, most + 1), ylim=(FLOOR, CEILING), yscale="log", xlabel="layer",
                  xticks=numbers[1::2], title="spread over the batch",
                  ylabel="σ of a neuron (median)")  # fmt: skip

        def update(state: Mapping[str, Any]) -> str:
            layers = state["layers"]
            marks = np.array([quantiles(z) for z in layers])  # (layers, 5)
            for number, mark, thin, thick in zip(numbers, marks, wide, narrow, strict=False):
                thin.set_data([number] * 2, mark[[0, 4]])
                thick.set_data([number] * 2, mark[[1, 3]])
            middle.set_data(numbers[: len(layers)], marks[:, 2])
            spreads = spread_of(layers)
            spread.set_data(numbers[: len(layers)], np.clip(spreads, FLOOR, CEILING))
            return f"spread over the batch: first layer {spreads[0]:.2g}, last {spreads[-1]:.2g}"

        return [*wide, *narrow, middle, spread], update

    return picture


def quantiles(z: Tensor) -> list[float]:
    """The 10th, 25th, 50th, 75th and 90th percentile of all values of a layer, any shape."""
    return torch.quantile(z.flatten(), torch.tensor([0.1, 0.25, 0.5, 0.75, 0.9])).tolist()


def spread_of(layers: Sequence[Tensor]) -> list[float]:
    """For each layer the median over its neurons of the standard deviation over the examples.

    Args:
        layers: (examples, neurons) each. The deviation is that of these examples (divided by N).
    """
    return [z.std(0, correction=0).median().item() for z in layers]
