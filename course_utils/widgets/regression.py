"""Pictures of chapter 02's playgrounds. Model and loss are the learner's: they are handed in.

Each function here makes a `picture(axes, settings)` for an `Explorer` or a `Playground`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from ..figures import COLORS, contour

Updater = Callable[[Any], str]

SHOWN, MARKED = 300, 14  # points drawn, and those of them whose distance to the line is drawn


def line_picture(
    x: Tensor,
    label: Tensor,
    model: Callable[[Tensor, float, float], Tensor],
    loss: Callable[[Tensor, Tensor], Tensor],
    ws: Tensor,
    bs: Tensor,
    surface: Tensor,
) -> Callable:
    """Left: the data, the line and some distances. Right: the line's place on the loss surface.

    Args:
        x, label: (N,), the training pairs; all of them count, some are drawn.
        model: model(x, w, b) -> predictions, shape of x.
        loss: loss(prediction, label) -> shape ().
        ws, bs, surface: (columns,), (rows,) and (rows, columns): the loss at each w and b.
    Returns:
        picture for two panels; its settings are w and b.
    """
    # an odd stride that is no multiple of 7, so that all days of the week are among the points
    stride = max(1, len(x) // SHOWN) | 1
    few = slice(None, None, stride + 2 * (stride % 7 == 0))
    points = x[few], label[few]
    marked = points[0][:MARKED], points[1][:MARKED]
    ends = x.min().reshape(1).repeat(2)
    ends[1] = x.max()

    def picture(axes: np.ndarray, settings: Mapping[str, float]) -> tuple[list, Updater]:
        left, right = axes
        left.plot(*points, ".", color=COLORS["extra"][0], markersize=3)
        gaps = left.vlines(marked[0], marked[1], marked[1], color=COLORS["held_out"], linewidth=1)
        (line,) = left.plot([], [], color=COLORS["yours"], linewidth=2)
        left.set(xlabel="a day (thousand births)", ylabel="the day after (thousand births)",
                 ylim=(float(label.min()) - 1, float(label.max()) + 1))
        contour(right, ws, bs, surface, log=True)
        (place,) = right.plot([], [], "o", color=COLORS["yours"], markersize=8)
        right.set(xlabel="weight w", ylabel="bias b (thousand births)")

        def update(settings: Mapping[str, float]) -> str:
            w, b = settings["w"], settings["b"]
            line.set_data(ends, model(ends, w, b))
            guesses = model(marked[0], w, b)
            gaps.set_segments(_segments(*marked, guesses))
            place.set_data([w], [b])
            return f"w = {w:.2f}, b = {b:.1f}: loss {float(loss(model(x, w, b), label)):.3f}"

        return [gaps, line, place], update

    return picture


def curve_picture(
    x: Tensor,
    label: Tensor,
    model: Callable[[Tensor, Mapping[str, Any]], Tensor],
    loss: Callable[[Tensor, Tensor], Tensor],
) -> Callable:
    """The data, the curve that the settings build, and the distances between the two.

    Args:
        x, label: (N,).
        model: model(x, settings) -> predictions, shape of x.
        loss: loss(prediction, label) -> shape ().
    Returns:
        picture for one panel.
    """
    fine = _between(x)

    def picture(ax: Axes, settings: Mapping[str, Any]) -> tuple[list, Updater]:
        _draw_day(ax, x, label)
        gaps = ax.vlines(x, label, label, color=COLORS["held_out"], linewidth=1)
        (curve,) = ax.plot([], [], color=COLORS["yours"], linewidth=2)

        def update(settings: Mapping[str, Any]) -> str:
            guesses = model(x, settings)
            curve.set_data(fine.numpy(), model(fine, settings).numpy())  # tensors take far longer
            gaps.set_segments(_segments(x, label, guesses))
            pieces = f"{settings['n']} {settings['kind']} piece{'s' * (settings['n'] > 1)}"
            return f"{pieces}: loss {float(loss(guesses, label)):.3f}"

        return [gaps, curve], update

    return picture


def training_picture(x: Tensor, label: Tensor, fine: Tensor, reference: Tensor) -> Callable:
    """The data and the curve as it is learned.

    Args:
        x, label: (N,), the data.
        fine: (M,), where the curve is drawn; what `train` yields as "curve" has this shape.
        reference: (M,), a dashed curve to compare with.
    Returns:
        picture for one panel.
    """

    def picture(ax: Axes, settings: Mapping[str, Any]) -> tuple[list, Updater]:
        _draw_day(ax, x, label)
        ax.plot(fine, reference, "--", color=COLORS["reference"], label="best line")
        (curve,) = ax.plot([], [], color=COLORS["yours"], linewidth=2, label="model")
        ax.legend(loc="upper left")

        def update(state: Mapping[str, Any]) -> str:
            heights = state["curve"]
            curve.set_data(fine.numpy(), heights.numpy())  # tensors take far longer
            seen = heights.diff()[heights.diff().abs() > 1e-4].sign()    # flat is no way up or down
            peaks = int(((seen[:-1] > 0) & (seen[1:] < 0)).sum())
            return f"the curve has {peaks} peak{'' if peaks == 1 else 's'}"

        return [curve], update

    return picture


def _segments(x: Tensor, label: Tensor, guess: Tensor) -> list[tuple]:
    """From each point (x, label) straight to its guess; each (N,)."""
    return [((at, there), (at, guessed)) for at, there, guessed
            in zip(x.tolist(), label.tolist(), guess.tolist(), strict=True)]


def _draw_day(ax: Axes, x: Tensor, label: Tensor) -> None:
    ax.plot(x, label, "o", color=COLORS["train"], label="rentals")
    ax.set(xlabel="hour of the day", ylabel="hundreds of rentals an hour", ylim=(-1, 5))


def _between(x: Tensor, parts: int = 460) -> Tensor:
    """`parts` equal steps from the smallest to the largest x."""
    low, high = float(x.min()), float(x.max())
    return x.new_tensor(np.linspace(low, high, parts + 1))
