"""Chapter 11, Self-attention: attention, multiply-adds, positional encoding, the padding mask."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_utils.exercises.model import Case, Exercise, Mistake, Question

f64 = torch.float64

# ---- att-attention -------------------------------------------------------------------------------


def my_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    d_k = q.shape[-1]
    scores = q @ k.transpose(-2, -1)         # (…, T, T): row = who looks, column = looked at
    scores = scores / d_k**0.5
    weights = scores.softmax(dim=-1)         # over the columns: each row sums to one
    return weights @ v                       # (…, T, d_v)


def _attention_cases() -> list[Case]:
    g = torch.Generator().manual_seed(11)

    def case(note, *shape, d_v=None, scale=1.0):
        q, k = (scale * torch.randn(*shape, generator=g, dtype=f64) for _ in range(2))
        v = torch.randn(*shape[:-1], d_v or shape[-1], generator=g, dtype=f64)
        return Case((q, k, v), note)

    return [
        case("three words, four numbers each", 3, 4),
        case("one word: it can only look at itself", 1, 4),
        case("queries of one number", 5, 1),
        case("values longer than queries", 4, 2, d_v=6),
        case("as many words as numbers", 4, 4),
        case("a batch of two sentences", 2, 5, 3),
        case("a batch with heads", 2, 3, 6, 4),
        case("large scores", 6, 4, scale=30.0),
        Case(tuple(torch.randn(3, 2, 4, generator=g, dtype=f64, requires_grad=True)
                   for _ in range(3)), "gradients wanted"),
    ]


def _attending(weigh=lambda s: s.softmax(-1), scale=lambda q: q.shape[-1] ** 0.5,
               score=lambda q, k: q @ k.transpose(-2, -1), take=lambda w, q, k, v: w @ v):
    """Attention with one of its steps done in another way."""
    return lambda q, k, v: take(weigh(score(q, k) / scale(q)), q, k, v)


ATTENTION = Exercise(
    id="att-attention",
    chapter="11",
    title="Attention in five lines",
    solution=my_attention,
    cases=_attention_cases,
    oracle=lambda q, k, v: nn.functional.scaled_dot_product_attention(q, k, v),
    hints=(
        "Scores first, shape (…, T, T): which two tensors make them, and which of the two must be "
        "transposed?",
        "`k.transpose(-2, -1)` exchanges the last two dimensions, whatever stands before them. "
        "Divide by the root of `q.shape[-1]`.",
        "Row i of the scores belongs to the word that looks, so softmax runs over `dim=-1`. Then "
        "`weights @ v`.",
    ),
    mistakes=(
        Mistake("not divided", _attending(scale=lambda q: 1.0),
                "The scores are not divided by √d_k, the root of a query's length."),
        Mistake("divided by d", _attending(scale=lambda q: q.shape[-1]),
                "You divide by d_k. It is its square root."),
        Mistake("divided by the root of T", _attending(scale=lambda q: q.shape[-2] ** 0.5),
                "You divide by the root of the number of words. It is a query's length that "
                "counts."),
        Mistake("softmax over the wrong dimension", _attending(lambda s: s.softmax(-2)),
                "Softmax runs over the words that look: your columns sum to one. Each *row* must."),
        Mistake("softmax over everything",
                _attending(lambda s: s.flatten(-2).softmax(-1).view_as(s)),
                "One softmax over the whole table: each row has to sum to one by itself."),
        Mistake("no softmax", _attending(lambda s: s),
                "The scores themselves weigh the values. Softmax makes weights of them."),
        Mistake("keys and queries exchanged",
                _attending(score=lambda q, k: k @ q.transpose(-2, -1)),
                "Queries and keys are exchanged: row i must hold the scores of query i."),
        Mistake("divided after softmax",
                lambda q, k, v: (q @ k.transpose(-2, -1)).softmax(-1) / q.shape[-1] ** 0.5 @ v,
                "You divide the weights. The scores are divided, before softmax."),
        Mistake("weights returned", _attending(take=lambda w, q, k, v: w),
                "That is the table of weights. What is wanted is the sum of values, weighted."),
        Mistake("transposed weights", _attending(take=lambda w, q, k, v: w.transpose(-2, -1) @ v),
                "The weights are transposed: output i is the sum of all values with row i's "
                "weights."),
    ),
    stub='''def my_attention(q, k, v):               # (…, T, d_k), (…, T, d_k), (…, T, d_v)
    ...                                  # your code: the outputs, (…, T, d_v)

check("att-attention", my_attention)''',
)

# ---- att-adds ------------------------------------------------------------------------------------


def multiply_adds(T: int, d: int, heads: int) -> int:
    per_head = d // heads
    into = 3 * T * d * d                     # q, k and v: each a (d, d) matrix on T vectors
    scores = heads * T * T * per_head        # a dot product for every pair, in every head
    sums = heads * T * T * per_head          # each output: T values of d/h numbers, weighted
    out = T * d * d                          # the last matrix
    return into + scores + sums + out


def _adds_one_by_one(T, d, heads):
    count = 0
    for _ in range(T):
        for _ in range(4 * d):               # outputs of the four matrices
            count += d
    for _ in range(heads):
        for _ in range(T):
            count += T * (d // heads)        # scores
            count += (d // heads) * T        # weighted sum
    return count


def _adds_cases() -> list[Case]:
    sizes = {
        "one word": (1, 4, 1), "the smallest layer": (1, 1, 1), "one head": (5, 8, 1),
        "four heads": (16, 32, 4), "as many heads as numbers": (7, 6, 6),
        "as many words as numbers": (12, 12, 3), "a long sequence": (1000, 64, 8),
    }
    return [Case(size, note) for note, size in sizes.items()]


ADDS = Exercise(
    id="att-adds",
    chapter="11",
    title="Count multiply-adds",
    solution=multiply_adds,
    cases=_adds_cases,
    oracle=_adds_one_by_one,
    hints=(
        "A product of an (a, b) and a (b, c) matrix takes a · b · c multiply-adds. How many "
        "products are there, and of which shapes?",
        "Four times a (T, d) by a (d, d). In each head: scores (T, d/h) by (d/h, T), then weights "
        "(T, T) by values (T, d/h).",
        "4 · T · d² + heads · 2 · T² · (d // heads).",
    ),
    mistakes=(
        Mistake("every head at full width",
                lambda T, d, heads: 4 * T * d * d + heads * 2 * T * T * d,
                "Each head has only d // heads numbers: more heads, no more work."),
        Mistake("last matrix forgotten", lambda T, d, heads: 3 * T * d * d + 2 * T * T * d,
                "The last matrix is missing, the one that mixes the heads' outputs."),
        Mistake("weighted sums forgotten", lambda T, d, heads: 4 * T * d * d + T * T * d,
                "After the scores come the weighted sums of the values: as many again."),
        Mistake("scores only", lambda T, d, heads: 2 * T * T * d,
                "The four matrices are missing: q, k, v, and the last one, each on T vectors."),
        Mistake("matrices once", lambda T, d, heads: 4 * d * d + 2 * T * T * d,
                "The matrices meet every one of the T vectors, not one: 4 · d² are the weights."),
        Mistake("one score a word", lambda T, d, heads: 4 * T * d * d + 2 * T * d,
                "Every word looks at every word: T · T scores, not T."),
        Mistake("one head counted", lambda T, d, heads: 4 * T * d * d + 2 * T * T * (d // heads),
                "Scores and sums are counted for one head. There are `heads` of them."),
    ),
    stub='''def multiply_adds(T, d, heads):          # one sequence (T, d)
    ...                                  # your code: a whole number

check("att-adds", multiply_adds)''',
)

# ---- att-sinusoids -------------------------------------------------------------------------------


def sinusoids(T: int, d: int) -> Tensor:
    place = torch.arange(T)[:, None]                     # (T, 1)
    pair = torch.arange(0, d, 2)                         # 2i: 0, 2, 4, …
    angle = place / 10000 ** (pair / d)                  # (T, d/2)
    table = torch.zeros(T, d)
    table[:, 0::2] = angle.sin()                         # even columns
    table[:, 1::2] = angle.cos()                         # odd columns
    return table


def _sinusoids_by_loops(T, d):
    import math
    return torch.tensor([[(math.cos if j % 2 else math.sin)(t / 10000 ** ((j - j % 2) / d))
                          for j in range(d)] for t in range(T)], dtype=torch.float32)


def _waving(power=lambda d: torch.arange(0, d, 2) / d, first=0, base=10000.0, order="sin cos",
            side_by_side=False, slower=True):
    """A table of waves that differs in one point."""
    def waves(T, d):
        speed = base ** power(d)
        place = torch.arange(first, first + T)[:, None]
        angle = place / speed if slower else place * speed
        pair = [getattr(angle, name)() for name in order.split()]
        return torch.cat(pair, -1) if side_by_side else torch.stack(pair, -1).flatten(1)
    return waves


SINUSOIDS = Exercise(
    id="att-sinusoids",
    chapter="11",
    title="Positional encoding",
    solution=sinusoids,
    cases=lambda: [Case(size, note) for note, size in {
        "four places, four numbers": (4, 4), "one place: t = 0": (1, 6), "one pair": (5, 2),
        "long": (50, 16), "more numbers than places": (3, 32)}.items()],
    oracle=_sinusoids_by_loops,
    tolerance=(1e-4, 1e-5),
    hints=(
        "Make the angles first, shape (T, d/2): a column of places divided by a row of numbers.",
        "Column pair i has 10000^(2i/d) below the fraction; `torch.arange(0, d, 2)` are the 2i.",
        "`table[:, 0::2] = angle.sin()` fills the even columns, `table[:, 1::2] = angle.cos()` the "
        "odd ones.",
    ),
    mistakes=(
        Mistake("cosines first", _waving(order="cos sin"),
                "Sine and cosine are exchanged: even columns are sines, so place 0 begins with 0."),
        Mistake("two halves", _waving(side_by_side=True),
                "All sines stand before all cosines. They take turns: sine, cosine, sine, …"),
        Mistake("i instead of 2i", _waving(power=lambda d: torch.arange(d // 2) / d),
                "The exponent is 2i/d; yours is i/d, so that the waves slow down half as fast."),
        Mistake("places from 1", _waving(first=1),
                "Your places begin at 1. Place 0 has sines 0 and cosines 1."),
        Mistake("ever faster", _waving(slower=False),
                "You multiply by 10000^(2i/d). Dividing makes the waves slower from pair to pair."),
        Mistake("another base", _waving(base=1000.0), "The base is 10000, with four zeros."),
        Mistake("sines only", _waving(order="sin sin"),
                "Only sines. The odd columns are cosines of the same angles."),
    ),
    stub='''def sinusoids(T, d):                     # d is even
    ...                                  # your code: (T, d), float32

check("att-sinusoids", sinusoids)''',
)

# ---- att-mask ------------------------------------------------------------------------------------


def padding_mask(tokens: Tensor) -> Tensor:
    seen = tokens != 0                       # (B, T)
    return seen[:, None, None, :]            # (B, 1, 1, T): one column a word that is looked at


def _mask_by_loops(tokens):
    B, T = tokens.shape
    mask = torch.zeros(B, 1, 1, T, dtype=torch.bool)
    for b in range(B):
        for t in range(T):
            mask[b, 0, 0, t] = tokens[b, t].item() != 0
    return mask


MASK = Exercise(
    id="att-mask",
    chapter="11",
    title="Padding mask",
    solution=padding_mask,
    cases=lambda: [Case((torch.tensor(tokens),), note) for note, tokens in {
        "two sentences of different length": [[5, 7, 2, 9], [8, 3, 0, 0]],
        "no padding": [[4, 6, 2]], "unknown words have number 1": [[1, 5, 1, 0], [1, 1, 1, 1]],
        "one word": [[9], [4]], "much padding": [[3, 0, 0, 0, 0]],
        "as many words as sentences": [[2, 0, 0], [7, 8, 0], [1, 2, 3]]}.items()],
    oracle=_mask_by_loops,
    hints=(
        "Which comparison gives True for every word and False for padding?",
        "Indexing with `None` puts in a dimension of size 1. Scores are (B, heads, T, T): row = "
        "who looks, column = who is looked at.",
        "`(tokens != 0)[:, None, None, :]`.",
    ),
    mistakes=(
        Mistake("inverted", lambda tokens: (tokens == 0)[:, None, None],
                "It is the other way round: True is for what may be looked at."),
        Mistake("rows", lambda tokens: (tokens != 0)[:, None, :, None],
                "You mask rows, the words that look. Nobody may look *at* padding: columns, the "
                "last dimension."),
        Mistake("rows and columns",
                lambda tokens: (tokens != 0)[:, None, None] & (tokens != 0)[:, None, :, None],
                "Rows are masked too. A row without any True has only −∞ scores, and softmax "
                "makes NaN of it."),
        Mistake("no new dimensions", lambda tokens: tokens != 0,
                "The values are right, the shape is not: (B, T) does not fit (B, heads, T, T)."),
        Mistake("no head dimension", lambda tokens: (tokens != 0)[:, None],
                "One dimension is missing: (B, 1, T) would take B for the heads."),
        Mistake("numbers", lambda tokens: (tokens != 0).float()[:, None, None],
                "Those are numbers. A mask is made of True and False."),
        Mistake("unknown words masked", lambda tokens: (tokens > 1)[:, None, None],
                "Unknown words (number 1) are words. Only number 0 is padding."),
    ),
    stub='''def padding_mask(tokens):                # (B, T) word numbers, 0 = padding
    ...                                  # your code: bool, (B, 1, 1, T)

check("att-mask", padding_mask)''',
)

EXERCISES = (ATTENTION, ADDS, SINUSOIDS, MASK)

QUESTIONS = (
    Question(
        "att-q-score", "11", "In self-attention, what is the score of word i looking at word j?",
        ("query i times key j", "key i times key j", "query i times value j"), 0,
        "A query asks, a key answers; the value is what is handed over once the weights are known.",
    ),
    Question(
        "att-q-rows", "11", "In a table of attention weights, what sums to one?",
        ("each column", "each row", "the whole table"), 1,
        "Softmax runs over the words that are looked at: each word shares out one unit of "
        "attention.",
    ),
    Question(
        "att-q-root", "11", "Why are scores divided by √d_k?",
        ("to make rows sum to one", "to save multiplications", "to keep softmax from saturating"),
        2, "A dot product of d_k random numbers has standard deviation √d_k. Large scores give one "
        "word nearly all, and nearly no gradient.",
    ),
    Question(
        "att-q-order", "11",
        "Without positions you exchange two words of a sentence. Self-attention gives …",
        ("the same outputs, exchanged", "other outputs for these two", "other outputs for all"), 0,
        "Nothing in the formula asks where a word stands: it sees a set.",
    ),
    Question(
        "att-q-length", "11", "Sequences become twice as long. An attention layer has …",
        ("four times the weights", "twice the weights", "as many weights"), 2,
        "Its matrices are d × d. The arithmetic of the scores grows with the square.",
    ),
    Question(
        "att-q-heads", "11", "Against one head, four heads of a layer of the same width d …",
        ("have as many weights", "have four times the weights", "have a quarter of the weights"), 0,
        "Each head gets d/4 numbers: the same matrices, cut into pieces.",
    ),
    Question(
        "att-q-relative", "11", "A relative position, in the form of this chapter, is …",
        ("a vector added to each word", "a number added to each score", "a mask on each head"), 1,
        "For each head and each offset one learned number is added to the score.",
    ),
    Question(
        "att-q-padding", "11", "What goes wrong without a padding mask?",
        ("training stops with an error", "answers depend on the padding", "positions get lost"), 1,
        "Words look at padding too, so that a sentence's answer changes with the length of others "
        "in its batch.",
    ),
    Question(
        "att-q-full", "11", "T vectors of d numbers go into one fully connected layer with T · d "
        "outputs. Its weights grow with T …",
        ("as its square", "in proportion", "not at all"), 0,
        "T · d inputs times T · d outputs.",
    ),
)
