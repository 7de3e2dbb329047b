"""Chapter 14, Beyond one computer: the mean of all-reduce, and which rows a worker gets."""

from __future__ import annotations

import linecache
from collections.abc import Callable

import torch
from torch import Tensor

from course_utils import workers
from course_utils.exercises.model import Case, Exercise, Mistake, Question, Verdict
from course_utils.exercises.show import kind_of

f64 = torch.float64

# ---- dist-average --------------------------------------------------------------------------------


def average(gradients: list[Tensor], counts: list[int]) -> Tensor:
    total = sum(counts)                                  # examples that all workers saw together
    return sum(g * (count / total) for g, count in zip(gradients, counts, strict=True))


def _average_row_by_row(gradients, counts):
    """As if every example had sent a gradient of its own."""
    rows = [g for g, count in zip(gradients, counts, strict=True) for _ in range(count)]
    return torch.stack(rows).mean(0)


def _average_cases() -> list[Case]:
    g = torch.Generator().manual_seed(14)
    one, two, three = torch.randn(3, 4, generator=g, dtype=f64)
    return [
        Case(([torch.tensor([1.0, 2.0]).double(), torch.tensor([3.0, 6.0]).double()], [8, 8]),
             "two workers, equal batches"),
        Case(([torch.tensor([0.0]).double(), torch.tensor([4.0]).double()], [3, 1]),
             "three examples and one"),
        Case(([one, two, three], [16, 16, 5]), "three workers, the last has a rest"),
        Case(([one, two, three], [1, 2, 3]), "three workers, all different"),
        Case(([one, two, three], [2, 6, 2]), "three workers, most rows in the middle"),
        Case(([one, two], [4, 0]), "a worker without examples"),
        Case(([one], [7]), "one worker"),
        Case(([g.reshape(2, 2) for g in (one, two)], [2, 6]), "a weight matrix"),
    ]


def _plain_mean(gradients, counts):
    return torch.stack(gradients).mean(0)


def _sum(gradients, counts):
    return torch.stack(gradients).sum(0)


def _weighted_sum(gradients, counts):
    return sum(g * count for g, count in zip(gradients, counts, strict=True))


def _by_workers(gradients, counts):
    return _weighted_sum(gradients, counts) / len(gradients)


def _upside_down(gradients, counts):
    total = sum(counts)
    return sum(g * (total / count if count else 0.0)
               for g, count in zip(gradients, counts, strict=True)) / len(gradients)


def _first_only(gradients, counts):
    return gradients[0].clone()


def _one_number(gradients, counts):
    return average(gradients, counts).mean()


AVERAGE = Exercise(
    id="dist-average",
    chapter="14",
    title="The mean over the rows of all workers",
    solution=average,
    cases=_average_cases,
    oracle=_average_row_by_row,
    hints=(
        "Each worker's gradient is a mean over its own examples. What do you multiply a mean by "
        "to get back the sum?",
        "Add up count · gradient over the workers: the sum over all examples. Then divide once.",
        "`sum(g * (count / total) for g, count in zip(gradients, counts))` with "
        "`total = sum(counts)`.",
    ),
    mistakes=(
        Mistake("plain mean", _plain_mean,
                "That is the plain mean over workers. It is right only if all of them have "
                "equally many examples: a worker with few examples must not count as much as one "
                "with many."),
        Mistake("sum", _sum,
                "These are the workers' gradients added up. With k workers the step would be k "
                "times too long: a mean is asked for."),
        Mistake("not divided", _weighted_sum,
                "This is the sum over all examples. Divide it by how many examples there are, so "
                "that it is the mean that one worker would compute."),
        Mistake("divided by the workers", _by_workers,
                "The sum over all examples is divided by the number of workers; divide by the "
                "number of examples."),
        Mistake("weights upside down", _upside_down,
                "A worker with more examples counts less here. Its share is count / total, not "
                "total / count."),
        Mistake("the first worker's", _first_only,
                "That is one worker's own gradient: nothing of the others arrives."),
        Mistake("one number", _one_number,
                "You also average over the parameters. The result has the shape of one gradient."),
    ),
    stub='''def average(gradients, counts):          # k tensors (…), and how many examples each saw
    ...                                  # your code: one tensor (…), the mean over all examples

check("dist-average", average)''',
)

# ---- dist-share ----------------------------------------------------------------------------------


def share(rows: Tensor, rank: int, k: int) -> Tensor:
    return rows.tensor_split(k)[rank]    # the first workers get one more if there is a rest


