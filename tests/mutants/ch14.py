"""Answers to the exercises of chapter 14: the mean over workers, and the rows of each."""

import numpy as np
import torch

# ---- dist-average ---------------------------------------------------------------------------


def weighted(weights):
    """Gradients times weights(counts), added up."""
    def average(gradients, counts):
        return sum(g * w for g, w in zip(gradients, weights(counts), strict=True))
    return average


def in_place(gradients, counts):
    for g, count in zip(gradients, counts, strict=True):
        g *= count / sum(counts)
    return sum(gradients)


def through_numpy(gradients, counts):
    return torch.from_numpy(np.average([g.numpy() for g in gradients], axis=0, weights=counts))


def running(gradients, counts):                      # a mean that is mended worker by worker
    mean, seen = torch.zeros_like(gradients[0]), 0
    for g, count in zip(gradients, counts, strict=True):
        seen += count
        mean = mean + (g - mean) * (count / seen)
    return mean


def stacked(gradients, counts):
    weights = torch.tensor(counts, dtype=gradients[0].dtype)
    return torch.tensordot(weights / weights.sum(), torch.stack(gradients), dims=1)


# ---- dist-share -----------------------------------------------------------------------------


def fair_slice(rows, rank, k):
    return rows[len(rows) * rank // k : len(rows) * (rank + 1) // k]


def chunked(rows, rank, k):                          # chunk may give fewer than k pieces
    pieces = rows.chunk(k)
    return pieces[rank] if rank < len(pieces) else rows[:0]


def changes_rows(rows, rank, k):
    mine = rows[rank::k].clone()
    rows[rank::k] = 100
    return mine


WRONG = {
    "dist-average": {
        "plain mean by k": weighted(lambda counts: [1 / len(counts)] * len(counts)),
        "by the largest batch": weighted(lambda counts: [c / max(counts) for c in counts]),
        "squared shares": weighted(lambda counts: [(c / sum(counts)) ** 2 for c in counts]),
        "roots of the counts": weighted(
            lambda counts: [c**0.5 / sum(c**0.5 for c in counts) for c in counts]),
        "in the other order": weighted(lambda counts: [c / sum(counts) for c in counts[::-1]]),
        "whole numbers": weighted(lambda counts: [c // sum(counts) for c in counts]),
        "its input is changed": in_place,
        "float32": lambda g, counts: stacked([one.float() for one in g], counts),
        "printed": lambda g, counts: print(stacked(g, counts)),
        "a list": lambda g, counts: stacked(g, counts).tolist(),
    },
    "dist-share": {
        "one step too far": lambda rows, rank, k: rows[rank + 1 :: k],
        "counted from 1": lambda rows, rank, k: rows[rank - 1 :: k],
        "large pieces first": chunked,
        "slices of ⌈n/k⌉": lambda rows, rank, k: rows[rank * -(-len(rows) // k):][
            : -(-len(rows) // k)],
        "every rank-th": lambda rows, rank, k: rows[:: rank + 1],
        "always the first": lambda rows, rank, k: rows[::k],
        "floats": lambda rows, rank, k: rows[rank::k].double(),
        "columns": lambda rows, rank, k: rows[rank::k, None],
        "all pieces": lambda rows, rank, k: rows.tensor_split(k),
        "rows are changed": changes_rows,
        "printed": lambda rows, rank, k: print(rows[rank::k]),
    },
}

RIGHT = {
    "dist-average": {"through NumPy": through_numpy, "a running mean": running,
                     "one product": stacked,
                     "the sum, divided": lambda g, counts: sum(
                         one * c for one, c in zip(g, counts, strict=True)) / sum(counts)},
    "dist-share": {"every k-th": lambda rows, rank, k: rows[rank::k], "slices": fair_slice,
                   "from the end": lambda rows, rank, k: rows.flip(0)[rank::k],
                   "by a mask": lambda rows, rank, k: rows[
                       torch.arange(len(rows)) % k == rank]},
}
