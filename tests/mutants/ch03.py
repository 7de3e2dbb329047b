"""Answers to chapter 03's exercises: when to stop, dropout, folds, five curves, a diagnosis."""

import itertools
import math

import numpy as np
import torch

from course_utils.exercises.five_runs import five_runs, measured

# ---- early stopping --------------------------------------------------------------------------


def _stopping(*, better=lambda new, old: new < old or math.isnan(old), limit=True, refuse=True):
    """A rule to stop: the right one, or with one thing changed.

    Args:
        better: is the new loss lower than the best so far?
        limit: it stops with the last epoch at the latest.
        refuse: bad arguments are refused.
    """
    def early_stop(held_out, patience):
        if refuse and (len(held_out) == 0 or patience < 1):
            raise ValueError("an empty curve or no patience")
        best = bad = 0
        for epoch in range(1, len(held_out)):
            if better(held_out[epoch], held_out[best]):
                best, bad = epoch, 0
            else:
                bad += 1
            if bad == patience:
                return best, epoch
        return best, len(held_out) - 1 if limit else best + patience
    return early_stop


def _first_rise(held_out, patience):
    if not held_out or patience < 1:
        raise ValueError
    for epoch in range(1, len(held_out)):
        if held_out[epoch] > held_out[epoch - 1]:
            return epoch - 1, min(epoch - 1 + patience, len(held_out) - 1)
    return len(held_out) - 1, len(held_out) - 1


def _stop_that_sorts(held_out, patience):
    answer = _stopping()(held_out, patience)
    held_out.sort()
    return answer


def _stop_with_none(held_out, patience):
    return None if not held_out or patience < 1 else _stopping()(held_out, patience)


def _stop_printed(held_out, patience):
    print(_stopping()(held_out, patience))


def _patience_may_be_zero(held_out, patience):
    if not held_out or patience < 0:
        raise ValueError
    return _stopping(refuse=False)(held_out, patience)


def _stop_by_prefixes(held_out, patience):
    """Slow: asks anew after every epoch which one was the best so far."""
    if patience < 1 or not held_out:
        raise ValueError("nothing to stop")
    for epoch in range(len(held_out)):
        key = [math.inf if math.isnan(loss) else loss for loss in held_out[: epoch + 1]]
        best = next((i for i, loss in enumerate(held_out[: epoch + 1])
                     if loss == min(key)), 0)
        if epoch - best == patience or epoch == len(held_out) - 1:
            return best, epoch


def _stop_with_lowest_so_far(held_out, patience):
    if patience < 1:
        raise ValueError("patience below 1")
    if len(held_out) == 0:
        raise ValueError("no epochs")
    lowest, best = float("inf"), 0
    for epoch, loss in enumerate(held_out):
        if loss < lowest:
            lowest, best = loss, epoch
        if epoch >= best + patience:
            break
    return best, epoch


def _lowest_so_far(start, better=lambda new, low: new < low, first=0):
    """The right rule if `start` is infinite; a large number is not."""
    def early_stop(held_out, patience):
        if len(held_out) == 0 or patience < 1:
            raise ValueError("an empty curve or no patience")
        low, best = start, first
        for epoch, loss in enumerate(held_out):
            if better(loss, low):
                low, best = loss, epoch
            if best is not None and epoch - best >= patience:
                return best, epoch
        return best, len(held_out) - 1
    return early_stop


def _nan_epochs_skipped(held_out, patience):
    if len(held_out) == 0 or patience < 1:
        raise ValueError
    low, best, waited = math.inf, 0, 0
    for epoch, loss in enumerate(held_out):
        if math.isnan(loss):
            continue
        if loss < low:
            low, best, waited = loss, epoch, 0
        else:
            waited += 1
        if waited == patience:
            return best, epoch
    return best, len(held_out) - 1


def _stop_by_accumulate(held_out, patience):
    if len(held_out) < 1 or patience < 1:
        raise ValueError
    curve = [math.inf if math.isnan(loss) else loss for loss in held_out]
    best = [curve.index(low) for low in itertools.accumulate(curve, min)]
    stop = next((e for e, b in enumerate(best) if e - b >= patience), len(curve) - 1)
    return best[stop], stop


# ---- dropout ---------------------------------------------------------------------------------


