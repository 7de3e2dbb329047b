"""Exercises of chapters 03 and 04: answers of every kind, and the facts behind the checks."""

import itertools
import math
import random
import sys

import numpy as np
import pytest
import scipy.linalg
import torch
from torch.testing import assert_close

from course_utils.exercises import banks, ch03, ch04
from course_utils.exercises.five_runs import RECIPES, Run, draw_runs, five_runs, measured
from course_utils.exercises.judging import examine

f64 = torch.float64


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def found(id, answer):
    return examine(banks.find(id), answer)


# ---- the five runs ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def runs():
    return five_runs()


def _by_the_map(run):
    """The branch that the measurements of a run lead to; large: more than half the baseline."""
    large = run.baseline / 2
    if run.train[-1] > large:
        return "optimisation" if run.smaller_train < large else "model bias"
    if run.held_out[-1] <= large:
        return "fine"
    return "overfitting" if run.same_source > large else "mismatch"


@pytest.mark.parametrize("seed", ["1", "2", "3", "4", "5", "42069"])
def test_the_measurements_of_the_five_runs_lead_to_their_branches(seed, monkeypatch):
    monkeypatch.setenv("COURSE_SEED", seed)
    assert {run.letter: _by_the_map(run) for run in five_runs()} == ch03.five_diagnoses()


def test_the_five_runs_are_the_same_each_time_and_leave_the_random_state(runs):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    again = five_runs()
    assert torch.equal(torch.get_rng_state(), before)
    for one, other in zip(runs, again, strict=True):
        assert torch.equal(one.train, other.train) and torch.equal(one.held_out, other.held_out)


def test_the_baseline_is_what_the_held_out_mean_loses(runs):
    for run in runs:
        assert run.steps.tolist() == list(range(0, 201, 4))
        assert len(run.train) == len(run.held_out) == len(run.steps)
        # the label is a sine plus a cosine, each with a mean square of about a half
        assert 0.5 < run.baseline < 1.5


def test_no_network_of_run_as_kind_can_fit_its_rows():
    """Model bias by construction: NumPy searches all directions and steps of a single unit.

    A single tanh unit of a direction is a monotone function along it; the best monotone function
    (isotonic regression, by pooling) bounds every one of them from below.
    """
    g = np.random.default_rng(3)
    x = g.uniform(-1, 1, (2000, 2))
    label = np.sin(4 * x[:, 0]) + np.cos(3 * x[:, 1])
    losses = []
    for angle in np.linspace(0, 2 * np.pi, 73):
        order = np.argsort(x @ [math.cos(angle), math.sin(angle)])
        losses.append(np.mean((label[order] - _best_monotone(label[order])) ** 2))
    assert min(losses) > label.var() / 2


def _best_monotone(values):
    means, counts = [], []
    for value in values:
        means.append(value)
        counts.append(1)
        while len(means) > 1 and means[-2] >= means[-1]:
            total = counts[-2] + counts[-1]
            means[-2:] = [(means[-2] * counts[-2] + means[-1] * counts[-1]) / total]
            counts[-2:] = [total]
    return np.repeat(means, counts)


def test_every_smaller_network_is_smaller():
    for recipe in RECIPES:
        large, small = (sum(p.numel() for p in make().parameters())
                        for make in (recipe.net, recipe.smaller))
        assert small < large


def test_the_picture_and_the_table_show_all_five(runs):
    axes = draw_runs(runs).axes
    assert [ax.get_title() for ax in axes] == [f"Run {letter}" for letter in "ABCDE"]
    for ax, run in zip(axes, runs, strict=True):
        train, held_out, baseline = ax.get_lines()
        assert np.allclose(train.get_ydata(), run.train)
        assert np.allclose(held_out.get_ydata(), run.held_out)
        assert set(baseline.get_ydata()) == {run.baseline}
    table = measured(runs)
    assert {len(values) for values in table.values()} == {5}
    assert table["train"][0] == round(runs[0].train[-1].item(), 3)
    assert isinstance(runs[0], Run) and repr(runs[0]) == "Run A: 200 updates"


def test_what_is_left_open_or_unknown_among_the_five_is_named():
    open_still = found("guide-five-curves", lambda: {**ch03.five_diagnoses(), "D": ...})
    assert "still left at D" in open_still.message
    unknown = found("guide-five-curves", lambda: {**ch03.five_diagnoses(), "B": "Overfitting"})
    assert "Run B" in unknown.message and "mismatch" in unknown.expected


