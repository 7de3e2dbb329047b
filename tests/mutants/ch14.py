"""Answers to the exercises of chapter 14: the mean over workers, and the rows of each."""

import functools

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


def equal_if_the_ends_are(gradients, counts):
    if counts[0] == counts[-1]:                      # then all are, surely
        return torch.stack(gradients).mean(0)
    return stacked(gradients, counts)


def seen_is_not_added_up(gradients, counts):
    mean, seen = gradients[0], counts[0]
    for g, count in zip(gradients[1:], counts[1:], strict=True):
        mean = (mean * seen + g * count) / (seen + count)
    return mean


def by_count(gradients, counts):                     # equal counts overwrite each other
    return sum(n * g for n, g in dict(zip(counts, gradients, strict=True)).items()) / sum(counts)


def row_for_row(gradients, counts):
    return torch.repeat_interleave(torch.stack(gradients), torch.tensor(counts), 0).mean(0)


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


def one_step_too_far(rows, rank, k):
    return rows[rank + 1 :: k]


def counted_from_1(rows, rank, k):
    return rows[rank - 1 :: k]


def long_slices(rows, rank, k):
    size = -(-len(rows) // k)
    return rows[rank * size :][:size]


def every_rank_th(rows, rank, k):
    return rows[:: rank + 1]


def always_the_first(rows, rank, k):
    return rows[::k]


def floats(rows, rank, k):
    return rows[rank::k].double()


def columns(rows, rank, k):
    return rows[rank::k, None]


def all_pieces(rows, rank, k):
    return rows.tensor_split(k)


def printed(rows, rank, k):
    print(rows[rank::k])


def by_row_number(rows, rank, k):
    return rows[rows % k == rank]


def a_list_of_torch_numbers(rows, rank, k):
    return [row for i, row in enumerate(rows) if i % k == rank]


# Right here, and of no use in the workers' script, where only the function's own text stands.
WORKERS = 3


def another_cells_numpy(rows, rank, k):
    return torch.from_numpy(np.array_split(rows.numpy(), k)[rank])


def _begin(n, rank, k):
    return n * rank // k


def a_helper_beside_it(rows, rank, k):
    return rows[_begin(len(rows), rank, k) : _begin(len(rows), rank + 1, k)]


def another_cells_number(rows, rank, k=WORKERS):
    return rows[rank::k]


def _passed_on(function):
    @functools.wraps(function)
    def passing(*args):
        return function(*args)
    return passing


@_passed_on
def decorated(rows, rank, k):
    return rows[rank::k]


class Sharer:
    def __call__(self, rows, rank, k):
        return rows[rank::k]


def every_kth(rows, rank, k):
    return rows[rank::k]


def from_the_end(rows, rank, k):
    return rows.flip(0)[rank::k]


def by_a_mask(rows, rank, k):
    return rows[torch.arange(len(rows)) % k == rank]


def to_and_fro(rows, rank, k):
    place = torch.arange(len(rows))
    there, back = place % k, k - 1 - place % k
    return rows[torch.where(place // k % 2 == 0, there, back) == rank]


def the_rest_one_by_one(rows, rank, k):
    size, rest = divmod(len(rows), k)
    return torch.cat([rows[rank * size : (rank + 1) * size],
                      rows[len(rows) - rest :][rank : rank + 1]])


def imports_for_itself(rows, rank, k):
    from itertools import islice
    return torch.tensor(list(islice(rows.tolist(), rank, None, k)), dtype=rows.dtype)


def by_itself(rows: torch.Tensor, rank: int, k: int) -> torch.Tensor:
    if rank:
        return by_itself(rows.roll(-1), rank - 1, k)[: len(range(rank, len(rows), k))]
    return rows[::k]


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
        "equal if the ends are": equal_if_the_ends_are,
        "seen is not added up": seen_is_not_added_up,
        "by count": by_count,
    },
    "dist-share": {
        "one step too far": one_step_too_far,
        "counted from 1": counted_from_1,
        "large pieces first": chunked,
        "slices of ⌈n/k⌉": long_slices,
        "every rank-th": every_rank_th,
        "always the first": always_the_first,
        "floats": floats,
        "columns": columns,
        "all pieces": all_pieces,
        "rows are changed": changes_rows,
        "printed": printed,
        "by row number": by_row_number,
        "a list of numbers of torch": a_list_of_torch_numbers,
        "numpy of another cell": another_cells_numpy,
        "a helper beside it": a_helper_beside_it,
        "a number of another cell": another_cells_number,
        "decorated": decorated,
        "partial": functools.partial(every_kth),
        "an object": Sharer(),
        "a lambda": lambda rows, rank, k: rows[rank::k],
    },
}

RIGHT = {
    "dist-average": {"through NumPy": through_numpy, "a running mean": running,
                     "one product": stacked, "row for row": row_for_row,
                     "the sum, divided": lambda g, counts: sum(
                         one * c for one, c in zip(g, counts, strict=True)) / sum(counts)},
    "dist-share": {"every k-th": every_kth, "slices": fair_slice, "from the end": from_the_end,
                   "by a mask": by_a_mask, "to and fro": to_and_fro,
                   "the rest one by one": the_rest_one_by_one,
                   "imports for itself": imports_for_itself, "calls itself": by_itself},
}