SHARES = ((12, 3), (10, 4), (32, 2), (7, 7), (5, 1), (3, 4), (101, 8))


def _judge_share(answer) -> Verdict:
    try:
        text = workers.source_of(answer)
    except ValueError:
        return Verdict(False, "Your function is copied alone, as text, into the workers' script. "
                              "So define it with `def share(rows, rank, k):`, without decorators.")
    try:
        return _judge_copy(_copied_alone(text, answer.__name__))
    except NameError as error:
        if isinstance(error, UnboundLocalError):
            raise
        return Verdict(False, "Your function is copied alone into the workers' script, where the "
                              f"{error}. Write or import inside of it what it needs beside "
                              "`torch`.")


def _copied_alone(text: str, name: str) -> Callable:
    """The function as a worker gets it: its text, and what the script imports.

    Raises:
        NameError: its first line needs another cell.
    """
    file = "<your function, copied>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    names = {"__name__": "worker"}
    exec("import os\nfrom pathlib import Path\nimport torch\nfrom torch import nn", names)
    exec(compile(text, file, "exec"), names)  # as there: `annotations` from this file's first line
    return names[name]


def _judge_copy(answer) -> Verdict:
    for n, k in SHARES:
        rows = torch.randperm(7 * n, generator=torch.Generator().manual_seed(n))[:n] + 100
        given = f"rows = {n} row numbers from 100 on, with gaps and in any order, k = {k}"
        torch.manual_seed(0)
        own = [rows.clone() for _ in range(2 * k)]  # each worker holds its own, and asks twice
        parts = [answer(own[rank], rank, k) for rank in range(k)]
        again = [answer(own[k + rank], rank, k) for rank in range(k)]
        problem = _bad_parts(parts, rows, k) or _not_alike(parts, again)
        if not problem and not all(torch.equal(one, rows) for one in own):
            problem = "Your code changes `rows`, which the worker may still need as it was."
        if problem:
            return Verdict(False, problem, given=given, got=_shown(parts, rows))
    return Verdict(True, "Every row goes to exactly one worker, and no worker waits long for "
                   "another.")


def _bad_parts(parts, rows: Tensor, k: int) -> str:
    others = [part for part in parts if not isinstance(part, Tensor)]
    if others:
        return f"Return a tensor of row numbers; your code returned {kind_of(others[0])}."
    if not all(part.ndim == 1 and part.dtype == torch.int64 for part in parts):
        return "Return a 1-D tensor of int64: row numbers, taken from `rows`."
    if k > 1 and len(parts[0]) == len(rows):
        return "Worker 0 gets all rows: what `rank` and `k` say is not used."
    found = torch.cat(parts)
    strange = set(found.tolist()) - set(rows.tolist())
    if strange:
        return ("There are numbers that are not in `rows`. Are they positions, or new numbers? "
                "`rows` already holds row numbers: take some of *its* entries.")
    missing, twice = len(rows) - len(found.unique()), len(found) - len(found.unique())
    if missing and not twice:
        rest = " (the rest?)" if len(rows) % k else ""
        return (f"{missing} of {len(rows)} rows go to no worker{rest}. One worker alone would "
                "have used them.")
    if twice:
        return (f"{twice} rows go to more than one worker, so they count twice in the mean. "
                "Give each row away once, even if the shares differ by one row then.")
    lengths = [len(part) for part in parts]
    if max(lengths) - min(lengths) > 1:
        return (f"The shares have {lengths} rows. All wait for the slowest, so they should differ "
                "by one row at most.")
    return ""


def _not_alike(parts, again) -> str:
    if all(torch.equal(one, other) for one, other in zip(parts, again, strict=True)):
        return ""
    return ("Asked twice, your function gives other rows. The workers do not talk about it: each "
            "has to come to the same division by itself, without random numbers.")


def _shown(parts, rows: Tensor) -> str:
    sizes = [len(part) if hasattr(part, "__len__") else "?" for part in parts]
    first = parts[0]
    strange = (isinstance(first, Tensor) and first.ndim == 1
               and not set(first.tolist()) <= set(rows.tolist()))
    return (f"shares of {', '.join(map(str, sizes))} rows"
            + (f"; worker 0 begins with {first[:4].tolist()}" if strange else ""))


def _rest_dropped(rows, rank, k):
    size = len(rows) // k
    return rows[rank * size : (rank + 1) * size]


