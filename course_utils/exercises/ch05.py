"""Chapter 05, Batch size: mini-batches from scratch, the time of an epoch, the noise of a batch."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import torch
from torch import Generator, Tensor

from course_utils.exercises.model import Case, Exercise, Mistake, Question, Verdict

f64 = torch.float64

# ---- batch-deal ----------------------------------------------------------------------------------


def deal(n_examples: int, batch_size: int, g: Generator) -> list[Tensor]:
    if not 1 <= batch_size <= n_examples:
        raise ValueError(f"batch_size is {batch_size}; it has to be 1 to {n_examples}")
    order = torch.randperm(n_examples, generator=g)      # (N,): every row number once, at random
    return [order[start : start + batch_size] for start in range(0, n_examples, batch_size)]


SIZES = ((12, 4), (10, 4), (7, 7), (5, 1), (100, 32), (3, 2), (1, 1))


def _seeded(number: int) -> Generator:
    return torch.Generator().manual_seed(number)


def _judge_deal(answer) -> Verdict:
    for n, size in SIZES:
        given = f"n_examples = {n}, batch_size = {size}"
        torch.manual_seed(0)
        try:
            dealt = answer(n, size, _seeded(1))
        except ValueError as error:
            return Verdict(False, f"This batch size is allowed, but your code raised ValueError: "
                           f"{error}", given=given)
        problem = _bad_form(dealt, n, size) or _bad_content(dealt, n)
        if problem:
            got = dealt if isinstance(dealt, list | tuple) else repr(dealt)[:80]
            return Verdict(False, problem, given=given, got=got)
    problem = _bad_order(answer)
    if problem:
        return Verdict(False, problem, given="n_examples = 100, batch_size = 32")
    uneven = _uneven(answer)
    if uneven:
        return uneven
    for n, size in ((10, 0), (10, -1), (10, 11)):
        got = None
        try:
            answer(n, size, _seeded(1))
        except ValueError:
            continue
        except Exception as error:
            got = f"{type(error).__name__}: {error}"
        return Verdict(False, "This batch size is to be refused with a ValueError.", got=got,
                       given=f"n_examples = {n}, batch_size = {size}")
    return Verdict(True, "Every example once, in a new order each epoch, and the rest kept.")


def _bad_form(dealt, n: int, size: int) -> str:
    if not isinstance(dealt, list | tuple):
        return "Return a list with one tensor of row numbers for each batch."
    if not all(isinstance(rows, Tensor) for rows in dealt):
        return "Each batch has to be a tensor of row numbers: it indexes the data, x[rows]."
    if any(rows.dtype != torch.int64 or rows.ndim != 1 for rows in dealt):
        return "Each batch has to be a 1-D tensor of int64: row numbers."
    lengths = [len(rows) for rows in dealt]
    if lengths == [size] * (n // size) and n % size:
        return ("The last, smaller batch is missing: the examples that are left over are never "
                "used.")
    expected = [size] * (n // size) + ([n % size] if n % size else [])
    if lengths != expected:
        return f"The batches have {lengths} examples; they should have {expected}."
    return ""


def _bad_content(dealt, n: int) -> str:
    rows = torch.cat(list(dealt)).tolist()
    if any(not 0 <= row < n for row in rows):
        return f"There is a row number outside 0 to {n - 1}."
    if len(set(rows)) < n:
        return ("Some examples come twice in the epoch and others never: deal *one* order of all "
                "rows instead of drawing each batch anew.")
    return ""


STANDS_STILL = ("Two epochs have the same order: `g` does not go on. Is a generator started "
                "inside, a state put back, or an old order kept?")


def _bad_order(answer) -> str:
    """Nothing if the order is random, from the generator, and new in each epoch."""
    g, natural = _seeded(1), list(range(100))
    batches = list(answer(100, 32, g))
    first, second = (torch.cat(list(one)).tolist() for one in (batches, answer(100, 32, g)))
    if first == natural:
        return "The rows come in their own order: they are not shuffled."
    if first == second:
        return STANDS_STILL
    if first == sorted(first) or sorted(first[:32]) == natural[:32]:
        return ("The order of the batches, or inside them, is shuffled, but the same rows stay "
                "together. Shuffle first, then cut.")
    if all(bool((rows.diff() > 0).all()) for rows in batches):
        return ("Inside each batch the rows are sorted. They are to stand in the order in which "
                "they were dealt.")
    steps = Counter((after - before) % 100 for before, after in pairwise(first))
    if max(steps.values()) > 20:                         # by chance one step comes 6 times or so
        return ("Neighbours stay neighbours: most rows follow the same row in every epoch. All "
                "orders should be possible.")
    torch.manual_seed(1)
    one = torch.cat(list(answer(100, 32, _seeded(2)))).tolist()
    torch.manual_seed(2)
    untouched = torch.get_rng_state()
    other = torch.cat(list(answer(100, 32, _seeded(2)))).tolist()
    if one != other:
        return ("With the same generator the order differs from run to run: hand `g` to "
                "`torch.randperm(…, generator=g)`.")
    if not torch.equal(untouched, torch.get_rng_state()):
        return ("Your code moves torch's global stream of random numbers, on which other code "
                "relies. Draw from `g` alone.")
    return ""


def _uneven(answer) -> Verdict | None:
    """Deal three rows 600 times: each of the six orders comes 100 times or so, if all are alike."""
    g = _seeded(3)
    orders = Counter(tuple(answer(3, 3, g)[0].tolist()) for _ in range(600))
    if len(orders) == 6 and min(orders.values()) >= 50:
        return None
    return Verdict(False, "Some orders come more often than others, or never: all orders should be "
                   "equally likely.", given="n_examples = 3, batch_size = 3, 600 times",
                   got="\n".join(f"{order}: {n} times" for order, n in sorted(orders.items())))


def _checked_size(n, size):
    if not 1 <= size <= n:
        raise ValueError


def _not_shuffled(n_examples, batch_size, g):
    _checked_size(n_examples, batch_size)
    return list(torch.arange(n_examples).split(batch_size))


def _rest_dropped(n_examples, batch_size, g):
    order = torch.randperm(n_examples, generator=g)
    count = n_examples // batch_size
    return [order[i * batch_size : (i + 1) * batch_size] for i in range(count)]


def _drawn_anew(n_examples, batch_size, g):
    _checked_size(n_examples, batch_size)
    lengths = [batch_size] * (n_examples // batch_size)
    if n_examples % batch_size:
        lengths.append(n_examples % batch_size)
    return [torch.randint(n_examples, (length,), generator=g) for length in lengths]


def _no_generator(n_examples, batch_size, g):
    _checked_size(n_examples, batch_size)
    return list(torch.randperm(n_examples).split(batch_size))


def _new_generator(n_examples, batch_size, g):
    _checked_size(n_examples, batch_size)
    return list(torch.randperm(n_examples, generator=_seeded(0)).split(batch_size))


def _batches_shuffled(n_examples, batch_size, g):
    _checked_size(n_examples, batch_size)
    parts = torch.arange(n_examples).split(batch_size)
    return [part[torch.randperm(len(part), generator=g)] for part in parts]


def _number_of_batches(n_examples, batch_size, g):
    return list(torch.randperm(n_examples, generator=g).chunk(batch_size))


def _lists(n_examples, batch_size, g):
    return [rows.tolist() for rows in deal(n_examples, batch_size, g)]


def _nothing_refused(n_examples, batch_size, g):
    order = torch.randperm(n_examples, generator=g)
    return [order[i : i + batch_size] for i in range(0, n_examples, max(1, batch_size))]


def _from_one(n_examples, batch_size, g):
    return [rows + 1 for rows in deal(n_examples, batch_size, g)]


DEAL = Exercise(
    id="batch-deal",
    chapter="05",
    title="Mini-batches from scratch",
    solution=deal,
    cases=list,
    judge=_judge_deal,
    hints=(
        "Shuffle all row numbers once, then cut the shuffled row into pieces.",
        "`torch.randperm(n_examples, generator=g)` is a random order of 0 … N − 1. A slice that "
        "reaches beyond the end just stops there: that is the smaller last batch.",
        "`[order[start : start + batch_size] for start in range(0, n_examples, batch_size)]`, "
        "after a test of the batch size that raises ValueError.",
    ),
    mistakes=(
        Mistake("not shuffled", _not_shuffled,
                "The rows are not shuffled: each epoch would deal the same batches. Where data are "
                "sorted, by class for example, a batch would show one class only."),
        Mistake("rest dropped", _rest_dropped,
                "The examples that are left over are dropped (`drop_last=True` in a DataLoader). "
                "Keep them as a smaller last batch."),
        Mistake("drawn anew", _drawn_anew,
                "Each batch is drawn from all examples anew, with replacement: in one epoch some "
                "come twice and some never. Deal one shuffled order instead."),
        Mistake("no generator", _no_generator,
                "The order is drawn from a global stream (torch's, NumPy's, Python's). Draw from "
                "`g` alone (`generator=g`), so that a run can be repeated."),
        Mistake("a new generator", _new_generator, STANDS_STILL),
        Mistake("shuffled inside batches", _batches_shuffled,
                "You cut first and shuffle inside the batches: the same examples stay together in "
                "every epoch. Shuffle first, then cut."),
        Mistake("number of batches", _number_of_batches,
                "`chunk(k)` makes k pieces; asked for are pieces of `batch_size` examples: "
                "`split`."),
        Mistake("lists", _lists,
                "The row numbers are right, but they are lists. Keep tensors: they index the data "
                "fastest, and x[rows] has its batch in the first dimension."),
        Mistake("nothing refused", _nothing_refused,
                "A batch of no examples, or of more than there are, is to be refused with a "
                "ValueError."),
        Mistake("from one", _from_one,
                "Row numbers start at 0: yours run from 1 to N."),
    ),
    stub='''def deal(n_examples, batch_size, g):     # g: a torch.Generator, goes on over epochs
    ...                                  # your code: a list of int64 tensors of row numbers

check("batch-deal", deal)''',
)

# ---- batch-epoch-seconds -------------------------------------------------------------------------


def epoch_seconds(n_examples: int, batch_size: int, overhead: float, per_example: float) -> float:
    updates = -(-n_examples // batch_size)               # N/B rounded up, in whole numbers
    return updates * overhead + n_examples * per_example


def _epoch_by_loop(n_examples, batch_size, overhead, per_example):
    seconds, left = 0.0, n_examples
    while left > 0:
        seconds += overhead + min(batch_size, left) * per_example
        left -= batch_size
    return seconds


def _epoch_cases() -> list[Case]:
    return [
        Case((1000, 100, 0.001, 0.00001), "B divides N"),
        Case((1000, 300, 0.001, 0.00001), "a smaller last batch"),
        Case((1000, 1, 0.001, 0.00001), "one example an update"),
        Case((1000, 1000, 0.001, 0.00001), "the full batch"),
        Case((60_000, 128, 0.0002, 0.000003), "60,000 examples"),
        Case((10, 4, 1.0, 0.0), "overhead only"),
        Case((10, 4, 0.0, 1.0), "no overhead"),
        Case((7, 3, 0.5, 0.25), "seven examples in threes"),
        Case((10, 64, 0.5, 0.25), "a batch larger than the data"),
    ]


def _full_last_batch(n_examples, batch_size, overhead, per_example):
    return math.ceil(n_examples / batch_size) * (overhead + batch_size * per_example)


def _rounded_down(n_examples, batch_size, overhead, per_example):
    return n_examples // batch_size * overhead + n_examples * per_example


def _not_rounded(n_examples, batch_size, overhead, per_example):
    return n_examples / batch_size * overhead + n_examples * per_example


def _one_update(n_examples, batch_size, overhead, per_example):
    return overhead + batch_size * per_example


def _overhead_once(n_examples, batch_size, overhead, per_example):
    return overhead + n_examples * per_example


def _overhead_each(n_examples, batch_size, overhead, per_example):
    return n_examples * (overhead + per_example)


def _no_examples(n_examples, batch_size, overhead, per_example):
    return math.ceil(n_examples / batch_size) * overhead


def _per_update_example(n_examples, batch_size, overhead, per_example):
    return math.ceil(n_examples / batch_size) * (overhead + per_example)


EPOCH_SECONDS = Exercise(
    id="batch-epoch-seconds",
    chapter="05",
    title="Predict the time of an epoch",
    solution=epoch_seconds,
    cases=_epoch_cases,
    oracle=_epoch_by_loop,
    hints=(
        "How many updates has an epoch? Each pays the overhead once.",
        "Over the whole epoch every example is used exactly once, in whichever batch: that part "
        "does not depend on B.",
        "⌈N/B⌉ · overhead + N · per_example, with `math.ceil(n_examples / batch_size)`.",
    ),
    mistakes=(
        Mistake("last batch counted as full", _full_last_batch,
                "You let every batch have B examples. The last one may be smaller: over an epoch "
                "there are N examples, not ⌈N/B⌉ · B."),
        Mistake("rounded down", _rounded_down,
                "The smaller last batch is an update too: round N/B up."),
        Mistake("not rounded", _not_rounded,
                "There is no part of an update: round N/B up."),
        Mistake("one update", _one_update,
                "This is the time of one update. How many are there in an epoch?"),
        Mistake("overhead once", _overhead_once,
                "Every update pays the overhead, not the epoch as a whole."),
        Mistake("overhead for each example", _overhead_each,
                "Every *update* pays the overhead, not every example: that would be B = 1."),
        Mistake("examples forgotten", _no_examples,
                "The time for the examples themselves is missing: `per_example` for each of the "
                "N."),
        Mistake("one example an update", _per_update_example,
                "Each update pays `per_example` for each of its examples, not once."),
    ),
    stub='''def epoch_seconds(n_examples, batch_size, overhead, per_example):
    ...                                  # your code: seconds of one epoch, a number

check("batch-epoch-seconds", epoch_seconds)''',
)

# ---- batch-noise-of ------------------------------------------------------------------------------


def noise_of(gradients: Tensor, batch_size: int) -> float:
    full = gradients.mean(0)                             # (P,): the full gradient
    squared = ((gradients - full) ** 2).sum(1)           # (N,): squared distance of each example
    return (squared.mean() / batch_size).sqrt().item()


def _noise_by_enumeration(gradients: Tensor, batch_size: int) -> float:
    """All N^B ordered draws with replacement, or the formula in plain loops where too many."""
    n = len(gradients)
    if n**batch_size > 5000:
        full = sum(gradients) / n
        total = 0.0
        for g in gradients:
            total += sum((a - b) ** 2 for a, b in zip(g.tolist(), full.tolist(), strict=True))
        return math.sqrt(total / n / batch_size)
    draws = torch.cartesian_prod(*[torch.arange(n)] * batch_size).reshape(-1, batch_size)
    means = gradients[draws].mean(1)                     # (n^B, P)
    return math.sqrt(((means - gradients.mean(0)) ** 2).sum(1).mean().item())


def _noise_cases() -> list[Case]:
    g = _seeded(5)

    def random(n: int, p: int) -> Tensor:
        return torch.randn(n, p, generator=g, dtype=f64) + torch.arange(p, dtype=f64)

    return [
        Case((torch.tensor([[1.0], [-1.0]], dtype=f64), 1), "two examples that disagree"),
        Case((random(4, 3), 1), "one example"),
        Case((random(4, 3), 2), "two of four"),
        Case((random(5, 2), 4), "four of five: all 625 draws counted"),
        Case((random(3, 4), 3), "as many as there are, still with replacement"),
        Case((random(200, 7), 32), "random, 200 × 7"),
        Case((torch.ones(6, 3, dtype=f64), 2), "all examples agree"),
        Case((random(4, 1), 9), "more draws than examples"),
    ]


def _divided_by_b(gradients, batch_size):
    return noise_of(gradients, 1) / batch_size


def _no_root(gradients, batch_size):
    return noise_of(gradients, batch_size) ** 2


def _not_divided(gradients, batch_size):
    return noise_of(gradients, 1)


def _about_zero(gradients, batch_size):
    return ((gradients**2).sum(1).mean() / batch_size).sqrt().item()


def _n_minus_one(gradients, batch_size):
    variance = gradients.var(0).sum()                    # torch's default divides by N − 1
    return (variance / batch_size).sqrt().item()


def _mean_over_parameters(gradients, batch_size):
    variance = gradients.var(0, correction=0).mean()
    return (variance / batch_size).sqrt().item()


def _mean_of_distances(gradients, batch_size):
    distances = (gradients - gradients.mean(0)).norm(dim=1)
    return (distances.mean() / batch_size**0.5).item()


def _without_replacement(gradients, batch_size):
    n = len(gradients)
    left = max(0.0, (n - batch_size) / max(1, n - 1))
    return noise_of(gradients, batch_size) * left**0.5


def _sum_of_deviations(gradients, batch_size):
    return (gradients.std(0, correction=0).sum() / batch_size**0.5).item()


def _a_tensor(gradients, batch_size):
    return torch.tensor(noise_of(gradients, batch_size), dtype=f64)


NOISE_OF = Exercise(
    id="batch-noise-of",
    chapter="05",
    title="The noise of a batch, without drawing one",
    solution=noise_of,
    cases=_noise_cases,
    oracle=_noise_by_enumeration,
    tolerance=(1e-9, 1e-12),
    hints=(
        "First B = 1: how far, squared, is each example's gradient from their mean, on average?",
        "The mean of B independent draws has a B-th of that squared distance.",
        "`((gradients - gradients.mean(0)) ** 2).sum(1).mean()` is σ²; then σ/√B, as a number "
        "(`.item()`).",
    ),
    mistakes=(
        Mistake("divided by B", _divided_by_b,
                "The *squared* distance falls as 1/B; the distance itself as 1/√B."),
        Mistake("no root", _no_root,
                "This is the mean squared distance. Take its root."),
        Mistake("not divided", _not_divided,
                "This is the noise of one example. What happens to it in a mean of B of them?"),
        Mistake("distance to zero", _about_zero,
                "You measure the length of the gradients. Noise is the distance to the *full* "
                "gradient, their mean."),
        Mistake("N − 1", _n_minus_one,
                "`var` and `std` divide by N − 1. Here the N examples are all there are: divide "
                "by N (`correction=0`)."),
        Mistake("mean over parameters", _mean_over_parameters,
                "You average over the P parameters. A squared length is their *sum*."),
        Mistake("mean of distances", _mean_of_distances,
                "Average the *squared* distances, and take the root afterwards."),
        Mistake("without replacement", _without_replacement,
                "That is the noise without replacement. Asked for are draws with replacement, "
                "where an example may come twice."),
        Mistake("sum of deviations", _sum_of_deviations,
                "Standard deviations of the parameters do not add up, their squares do."),
        Mistake("a tensor", _a_tensor,
                "The value is right, but it is a tensor: return a Python number, `.item()`."),
    ),
    stub='''def noise_of(gradients, batch_size):     # gradients: (N, P), float64, one example a row
    ...                                  # your code: σ/√B, a number

check("batch-noise-of", noise_of)''',
)

EXERCISES = (EPOCH_SECONDS, DEAL, NOISE_OF)

QUESTIONS = (
    Question(
        "batch-q-updates", "05", "N = 1,000 examples, B = 300. How many updates has an epoch?",
        ("3", "4", "3⅓"), 1,
        "⌈1000/300⌉ = 4: the last batch has the 100 examples that are left.",
    ),
    Question(
        "batch-q-parallel", "05",
        "Vectorised, why does an update with B = 32 hardly take longer than one with B = 1?",
        ("32 examples need no more arithmetic", "the optimiser skips most of them",
         "the fixed cost of an update outweighs them"), 2,
        "Calling Python and PyTorch costs the same for any B. Beyond the knee arithmetic takes "
        "over.",
    ),
    Question(
        "batch-q-epoch", "05", "Why is an epoch with B = 1 so slow?",
        ("each example is looked at more often", "it pays the fixed cost of an update N times",
         "the gradients are noisier"), 1,
        "In each epoch every example is used once, whatever B. Only the number of updates, and so "
        "of fixed costs, differs.",
    ),
    Question(
        "batch-q-noise", "05",
        "Drawn with replacement: which batch size halves the gradient's noise?",
        ("twice the batch", "four times the batch", "√2 times the batch"), 1,
        "The noise falls as 1/√B, so half of it needs four times as many examples.",
    ),
    Question(
        "batch-q-unbiased", "05",
        "Does a small batch's gradient point the wrong way on average?",
        ("no, its mean is the full gradient", "yes, by 1/√B", "only if the data are shuffled"), 0,
        "Single batches miss, but not to one side: over all possible batches of a size the mean is "
        "the full gradient.",
    ),
    Question(
        "batch-q-shuffle", "05", "Full batch: what does shuffling the examples change?",
        ("the direction of each step", "nothing but rounding", "the size of each step"), 1,
        "A mean does not depend on the order of what it averages. There is no noise to draw.",
    ),
    Question(
        "batch-q-fair", "05",
        "Two batch sizes get equally many *epochs*. What differs besides the noise?",
        ("nothing", "how often each example was used", "the number of updates"), 2,
        "The small batch makes far more updates. Chapter 05 compared at equal updates too.",
    ),
    Question(
        "batch-q-rate", "05",
        "Equal epochs, and B is made four times as large (still a small part of N). Which η fits?",
        ("about four times as large", "the same", "a quarter"), 0,
        "A quarter of the updates has to cover the same distance. It works until η is too large "
        "for the loss itself.",
    ),
    Question(
        "batch-q-sorted", "05", "Batches of 32 from data sorted by class, without shuffling:",
        ("as good as any order", "each update pulls towards one class", "the gradient is zero"), 1,
        "Within a batch there is nearly one class only, and the net forgets the others in turn.",
    ),
    Question(
        "batch-q-helps", "05", "When did gradient noise help to find a lower loss?",
        ("always", "on a loss with many valleys, in the right amount", "only with B = 1"), 1,
        "Too little noise stays in the first valley, too much does not settle in any.",
    ),
)
