"""Answers of learners for chapter 07: losses for classification."""

import contextlib
import copy
import functools
import math

import numpy as np
import torch
from torch import nn

# --- loss-gradient-by-hand ------------------------------------------------------------------------


def by_autograd(logits, classes):
    logits = logits.clone().requires_grad_()
    nn.functional.cross_entropy(logits, classes).backward()
    return logits.grad


def one_hot(logits, classes):
    return nn.functional.one_hot(classes, logits.shape[1]).to(logits.dtype)


def naive(logits, dim=-1):
    powers = logits.exp()
    return powers / powers.sum(dim, keepdim=True)


def damaged_logits(logits, classes):
    logits -= logits.max(1, keepdim=True).values
    return (logits.softmax(1) - one_hot(logits, classes)) / len(logits)


def clipped_at_the_class(logits, classes):
    shares = logits.softmax(1)
    shares[torch.arange(len(logits)), classes] = -1.0
    return shares / len(logits)


def printed(logits, classes):
    print((logits.softmax(1) - one_hot(logits, classes)) / len(logits))


def row_by_row(logits, classes):
    rows = []
    for logit, c in zip(logits.tolist(), classes.tolist(), strict=True):
        powers = [2.718281828459045 ** (y - max(logit)) for y in logit]
        rows.append([p / sum(powers) - (k == c) for k, p in enumerate(powers)])
    return torch.tensor(rows, dtype=logits.dtype).reshape(logits.shape) / len(logits)


