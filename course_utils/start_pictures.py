"""The moving pictures of chapter 00. What they show is measured in the notebook and handed in.

Each function returns a `picture` for `Explorer` or `Playground`: it draws what stays, and says
which artists move and how.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .figures import COLORS, STYLES, Picture, new_figure, show

Draw = Callable[[Any, Any], tuple[list, Callable[[Any], str]]]


def guess_and_miss(
    count: Tensor, days: slice, miss: Callable[[int], float], baseline: float
) -> Draw:
    """Left: some days and the guess from `settings.back` days before; right: misses tried so far.

    Args:
        count: (days,) thousand births a day.
        days: the days to show; `days.start` is at least the largest number of days back.
        miss: days back -> mean miss, in thousand births a day.
        baseline: the miss of always guessing the mean.
    Returns:
        a picture for two panels.
    """
    tried: dict[int, float] = {}

    def picture(axes: Any, settings: Any) -> tuple[list, Callable[[Any], str]]:
        left, right = axes
        left.plot(count[days], color=COLORS["train"], label="births")
        grey = {"color": COLORS["reference"], **STYLES["reference"]}
        (guess,) = left.plot(count[days], label="guess", **grey)
        left.set(xlabel="days since the first one shown", ylabel="thousand births a day",
                 ylim=(5, 16), xticks=range(0, days.stop - days.start + 1, 7))
        left.legend(loc="upper right", ncols=2)
        right.axhline(baseline, **grey)
        right.text(200, baseline + 0.06, "always the mean", ha="center")
        (dots,) = right.plot([], [], "o", color=COLORS["train"], markersize=4)
        (now,) = right.plot([], [], "o", color=COLORS["yours"], markersize=10,
                            markerfacecolor="none")
        right.set(xlabel="days back", ylabel="miss (thousand births a day)", xlim=(-5, 405),
                  ylim=(0, 3.3))

        def update(settings: Any) -> str:
            back = settings.back
            tried[back] = miss(back)
            guess.set_ydata(count[days.start - back : days.stop - back])
            dots.set_data(list(tried), list(tried.values()))
            now.set_data([back], [tried[back]])
            return f"days back: {back}; off by {tried[back]:.2f} thousand births a day"

        return [guess, dots, now], update

    return picture


def day_to_predict(before: Tensor, predicted: Tensor, came: Tensor, dates: np.ndarray) -> Draw:
    """The days before day number `settings.day`, its prediction, and what came.

    Args:
        before: (N, past) thousand births a day, the days before each of N days.
        predicted, came: (N,) thousand births a day.
        dates: (N,) the days' dates.
    Returns:
        a picture for one panel.
    """
    past = before.shape[1]

    def picture(ax: Any, settings: Any) -> tuple[list, Callable[[Any], str]]:
        (line,) = ax.plot(range(-past, 0), before[0], color=COLORS["train"],
                          label=f"{past} days before")
        (dot,) = ax.plot([0], [0], "o", color=COLORS["held_out"], label="prediction")
        (ring,) = ax.plot([0], [0], "o", color=COLORS["yours"], markersize=11,
                          markerfacecolor="none", label="what came")
        ax.set(xlabel="days from the day to predict", ylabel="thousand births a day", ylim=(5, 16))
        ax.legend(loc="upper left", ncols=3)

        def update(settings: Any) -> str:
            i = settings.day
            line.set_ydata(before[i])
            dot.set_ydata([predicted[i]])
            ring.set_ydata([came[i]])
            return f"{dates[i]}: prediction {predicted[i]:.2f} thousand, what came {came[i]:.2f}"

        return [line, dot, ring], update

    return picture


def digit_and_shares(images: Tensor, shares: Tensor, labels: Tensor) -> Draw:
    """Digit number `settings.number`, and the share that a classifier gives each class.

    Args:
        images: (N, 1, 8, 8) in [0, 1].
        shares: (N, 10), each row adds up to 1.
        labels: (N,) the true digits.
    Returns:
        a picture for two panels.
    """
    best, named = shares.max(dim=1)

    def picture(axes: Any, settings: Any) -> tuple[list, Callable[[Any], str]]:
        left, right = axes
        image = left.imshow(images[0, 0].numpy(), cmap="gray", vmin=0, vmax=1)
        left.axis("off")
        bars = right.barh(range(10), [0.0] * 10, color=COLORS["train"])
        right.set(xlabel="share", ylabel="digit", xlim=(0, 1), yticks=range(10))
        right.grid(axis="y", visible=False)

        def update(settings: Any) -> str:
            i = settings.number
            image.set_data(images[i, 0].numpy())
            for bar, share in zip(bars, shares[i].tolist(), strict=True):
                bar.set_width(share)
            verdict = "right" if named[i] == labels[i] else "wrong"
            return f"it says {named[i]} with a share of {best[i]:.2f}; it is {labels[i]}: {verdict}"

        return [image, *bars], update

    return picture


def cloud_and_line(x: Tensor, y: Tensor) -> Draw:
    """A cloud of points and the line y = b + wx, for states with `theta` = (b, w).

    Args:
        x, y: (N,) thousand births above the average day.
    Returns:
        a picture for one panel of a Playground.
    """
    ends = torch.tensor([-6.0, 6.0])

    def picture(ax: Any, settings: Any) -> tuple[list, Callable[[Any], str]]:
        ax.plot(x, y, ".", color=COLORS["extra"][0], markersize=2, alpha=0.5)
        (line,) = ax.plot(ends, ends, color=COLORS["yours"])
        ax.set(xlabel="a week before (thousand above average)",
               ylabel="the day (thousand above average)", ylim=(-6, 6))

        def update(state: Any) -> str:
            b, w = state["theta"].tolist()
            line.set_ydata(b + w * ends)
            sign = "−" if w < 0 else "+"
            return f"the line is y = {_brief(b)} {sign} {_brief(abs(w))} x"

        return [line], update

    return picture


def tag_table(words: Sequence[str], shares: Tensor, tags: Sequence[str]) -> Picture:
    """Words from left to right, tags from top to bottom, the larger share the darker.

    Args:
        words: the sentence.
        shares: (words, tags), each row adds up to 1.
        tags: names of the columns of `shares`.
    """
    fig, ax = new_figure(size=(9, 3.6))
    ax.imshow(shares.T.numpy(), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    ax.plot(range(len(words)), shares.argmax(dim=1), "o", markersize=13, markerfacecolor="none",
            markeredgewidth=1.8, color=COLORS["held_out"])
    ax.set(xticks=range(len(words)), xticklabels=words, yticks=range(len(tags)), yticklabels=tags,
           title="Darker: a larger share. Ring: the tag it chooses")
    ax.grid(False)
    named = [f"{word}/{tags[k]}" for word, k in zip(words, shares.argmax(dim=1), strict=True)]
    return show(fig, "A table of shares, words from left to right, tags from top to bottom; a ring "
                     f"marks each word's largest share: {' '.join(named)}.")


def _brief(value: float) -> str:
    """Two decimals, or a power of ten for what has run away."""
    return f"{value:.2f}" if abs(value) < 1e4 else f"{value:.1e}"
