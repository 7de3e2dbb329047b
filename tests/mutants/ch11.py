"""Answers for chapter 11: attention, its cost, its positions and its mask."""

import math

import numpy as np
import torch
from torch.nn import functional as F

# ---- att-attention -------------------------------------------------------------------------------


def attend(q, k, v, root=lambda q, v: q.shape[-1] ** 0.5, dim=-1):
    return ((q @ k.mT) / root(q, v)).softmax(dim) @ v


def scales_in_place(q, k, v):
    q /= q.shape[-1] ** 0.5
    return (q @ k.mT).softmax(-1) @ v


def looks_back_only(q, k, v):
    scores = q @ k.mT / q.shape[-1] ** 0.5
    return scores.masked_fill(torch.ones(scores.shape[-2:]).triu(1).bool(), -torch.inf
                              ).softmax(-1) @ v


def relu_weights(q, k, v):
    weights = (q @ k.mT / q.shape[-1] ** 0.5).relu() + 1e-6
    return weights / weights.sum(-1, keepdim=True) @ v


def word_by_word(q, k, v):
    out = torch.empty(*q.shape[:-1], v.shape[-1], dtype=q.dtype)
    for i in range(q.shape[-2]):
        scores = (k * q[..., i : i + 1, :]).sum(-1) / math.sqrt(q.shape[-1])     # (…, T)
        weights = (scores - scores.amax(-1, keepdim=True)).exp()
        weights = weights / weights.sum(-1, keepdim=True)
        out[..., i, :] = (weights[..., None] * v).sum(-2)
    return out


def with_einsum(query, key, value):
    weights = torch.softmax(torch.einsum("...id,...jd->...ij", query, key)
                            * query.size(-1) ** -0.5, -1)
    return torch.einsum("...ij,...je->...ie", weights, value)


def scaled_both(q, k, v):
    q, k = q * q.shape[-1] ** -0.25, k * k.shape[-1] ** -0.25
    return torch.softmax(torch.matmul(q, torch.transpose(k, -2, -1)), dim=-1).matmul(v)


def the_largest_of_all_taken_off(q, k, v):
    scores = q @ k.mT / q.shape[-1] ** 0.5
    weights = (scores - scores.max()).exp()              # rows far below it: 0 / 0
    return weights / weights.sum(-1, keepdim=True) @ v


# ---- att-sinusoids -------------------------------------------------------------------------------