def _dropping(*, keep=lambda u, p: u >= p, scale=lambda p: 1 / (1 - p), refuse_late=False,
              zeros_at_one=True):
    """Dropout: the right one, or with one thing changed."""
    def dropout(x, p, u, training):
        if not training and refuse_late:
            return x
        if not 0 <= p <= 1:
            raise ValueError("p lies outside 0 to 1")
        if not training:
            return x
        if p == 1 and zeros_at_one:
            return torch.zeros_like(x)
        return torch.where(keep(u, p), x * scale(p), 0).to(x.dtype)
    return dropout


def _own_draws(x, p, u, training):
    return _dropping()(x, p, torch.rand(x.shape), training)


def _whole_rows(x, p, u, training):
    return _dropping()(x, p, u[:, :1].expand_as(x) if x.dim() == 2 else u, training)


def _p_of_one_refused(x, p, u, training):
    if not 0 <= p < 1:
        raise ValueError
    return _dropping()(x, p, u, training)


def _p_of_nothing_refused(x, p, u, training):
    if not 0 < p <= 1:
        raise ValueError
    return _dropping()(x, p, u, training)


def _scaled_by_what_survives(x, p, u, training):
    share = (u >= p).float().mean()
    return _dropping(scale=lambda p: 1 / share if share > 0 else 1.0)(x, p, u, training)


def _left_out(x, p, u, training):
    if not 0 <= p <= 1:
        raise ValueError
    return x[u >= p] / (1 - p) if training and p < 1 else torch.zeros_like(x) if training else x


def _zeros_in_float32(x, p, u, training):
    if training and p == 1:
        return torch.zeros(x.shape)
    return _dropping()(x, p, u, training)


def _changes_u(x, p, u, training):
    if not 0 <= p <= 1:
        raise ValueError
    if not training:
        return x
    mask = u.ge_(p)
    return torch.zeros_like(x) if p == 1 else x * mask / (1 - p)


def _scales_x_in_place(x, p, u, training):
    if training and 0 <= p < 1:
        x /= 1 - p
        return x.masked_fill(u < p, 0.0)
    return _dropping()(x, p, u, training)


def _zeroes_x_in_place(x, p, u, training):
    if training and 0 <= p <= 1:
        x[u < p] = 0
        return x / (1 - p) if p < 1 else x
    return _dropping()(x, p, u, training)


def _dropped_printed(x, p, u, training):
    print(_dropping()(x, p, u, training))


def _dropout_with_a_mask(x, p, u, training):
    if p < 0 or p > 1:
        raise ValueError(f"p = {p}")
    if training is False:
        return x.clone()
    mask = (u >= p).to(x.dtype)
    return x * mask / max(1 - p, 1e-9)


def _dropout_filled(x, p, u, training):
    if not 0.0 <= p <= 1.0:
        raise ValueError("a probability lies between 0 and 1")
    if not training:
        return x
    return x.masked_fill(u < p, 0.0) / (1 - p if p < 1 else 1)


def _dropout_on_a_copy(x, p, u, training):
    if not (p >= 0 and p <= 1):
        raise ValueError("p")
    if training:
        kept, x = u >= p, x.clone()
        x[~kept] = 0
        x[kept] /= 1 - p
    return x


def _dropout_with_numpy(x, p, u, training):
    if not 0 <= p <= 1:
        raise ValueError
    if not training or p == 0:
        return x
    kept = np.zeros(tuple(x.shape)) if p == 1 else (u.numpy() >= p) / (1 - p)
    return torch.from_numpy(x.numpy() * kept).to(x.dtype)


# ---- folds -----------------------------------------------------------------------------------


