"""Pictures of chapter 09's playgrounds: limit and price, coefficient paths, a fit calming down.

Each function here makes a `picture(axes, settings)` for an `Explorer` or a `Playground`. Solutions
are the learner's: they are handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Polygon
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from ..figures import COLORS, STYLES, contour
from ..surfaces import loss_grid

Loss = Callable[[Tensor], Tensor]
Picture = Callable[[Any, Mapping[str, Any]], tuple[list[Artist], Callable]]

GRID = 81  # heights per side of a map
MARGIN = 1.3  # how far a map reaches, in sizes of the largest weight


def limit_picture(
    losses: Mapping[str, Loss], paths: Mapping[tuple[str, str], Tensor], strengths: Tensor
) -> Picture:
    """Left: loss, the region that the penalty allows, the solution. Right: both weights over λ.

    Args:
        losses: pair of features → loss, (…, 2) -> (…).
        paths: (pair, shape) → the solution at each strength, (K, 2); shape is "disc" (L2) or
            "diamond" (L1).
        strengths: (K,), ascending.
    Returns:
        picture for two panels; its settings are pair, shape and strength.
    """

    def picture(axes: np.ndarray, settings: Mapping[str, Any]) -> tuple[list[Artist], Callable]:
        left, right = axes
        windows = {pair: _window(pair, paths) for pair in losses}
        maps = {pair: _draw_map(left, loss, windows[pair]) for pair, loss in losses.items()}
        region = Polygon([[0, 0]], closed=True, facecolor=COLORS["extra"][0], alpha=0.35,
                         edgecolor=COLORS["yours"], linewidth=1.2, zorder=3)
        left.add_patch(region)
        (way,) = left.plot([], [], color=COLORS["yours"], linewidth=1.2, zorder=4)
        (least,) = left.plot([], [], color=COLORS["minimum"], markersize=8, zorder=5,
                             **STYLES["minimum"])
        (place,) = left.plot([], [], "o", color=COLORS["yours"], markersize=8, zorder=6)
        lines = _weights_over(right, strengths)
        here = right.axvline(strengths[0].item(), color=COLORS["reference"], **STYLES["reference"])

        def update(settings: Mapping[str, Any]) -> str:
            pair, shape = settings["pair"], settings["shape"]
            for other, artists in maps.items():
                for artist in artists:
                    artist.set_visible(other == pair)
            solution = paths[pair, shape]
            k = nearest(strengths, settings["strength"])
            w = solution[k]
            way.set_data(*solution[: k + 1].T)
            least.set_data(*solution[:1].T)
            place.set_data(*w[:, None])
            region.set_xy(outline(shape, w))
            left.set(xlim=windows[pair][0], ylim=windows[pair][1], aspect="equal")
            first, second = pair.split(", ")
            left.set(xlabel=f"weight of {first}", ylabel=f"weight of {second}")
            for line, name, values in zip(lines, (first, second), solution.T, strict=True):
                line.set_data(strengths, values)
                line.set_label(name)
            here.set_xdata([strengths[k].item()] * 2)
            low, high = solution.min().item(), solution.max().item()
            right.set_ylim(min(low, 0) - 0.1 * (high - low), high + 0.1 * (high - low))
            right.legend(loc="upper right")
            return _limit_words(pair, shape, strengths[k].item(), w, losses[pair](w).item())

        moving = [artist for artists in maps.values() for artist in artists]
        return [*moving, region, way, least, place, *lines, here], update

    return picture


def paths_picture(
    strengths: Tensor, paths: Mapping[str, Tensor], held_out: Mapping[str, Tensor], real: int
) -> Picture:
    """Left: all weights against λ. Right: the weights at the chosen λ, as bars.

    Args:
        strengths: (K,), ascending.
        paths: method → weights, (K, d); the first `real` columns belong to real features.
        held_out: method → held-out loss, (K,).
    Returns:
        picture for two panels; its settings are method and strength.
    """
    d = next(iter(paths.values())).shape[1]
    reach = 1.1 * max(table.abs().max().item() for table in paths.values())

    def picture(axes: np.ndarray, settings: Mapping[str, Any]) -> tuple[list[Artist], Callable]:
        left, right = axes
        left.set(xscale="log", xlim=(strengths[0].item(), strengths[-1].item()))
        lines = [left.plot([], [], color=COLORS["extra"][0] if j < real else COLORS["reference"],
                               linewidth=1.4 if j < real else 0.7, zorder=3 if j < real else 2,
                               linestyle="-" if j < real else ":")[0] for j in range(d)]
        here = left.axvline(strengths[0].item(), color=COLORS["yours"], linewidth=1.2)
        left.set(xlabel="strength λ", ylabel="weight", ylim=(-reach, reach))
        bars = right.bar(range(d), [0] * d, color=[COLORS["extra"][0]] * real
                         + [COLORS["reference"]] * (d - real))
        (zeros,) = right.plot([], [], "x", color=COLORS["yours"], markersize=5)
        right.set(xlabel=f"column: {real} measured, then {d - real} of noise", ylabel="weight",
                  ylim=(-reach, reach), title="exactly zero")  # keeps room for the words
        left.set_title("method")

        def update(settings: Mapping[str, Any]) -> str:
            method, k = settings["method"], nearest(strengths, settings["strength"])
            for line, values in zip(lines, paths[method].T, strict=True):
                line.set_data(strengths, values)
            w = paths[method][k]
            for bar, height in zip(bars, w.tolist(), strict=True):
                bar.set_height(height)
            zero = (w == 0).nonzero()[:, 0]
            zeros.set_data(zero, torch.zeros(len(zero)))
            here.set_xdata([strengths[k].item()] * 2)
            loss = held_out[method][k].item()
            left.set_title(method)
            right.set_title(f"{len(zero)} of {d} exactly zero (x)")
            kept = int((w[:real] != 0).sum())
            return (f"{method}, λ = {strengths[k]:.3g}: {len(zero)} of {d} weights exactly zero, "
                    f"{kept} of {real} measured columns and {int((w[real:] != 0).sum())} of "
                    f"{d - real} noise columns kept; held-out MSE {loss:.3f}")

        return [*lines, here, *bars, zeros, left.title, right.title], update

    return picture


def wiggle_picture(at: Tensor, truth: Tensor) -> Picture:
    """The training points, the true curve dashed, and the function that is being trained.

    Args:
        at, truth: (n,), places and the true curve there.
    Returns:
        picture for one panel. What the training yields has "points", x and label (N,) each,
        "curve" (n,), the function at `at`, and "norm", a list: the length of its weights.
    """

    def picture(ax: Axes, settings: Mapping[str, Any]) -> tuple[list[Artist], Callable]:
        (dots,) = ax.plot([], [], "o", color=COLORS["train"], markersize=5, label="training points")
        ax.plot(at, truth, color=COLORS["reference"], label="true curve", **STYLES["reference"])
        (curve,) = ax.plot([], [], color=COLORS["yours"], linewidth=2, label="the network")
        ax.set(xlim=(at[0].item(), at[-1].item()), ylim=(-2.2, 2.2), xlabel="x", ylabel="y",
               title="steepness, ‖w‖")  # keeps room for the numbers
        ax.xaxis.set_major_locator(MaxNLocator(5))
        ax.legend(loc="lower right", fontsize=8)

        def update(state: Mapping[str, Any]) -> str:
            values = state["curve"]
            dots.set_data(*(part.numpy() for part in state["points"]))  # tensors take far longer
            curve.set_data(at.numpy(), values.numpy())
            steep = (values.diff() / at.diff()).square().mean().sqrt().item()
            (norm,) = state["norm"]
            ax.set_title(f"steepness {steep:.1f}, ‖w‖ {norm:.1f}")
            return f"steepness {steep:.2g}, length of the weights {norm:.3g}"

        return [dots, curve, ax.title], update

    return picture


def outline(shape: str, w: Tensor) -> np.ndarray:
    """The edge of the disc or diamond around 0 that passes through w (2,): corners (n, 2)."""
    if shape == "diamond":
        size = w.abs().sum().item()
        return size * np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    turn = np.linspace(0, 2 * np.pi, 91)
    return w.norm().item() * np.stack([np.cos(turn), np.sin(turn)], 1)


def nearest(strengths: Tensor, value: float) -> int:
    """Which strength is nearest to a value, by their ratio."""
    return int((strengths.log() - float(np.log(value))).abs().argmin())


def _window(pair: str, paths: Mapping[tuple[str, str], Tensor]) -> tuple[tuple, tuple]:
    """A square around zero that shows all solutions of a pair: x and y range."""
    half = max(path.abs().max().item() for (other, _), path in paths.items() if other == pair)
    return ((-MARGIN * half, MARGIN * half),) * 2


def _draw_map(ax: Axes, loss: Loss, window: tuple[tuple, tuple]) -> list[Artist]:
    before = set(ax.collections)
    xs, ys = (torch.linspace(*edge, GRID, dtype=torch.float64) for edge in window)
    heights = loss_grid(loss, xs, ys)
    contour(ax, xs, ys, (heights - heights.min()).sqrt())  # the root: more lines in the valley
    ax.axhline(0, color="#555555", linewidth=0.8)
    ax.axvline(0, color="#555555", linewidth=0.8)
    return [artist for artist in ax.collections if artist not in before]


def _weights_over(ax: Axes, strengths: Tensor) -> list[Artist]:
    ax.axhline(0, color="#555555", linewidth=0.8)
    ax.set(xscale="log", xlabel="strength λ", ylabel="weight", title="both weights over λ",
           xlim=(strengths[0].item(), strengths[-1].item()))
    return [ax.plot([], [], color=color, linestyle=style)[0]
            for color, style in zip(COLORS["extra"][:2], ("-", "--"), strict=True)]


def _limit_words(pair: str, shape: str, strength: float, w: Tensor, loss: float) -> str:
    first, second = pair.split(", ")
    limit = f"Σ|w| = {w.abs().sum():.3g}" if shape == "diamond" else f"Σw² = {w.square().sum():.3g}"
    zeros = int((w == 0).sum())
    return (f"{shape}, λ = {strength:.3g}: weight of {first} {w[0]:.3g}, of {second} {w[1]:.3g}, "
            f"{zeros} of 2 weights exactly zero; loss {loss:.4f}, {limit}")
