"""Answers for chapter 12: windows, heads that are filters, and decoding."""

import numpy as np
import torch

# ---- att-window-mask -----------------------------------------------------------------------------


def distances(T):
    return torch.arange(T)[None] - torch.arange(T)[:, None]    # j − i


def window(T, radius, causal=False):
    near = distances(T).abs() <= radius
    return near & (distances(T) <= 0) if causal else near


def rows_from_a_negative_start(T, radius, causal=False):
    mask = torch.zeros(T, T, dtype=torch.bool)
    for i in range(T):
        mask[i, i - radius : i + (0 if causal else radius) + 1] = True
    return mask


def range_without_its_end(T, radius, causal=False):
    mask = torch.zeros(T, T, dtype=torch.bool)
    for i in range(T):
        for j in range(max(0, i - radius), min(T, i + (0 if causal else radius))):
            mask[i, j] = True
    return mask


def around_a_circle(T, radius, causal=False):
    apart = distances(T) % T
    back = (-distances(T)) % T
    return back <= radius if causal else (apart <= radius) | (back <= radius)


def a_radius_fits(T, radius, causal=False):
    mask = torch.zeros(T, T, dtype=torch.bool)
    for offset in range(-radius, (0 if causal else radius) + 1):
        mask.diagonal(offset)[torch.arange(T - abs(offset))] = True
    return mask


def moved_inside_at_the_ends(T, radius, causal=False):
    w, mask = min(T, 2 * radius + 1), torch.zeros(T, T, dtype=torch.bool)
    for i in range(T):
        start = min(max(i - radius, 0), T - w)           # every token gets 2r + 1 keys
        mask[i, start : start + w] = True
    return mask.tril() if causal else mask


def by_triangles(T, radius, causal=False):
    ones = torch.ones(T, T)
    return ones.tril(0 if causal else radius).triu(-radius).bool()


def by_lists(T, radius, causal=False):
    return torch.tensor([[i - radius <= j <= (i if causal else i + radius) for j in range(T)]
                         for i in range(T)])


def by_numpy(T, radius, causal=False):
    i, j = np.indices((T, T))
    return torch.from_numpy((np.abs(i - j) <= radius) & ((j <= i) | (not causal)))


def by_slices(T, radius, causal=False):
    mask = torch.full((T, T), False)
    for i in range(T):
        mask[i, max(0, i - radius) : (i if causal else i + radius) + 1] = True
    return mask


# ---- att-head-scores -----------------------------------------------------------------------------


