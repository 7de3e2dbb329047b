"""Pictures of chapter 07: softmax bars with both losses, two surfaces, maps of starts that arrive.

The losses and their slopes are the learner's own functions, handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from torch import Tensor

from ..figures import COLORS, contour, move_path, path
from ..surfaces import loss_grid

GRID = 81  # heights per side of a map
LONGEST = 3000  # places of a path that are drawn
REACH = 10.0  # logits are shown from −REACH to REACH
KEYS = ("held_out", "train")  # colours and line styles of the two losses, in order
LINES = ("-.", "-")
ARRIVAL = LinearSegmentedColormap.from_list("arrival", ["#0B3C5D", "#56B4E9", "#EAF4FA"])
Loss = Callable[[Tensor], Tensor]


def logit_picture(losses: Mapping[str, Loss], softmax: Loss) -> Callable:
    """Three logits: their shares, both losses, and which way each loss would push the logits.

    Args:
        losses: name → loss of one example whose right class is the first, (…, 3) -> (…); two.
        softmax: (…, 3) -> (…, 3).
    Returns:
        picture for three panels; its settings are y1, y2 and y3, the logits.
    """

    def picture(axes: np.ndarray, settings: Any) -> tuple[list[Artist], Callable]:
        bars = _draw_shares(axes[0])
        curves, dots = _draw_losses(axes[1], losses)
        pushes = _draw_pushes(axes[2], losses)
        slide = torch.linspace(-REACH, REACH, 161, dtype=torch.float64)

        def update(settings: Any) -> str:
            logits = torch.tensor([settings["y1"], settings["y2"], settings["y3"]]).double()
            shares = softmax(logits)
            for bar, share in zip(bars, shares.tolist(), strict=True):
                bar.set_height(share)
            slid = torch.stack([slide, *(other.expand(161) for other in logits[1:])], dim=-1)
            words = []
            for (name, loss), curve, dot, push in zip(
                losses.items(), curves, dots, pushes, strict=True
            ):
                value, slopes = float(loss(logits)), torch.func.grad(loss)(logits)
                curve.set_data(slide.numpy(), loss(slid).numpy())  # tensors take far longer
                dot.set_data([settings["y1"]], [value])
                for bar, slope in zip(push, slopes.tolist(), strict=True):
                    bar.set_height(-slope)
                words.append(f"{name} {value:.3g}, gradient length {float(slopes.norm()):.2g}")
            shown = ", ".join(f"{share:.3f}" for share in shares.tolist())
            return f"Shares {shown}; right is class 1; " + "; ".join(words) + "."

        return [*bars, *curves, *dots, *(bar for push in pushes for bar in push)], update

    return picture


def two_surfaces(losses: Mapping[str, Loss]) -> Callable:
    """Both losses from above over two logits, each with the path of its own descent.

    Args:
        losses: name → loss, (…, 2) -> (…); two.
    Returns:
        picture for two panels. What the training yields has "places": name → list of (2,).
    """

    def picture(axes: np.ndarray, settings: Any) -> tuple[list[Artist], Callable]:
        drawn = []
        for ax, (name, loss) in zip(axes, losses.items(), strict=True):
            draw_loss_map(ax, loss)
            ax.set(title=name, xlabel="y₁", ylabel="y₂")
            line, dot, ring = path(ax, [[0.0, 0.0]], COLORS["yours"])
            line.set(linewidth=1.6)
            drawn.append((line, dot, ring))

        def update(state: Mapping[str, Any]) -> str:
            words = []
            for (name, places), artists in zip(state["places"].items(), drawn, strict=True):
                way = torch.stack(list(places)[-LONGEST:]).numpy()  # (n, 2)
                move_path(artists, way)
                share = float(places[-1].softmax(-1)[0])
                words.append(f"{name} at ({way[-1][0]:.3g}, {way[-1][1]:.3g}), share of the "
                             f"right class {share:.3g}")
            return "; ".join(words)

        return [artist for artists in drawn for artist in artists], update

    return picture


def draw_loss_map(ax: Axes, loss: Loss) -> None:
    """A loss over two logits from above, from −10 to 10; equal steps of the loss."""
    axis = torch.linspace(-REACH, REACH, GRID, dtype=torch.float64)
    contour(ax, axis, axis, loss_grid(loss, axis, axis))
    ax.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH))


def arrival_map(ax: Axes, axis: Tensor, updates: Tensor, budget: int) -> Any:
    """For each start on a square grid: after how many updates it arrived, or that it did not.

    Args:
        axis: (n,), the grid's places on both axes.
        updates: (n, n), rows along y₂; infinite where the start never arrived.
        budget: the most updates there were.
    Returns:
        the coloured mesh, for a colour bar.
    """
    axis, updates = np.asarray(axis), np.asarray(updates, dtype=float)
    counted = np.ma.masked_invalid(updates)
    ax.set_facecolor(COLORS["warning"])
    mesh = ax.pcolormesh(axis, axis, counted + 1, cmap=ARRIVAL, norm=LogNorm(1, budget + 1))
    if counted.mask.any():  # a hatch besides the colour
        never = np.ma.masked_where(~np.ma.getmaskarray(counted), np.ones(counted.shape))
        ax.contourf(axis, axis, never.filled(0), levels=[0.5, 1.5], colors="none", hatches=["////"])
    ax.grid(False)
    ax.set(xlim=(axis[0], axis[-1]), ylim=(axis[0], axis[-1]))
    return mesh


def _draw_shares(ax: Axes) -> list[Artist]:
    bars = ax.bar([1, 2, 3], [0, 0, 0], color=COLORS["train"], width=0.6)
    for k, label in enumerate((1, 0, 0), start=1):
        ax.plot([k - 0.38, k + 0.38], [label, label], "--", color=COLORS["reference"],
                label="label ŷ" if k == 1 else None)  # fmt: skip
    ax.set(title="shares y′", xlabel="class", ylabel="share", xticks=[1, 2, 3], ylim=(-0.02, 1.08))
    ax.legend(loc="upper right", fontsize=8)
    return list(bars)


def _draw_losses(ax: Axes, losses: Mapping[str, Loss]) -> tuple[list[Artist], list[Artist]]:
    curves, dots = [], []
    for name, key, line in zip(losses, KEYS, LINES, strict=True):
        curves += ax.plot([], [], line, color=COLORS[key], label=name)
        dots += ax.plot([], [], "o", color=COLORS[key], markersize=8)
    ax.set(title="losses, with y₁ slid", xlabel="logit y₁ of the right class", ylabel="loss",
           xlim=(-REACH, REACH), xticks=np.linspace(-REACH, REACH, 5),
           ylim=(-0.5, 2 * REACH + 1))  # fmt: skip
    ax.legend(loc="upper right", fontsize=8)
    return curves, dots


def _draw_pushes(ax: Axes, losses: Mapping[str, Loss]) -> list[list[Artist]]:
    pushes = []
    for name, key, shift in zip(losses, KEYS, (-0.18, 0.18), strict=True):
        hatch = "////" if shift < 0 else ""
        pushes.append(list(ax.bar(np.array([1, 2, 3]) + shift, [0, 0, 0], width=0.34, hatch=hatch,
                                  color=COLORS[key], edgecolor="white", label=name)))
    ax.axhline(0, color=COLORS["reference"], linewidth=1)
    ax.set(title="push on each logit, −gradient", xlabel="class", xticks=[1, 2, 3],
           ylim=(-1.05, 1.05), ylabel="−∂e/∂y")  # fmt: skip
    ax.legend(loc="upper right", fontsize=8)
    return pushes