def waves(T, d, exponent=lambda i, d: 2 * i / d, base=10000.0, start=0,
          order=lambda sin, cos: torch.stack([sin, cos], -1).flatten(-2)):
    t = torch.arange(start, start + T, dtype=torch.float64)[:, None]
    angle = t / base ** exponent(torch.arange(d // 2, dtype=torch.float64), d)
    return order(angle.sin(), angle.cos()).float()


def wave(**changes):
    return lambda T, d: waves(T, d, **changes)


def whole_exponents(T, d):
    out = torch.zeros(T, d)
    for t in range(T):
        for i in range(d // 2):
            angle = t / 10000 ** (2 * i // d)
            out[t, 2 * i], out[t, 2 * i + 1] = math.sin(angle), math.cos(angle)
    return out


def its_own_column_in_the_exponent(T, d):
    column = torch.arange(d)
    angle = torch.arange(T)[:, None] / 10000 ** (column / d)
    return torch.where(column % 2 == 0, angle.sin(), angle.cos())


def multiplied(T, d):
    t = torch.arange(T, dtype=torch.float64)[:, None]
    angle = t * 10000 ** (torch.arange(0, d, 2) / d)
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(-2).float()


def sines_and_cosines_by_place(T, d):
    even = torch.arange(T)[:, None] % 2 == 0                 # of rows, not of columns
    angle = torch.arange(T)[:, None] / 10000 ** (torch.arange(d) // 2 * 2 / d)
    return torch.where(even, angle.sin(), angle.cos())


def by_complex_numbers(T, d):
    speed = 10000.0 ** (-torch.arange(0, d, 2).double() / d)
    turned = torch.exp(1j * torch.outer(torch.arange(T).double(), speed))
    return torch.view_as_real(turned).flip(-1).flatten(1).float()


def in_plain_loops(T, d):
    rows = []
    for t in range(T):
        row = []
        for i in range(0, d, 2):
            row += [math.sin(t / 10000 ** (i / d)), math.cos(t / 10000 ** (i / d))]
        rows.append(row)
    return torch.tensor(rows).reshape(T, d)


def in_float32(T, d):
    out = torch.zeros(T, d)
    speed = torch.exp(torch.arange(0, d, 2) * (-math.log(10000.0) / d))
    out[:, 0::2] = torch.sin(torch.arange(T)[:, None] * speed)
    out[:, 1::2] = torch.cos(torch.arange(T)[:, None] * speed)
    return out


def by_numpy(T, d):
    angle = np.arange(T)[:, None] / np.power(10000, 2 * (np.arange(d) // 2) / d)
    return torch.from_numpy(np.where(np.arange(d) % 2, np.cos(angle), np.sin(angle))
                            .astype(np.float32))


# ---- att-mask ------------------------------------------------------------------------------------


def mask_in_loops(tokens):
    rows = [[[[bool(token) for token in row]]] for row in tokens.tolist()]
    return torch.tensor(rows, dtype=torch.bool)


def only_the_first_sentence(tokens):
    return (tokens[:1] > 0)[:, None, None, :].expand(len(tokens), -1, -1, -1)


def one_length_for_all(tokens):
    longest = (tokens > 0).sum(1).max()
    return (torch.arange(tokens.shape[1]) < longest).expand_as(tokens)[:, None, None]


def the_last_place_is_padding(tokens):
    seen = tokens > 0
    seen[:, -1] = False
    return seen[:, None, None]


def padding_gets_another_number(tokens):
    tokens[tokens == 0] = -1
    return (tokens > 0)[:, None, None]


# ---- att-adds ------------------------------------------------------------------------------------


def product_by_product(T, d, heads):
    def of_matrices(a, b, c):
        return a * b * c

    width, total = d // heads, 0
    for _ in range(3):
        total += of_matrices(T, d, d)
    for _ in range(heads):
        total += of_matrices(T, width, T) + of_matrices(T, T, width)
    return total + of_matrices(T, d, d)


WRONG = {
    "att-attention": {
        "root of d_v": lambda q, k, v: attend(q, k, v, lambda q, v: v.shape[-1] ** 0.5),
        "multiplied by the root": lambda q, k, v: attend(q, k, v, lambda q, v: q.shape[-1] ** -0.5),
        "root of 64, as in the paper": lambda q, k, v: attend(q, k, v, lambda q, v: 8.0),
        "softmax over dimension 1": lambda q, k, v: attend(q, k, v, dim=1),
        "transposed as a matrix": lambda q, k, v: (q @ k.T / q.shape[-1] ** 0.5).softmax(-1) @ v,
        "batches only": lambda q, k, v: torch.bmm((torch.bmm(q, k.transpose(1, 2))
                                                   / q.shape[-1] ** 0.5).softmax(-1), v),
        "weights too": lambda q, k, v: (attend(q, k, v),
                                        (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1)),
        "float32 always": lambda q, k, v: attend(q.float(), k.float(), v.float()),
        "scales q in place": scales_in_place,
        "looks back only": looks_back_only,
        "relu in softmax's place": relu_weights,
        "features first": lambda q, k, v: attend(q, k, v).mT,
        "cut off from the graph": lambda q, k, v: F.scaled_dot_product_attention(q, k, v).detach(),
        "without gradients": torch.no_grad()(attend),
        "the largest of all taken off": the_largest_of_all_taken_off,
        "hard choice": lambda q, k, v: F.one_hot((q @ k.mT).argmax(-1), k.shape[-2]).to(v) @ v,
    },
    "att-adds": {
        "two for each multiply-add": lambda T, d, heads: 2 * (4 * T * d * d + 2 * T * T * d),
        "without scores and sums": lambda T, d, heads: 4 * T * d * d,
        "scores of one number": lambda T, d, heads: 4 * T * d * d + 2 * T * T * heads,
        "each head of full width everywhere": lambda T, d, heads: heads * (
            4 * T * d * d + 2 * T * T * d),
        "one number for each matrix": lambda T, d, heads: 4 * T * d + 2 * T * T * d,
        "matrices from a head's part": lambda T, d, heads: (
            3 * T * d * (d // heads) + T * d * d + 2 * T * T * d),
        "half of the scores": lambda T, d, heads: 4 * T * d * d + T * (T + 1) * d,
        "a float": lambda T, d, heads: 4 * T * d * d + 2 * T * T * heads * (d / heads),
        "with the biases": lambda T, d, heads: 4 * T * (d * d + d) + 2 * T * T * d,
        "with softmax": lambda T, d, heads: 4 * T * d * d + 2 * T * T * d + heads * T * T,
        "printed": lambda T, d, heads: print(4 * T * d * d + 2 * T * T * d),
    },
    "att-sinusoids": {
        "twice as fast to fall": wave(exponent=lambda i, d: 4 * i / d),
        "over d − 2": wave(exponent=lambda i, d: 2 * i / max(d - 2, 1)),
        "whole exponents": whole_exponents,
        "sines and cosines by place": sines_and_cosines_by_place,
        "each column its own speed": its_own_column_in_the_exponent,
        "multiplied": multiplied,
        "base 10,000 π": wave(base=10000 * math.pi),
        "float64": lambda T, d: waves(T, d).double(),
        "with a batch dimension": lambda T, d: waves(T, d)[None],
        "transposed": lambda T, d: waves(T, d).T,
        "numpy": lambda T, d: waves(T, d).numpy(),
        "in degrees": lambda T, d: in_float32(T, d).deg2rad(),
        "hard-coded length": lambda T, d: waves(64, d),
    },
    "att-mask": {
        "batch at the heads' place": lambda tokens: (tokens > 0)[None, :, None],
        "0 and 1": lambda tokens: (tokens > 0)[:, None, None].long(),
        "0 and −∞": lambda tokens: torch.where(tokens > 0, 0.0, -torch.inf)[:, None, None],
        "the first sentence's for all": only_the_first_sentence,
        "one length for all": one_length_for_all,
        "the last place is padding": the_last_place_is_padding,
        "all in one row": lambda tokens: (tokens > 0).flatten()[None, None, None],
        "everything": lambda tokens: torch.ones(len(tokens), 1, 1, tokens.shape[1]).bool(),
        "numpy": lambda tokens: (tokens > 0)[:, None, None].numpy(),
        "padding renumbered": padding_gets_another_number,
    },
}

RIGHT = {
    "att-attention": {
        "word by word": word_by_word, "with einsum": with_einsum, "both scaled": scaled_both,
        "torch's own": F.scaled_dot_product_attention,
        "in float64, then as it was": lambda q, k, v: attend(
            q.double(), k.double(), v.double()).to(v.dtype),
    },
    "att-adds": {
        "product by product": product_by_product,
        "factored": lambda T, d, heads: 2 * T * d * (2 * d + T),
        "numpy's number": lambda T, d, heads: np.int64(T) * d * d * 4 + np.int64(T) ** 2 * d * 2,
    },
    "att-sinusoids": {
        "in plain loops": in_plain_loops, "in float32": in_float32, "by numpy": by_numpy,
        "by complex numbers": by_complex_numbers,
    },
    "att-mask": {
        "in loops": mask_in_loops,
        "by lengths": lambda tokens: (torch.arange(tokens.shape[1])
                                      < (tokens > 0).sum(1, keepdim=True))[:, None, None],
        "not equal, unsqueezed": lambda tokens: tokens.ne(0).unsqueeze(1).unsqueeze(1),
        "as booleans, viewed": lambda tokens: tokens.bool().reshape(len(tokens), 1, 1, -1),
        "padding taken away": lambda tokens: ~(tokens == 0)[:, None, None, :],
    },
}