def places(n):
    k = torch.arange(n * n)
    return torch.stack([k // n, k % n], -1)      # (n·n, 2): row, column


def scores(n, offset, alpha, p=places, total=torch.sum):
    p = p(n).double()
    apart = p[None] - p[:, None] - torch.tensor(offset, dtype=torch.float64)
    return -alpha * total(apart**2, -1)


def score(**changes):
    return lambda n, offset, alpha: scores(n, offset, alpha, **changes)


def around_the_picture(n, offset, alpha):
    p = places(n)
    apart = (p[None] - p[:, None] - torch.tensor(offset)) % n
    apart = torch.minimum(apart, n - apart)
    return -float(alpha) * (apart**2).sum(-1).double()


def scores_in_loops(n, offset, alpha):
    out = torch.zeros(n * n, n * n, dtype=torch.float64)
    for i in range(n * n):
        for j in range(n * n):
            down = j // n - i // n - offset[0]
            right = j % n - i % n - offset[1]
            out[i, j] = -alpha * (down**2 + right**2)
    return out


def wanted_places(n, offset, alpha):
    row, column = torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij")
    row, column = row.flatten().double(), column.flatten().double()
    squares = ((row - (row[:, None] + offset[0])).pow(2)
               + (column - (column[:, None] + offset[1])).pow(2))
    return squares * -alpha


def rows_and_columns_apart(n, offset, alpha):
    i = np.arange(n)
    along = [np.square(i[None] - i[:, None] - o, dtype=np.float64) for o in offset]   # (n, n) each
    square = along[0][:, None, :, None] + along[1][None, :, None, :]
    return torch.from_numpy(-alpha * square.reshape(n * n, n * n))


def in_float32_then_float64(n, offset, alpha):
    return scores(n, offset, torch.tensor(float(alpha))).float().double()


def multiplied_out(n, offset, alpha):
    p = torch.cartesian_prod(torch.arange(n), torch.arange(n)).double()
    wanted = p + torch.tensor(offset, dtype=torch.float64)
    return alpha * (2 * wanted @ p.T - (wanted**2).sum(1, keepdim=True) - (p**2).sum(1))


# ---- att-decode ----------------------------------------------------------------------------------


def decoding(step, first, longest, teacher=None, lag=0, dim=-1, pick=None, begin=None):
    word, state, words = first, begin, []
    for t in range(longest):
        found, state = step(word, state)
        best = found.argmax(dim) if pick is None else pick(found)
        words.append(best)
        word = best if teacher is None else teacher[:, min(t + lag, longest - 1)]
    return torch.stack(words, 1)


def decoder(**changes):
    return lambda step, first, longest, teacher=None: decoding(
        step, first, longest, teacher, **changes)


def with_the_beginning(step, first, longest, teacher=None):
    return torch.cat([first[:, None], decoding(step, first, longest, teacher)], 1)


def beginning_counts(step, first, longest, teacher=None):
    return with_the_beginning(step, first, longest, teacher)[:, :longest]


def one_word_less(step, first, longest, teacher=None):
    return decoding(step, first, longest - 1, teacher)


def teacher_only_once(step, first, longest, teacher=None):
    word, state, words = first, None, []
    for t in range(longest):
        found, state = step(word, state)
        word = found.argmax(-1)
        words.append(word)
        if teacher is not None and t == 0:
            word = teacher[:, 0]
    return torch.stack(words, 1)


def stops_at_the_end_sign(step, first, longest, teacher=None):
    words = decoding(step, first, longest, teacher)
    ended = ((words == 2).cumsum(1) > 0).all(0)
    return words[:, : int((~ended).sum()) + 1]


def writes_into_the_first(step, first, longest, teacher=None):
    word, state, words = first, None, []
    for t in range(longest):
        found, state = step(word, state)
        word[:] = found.argmax(-1)
        words.append(word.clone())
        if teacher is not None:
            word[:] = teacher[:, t]
    return torch.stack(words, 1)


def the_same_tensor_each_time(step, first, longest, teacher=None):
    word, state, words = first.clone(), None, []
    for t in range(longest):
        found, state = step(word, state)
        word[:] = found.argmax(-1)
        words.append(word)
        if teacher is not None:
            word = teacher[:, t].clone()
    return torch.stack(words, 1)


def one_sequence_only(step, first, longest, teacher=None):
    word, state, words = first, None, []
    for t in range(longest):
        found, state = step(word, state)
        word = found.argmax(-1)
        words.append(word[0].item())
        if teacher is not None:
            word = teacher[:, t]
    return torch.tensor([words])


def by_recursion(step, first, longest, teacher=None):
    def on(word, state, t):
        if t == longest:
            return []
        found, state = step(word, state)
        best = found.max(-1).indices
        return [best, *on(best if teacher is None else teacher[:, t], state, t + 1)]
    return torch.stack(on(first, None, 0), -1)


def into_a_table(step, first, longest, teacher=None):
    out, state = torch.zeros(len(first), longest, dtype=torch.long), None
    for t in range(longest):
        word = first if t == 0 else (out if teacher is None else teacher)[:, t - 1]
        found, state = step(word, state)
        out[:, t] = torch.log_softmax(found.float(), 1).topk(1, 1).indices[:, 0]
    return out


def fed_beforehand(step, first, longest, teacher=None):
    fed = None if teacher is None else torch.cat([first[:, None], teacher], 1).unbind(1)
    words, state = [first], None
    for t in range(longest):
        found, state = step(words[-1] if fed is None else fed[t], state)
        words.append(torch.argmax(found, dim=1))
    return torch.stack(words[1:], dim=1)


def two_calls_a_step(step, first, longest, teacher=None):
    word, state, words = first, None, []
    for t in range(longest):
        words.append(step(word, state)[0].argmax(-1))
        state = step(word, state)[1]
        word = words[-1] if teacher is None else teacher[:, t]
    return torch.stack(words, 1)


def a_call_too_many(step, first, longest, teacher=None):
    (found, state), words = step(first, None), []
    for t in range(longest):
        words.append(found.argmax(-1))
        found, state = step(words[-1] if teacher is None else teacher[:, t], state)
    return torch.stack(words, 1)


def row_by_row(step, first, longest, teacher=None):
    taught = [None] * len(first) if teacher is None else teacher[:, None]
    return torch.cat([decoding(step, first[b : b + 1], longest, right)
                      for b, right in enumerate(taught)])


def by_an_iterator(step, first, longest, teacher=None):
    right = iter(() if teacher is None else teacher.unbind(1))
    word, state, words = first, None, []
    while len(words) < longest:
        found, state = step(word, state)
        words.append(found.argmax(1))
        word = next(right, words[-1])
    return torch.stack(words, 1)


WRONG = {
    "att-window-mask": {
        "always causal": lambda T, radius, causal=False: window(T, radius, True),
        "causal without a radius": lambda T, radius, causal=False: (
            distances(T) <= 0 if causal else window(T, radius)),
        "0 and 1": lambda T, radius, causal=False: window(T, radius, causal).int(),
        "0 and −∞": lambda T, radius, causal=False: torch.zeros(T, T).masked_fill(
            ~window(T, radius, causal), -torch.inf),
        "a negative start": rows_from_a_negative_start,
        "range without its end": range_without_its_end,
        "around a circle": around_a_circle,
        "moved inside at the ends": moved_inside_at_the_ends,
        "radius below T only": a_radius_fits,
        "with a dimension for heads": lambda T, radius, causal=False: window(
            T, radius, causal)[None],
        "numpy": lambda T, radius, causal=False: window(T, radius, causal).numpy(),
    },
    "att-head-scores": {
        "without the sharpness": lambda n, offset, alpha: scores(n, offset, 1.0),
        "sharpness squared": lambda n, offset, alpha: scores(n, offset, alpha**2),
        "divided by the sharpness": lambda n, offset, alpha: scores(n, offset, 1 / alpha),
        "mean of both": score(total=torch.mean),
        "the larger of both": score(total=lambda x, dim: x.amax(dim)),
        "around the picture": around_the_picture,
        "a table for each pixel": lambda n, offset, alpha: scores(
            n, offset, alpha).view(n * n, n, n),
        "rows of three": score(p=lambda n: torch.stack([torch.arange(n * n) // 3,
                                                        torch.arange(n * n) % 3], -1)),
        "numpy": lambda n, offset, alpha: scores(n, offset, alpha).numpy(),
        "float32": lambda n, offset, alpha: scores(n, offset, alpha).float(),
        "in float32, then float64": in_float32_then_float64,
        "as whole as the sharpness": lambda n, offset, alpha: scores(n, offset, alpha).to(
            torch.int64 if isinstance(alpha, int) else torch.float64),
    },
    "att-decode": {
        "state at first 0": decoder(begin=0),
        "best of the batch": decoder(dim=0),
        "least probable": decoder(pick=lambda found: found.argmin(-1)),
        "drawn by chance": decoder(pick=lambda found: torch.multinomial(
            found.softmax(-1), 1)[:, 0]),
        "teacher one ahead": decoder(lag=1),
        "teacher only once": teacher_only_once,
        "the beginning counts": beginning_counts,
        "one word less": one_word_less,
        "stops at word 2": stops_at_the_end_sign,
        "writes into first": writes_into_the_first,
        "the same tensor each time": the_same_tensor_each_time,
        "one sequence only": one_sequence_only,
        "columns of one": decoder(pick=lambda found: found.argmax(-1, keepdim=True)),
        "two calls a step": two_calls_a_step,
        "a call too many": a_call_too_many,
        "row by row": row_by_row,
        "as floats": lambda *args: decoding(*args).float(),
    },
}

RIGHT = {
    "att-window-mask": {
        "by triangles": by_triangles, "by lists": by_lists, "by numpy": by_numpy,
        "by slices": by_slices,
    },
    "att-head-scores": {
        "in loops": scores_in_loops, "places that are wanted": wanted_places,
        "rows and columns apart": rows_and_columns_apart, "in steps": scores,
        "multiplied out": multiplied_out,
    },
    "att-decode": {
        "by recursion": by_recursion, "into a table": into_a_table,
        "fed beforehand": fed_beforehand, "by an iterator": by_an_iterator,
    },
}