@pytest.mark.parametrize("letter", "ABCDE")
def test_a_wrong_branch_never_gives_the_right_one_away(letter):
    right = ch03.five_diagnoses()
    for branch in set(right.values()) - {right[letter]}:
        finding = found("guide-five-curves", lambda b=branch: {**right, letter: b})
        assert not finding.passed
        assert not finding.expected


# ---- right answers in other forms ------------------------------------------------------------


def _stop_with_counter(held_out, patience):
    if patience < 1 or len(held_out) == 0:
        raise ValueError("no")
    lowest, best, waited = math.inf, 0, 0
    for epoch, loss in enumerate(held_out):
        if loss < lowest:
            lowest, best, waited = loss, epoch, 0
        elif epoch:
            waited += 1
            if waited >= patience:
                break
    return [best, epoch]


def _folds_with_numpy(n, k):
    if k < 2 or k > n:
        raise ValueError("no")
    return [[np.setdiff1d(np.arange(n), part).tolist(), part.tolist()]
            for part in np.array_split(np.arange(n), k)]


def _dropout_by_where(x, p, u, training):
    if p < 0 or p > 1:
        raise ValueError("no")
    if not training:
        return x.clone()
    return torch.where(u < p, torch.zeros_like(x), x / (1 - p))


def _dropout_by_filling(x, p, u, training):
    if not 0.0 <= p <= 1.0:
        raise ValueError("no")
    return (x / max(1 - p, 1e-9)).masked_fill(u < p, 0) if training else x


