"""Chapter 14's ring: who has added up which part of the tensor after each round of messages.

The all-reduce is the learner's, handed in; it is run on threads that stand for workers.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from torch import Tensor

from ..figures import COLORS, SURFACE, ink_on
from .controls import Control, Slider

MOST = 8  # workers
PATIENCE = 5.0  # seconds that a worker waits for a message
# all_reduce(x, rank, k, exchange); exchange(out, into, right, left) -> what the left worker sent
AllReduce = Callable[[Tensor, int, int, Callable], Any]


def on_threads(all_reduce: AllReduce, tensors: list[Tensor]) -> list[list[Tensor]]:
    """Run an all-reduce between threads, a thread a worker, with queues as the network.

    Args:
        all_reduce: changes its tensor in place; see `AllReduce`.
        tensors: one a worker, shape (n,); not modified.
    Returns:
        for each worker: its tensor before each exchange, and at the end.
    Raises:
        TimeoutError: a worker waited for a message that nobody sent.
    """
    k = len(tensors)
    mail = {(a, b): queue.Queue() for a in range(k) for b in range(k)}

    def work(rank: int) -> list[Tensor]:
        x, seen = tensors[rank].clone(), []

        def exchange(out: Tensor, into: Tensor, right: int, left: int) -> Tensor:
            seen.append(x.clone())
            mail[rank, right].put(out.clone())
            try:
                return mail[left, rank].get(timeout=PATIENCE)
            except queue.Empty:
                raise TimeoutError(f"worker {rank} waited {PATIENCE:g} s for a message of worker "
                                   f"{left}") from None  # fmt: skip

        all_reduce(x, rank, k, exchange)
        return [*seen, x]

    with ThreadPoolExecutor(k) as pool:
        return list(pool.map(work, range(k)))


def ring_controls(k: int = 4) -> dict[str, Control]:
    """Controls: `k` workers, and how many `rounds` of messages were passed."""
    return {"k": Slider(2, MOST, k, label="workers k"),
            "rounds": Slider(0, 2 * (MOST - 1), 0, label="rounds passed")}  # fmt: skip


def ring_picture(all_reduce: AllReduce) -> Callable:
    """Left: of how many workers each part holds the sum. Right: what each worker has to send.

    Returns:
        picture for two panels, for the controls of `ring_controls`.
    """
    counts = {k: _counts(all_reduce, k) for k in range(2, MOST + 1)}

    def picture(axes: np.ndarray, settings: Mapping[str, Any]) -> tuple[list[Artist], Callable]:
        left, right = axes
        image = left.imshow(np.zeros((2, 2)), cmap=SURFACE, vmin=0, vmax=1)
        left.set(xlabel="part of the tensor", ylabel="worker")
        left.grid(False)
        texts = [[left.text(part, worker, "", ha="center", va="center", fontsize=9)
                  for part in range(MOST)] for worker in range(MOST)]  # fmt: skip
        here = _draw_traffic(right)

        def update(settings: Mapping[str, Any]) -> str:
            k = settings["k"]
            passed = min(settings["rounds"], len(counts[k]) - 1)
            table = counts[k][passed]
            image.set_data(table / k)
            image.set_extent((-0.5, k - 0.5, k - 0.5, -0.5))
            left.set(xlim=(-0.5, k - 0.5), ylim=(k - 0.5, -0.5), xticks=range(k), yticks=range(k))
            for worker, row in enumerate(texts):
                for part, text in enumerate(row):
                    shown = worker < k and part < k
                    value = int(table[worker, part]) if shown else 0
                    text.set(text=str(value) if shown else "",
                             color=ink_on(SURFACE(value / k)), visible=shown,
                             fontweight="bold" if value == k else "normal")  # fmt: skip
            here.set_data([k], [2 * (k - 1) / k])
            whole = int((table == k).sum())
            left.set_title(f"after {passed} of {2 * (k - 1)} rounds:\nsum of how many workers")
            return (f"{k} workers, {passed} of {2 * (k - 1)} rounds passed: {whole} of {k * k} "
                    f"parts hold the whole sum. Each worker sends {2 * (k - 1) / k:.2f} times "
                    "the tensor in all")

        return [image, here, left.title, *(text for row in texts for text in row)], update

    return picture


def _counts(all_reduce: AllReduce, k: int) -> np.ndarray:
    """(rounds + 1, k workers, k parts): how many workers' numbers are added up there."""
    seen = on_threads(all_reduce, [torch.ones(k) for _ in range(k)])
    return torch.stack([torch.stack(states) for states in seen]).transpose(0, 1).numpy()


def _draw_traffic(ax: Axes) -> Artist:
    ks = np.arange(2, MOST + 1)
    ax.plot(ks, 2 * (ks - 1) / ks, "o-", color=COLORS["train"], label="ring, each worker")
    ax.plot(ks, ks - 1, "s--", color=COLORS["held_out"], label="all to one: that one")
    ax.set(title="times the tensor, sent by one worker", xlabel="workers k", xticks=ks,
           ylim=(0, MOST))  # fmt: skip
    ax.legend(loc="upper left")
    (here,) = ax.plot([], [], "o", color=COLORS["yours"], markersize=11, fillstyle="none")
    return here