def _filled_up(rows, rank, k):
    size = -(-len(rows) // k)
    more = rows.repeat(-(-size * k // max(len(rows), 1)))[: size * k]
    return more[rank::k]


def _rest_to_the_last(rows, rank, k):
    size = len(rows) // k
    return rows[rank * size :] if rank == k - 1 else rows[rank * size : (rank + 1) * size]


def _everything(rows, rank, k):
    return rows


def _positions(rows, rank, k):
    return torch.arange(rank, len(rows), k)


def _drawn(rows, rank, k):
    return rows[torch.randperm(len(rows))].tensor_split(k)[rank]


def _as_list(rows, rank, k):
    return rows[rank::k].tolist()


SHARE = Exercise(
    id="dist-share",
    chapter="14",
    title="Which rows a worker gets",
    solution=share,
    cases=list,
    judge=_judge_share,
    hints=(
        "All workers hold the same `rows`. Each takes a part of them that no other takes, and "
        "together they take everything, the rest included.",
        "A slice with a step does it: start at your rank, step by the number of workers. Or "
        "look up `torch.tensor_split`.",
        "`rows[rank::k]`, or `rows.tensor_split(k)[rank]`.",
    ),
    mistakes=(
        Mistake("rest dropped", _rest_dropped,
                "The rows of the rest go to no worker. One worker alone would have used them, so "
                "the steps differ."),
        Mistake("filled up", _filled_up,
                "Some rows go to two workers, so that all shares are equally long. They then "
                "count twice in the mean."),
        Mistake("rest to the last", _rest_to_the_last,
                "The last worker gets the whole rest. All others wait for it: let the shares "
                "differ by one row at most."),
        Mistake("everything", _everything,
                "Every worker gets all rows: k times the work, and nothing gained. Use `rank` "
                "and `k`."),
        Mistake("positions", _positions,
                "These are positions in `rows`. Take the entries that stand there: `rows[…]`."),
        Mistake("drawn", _drawn,
                "Each worker shuffles for itself, so they do not agree who has which row. The "
                "shuffling is done already; only divide."),
        Mistake("a list", _as_list,
                "A list. Return a tensor, such as a slice of `rows`."),
    ),
    stub='''def share(rows, rank, k):                # rows: (n,) row numbers, alike on all workers
    ...                                  # your code: a tensor, those of worker `rank`, of 0 … k − 1

check("dist-share", share)''',
)

EXERCISES = (AVERAGE, SHARE)

QUESTIONS = (
    Question(
        "dist-q-reduce", "14", "What does every worker hold after an all-reduce?",
        ("its own tensor again", "the sum over all workers", "the tensor of worker 0"), 1,
        "All give, all receive the same sum. Divided by k it is the mean.",
    ),
    Question(
        "dist-q-same", "14",
        "Two workers with batches of 16: whose steps do they take?",
        ("those of one with 16", "those of one with 32", "those of one with 8"), 1,
        "The mean of two means over 16 rows is the mean over all 32.",
    ),
    Question(
        "dist-q-unequal", "14",
        "One worker has 24 rows, the other 8, and their gradients are averaged plainly. Then …",
        ("rows of the small batch count more", "all rows count alike", "the step is longer"), 0,
        "Each mean counts a half, but one is shared by 24 rows and the other by 8.",
    ),
    Question(
        "dist-q-norm", "14",
        "Which layer makes two workers differ from one with the double batch?",
        ("Linear", "ReLU", "BatchNorm"), 2,
        "It computes with the mean and variance of the rows that this worker sees.",
    ),
    Question(
        "dist-q-ring", "14",
        "All-reduce on a ring, many workers: how much does each of them send?",
        ("about two times the tensor", "k times the tensor", "a k-th of the tensor"), 0,
        "2(k − 1) messages of a k-th of the tensor each: below twice its size for any k.",
    ),
    Question(
        "dist-q-small", "14",
        "Small net, small batch, two workers. What is most of a step?",
        ("forward and backward", "the optimiser", "waiting for messages"), 2,
        "A message costs the same however little there was to compute.",
    ),
    Question(
        "dist-q-batch", "14",
        "More workers, each with the batch as before. What changes for the training?",
        ("nothing, only the time", "the batch of a step grows", "the net grows"), 1,
        "k workers step on k times the rows: fewer, less noisy steps in an epoch.",
    ),
    Question(
        "dist-q-killed", "14",
        "A process of a sweep dies. What does the cluster's scheduler need to go on?",
        ("the task and its data, to run it anew", "the memory of the dead process",
         "a new start of the whole sweep"), 0,
        "A chunk depends on its settings and seeds alone: run again, it gives the same numbers.",
    ),
)
