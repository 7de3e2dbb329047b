"""Chapter 01: pictures of autograd's record, of batches, and of an example on its way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from ..figures import COLORS, TEXT_COLORS
from .blocks import CENTRED


def draw_record(ax: Axes, *tensors: tuple[str, Tensor]) -> None:
    """Autograd's record from left to right: values go forwards, gradients come back.

    Args:
        tensors: (name, tensor), each made from the one before by one operation; the last is a
            scalar on which `backward` was called. Gradients are read from `.grad`, so those in
            the middle need `retain_grad`. The operations' names come from `grad_fn`.
    """
    ahead, home = TEXT_COLORS["train"], TEXT_COLORS["held_out"]
    for k, (name, tensor) in enumerate(tensors):
        values = tensor.detach()
        last = k == len(tensors) - 1
        gradient = "1" if last else _numbers(tensor.grad)
        ax.text(k, 2, f"{name} = {_numbers(values)}", **CENTRED, color=ahead)
        ax.text(k, 0, gradient, **CENTRED, color=home)
        operation = "you made it" if tensor.grad_fn is None else tensor.grad_fn.name()
        ax.text(k, 1, operation, **CENTRED, bbox={"boxstyle": "round", "facecolor": "white"})
        if not last:
            there, back = (k + 0.36, k + 0.64), (k + 0.64, k + 0.36)
            for y, (start, end), color, style in ((2, there, ahead, "-"), (0, back, home, "--")):
                arrow = {"arrowstyle": "->", "color": color, "linestyle": style}
                ax.annotate("", (end, y), (start, y), arrowprops=arrow)
    ax.text(-0.72, 2, "values\n→", **CENTRED, color=ahead)
    ax.text(-0.72, 1, "operation", **CENTRED)
    ax.text(-0.72, 0, "slopes\n←", **CENTRED, color=home)
    ax.set(xlim=(-1, len(tensors) - 0.5), ylim=(-0.6, 2.6))
    ax.set_axis_off()


def _numbers(tensor: Tensor) -> str:
    numbers = [f"{number:g}".replace("-", "−") for number in tensor.reshape(-1).tolist()]
    return numbers[0] if tensor.dim() == 0 else f"({', '.join(numbers)})"


def draw_batches(ax: Axes, landed: Tensor, title: str) -> None:
    """In which batch each row of a data set lands, epoch by epoch.

    Args:
        landed: (epochs, rows) int64, the number of the batch.
    """
    epochs, rows = landed.shape
    corners = np.arange(rows + 1) - 0.5, np.arange(epochs + 1) + 0.5
    ax.pcolormesh(*corners, landed, cmap="viridis", vmin=-3, vmax=int(landed.max()) + 1,
                  edgecolors="white", linewidth=1.5, alpha=0.6)
    for epoch, row in np.ndindex(epochs, rows):
        ax.text(row, epoch + 1, str(landed[epoch, row].item()), **CENTRED)
    ax.set(title=title, ylabel="epoch", ylim=(epochs + 0.5, 0.5), yticks=range(1, epochs + 1),
           xticks=range(0, rows, 2))
    ax.grid(False)


def draw_stages(axes: Sequence[Axes], *stages: tuple[str, Tensor, str]) -> None:
    """What one example turns into on its way through a model, a panel each.

    Args:
        stages: (title, values, what the places are); values (height, width) as an image, (n,) as
            bars.
    """
    for k, (ax, (title, values, places)) in enumerate(zip(axes, stages, strict=True)):
        ax.set_title(title if k == 0 else f"→ {title}")
        ax.set_xlabel(places)
        if values.dim() == 2:
            ax.imshow(values, cmap="gray_r")
            ax.set(xticks=[], yticks=[])
        else:
            ax.bar(range(len(values)), values, color=COLORS["train"])
            if len(values) == 10:
                ax.set_xticks(range(10))
        ax.grid(axis="x" if values.dim() == 1 else "both", visible=False)