def _diagnose_by_percent(train, held_out, baseline):
    if min(len(train), len(held_out)) == 0 or len(train) != len(held_out) or not (baseline > 0):
        raise ValueError("no")
    if not np.isfinite([*train, *held_out]).all():
        return "diverged"
    if train[-1] / baseline <= 0.5:
        return "fine" if held_out[-1] / baseline <= 0.5 else "overfitting or mismatch"
    return "train longer" if train[-1] / train[len(train) // 2] < 0.9 else "bias or optimisation"


def _by_autograd(w1, w2, x, label):
    w = torch.tensor([w1, w2], dtype=torch.float64)
    return torch.func.hessian(lambda w: (label - w[0] * w[1] * x) ** 2)(w)


def _classify_sorted(values, tolerance):
    if values.numel() == 0 or bool(torch.isnan(values).any()):
        raise ValueError("no")
    low, high = values.min().item(), values.max().item()
    if low < -tolerance and high > tolerance:
        return "saddle"
    return "minimum" if low > tolerance else "maximum" if high < -tolerance else "undecided"


def _forward_over_reverse(loss, theta, v):
    return torch.func.jvp(torch.func.grad(loss), (theta,), (v,))[1]


def _reverse_over_forward(loss, theta, v):
    return torch.func.grad(lambda t: torch.func.jvp(loss, (t,), (v,))[1])(theta)


def _by_grad_outputs(loss, theta, v):
    theta = theta.clone().requires_grad_()
    g = torch.autograd.grad(loss(theta), theta, create_graph=True)[0]
    return torch.autograd.grad(g, theta, grad_outputs=v)[0]


def _by_torchs_own(loss, theta, v):
    return torch.autograd.functional.hvp(loss, theta, v)[1]


def _by_vhp(loss, theta, v):
    return torch.autograd.functional.vhp(loss, theta, v)[1]


def _other_sign(H, length, tolerance):
    values, vectors = torch.linalg.eigh(H)
    lowest = values.argmin()
    return -length * vectors.T[lowest] if values[lowest] < -tolerance else None


def _by_numpy(H, length, tolerance):
    values, vectors = np.linalg.eigh(H.numpy())
    return torch.from_numpy(vectors[:, 0] * length) if values[0] < -tolerance else None


@pytest.mark.parametrize(("id", "answer"), [
    ("guide-five-curves", lambda: dict(reversed(ch03.five_diagnoses().items()))),
    ("guide-early-stopping", _stop_with_counter),
    ("guide-folds", _folds_with_numpy),
    ("guide-dropout", _dropout_by_where),
    ("guide-dropout", _dropout_by_filling),
    ("guide-diagnose", _diagnose_by_percent),
    ("hess-by-hand", _by_autograd),
    ("hess-classify", _classify_sorted),
    ("hess-hvp", _forward_over_reverse),
    ("hess-hvp", _reverse_over_forward),
    ("hess-hvp", _by_grad_outputs),
    ("hess-hvp", _by_torchs_own),
    ("hess-hvp", _by_vhp),
    ("hess-escape-step", _other_sign),
    ("hess-escape-step", _by_numpy),
], ids=lambda value: value if isinstance(value, str) else value.__name__)
def test_a_right_answer_in_another_form_passes(id, answer):
    finding = found(id, answer)
    assert finding.passed, finding


def test_a_mistake_is_recognised_though_it_refuses_in_words_of_its_own():
    def without_tolerance(values, tolerance):
        if len(values) == 0 or values.isnan().any():
            raise ValueError("words that no bank can know")
        return ch04.classify(values, 0.0)

    assert found("hess-classify", without_tolerance).mistake == "no tolerance"


def test_the_gradient_is_not_taken_for_h_times_theta():
    finding = found("hess-hvp", lambda loss, theta, v: torch.func.grad(loss)(theta))
    assert finding.state == "failed" and finding.mistake != "H times theta"


# ---- further wrong answers, written from the exercises' texts alone --------------------------


def _list_of_five():
    return ["model bias", "overfitting", "optimisation", "fine", "mismatch"]


def _all_fine():
    return dict.fromkeys("ABCDE", "fine")


def _six_runs():
    return {**ch03.five_diagnoses(), "F": "fine"}


def _capitals():
    return {letter: branch.capitalize() for letter, branch in ch03.five_diagnoses().items()}


def _numbers():
    return {letter: 1 for letter in "ABCDE"}


def _unhashable():
    return {letter: ["fine"] for letter in "ABCDE"}


def _diagnose_by_mean(train, held_out, baseline):
    if not train or len(train) != len(held_out) or not baseline > 0:
        raise ValueError
    if any(map(math.isnan, train + held_out)) or math.inf in train + held_out:
        return "diverged"
    if sum(train) / len(train) > baseline / 2:
        falling = train[-1] < 0.9 * train[len(train) // 2]
        return "train longer" if falling else "bias or optimisation"
    return "overfitting or mismatch" if held_out[-1] > baseline / 2 else "fine"


def _diagnose_other_middle(train, held_out, baseline):
    word = ch03.diagnose(train, held_out, baseline)
    if word in ("train longer", "bias or optimisation"):
        falling = train[-1] < 0.9 * train[(len(train) - 1) // 2]
        return "train longer" if falling else "bias or optimisation"
    return word


def _diagnose_eleven_percent(train, held_out, baseline):
    word = ch03.diagnose(train, held_out, baseline)
    falling = train[-1] <= 0.9 * train[len(train) // 2]
    return "train longer" if word == "bias or optimisation" and falling else word


def _diagnose_held_out_falls(train, held_out, baseline):
    word = ch03.diagnose(train, held_out, baseline)
    if word in ("train longer", "bias or optimisation"):
        falling = held_out[-1] < 0.9 * held_out[len(held_out) // 2]
        return "train longer" if falling else "bias or optimisation"
    return word


def _diagnose_splits_branches(train, held_out, baseline):
    word = ch03.diagnose(train, held_out, baseline)
    return {"bias or optimisation": "model bias", "overfitting or mismatch": "overfitting"}.get(
        word, word)


def _diagnose_pops(train, held_out, baseline):
    word = ch03.diagnose(train, held_out, baseline)
    train.pop()
    return word


def _diagnose_accepts_nan_baseline(train, held_out, baseline):
    if not train or len(train) != len(held_out) or baseline <= 0:
        raise ValueError
    return "fine" if math.isnan(baseline) else ch03.diagnose(train, held_out, baseline)


def _stop_last_minimum(held_out, patience):
    best, stop = ch03.early_stop(held_out, patience)
    seen = held_out[: stop + 1]
    return len(seen) - 1 - seen[::-1].index(held_out[best]), stop


def _stop_sorted(held_out, patience):
    best, stop = ch03.early_stop(held_out, patience)
    held_out.sort()
    return best, stop


def _stop_count(held_out, patience):
    best, stop = ch03.early_stop(held_out, patience)
    return best, stop - best


def _stop_only(held_out, patience):
    return ch03.early_stop(held_out, patience)[1]


def _stop_first_rise(held_out, patience):
    if not held_out or patience < 1:
        raise ValueError
    for epoch in range(1, len(held_out)):
        if held_out[epoch] >= held_out[epoch - 1]:
            return epoch - 1, min(epoch - 1 + patience, len(held_out) - 1)
    return len(held_out) - 1, len(held_out) - 1


def _stop_skips_first(held_out, patience):
    if not held_out or patience < 1:
        raise ValueError
    best = min(1, len(held_out) - 1)
    for epoch in range(best, len(held_out)):
        if held_out[epoch] < held_out[best]:
            best = epoch
        if epoch - best == patience:
            return best, epoch
    return best, len(held_out) - 1


def _stop_index_error(held_out, patience):
    if patience < 1:
        raise ValueError
    held_out[0]
    return ch03.early_stop(held_out, patience)


def _folds_shuffled(n, k):
    pairs = ch03.folds(n, k)
    for train, _ in pairs:
        random.Random(0).shuffle(train)
    return pairs


def _folds_one_less(n, k):
    return ch03.folds(n, k)[:-1]


def _folds_overlap(n, k):
    return [(train, [*held_out, held_out[-1] + 1]) for train, held_out in ch03.folds(n, k)]


def _folds_balanced_rounding(n, k):
    if not 2 <= k <= n:
        raise ValueError
    edges = [round(n * fold / k) for fold in range(k + 1)]
    return [([*range(start), *range(stop, n)], list(range(start, stop)))
            for start, stop in itertools.pairwise(edges)]


def _folds_refuse_leave_one_out(n, k):
    if k >= n:
        raise ValueError
    return ch03.folds(n, k)


def _folds_tensors(n, k):
    return [(torch.tensor(a), torch.tensor(b)) for a, b in ch03.folds(n, k)]


def _folds_zero_division(n, k):
    _ = n // k
    return ch03.folds(n, k)


def _dropout_exact_share(x, p, u, training):
    out = ch03.dropout(x, p, u, training)
    return out * x.sum() / out.sum() if training and x.numel() and out.sum() else out


def _dropout_rounded(x, p, u, training):
    if not 0 <= p <= 1:
        raise ValueError
    return x * (u + (1 - p)).floor() if training else x


def _dropout_of_float32(x, p, u, training):
    return ch03.dropout(x, p, u, training).float()


def _dropout_mask_only(x, p, u, training):
    if not 0 <= p <= 1:
        raise ValueError
    return (u >= p).to(x.dtype) if training else x


def _dropout_survivors(x, p, u, training):
    out = ch03.dropout(x, p, u, training)
    return out[u >= p] if training else out


def _dropout_scaled_always(x, p, u, training):
    out = ch03.dropout(x, p, u, training)
    return out if training or p == 1 else out / (1 - p)


def _dropout_by_torch(x, p, u, training):
    return torch.nn.functional.dropout(x, p, training)


def _dropout_columns(x, p, u, training):
    return ch03.dropout(x, p, u[:1].expand_as(x) if len(u) else u, training)


WRONG_03 = {
    "guide-five-curves": [_list_of_five, _all_fine, _six_runs, _capitals, _numbers, _unhashable],
    "guide-diagnose": [
        _diagnose_by_mean, _diagnose_other_middle, _diagnose_eleven_percent,
        _diagnose_held_out_falls, _diagnose_splits_branches, _diagnose_pops,
        _diagnose_accepts_nan_baseline,
    ],
    "guide-early-stopping": [
        _stop_last_minimum, _stop_sorted, _stop_count, _stop_only, _stop_first_rise,
        _stop_skips_first, _stop_index_error,
    ],
    "guide-folds": [
        _folds_shuffled, _folds_one_less, _folds_overlap, _folds_balanced_rounding,
        _folds_refuse_leave_one_out, _folds_tensors, _folds_zero_division,
    ],
    "guide-dropout": [
        _dropout_exact_share, _dropout_rounded, _dropout_of_float32, _dropout_mask_only,
        _dropout_survivors, _dropout_scaled_always, _dropout_by_torch, _dropout_columns,
    ],
}


def _hand_at_minimum(w1, w2, x, label):
    return 2 * torch.tensor([[(w2 * x) ** 2, w1 * w2 * x**2], [w1 * w2 * x**2, (w1 * x) ** 2]],
                            dtype=f64)


def _hand_gauss_newton(w1, w2, x, label):
    slope = torch.tensor([w2 * x, w1 * x], dtype=f64)
    return 2 * torch.outer(slope, slope)


def _hand_origin(w1, w2, x, label):
    return torch.tensor([[0.0, -2.0], [-2.0, 0.0]], dtype=f64)


def _hand_not_symmetric(w1, w2, x, label):
    H = ch04.hessian_by_hand(w1, w2, x, label)
    H[1, 0] = 2 * w1 * w2 * x**2
    return H


def _hand_absolute(w1, w2, x, label):
    return ch04.hessian_by_hand(w1, w2, x, label).abs()


def _hand_flat(w1, w2, x, label):
    return ch04.hessian_by_hand(w1, w2, x, label).flatten()


def _hand_list(w1, w2, x, label):
    return ch04.hessian_by_hand(w1, w2, x, label).tolist()


def _hand_label_squared(w1, w2, x, label):
    return ch04.hessian_by_hand(w1, w2, x, label**2)


def _hand_weights_swapped(w1, w2, x, label):
    return ch04.hessian_by_hand(w2, w1, x, label)


def _class_by_majority(values, tolerance):
    ch04.classify(values, tolerance)
    up, down = (values > tolerance).sum(), (values < -tolerance).sum()
    return "minimum" if up > down else "maximum" if down > up else "saddle"


def _class_capital(values, tolerance):
    return ch04.classify(values, tolerance).capitalize()


def _class_bool(values, tolerance):
    return ch04.classify(values, tolerance) == "minimum"


def _class_relative(values, tolerance):
    ch04.classify(values, tolerance)
    return ch04.classify(values / values.abs().max().clamp(min=1e-300), tolerance)


def _class_descending(values, tolerance):
    ch04.classify(values, tolerance)
    low, high = values[-1], values[0]
    if low < -tolerance and high > tolerance:
        return "saddle"
    return "minimum" if low > tolerance else "maximum" if high < -tolerance else "undecided"


def _class_sorts_in_place(values, tolerance):
    values.copy_(values.sort().values)
    return ch04.classify(values, tolerance)


def _class_one_sided(values, tolerance):
    ch04.classify(values, tolerance)
    if (values < 0).any() and (values > tolerance).any():
        return "saddle"
    return ch04.classify(values, tolerance)


def _class_empty_minimum(values, tolerance):
    return "minimum" if len(values) == 0 else ch04.classify(values, tolerance)


def _hvp_diagonal(loss, theta, v):
    return torch.func.hessian(loss)(theta).diagonal() * v


def _hvp_gauss_newton(loss, theta, v):
    g = torch.func.grad(loss)(theta)
    return g * (g @ v)


def _hvp_twice(loss, theta, v):
    return ch04.hvp(loss, theta, ch04.hvp(loss, theta, v))


def _hvp_detached(loss, theta, v):
    return ch04.hvp(loss, theta, v) * 0


def _hvp_single(loss, theta, v):
    return ch04.hvp(loss, theta, v).float()


def _hvp_column(loss, theta, v):
    return ch04.hvp(loss, theta, v)[:, None]


def _hvp_at_v(loss, theta, v):
    return ch04.hvp(loss, v, theta)


def _hvp_at_a_moved_place(loss, theta, v):
    return ch04.hvp(loss, theta + 1e-3 * v, v)


def _hvp_accumulates(loss, theta, v):
    theta.requires_grad_()
    (g,) = torch.autograd.grad(loss(theta), theta, create_graph=True)
    (g @ v).backward()
    return theta.grad


def _hvp_in_chunks(loss, theta, v):
    eye = torch.eye(len(theta), dtype=theta.dtype)
    rows = [_forward_over_reverse(loss, theta, e) for e in eye]
    return torch.stack(rows) @ v


def _hvp_writes_theta(loss, theta, v):
    product = ch04.hvp(loss, theta, v)
    theta += v
    return product


def _hvp_numpy(loss, theta, v):
    return ch04.hvp(loss, theta, v).numpy()


def _escape_by_singular_vector(H, length, tolerance):
    if torch.linalg.eigvalsh(H)[0] >= -tolerance:
        return None
    return length * torch.linalg.svd(H).Vh[0]


def _escape_power_iteration(H, length, tolerance):
    u = torch.ones(len(H), dtype=H.dtype)
    for _ in range(200):
        u = H @ u
        u = u / u.norm()
    return length * u if u @ H @ u < -tolerance else None


def _escape_steepest_axis(H, length, tolerance):
    lowest = H.diagonal().argmin()
    u = torch.zeros(len(H), dtype=H.dtype)
    u[lowest] = length
    return u if torch.linalg.eigvalsh(H)[0] < -tolerance else None


def _escape_false(H, length, tolerance):
    u = ch04.escape_step(H, length, tolerance)
    return False if u is None else u


def _escape_pair(H, length, tolerance):
    u = ch04.escape_step(H, length, tolerance)
    return None if u is None else (u, -u)


def _escape_raises(H, length, tolerance):
    u = ch04.escape_step(H, length, tolerance)
    if u is None:
        raise ValueError("no escape")
    return u


def _escape_relative(H, length, tolerance):
    u = ch04.escape_step(H, length, 1e-4)
    return u


def _escape_rough(H, length, tolerance):
    u = ch04.escape_step(H, length, tolerance)
    return None if u is None else u * 1.001


def _escape_single(H, length, tolerance):
    u = ch04.escape_step(H, length, tolerance)
    return None if u is None else u.float()


def _escape_largest_entry(H, length, tolerance):
    u = ch04.escape_step(H, length, tolerance)
    return None if u is None else length * u / u.abs().max()


def _escape_any_way_down(H, length, tolerance):
    values, vectors = torch.linalg.eigh(H)
    down = (values < -tolerance).nonzero().flatten()
    return length * vectors[:, down[len(down) // 2]] if len(down) else None


def _escape_scales_h(H, length, tolerance):
    H /= H.norm() + 1
    return ch04.escape_step(H, length, tolerance)


WRONG_04 = {
    "hess-by-hand": [
        _hand_at_minimum, _hand_gauss_newton, _hand_origin, _hand_not_symmetric, _hand_absolute,
        _hand_flat, _hand_list, _hand_label_squared, _hand_weights_swapped,
    ],
    "hess-classify": [
        _class_by_majority, _class_capital, _class_bool, _class_relative, _class_descending,
        _class_sorts_in_place, _class_one_sided, _class_empty_minimum,
    ],
    "hess-hvp": [
        _hvp_diagonal, _hvp_gauss_newton, _hvp_twice, _hvp_detached, _hvp_single, _hvp_column,
        _hvp_at_v, _hvp_at_a_moved_place, _hvp_accumulates, _hvp_in_chunks, _hvp_writes_theta,
        _hvp_numpy,
    ],
    "hess-escape-step": [
        _escape_by_singular_vector, _escape_power_iteration, _escape_steepest_axis, _escape_false,
        _escape_pair, _escape_raises, _escape_relative, _escape_rough, _escape_single,
        _escape_largest_entry, _escape_any_way_down, _escape_scales_h,
    ],
}


@pytest.mark.parametrize(("id", "answer"), [
    (id, answer) for id, answers in {**WRONG_03, **WRONG_04}.items() for answer in answers
], ids=lambda value: value if isinstance(value, str) else value.__name__)
def test_a_wrong_answer_is_refused_with_words(id, answer):
    finding = found(id, answer)
    assert finding.state == "failed" and finding.message.strip()


@pytest.mark.parametrize(("id", "answer", "words"), [
    ("hess-hvp", _hvp_column, "shape and dtype of `theta`"),
    ("hess-hvp", _hvp_single, "shape and dtype of `theta`"),
    ("hess-escape-step", _escape_single, "The dtype is float32; it should be float64"),
    ("hess-escape-step", _escape_rough, "The direction is right"),
    ("hess-escape-step", _escape_any_way_down, "The *most* negative one"),
    ("hess-escape-step", _escape_scales_h, "changes `H`"),
    ("guide-five-curves", _list_of_five, "Return a dict"),
    ("guide-diagnose", _diagnose_pops, "changes its input train"),
], ids=lambda value: value.__name__ if callable(value) else None)
def test_a_judge_says_what_is_wrong(id, answer, words):
    assert words in found(id, answer).message


# ---- solutions against independent oracles ---------------------------------------------------


def test_early_stopping_agrees_with_a_loop_over_windows():
    """Oracle: the first epoch that ends `patience` epochs, none below all losses before them."""
    draw = random.Random(11)
    for _ in range(300):
        curve = [float(draw.randint(1, 6)) for _ in range(draw.randint(1, 12))]
        patience = draw.randint(1, 5)
        ends = [end for end in range(patience, len(curve))
                if min(curve[end - patience + 1 : end + 1]) >= min(curve[: end - patience + 1])]
        stop = ends[0] if ends else len(curve) - 1
        best = int(np.argmin(curve[: stop + 1]))
        assert ch03.early_stop(curve, patience) == (best, stop)


def test_folds_are_numpys_split():
    for n, k in itertools.product(range(2, 25), range(2, 25)):
        if k > n:
            continue
        parts = np.array_split(np.arange(n), k)
        for (train, held_out), part in zip(ch03.folds(n, k), parts, strict=True):
            assert held_out == part.tolist()
            assert train == np.setdiff1d(np.arange(n), part).tolist()


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_dropout_keeps_the_average_as_torchs_does(p):
    x = torch.full((200_000,), 3.0, dtype=f64)
    u = torch.rand(x.shape, generator=seeded(1), dtype=f64)
    mine = ch03.dropout(x, p, u, True)
    torch.manual_seed(2)
    theirs = torch.nn.functional.dropout(x, p)
    # a surviving value is 3/(1 − p); the mean's standard deviation is 3 √(p/(1 − p)) / √n
    deviation = 3 * math.sqrt(p / (1 - p) / len(x))
    assert abs(mine.mean() - 3) < 5 * deviation
    assert_close(mine.unique(), theirs.unique())
    assert_close((mine == 0).double().mean(), torch.tensor(p, dtype=f64), rtol=0, atol=0.01)


def test_the_map_has_one_answer_for_every_pair_of_ends():
    """Oracle: a table over (training large?, still falling?, held-out large?)."""
    for train_end, middle, held_end in itertools.product((0.2, 0.5, 0.6, 1.4), (0.2, 0.66, 3.0),
                                                         (0.1, 0.5, 0.51, 9.0)):
        word = ch03.diagnose([2.0, middle, train_end], [2.0, 1.0, held_end], 1.0)
        if train_end in (0.2, 0.5):
            expected = "fine" if held_end in (0.1, 0.5) else "overfitting or mismatch"
        else:
            # 0.6 is above 0.9 × 0.66 = 0.594, so only the fall from 3 counts
            expected = "train longer" if middle == 3.0 else "bias or optimisation"
        assert word == expected


def test_the_hessian_by_hand_agrees_with_differences_of_the_loss():
    draw = np.random.default_rng(5)
    for w1, w2, x, label in draw.normal(size=(10, 4)):
        def loss(a, b, x=x, label=label):
            return (label - b * a * x) ** 2

        e = 1e-3  # the loss is a polynomial of degree 2 in each weight: exact but for rounding
        upper = (loss(w1 + e, w2) - 2 * loss(w1, w2) + loss(w1 - e, w2)) / e**2
        lower = (loss(w1, w2 + e) - 2 * loss(w1, w2) + loss(w1, w2 - e)) / e**2
        mixed = (loss(w1 + e, w2 + e) - loss(w1 + e, w2 - e)
                 - loss(w1 - e, w2 + e) + loss(w1 - e, w2 - e)) / (4 * e**2)
        mine = ch04.hessian_by_hand(w1, w2, x, label).numpy()
        assert np.allclose(mine, [[upper, mixed], [mixed, lower]], rtol=1e-5, atol=1e-6)


def test_the_tiny_nets_origin_has_curvatures_of_two():
    H = ch04.hessian_by_hand(0.0, 0.0, 1.0, 1.0)
    assert H.tolist() == [[0.0, -2.0], [-2.0, 0.0]]
    assert ch04.classify(torch.linalg.eigvalsh(H), 1e-9) == "saddle"


def test_the_name_fits_what_the_quadratic_does_around_the_point():
    """Oracle: the signs of uᵀHu over many directions, with H of known eigenvalues."""
    directions = torch.randn(4000, 3, generator=seeded(2), dtype=f64)
    for signs in itertools.product((-1.0, 0.0, 1.0), repeat=3):
        turn, _ = torch.linalg.qr(torch.randn(3, 3, generator=seeded(3), dtype=f64))
        H = turn @ torch.diag(torch.tensor(signs, dtype=f64)) @ turn.T
        heights = ((directions @ H) * directions).sum(dim=1)
        rises, falls = bool((heights > 1e-9).any()), bool((heights < -1e-9).any())
        flat = 0.0 in signs
        expected = ("saddle" if rises and falls else "undecided" if flat
                    else "minimum" if rises else "maximum")
        assert ch04.classify(torch.linalg.eigvalsh(H), 1e-9) == expected


def test_hvp_of_a_quadratic_is_the_matrix_product():
    for n in (1, 4, 30):
        a = torch.randn(n, n, generator=seeded(n), dtype=f64)
        theta, v = torch.randn(2, n, generator=seeded(n + 1), dtype=f64)
        product = ch04.hvp(lambda t, a=a: t @ a @ t / 2, theta, v)
        assert np.allclose(product.numpy(), ((a + a.T) / 2).numpy() @ v.numpy())


def test_hvp_is_possible_where_the_hessian_would_not_fit():
    count = 20_000  # H would hold 400 million numbers, 3.2 GB
    scale = torch.arange(1.0, count + 1, dtype=f64)
    theta, v = torch.randn(2, count, generator=seeded(4), dtype=f64)
    product = ch04.hvp(lambda t: (scale * t**3).sum(), theta, v)
    assert_close(product, 6 * scale * theta * v)


def test_the_price_of_hvp_is_counted_not_timed():
    for right in (ch04.hvp, _forward_over_reverse, _reverse_over_forward, _by_torchs_own):
        ratio, count = ch04._cost(right)
        assert 1 <= ratio <= 5 < ch04.COST < count / 3
    for wrong in (ch04._whole_hessian, ch04._row_by_row, _hvp_in_chunks):
        assert ch04._cost(wrong)[0] > 2 * ch04.COST


def test_the_escape_step_is_scipys_lowest_eigenvector():
    for n in (2, 3, 6):
        a = torch.randn(n, n, generator=seeded(20 + n), dtype=f64)
        H = a + a.T - 5 * torch.eye(n, dtype=f64)
        value, vector = scipy.linalg.eigh(H.numpy(), subset_by_index=[0, 0])
        u = ch04.escape_step(H, 0.7, 1e-9).numpy()
        assert value[0] < 0
        assert np.allclose(abs(u @ vector[:, 0]), 0.7) and np.allclose(np.linalg.norm(u), 0.7)


def test_a_small_escape_step_lowers_the_loss_by_half_the_curvature():
    def loss(w):
        return (1 - w[0] * w[1]) ** 2

    H = ch04.hessian_by_hand(0.0, 0.0, 1.0, 1.0)
    u = ch04.escape_step(H, 1e-3, 1e-9)
    for step in (u, -u):
        fallen = loss(step).item() - loss(torch.zeros(2, dtype=f64)).item()
        assert fallen == pytest.approx(0.5 * -2 * 1e-3**2, rel=1e-5)


# ---- questions -------------------------------------------------------------------------------


@pytest.mark.parametrize("bank", [ch03, ch04], ids=["03", "04"])
def test_there_are_enough_questions_and_no_answer_stands_out_by_its_length(bank):
    questions = bank.QUESTIONS
    assert len(questions) >= 10
    longest = sum(all(len(q.choices[q.answer]) > len(other) for i, other in enumerate(q.choices)
                      if i != q.answer) for q in questions)
    assert longest <= len(questions) / 2
    assert len({q.text for q in questions}) == len(questions)


def test_the_numbers_in_the_questions_are_right():
    def chosen(id):
        bank = sys.modules[ch03.__name__ if id.startswith("guide") else ch04.__name__]
        question = next(q for q in bank.QUESTIONS if q.id == id)
        return question.choices[question.answer]

    assert float(chosen("guide-q-dropout")) == 1 / (1 - 0.75)
    held_out = [row for _, part in ch03.folds(20, 5) for row in part]
    assert chosen("guide-q-folds") == "once" and sorted(held_out) == list(range(20))
    assert float(chosen("hess-q-drop").replace("−", "-")) == pytest.approx(0.5 * -4 * 0.1**2)
    assert ch04.classify(torch.tensor([-1.0, 0.0, 5.0]), 1e-9) in chosen("hess-q-saddle")
    assert ch04.classify(torch.tensor([0.0, 2.0, 5.0]), 1e-9) in chosen("hess-q-undecided")
