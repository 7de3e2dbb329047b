"""Answers to the exercises of chapter 05: seconds of an epoch, a batch's noise, dealing rows."""

import functools
import math
import random

import numpy as np
import torch
from torch.utils.data import DataLoader


def updates(n, size):
    return -(-n // size)


# ---- batch-epoch-seconds --------------------------------------------------------------------


def epoch(count, examples=lambda n, size, count: n):
    """Seconds of `count(n, size)` updates, and of as many examples as `examples` says."""
    def epoch_seconds(n_examples, batch_size, overhead, per_example):
        number = count(n_examples, batch_size)
        return number * overhead + examples(n_examples, batch_size, number) * per_example
    return epoch_seconds


def one_by_one(n_examples, batch_size, overhead, per_example):
    seconds, left = 0.0, n_examples
    while left > 0:
        here = min(batch_size, left)
        seconds += overhead + here * per_example
        left -= here
    return seconds


def last_apart(n_examples, batch_size, overhead, per_example):
    full, rest = divmod(n_examples, batch_size)
    seconds = np.float64(full) * (overhead + batch_size * per_example)
    return seconds + (overhead + rest * per_example if rest else 0.0)


def last_always(n_examples, batch_size, overhead, per_example):
    full, rest = divmod(n_examples, batch_size)
    return full * (overhead + batch_size * per_example) + overhead + rest * per_example


def both_at_once(n_examples, batch_size, overhead, per_example):
    return sum(max(overhead, len(range(n_examples)[i : i + batch_size]) * per_example)
               for i in range(0, n_examples, batch_size))


def too_large_a_batch_counts_whole(n_examples, batch_size, overhead, per_example):
    if batch_size > n_examples:
        return overhead + batch_size * per_example
    return one_by_one(n_examples, batch_size, overhead, per_example)


# ---- batch-noise-of -------------------------------------------------------------------------


def misses(gradients):
    return (gradients - gradients.mean(0)).norm(dim=1)


def spread(sigma, root=True):
    """σ(gradients)/√B; with root=False, σ/B."""
    return lambda gradients, batch_size: float(sigma(gradients)) / (
        batch_size**0.5 if root else batch_size)


def in_place(gradients, batch_size):
    gradients -= gradients.mean(0)
    return (gradients.square().sum(1).mean() / batch_size).sqrt().item()


def drawn(gradients, batch_size):
    rows = torch.randint(len(gradients), (2000, batch_size))
    found = gradients[rows].mean(1) - gradients.mean(0)
    return found.square().sum(1).mean().sqrt().item()


def cut_off(gradients, batch_size):                  # a batch is at most all examples
    return (misses(gradients).square().mean() / min(batch_size, len(gradients))).sqrt().item()


def in_loops(gradients, batch_size):
    rows = gradients.tolist()
    mean = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    total = sum((one - m) ** 2 for row in rows for one, m in zip(row, mean, strict=True))
    return math.sqrt(total / len(rows) / batch_size)


def by_pairs(gradients, batch_size):                 # all pairs: twice the variance
    apart = torch.cdist(gradients, gradients, compute_mode="donot_use_mm_for_euclid_dist")
    return math.sqrt(apart.square().mean().item() / 2 / batch_size)


# ---- batch-deal -----------------------------------------------------------------------------


def refuse(n, size, least=1, most=None):
    if size < least or size > (n if most is None else most):
        raise ValueError("batch_size must lie between 1 and n_examples")


def dealing(order, cut=lambda order, size: list(order.split(size)), check=refuse):
    def deal(n_examples, batch_size, g):
        check(n_examples, batch_size)
        return cut(order(n_examples, g), batch_size)
    return deal


def permuted(n, g):
    return torch.randperm(n, generator=g)


def from_a_copy(n, g):
    other = torch.Generator()
    other.set_state(g.get_state())
    return torch.randperm(n, generator=other)


def through_global(n, g):                            # the notebook's own random state is lost
    torch.manual_seed(int(torch.randint(2**31, (), generator=g)))
    return torch.randperm(n)


def turned(n, g):
    return torch.arange(n).roll(int(torch.randint(n, (), generator=g)))


def filled_up(order, size):
    return list(torch.cat([order, order[: -len(order) % size]]).split(size))


def even_pieces(order, size):
    return list(torch.tensor_split(order, updates(len(order), size)))


def small_first(order, size):
    rest = len(order) % size
    return ([order[:rest]] if rest else []) + list(order[rest:].split(size))


def batches_in_new_order(n_examples, batch_size, g):
    refuse(n_examples, batch_size)
    pieces = torch.arange(n_examples).split(batch_size)
    return [pieces[i] for i in torch.randperm(len(pieces), generator=g)]


def drawn_each(n_examples, batch_size, g):           # each batch anew: rows twice, rows never
    refuse(n_examples, batch_size)
    return [torch.randperm(n_examples, generator=g)[: min(batch_size, n_examples - i)]
            for i in range(0, n_examples, batch_size)]


def no_check(n, size):
    pass


def refuse_with(error):
    def check(n, size):
        if not 1 <= size <= n:
            raise error("no such batch")
    return check


def fisher_yates(n, g):
    rows = list(range(n))
    for last in range(n - 1, 0, -1):
        other = int(torch.randint(last + 1, (), generator=g))
        rows[last], rows[other] = rows[other], rows[last]
    return torch.tensor(rows, dtype=torch.int64)


def swaps_never_with_itself(n, g):                   # Sattolo: only one cycle, 2 of 6 orders of 3
    rows = list(range(n))
    for last in range(n - 1, 0, -1):
        other = int(torch.randint(last, (), generator=g))
        rows[last], rows[other] = rows[other], rows[last]
    return torch.tensor(rows, dtype=torch.int64)


def first_row_stays(n, g):
    return torch.cat([torch.tensor([0]), 1 + torch.randperm(n - 1, generator=g)])


def even_rows_first(n, g):
    parts = torch.arange(0, n, 2), torch.arange(1, n, 2)
    return torch.cat([part[torch.randperm(len(part), generator=g)] for part in parts])


@functools.lru_cache
def remembered_order(n, g):                          # the generator is the same: an old order
    return permuted(n, g)


def sorted_pieces(order, size):
    return [piece.sort().values for piece in order.split(size)]


def by_a_loader(n_examples, batch_size, g):
    refuse(n_examples, batch_size)
    return list(DataLoader(torch.arange(n_examples), batch_size, shuffle=True, generator=g))


def out_of_a_hat(n_examples, batch_size, g):
    refuse(n_examples, batch_size)
    hat, batches = list(range(n_examples)), []
    while hat:
        batches.append(torch.tensor([hat.pop(int(torch.randint(len(hat), (), generator=g)))
                                     for _ in range(min(batch_size, len(hat)))]))
    return batches


def by_numpy(n, g):
    numbers = np.random.default_rng(int(torch.randint(2**40, (), generator=g)))
    return torch.from_numpy(numbers.permutation(n))


WRONG = {
    "batch-epoch-seconds": {
        "rounded": epoch(lambda n, size: round(n / size)),
        "one update more": epoch(lambda n, size: n // size + 1),
        "last batch always": last_always,
        "the last one is left out": epoch(lambda n, size: n // size,
                                          lambda n, size, number: number * size),
        "one batch's examples": epoch(updates, lambda n, size, number: size),
        "no overhead": epoch(lambda n, size: 0),
        "the garments": epoch(lambda n, size: updates(4096, size), lambda n, size, number: 4096),
        "whole seconds": lambda *costs: float(int(one_by_one(*costs))),
        "milliseconds": lambda *costs: 1000 * one_by_one(*costs),
        "both at once": both_at_once,
        "too large a batch counts whole": too_large_a_batch_counts_whole,
        "a tensor": lambda *costs: torch.tensor(one_by_one(*costs)),
        "printed": lambda *costs: print(one_by_one(*costs)),
    },
    "batch-noise-of": {
        "sum, not mean": spread(lambda g: misses(g).norm()),
        "all entries together": spread(lambda g: g.std(correction=0)),
        "mean of spreads": spread(lambda g: g.std(0, correction=0).mean()),
        "a mean of each row": spread(
            lambda g: (g - g.mean(1, keepdim=True)).square().sum(1).mean().sqrt()),
        "one mean of all": spread(lambda g: (g - g.mean()).square().sum(1).mean().sqrt()),
        "spread of lengths": spread(lambda g: g.norm(dim=1).std(correction=0)),
        "columns are examples": spread(lambda g: misses(g.T).square().mean().sqrt()),
        "no root": spread(lambda g: misses(g).square().mean()),
        "times √B": lambda g, batch_size: (misses(g).square().mean() * batch_size).sqrt().item(),
        "median": spread(lambda g: misses(g).square().median().sqrt()),
        "the largest": spread(lambda g: misses(g).max()),
        "float32": spread(lambda g: misses(g.float()).square().mean().sqrt()),
        "its input is changed": in_place,
        "drawn": drawn,
        "at most N": cut_off,
        "printed": lambda g, batch_size: print(in_loops(g, batch_size)),
    },
    "batch-deal": {
        "a copy of g": dealing(from_a_copy),
        "through the global state": dealing(through_global),
        "turned on a wheel": dealing(turned),
        "never swapped with itself": dealing(swaps_never_with_itself),
        "the first row stays": dealing(first_row_stays),
        "even rows before odd ones": dealing(even_rows_first),
        "NumPy's global stream": dealing(lambda n, g: torch.from_numpy(np.random.permutation(n))),
        "Python's global stream": dealing(lambda n, g: torch.tensor(random.sample(range(n), n))),
        "an old order kept": dealing(remembered_order),
        "sorted inside each batch": dealing(permuted, sorted_pieces),
        "with replacement": dealing(lambda n, g: torch.randint(n, (n,), generator=g)),
        "the last row never": dealing(lambda n, g: permuted(n - 1, g)),
        "int32": dealing(lambda n, g: permuted(n, g).int()),
        "floats": dealing(lambda n, g: permuted(n, g).double()),
        "columns": dealing(permuted, lambda order, size: list(order[:, None].split(size))),
        "the rest is filled up": dealing(permuted, filled_up),
        "even pieces": dealing(permuted, even_pieces),
        "the rest comes first": dealing(permuted, small_first),
        "only the batches move": batches_in_new_order,
        "each batch drawn anew": drawn_each,
        "nothing refused": dealing(permuted, check=no_check),
        "0 not refused": dealing(permuted, lambda order, size: list(order.split(size or 1)),
                                 lambda n, size: refuse(n, size, least=0)),
        "only 0 refused": dealing(permuted, lambda order, size: list(order.split(abs(size))),
                                  lambda n, size: refuse(n, size or n + 1, least=-n)),
        "above N not refused": dealing(permuted, check=lambda n, size: refuse(n, size, most=10**9)),
        "N refused": dealing(permuted, check=lambda n, size: refuse(n, size, most=n - 1)),
        "1 refused": dealing(permuted, check=lambda n, size: refuse(n, size, least=2)),
        "another error": dealing(permuted, check=refuse_with(IndexError)),
        "printed": dealing(permuted, lambda order, size: print(order.split(size))),
    },
}

RIGHT = {
    "batch-epoch-seconds": {"batch after batch": one_by_one, "the last one apart": last_apart,
                            "by ceil": epoch(lambda n, size: math.ceil(n / size)),
                            "by range": epoch(lambda n, size: len(range(0, n, size)))},
    "batch-noise-of": {
        "in loops": in_loops, "all pairs": by_pairs,
        "NumPy's variances": lambda g, size: np.sqrt(np.var(g.numpy(), axis=0).sum() / size),
        "length of the spreads": lambda g, size: torch.linalg.vector_norm(
            g.std(0, correction=0)).item() * size**-0.5},
    "batch-deal": {
        "split": dealing(permuted),
        "sorted random numbers": dealing(lambda n, g: torch.rand(n, generator=g).argsort()),
        "swaps": dealing(fisher_yates, lambda order, size: [
            order[i : i + size].clone() for i in range(0, len(order), size)]),
        "NumPy, sown from g": dealing(by_numpy),
        "a DataLoader": by_a_loader,
        "out of a hat": out_of_a_hat,
        "a tuple of pieces": dealing(permuted, lambda order, size: order.split(size)),
        "drawn without replacement": dealing(lambda n, g: torch.multinomial(
            torch.ones(n), n, replacement=False, generator=g))},
}