def _held_out_parts(n, k):
    """Rows held out by each fold, the first n % k one longer."""
    ends = [(n // k) * i + min(i, n % k) for i in range(k + 1)]
    return [list(range(a, b)) for a, b in itertools.pairwise(ends)]


def _folding(parts=_held_out_parts, pair=lambda rest, part: (rest, part),
             refused=lambda n, k: k < 2 or k > n):
    """k folds: the right ones, or with one thing changed."""
    def folds(n, k):
        if refused(n, k):
            raise ValueError("two folds at least, and no more than rows")
        return [pair([row for row in range(n) if row not in part], part) for part in parts(n, k)]
    return folds


def _shuffled_folds(n, k):
    rows = torch.randperm(n).tolist()
    return [sorted(rows[row] for row in part) for part in _held_out_parts(n, k)]


def _rows_after_then_before(n, k):
    return [(list(range(part[-1] + 1, n)) + list(range(part[0])), part)
            for _, part in _folding()(n, k)]


def _first_pair_only(n, k):
    return _folding()(n, k)[:1]


def _folds_in_a_loop(n, k):
    if k < 2:
        raise ValueError("fewer than two folds")
    if n < k:
        raise ValueError("more folds than rows")
    pairs, begin = [], 0
    for fold in range(k):
        size = n // k
        if fold < n % k:
            size += 1
        held = [begin + i for i in range(size)]
        pairs.append(([*range(begin), *range(begin + size, n)], held))
        begin += size
    return pairs


def _folds_by_numpy(n, k):
    if not 2 <= k <= n:
        raise ValueError("no such folds")
    rows = np.arange(n)
    return [(np.setdiff1d(rows, part).tolist(), part.tolist()) for part in np.array_split(rows, k)]


def _folds_in_the_sets_own_order(n, k):              # [8, 5, 6, 7] for 9 rows in 2 folds
    return [(list(set(range(n)) - set(part)), part) for _, part in _folding()(n, k)]


def _folds_cut_at_rounded_ends(n, k):
    _folding()(n, k)
    ends = [fold * n // k for fold in range(k + 1)]
    return [([*range(a), *range(b, n)], list(range(a, b))) for a, b in itertools.pairwise(ends)]


def _folds_yielded(n, k):
    if not 2 <= k <= n:
        raise ValueError("no such folds")
    yield from _folding()(n, k)


# ---- five runs -------------------------------------------------------------------------------

_FIVE = {"A": "model bias", "B": "overfitting", "C": "optimisation", "D": "fine", "E": "mismatch"}


def _says(**other):
    return lambda: _FIVE | other


def _read_off_the_table():
    table = measured(five_runs())
    answers = {}
    for name, train, held_out, baseline, smaller, fresh in zip(*table.values(), strict=True):
        if train > baseline / 2:
            answers[name] = "optimisation" if smaller < train else "model bias"
        elif held_out <= baseline / 2:
            answers[name] = "fine"
        else:
            answers[name] = "overfitting" if fresh > baseline / 2 else "mismatch"
    return answers


# ---- a diagnosis -----------------------------------------------------------------------------


def _refuse(train, held_out, baseline):
    if not train or len(train) != len(held_out) or not baseline > 0:
        raise ValueError("no epoch, unequal curves, or no baseline")


def _diverged(train, held_out):
    return not all(math.isfinite(loss) for loss in [*train, *held_out])


def _reading(*, refuse=_refuse, diverged=_diverged, last=lambda losses: losses[-1],
             falling=lambda train: train[-1] < 0.9 * train[len(train) // 2]):
    """A diagnosis: the right one, or with one thing changed."""
    def diagnose(train, held_out, baseline):
        refuse(train, held_out, baseline)
        if diverged(train, held_out):
            return "diverged"
        if last(train) > baseline / 2:
            return "train longer" if falling(train) else "bias or optimisation"
        return "overfitting or mismatch" if last(held_out) > baseline / 2 else "fine"
    return diagnose


def _refuses_no_epoch_only(train, held_out, baseline):
    if not train:
        raise ValueError


def _lengths_not_compared(train, held_out, baseline):
    if not train or not held_out or not baseline > 0:
        raise ValueError


def _nan_baseline_let_in(train, held_out, baseline):
    if not train or len(train) != len(held_out) or baseline <= 0:
        raise ValueError


def _zero_baseline_let_in(train, held_out, baseline):
    if not train or len(train) != len(held_out) or not baseline >= 0:
        raise ValueError


def _diverged_before_refused(train, held_out, baseline):
    if _diverged(train, held_out):
        return "diverged"
    return _reading()(train, held_out, baseline)


def _held_out_first(train, held_out, baseline):
    answer = _reading()(train, held_out, baseline)
    hides = answer in ("bias or optimisation", "train longer") and held_out[-1] > baseline / 2
    return "overfitting or mismatch" if hides else answer


def _by_the_gap(train, held_out, baseline):
    answer = _reading()(train, held_out, baseline)
    wide = answer == "fine" and held_out[-1] - train[-1] > baseline / 4
    return "overfitting or mismatch" if wide else answer


def _falling_before_diverged(train, held_out, baseline):
    _refuse(train, held_out, baseline)
    if train[-1] > baseline / 2 and train[-1] < 0.9 * train[len(train) // 2]:
        return "train longer"
    return _reading()(train, held_out, baseline)


def _large_before_diverged(train, held_out, baseline):
    _refuse(train, held_out, baseline)
    if train[-1] > baseline / 2:
        falling = train[-1] < 0.9 * train[len(train) // 2]
        return "train longer" if falling else "bias or optimisation"
    return _reading()(train, held_out, baseline)


def _held_out_may_be_longer(train, held_out, baseline):
    if not train or len(held_out) < len(train) or not baseline > 0:
        raise ValueError


def _in_capitals(train, held_out, baseline):
    return _reading()(train, held_out, baseline).capitalize()


def _diagnosis_printed(train, held_out, baseline):
    print(_reading()(train, held_out, baseline))


def _diagnosis_that_pops(train, held_out, baseline):
    _refuse(train, held_out, baseline)
    if _diverged(train, held_out):
        return "diverged"
    half, last = train[len(train) // 2], train.pop()
    if last > baseline / 2:
        return "train longer" if last < 0.9 * half else "bias or optimisation"
    return "overfitting or mismatch" if held_out.pop() > baseline / 2 else "fine"


def _diagnosis_by_numpy(train, held_out, baseline):
    curves = [np.asarray(losses, dtype=float) for losses in (train, held_out)]
    if curves[0].size == 0 or curves[0].size != curves[1].size:
        raise ValueError("curves")
    if math.isnan(baseline) or baseline <= 0:
        raise ValueError("baseline")
    if not np.isfinite(np.concatenate(curves)).all():
        return "diverged"
    large_train, large_held_out = (bool(losses[-1] > 0.5 * baseline) for losses in curves)
    if large_train and curves[0][-1] < 0.9 * curves[0][curves[0].size // 2]:
        return "train longer"
    if large_train:
        return "bias or optimisation"
    return "overfitting or mismatch" if large_held_out else "fine"


def _diagnosis_by_torch(train, held_out, baseline):
    if len(train) != len(held_out) or len(train) == 0 or not (baseline > 0):
        raise ValueError("cannot read these")
    both = torch.tensor([train, held_out], dtype=torch.float64)
    large = (2 * both[:, -1] > baseline).tolist()
    checks = {
        "diverged": not both.isfinite().all(),
        "train longer": large[0] and train[-1] < 0.9 * train[len(train) // 2],
        "bias or optimisation": large[0],
        "overfitting or mismatch": large[1],
        "fine": True,
    }
    return next(name for name, fits in checks.items() if fits)


WRONG = {
    "guide-early-stopping": {
        "beyond the last epoch": _stopping(limit=False),
        "the highest loss": _stopping(better=lambda new, old: new > old or math.isnan(old)),
        "a little lower is not lower": _stopping(
            better=lambda new, old: new < 0.99 * old or math.isnan(old)),
        "refuses nothing": _stopping(refuse=False),
        "no patience is allowed": _patience_may_be_zero,
        "None instead of an error": _stop_with_none,
        "the first rise": _first_rise,
        "lower than a million at first": _lowest_so_far(1e6),
        "a loss of 0 is forgotten": _lowest_so_far(
            None, better=lambda new, low: not low or new < low),
        "a millionth lower is not lower": _lowest_so_far(
            math.inf, better=lambda new, low: new < low - 1e-6),
        "no best while infinite": _lowest_so_far(math.inf, first=None),
        "NaN epochs are skipped": _nan_epochs_skipped,
        "sorts the losses": _stop_that_sorts,
        "prints it": _stop_printed,
    },
    "guide-dropout": {
        "always twice": _dropping(scale=lambda p: 2.0),
        "half of them whatever p": _dropping(keep=lambda u, p: u >= 0.5),
        "p looked at in training only": _dropping(refuse_late=True),
        "NaN or an error at 1": _dropping(zeros_at_one=False),
        "p = 1 refused": _p_of_one_refused,
        "p = 0 refused": _p_of_nothing_refused,
        "draws of its own": _own_draws,
        "whole rows": _whole_rows,
        "scaled by what survived": _scaled_by_what_survives,
        "leaves the dropped ones out": _left_out,
        "float64 always": lambda x, p, u, training: _dropping()(x, p, u, training).double(),
        "float32 zeros at p = 1": _zeros_in_float32,
        "changes u": _changes_u,
        "scales x in place": _scales_x_in_place,
        "zeroes x in place": _zeroes_x_in_place,
        "prints it": _dropped_printed,
    },
    "guide-folds": {
        "shuffled": _folding(_shuffled_folds),
        "last fold first": _folding(lambda n, k: _held_out_parts(n, k)[::-1]),
        "one fold allowed": _folding(refused=lambda n, k: k < 1 or k > n),
        "more folds than rows allowed": _folding(refused=lambda n, k: k < 2),
        "as many folds as rows refused": _folding(refused=lambda n, k: k < 2 or k >= n),
        "two folds refused": _folding(refused=lambda n, k: k <= 2 or k > n),
        "rows after, then before": _rows_after_then_before,
        "in a set's order": _folds_in_the_sets_own_order,
        "ends rounded down": _folds_cut_at_rounded_ends,
        "arrays": _folding(pair=lambda rest, part: (np.array(rest), np.array(part))),
        "sets": _folding(pair=lambda rest, part: (set(rest), set(part))),
        "ranges": _folding(pair=lambda rest, part: (rest, range(part[0], part[-1] + 1))),
        "the first pair only": _first_pair_only,
        "sizes, not rows": _folding(pair=lambda rest, part: (len(rest), len(part))),
        "printed": lambda n, k: print(_folding()(n, k)),
    },
    "guide-five-curves": {
        "mismatch taken for fine": _says(E="fine"),
        "a letter left out": lambda: {name: _FIVE[name] for name in "ABCD"},
        "a letter too many": _says(F="fine"),
        "all the same": lambda: dict.fromkeys("ABCDE", "overfitting"),
        "a list": lambda: list(_FIVE.values()),
        "another word": _says(A="underfitting"),
        "capitals": lambda: {name: branch.capitalize() for name, branch in _FIVE.items()},
        "runs as numbers": lambda: dict(enumerate(_FIVE.values())),
        "prints it": lambda: print(_FIVE),
    },
    "guide-diagnose": {
        "no epoch refused only": _reading(refuse=_refuses_no_epoch_only),
        "lengths not compared": _reading(refuse=_lengths_not_compared),
        "NaN as baseline": _reading(refuse=_nan_baseline_let_in),
        "zero as baseline": _reading(refuse=_zero_baseline_let_in),
        "diverged before refused": _diverged_before_refused,
        "only the training losses looked at": _reading(
            diverged=lambda train, held: _diverged(train, [])),
        "only the held-out losses looked at": _reading(
            diverged=lambda train, held: _diverged([], held)),
        "infinity only": _reading(diverged=lambda train, held: any(
            math.isinf(loss) for loss in [*train, *held])),
        "positive infinity only": _reading(diverged=lambda train, held: any(
            math.isnan(loss) or loss == math.inf for loss in [*train, *held])),
        "the mean losses": _reading(last=lambda losses: sum(losses) / len(losses)),
        "the epoch before halfway": _reading(
            falling=lambda train: train[-1] < 0.9 * train[(len(train) - 1) // 2]),
        "falling at all": _reading(falling=lambda train: train[-1] < train[len(train) // 2]),
        "falling to 0.9 too": _reading(
            falling=lambda train: train[-1] <= 0.9 * train[len(train) // 2]),
        "falling asked before diverged": _falling_before_diverged,
        "large asked before diverged": _large_before_diverged,
        "held-out curve may be longer": _reading(refuse=_held_out_may_be_longer),
        "above a thousand is diverged": _reading(diverged=lambda train, held: _diverged(
            train, held) or max(*train, *held) > 1e3),
        "held-out loss first": _held_out_first,
        "by the gap": _by_the_gap,
        "in capitals": _in_capitals,
        "takes the last losses out": _diagnosis_that_pops,
        "prints it": _diagnosis_printed,
    },
}

RIGHT = {
    "guide-early-stopping": {
        "counting bad epochs": _stopping(),
        "asking anew after each epoch": _stop_by_prefixes,
        "lowest so far": _stop_with_lowest_so_far,
        "accumulate": _stop_by_accumulate,
    },
    "guide-dropout": {
        "chosen by where": _dropping(),
        "times a mask": _dropout_with_a_mask,
        "filled, then divided": _dropout_filled,
        "on a copy": _dropout_on_a_copy,
        "NumPy": _dropout_with_numpy,
    },
    "guide-folds": {
        "by the ends": _folding(),
        "pairs as lists": _folding(pair=lambda rest, part: [rest, part]),
        "loop": _folds_in_a_loop,
        "NumPy": _folds_by_numpy,
        "yielded": _folds_yielded,
    },
    "guide-five-curves": {
        "typed": lambda: dict(_FIVE),
        "in another order": lambda: dict(reversed(_FIVE.items())),
        "read off the table": _read_off_the_table,
    },
    "guide-diagnose": {
        "branches": _reading(),
        "NumPy": _diagnosis_by_numpy,
        "PyTorch": _diagnosis_by_torch,
    },
}