def numpy_inside(logits, classes):
    y = logits.numpy().astype(np.float64)
    shares = np.exp(y - y.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    shares[np.arange(len(y)), classes.numpy()] -= 1
    return torch.from_numpy(shares / len(y)).to(logits.dtype)


def scattered(logits, classes):
    minus = torch.full((len(logits), 1), -1.0, dtype=logits.dtype)
    return naive(logits).scatter_add(1, classes[:, None], minus).div(len(logits))


def forward_mode(logits, classes):
    return torch.func.jacfwd(lambda y: nn.functional.cross_entropy(y, classes))(logits)


def classes_reshaped_in_place(logits, classes):
    label = torch.zeros_like(logits).scatter_(1, classes.unsqueeze_(1), 1.0)
    return (logits.softmax(1) - label) / len(logits)


def by_the_chain_rule(logits, classes):
    p = torch.exp(logits - logits.logsumexp(1, keepdim=True))
    bends = torch.diag_embed(p) - torch.einsum("ni,nk->nik", p, p)           # ∂y′ᵢ/∂yₖ
    by_share = -nn.functional.one_hot(classes, p.shape[1]).to(p.dtype) / p
    return torch.einsum("ni,nik->nk", by_share, bends) / len(p)


def is_the_class(logits, classes):
    right = classes[:, None] == torch.arange(logits.size(1))
    return torch.where(right, logits.softmax(1) - 1, logits.softmax(1)).div(logits.size(0))


# --- loss-stable-softmax --------------------------------------------------------------------------


def stable(logits, dim=-1):
    powers = (logits - logits.amax(dim, keepdim=True)).exp()
    return powers / powers.sum(dim, keepdim=True)


def shifted_in_place(logits):
    logits -= logits.amax(-1, keepdim=True)
    return naive(logits)


def without_keepdim(logits):
    powers = (logits - logits.amax(-1, keepdim=True)).exp()
    return powers / powers.sum(-1)


def ruled_out_is_zero(logits):
    return stable(logits.nan_to_num(neginf=0.0))


def ruled_out_left_out(logits):
    return stable(logits[logits.isfinite()])


def tables_only(logits):
    return torch.stack([stable(row, 0) for row in logits])


def flat_rows(logits):
    return stable(logits.reshape(-1, logits.shape[-1]))


def numpy_softmax(logits):
    y = logits.numpy()
    powers = np.exp(y - np.max(y, axis=-1, keepdims=True))
    return torch.from_numpy(np.asarray(powers / powers.sum(axis=-1, keepdims=True)))


def by_pairs(logits):    # share_i = 1 / Σ_j exp(y_j − y_i), with −∞ and overflow harmless
    safe = logits.clamp(min=-1e30).double()
    share = 1 / (safe[..., None, :] - safe[..., :, None]).exp().sum(-1)
    return share.masked_fill(logits.isneginf(), 0.0).to(logits.dtype)


def each_row(logits):
    rows = logits.reshape(-1, logits.shape[-1])
    out = torch.zeros_like(rows)
    for number, row in enumerate(rows):
        powers = torch.exp(row - max(row))
        out[number] = powers / sum(powers)
    return out.reshape(logits.shape)


def shared_out(logits, m):
    powers = (logits - m).exp()
    return powers / powers.sum(-1, keepdim=True)


def ruled_out_is_minus_100(logits):                      # above the others, if these are −1000
    logits = logits.masked_fill(logits.isinf(), -100.0)
    return shared_out(logits, logits.amax(-1, keepdim=True))


def largest_but_not_below_0(logits):                     # −∞ read as 0 for the maximum only
    return shared_out(logits, logits.where(logits.isfinite(), torch.zeros(())).amax(-1, True))


def one_shift_a_block(logits):                           # the largest of everything after dim 0
    if logits.dim() == 1:
        return shared_out(logits, logits.max())
    return shared_out(logits, logits.amax(tuple(range(1, logits.dim())), keepdim=True))


def up_to_three_dims(logits):
    if logits.dim() < 3:
        return up_to_three_dims(logits[None])[0]
    A, B, K = logits.shape
    out = torch.empty_like(logits)
    for a in range(A):
        for b in range(B):
            out[a, b] = shared_out(logits[a, b], logits[a, b].max())
    return out


def folded(logits):
    total = functools.reduce(torch.logaddexp, logits.unbind(-1))
    return torch.exp(logits - total[..., None])


def plain_floats(logits):
    def soft(part):
        if isinstance(part[0], list):
            return [soft(each) for each in part]
        powers = [math.exp(y - max(part)) for y in part]
        return [p / math.fsum(powers) for p in powers]
    return torch.tensor(soft(logits.tolist()), dtype=logits.dtype)


# --- loss-find-double -----------------------------------------------------------------------------


def in_eval(model, x, judge):
    was = model.training
    model.eval()
    with torch.no_grad():
        out = model(x)
    model.train(was)
    return bool(judge(out))


def are_shares(out):
    return (out >= 0).all() and ((out.sum(1) - 1).abs() < 1e-4).all()


def ends_in_softmax(model, x):
    return isinstance(list(model.modules())[-1], nn.Softmax)


def left_in_eval(model, x):
    model.eval()
    with torch.no_grad():
        return bool(are_shares(model(x)))


def always_to_train(model, x):
    found = left_in_eval(model, x)
    model.train()
    return found


def softmax_changes_nothing(model, x):    # True nowhere: only log-softmax is left as it is
    return in_eval(model, x, lambda out: torch.allclose(out.softmax(1), out, atol=1e-4))


def loop_over_rows(model, x):
    was = model.training
    rows = model.eval()(x).tolist()
    model.train(was)
    return all(min(row) >= 0 and abs(sum(row) - 1) < 1e-4 for row in rows)


def by_numpy(model, x):
    modes = [(part, part.training) for part in model.modules()]
    out = model.eval()(x).detach().numpy()
    for part, mode in modes:
        part.training = mode
    return bool((out >= 0).all() and np.allclose(out.sum(axis=1), 1, rtol=0, atol=1e-4))


def looks(judge):
    return lambda model, x: in_eval(model, x, judge)


def near_one(out, tolerance=1e-4):
    return ((out.sum(1) - 1).abs() < tolerance).all()


def nan_passes(out):                                     # every comparison with nan is False
    return not ((out < 0).any() or ((out.sum(1) - 1).abs() > 1e-4).any())


def dropout_off_alone(model, x):                         # BatchNorm still moves its statistics
    parts = [part for part in model.modules() if isinstance(part, nn.Dropout)]
    was = [part.training for part in parts]
    for part in parts:
        part.eval()
    with torch.no_grad():
        out = model(x)
    for part, mode in zip(parts, was, strict=True):
        part.train(mode)
    return bool((out >= 0).all() and near_one(out))


def a_look_in_train_mode(model, x):                      # the first pass changes the statistics
    model(x)
    return looks(lambda out: (out >= 0).all() and near_one(out))(model, x)


def frozen(model, x):
    model.requires_grad_(False)
    return looks(lambda out: (out >= 0).all() and near_one(out))(model, x)


def left_in_float64(model, x):
    was = model.training
    with torch.no_grad():
        out = model.eval().double()(x.double())
    model.train(was)
    return bool((out >= 0).all() and near_one(out))


def returns_before_it_restores(model, x):
    was = model.training
    out = model.eval()(x)
    if (out < 0).any():
        return False
    model.train(was)
    return bool(near_one(out))


@torch.inference_mode()
def finally_restored(model, x, tolerance=1e-4):
    was = model.training
    try:
        out = model.eval()(x)
        return not bool((out < 0).any()) and torch.allclose(
            out.sum(1), torch.ones(len(out)), atol=tolerance, rtol=0)
    finally:
        model.train(was)


def on_a_copy(model, x):
    out = copy.deepcopy(model).eval()(x).detach()
    return bool((out.min() >= 0) & (out.sum(-1).sub(1).abs().max() < 1e-4))


@contextlib.contextmanager
def evaluating(model):
    modes = {part: part.training for part in model.modules()}
    yield model.eval()
    for part, mode in modes.items():
        part.training = mode


def leaves_inside_a_with(model, x):
    with evaluating(model) as net, torch.no_grad():
        for row in net(x):
            if row.min() < 0 or not math.isclose(row.sum(), 1, abs_tol=1e-4, rel_tol=0):
                break
        else:
            return True
    return False


WRONG = {
    "loss-gradient-by-hand": {
        "divided by K": lambda y, c: (y.softmax(1) - one_hot(y, c)) / y.shape[1],
        "label of the largest logit": lambda y, c: (
            y.softmax(1) - one_hot(y, y.argmax(1))) / len(y),
        "as many classes as are named": lambda y, c: (
            y.softmax(1) - nn.functional.one_hot(c)) / len(y),
        "summed over the batch": lambda y, c: ((y.softmax(1) - one_hot(y, c)) / len(y)).sum(0),
        "float32 always": lambda y, c: (
            (y.float().softmax(1) - one_hot(y, c).float()) / len(y)),
        "float64 always": lambda y, c: (y.double().softmax(1) - one_hot(y, c)) / len(y),
        "squeezed": lambda y, c: ((y.softmax(1) - one_hot(y, c)) / len(y)).squeeze(),
        "numpy array": lambda y, c: ((y.softmax(1) - one_hot(y, c)) / len(y)).numpy(),
        "classes count from 1": lambda y, c: (
            y.softmax(1) - one_hot(y, (c - 1) % y.shape[1])) / len(y),
        "eight examples": lambda y, c: (y.softmax(1) - one_hot(y, c)) / 8,
        "−1 instead of minus 1": clipped_at_the_class,
        "logits shifted in place": damaged_logits,
        "autograd": by_autograd,
        "torch.func": lambda y, c: torch.func.grad(nn.functional.cross_entropy)(y, c),
        "printed": printed,
        "autograd, forward mode": forward_mode,
        "classes reshaped in place": classes_reshaped_in_place,
    },
    "loss-stable-softmax": {
        "PyTorch's own": lambda y: y.softmax(-1),
        "PyTorch's layer": lambda y: nn.Softmax(-1)(y),
        "log_softmax": lambda y: y.log_softmax(-1).exp(),
        "logits shifted in place": shifted_in_place,
        "sum without keepdim": without_keepdim,
        "always float32": lambda y: stable(y.float()),
        "shifted by the largest size": lambda y: naive(y - y.abs().amax(-1, keepdim=True)),
        "divided by the largest": lambda y: naive(y / y.amax(-1, keepdim=True)),
        "shifted by 1000": lambda y: naive(y - 1000),
        "−∞ read as 0": ruled_out_is_zero,
        "−∞ left out": ruled_out_left_out,
        "tables only": tables_only,
        "two dims come back": flat_rows,
        "a tenth added below": lambda y: (y - y.amax(-1, keepdim=True)).exp() / (
            0.1 + (y - y.amax(-1, keepdim=True)).exp().sum(-1, keepdim=True)),
        "numpy array": lambda y: stable(y).numpy(),
        "−∞ read as −100": ruled_out_is_minus_100,
        "largest, but not below 0": largest_but_not_below_0,
        "one shift for each block": one_shift_a_block,
        "up to three dims": up_to_three_dims,
        "from the cross-entropies": lambda y: torch.stack([(-nn.functional.cross_entropy(
            y.movedim(-1, 1) if y.dim() > 1 else y,
            torch.full(y.shape[:-1], k), reduction="none")).exp()
            for k in range(y.shape[-1])], dim=-1),
    },
    "loss-find-double": {
        "last layer's name": ends_in_softmax,
        "mean of the sums": lambda model, x: in_eval(model, x, lambda out: (
            (out >= 0).all() and (out.sum(1).mean() - 1).abs() < 1e-4)),
        "no size taken": lambda model, x: in_eval(model, x, lambda out: (
            (out >= 0).all() and (out.sum(1) - 1 < 1e-4).all())),
        "exactly 1": lambda model, x: in_eval(model, x, lambda out: (
            (out >= 0).all() and (out.sum(1) == 1).all())),
        "up to a tenth": lambda model, x: in_eval(model, x, lambda out: (
            (out >= 0).all() and ((out.sum(1) - 1).abs() < 0.1).all())),
        "logarithms count": lambda model, x: in_eval(model, x, lambda out: (
            are_shares(out) or are_shares(out.exp()))),
        "eval mode left": left_in_eval,
        "train mode left": always_to_train,
        "always True": lambda model, x: True,
        "always False": lambda model, x: False,
        "softmax changes nothing": softmax_changes_nothing,
        "printed": lambda model, x: print(in_eval(model, x, are_shares)),
        "0 is not allowed": looks(lambda out: (out > 0).all() and near_one(out)),
        "1 is not allowed": looks(
            lambda out: ((out >= 0) & (out < 1)).all() and near_one(out)),
        "none above 1": looks(lambda out: out.max() <= 1 and near_one(out)),
        "most of the rows": looks(lambda out: (
            (out >= 0).all(1) & ((out.sum(1) - 1).abs() < 1e-4)).double().mean() > 0.5),
        "up to a thousandth": looks(lambda out: (out >= 0).all() and near_one(out, 1e-3)),
        "up to a millionth": looks(lambda out: (out >= 0).all() and near_one(out, 1e-6)),
        "nan passes": looks(nan_passes),
        "dropout off alone": dropout_off_alone,
        "a look in train mode first": a_look_in_train_mode,
        "parameters frozen": frozen,
        "model left in float64": left_in_float64,
        "returns before it restores": returns_before_it_restores,
    },
}

RIGHT = {
    "loss-gradient-by-hand": {
        "plain exp, no shift": lambda y, c: (naive(y) - one_hot(y, c)) / len(y),
        "row by row in Python": row_by_row,
        "numpy inside": numpy_inside,
        "scatter": scattered,
        "rows of an identity matrix": lambda y, c: (
            torch.softmax(y, 1) - torch.eye(y.shape[1], dtype=y.dtype)[c]).mul(1 / len(y)),
        "float64 inside": lambda y, c: (
            (y.double().softmax(1) - one_hot(y, c)) / len(y)).to(y.dtype),
        "chain rule, einsum": by_the_chain_rule,
        "compared with arange": is_the_class,
    },
    "loss-stable-softmax": {
        "numpy inside": numpy_softmax,
        "by pairs of logits": by_pairs,
        "row by row": each_row,
        "logsumexp": lambda y: (y - y.logsumexp(-1, keepdim=True)).exp(),
        "einsum": lambda y: torch.einsum(
            "...k,...->...k", (y - y.amax(-1, keepdim=True)).exp(),
            1 / (y - y.amax(-1, keepdim=True)).exp().sum(-1)),
        "float64 inside": lambda y: stable(y.double()).to(y.dtype),
        "logaddexp, folded": folded,
        "Python's floats": plain_floats,
    },
    "loss-find-double": {
        "eval mode and back": lambda model, x: in_eval(model, x, are_shares),
        "row by row in Python": loop_over_rows,
        "numpy, each part's mode kept": by_numpy,
        "finally, inference mode": finally_restored,
        "on a copy": on_a_copy,
        "a context manager": leaves_inside_a_with,
    },
}
