"""Answers of learners for chapter 09: regularisation."""

import math

import numpy as np
import torch
from torch import nn

# --- regul-choose ---------------------------------------------------------------------------------


def ridge(x, label, strength):
    x_mean, label_mean = x.mean(0), label.mean()
    X, y = x - x_mean, label - label_mean
    eye = torch.eye(x.shape[1], dtype=x.dtype)
    w = torch.linalg.solve(X.T @ X / len(X) + strength * eye, X.T @ y / len(X))
    return w, label_mean - x_mean @ w


def split(n, k):
    return torch.arange(n).tensor_split(k)


def outside(n, fold):
    rows = torch.ones(n, dtype=torch.bool)
    rows[fold] = False
    return rows


def errors_of(x, label, strength, fold):
    rows = outside(len(x), fold)
    w, b = ridge(x[rows], label[rows], strength)
    return x[fold] @ w + b - label[fold]


def mean_square(x, label, strength, fold):
    return errors_of(x, label, strength, fold).square().mean().item()


def chooser(folds=split, loss=mean_square, over=lambda losses: sum(losses) / len(losses),
            pick=lambda strengths, scores: strengths[scores.index(min(scores))].item()):
    def choose_strength(x, label, strengths, k):
        scores = [over([loss(x, label, s, fold) for fold in folds(len(x), k)])
                  for s in strengths]
        return pick(strengths, scores)
    return choose_strength


def within_the_others(x, label, strength, fold):    # the error on the rows that were fitted
    rows = outside(len(x), fold)
    w, b = ridge(x[rows], label[rows], strength)
    return (x[rows] @ w + b - label[rows]).square().mean().item()


def fitted_on_the_fold(x, label, strength, fold):    # parts exchanged
    rows = outside(len(x), fold)
    w, b = ridge(x[fold], label[fold], strength)
    return (x[rows] @ w + b - label[rows]).square().mean().item()


def fitted_on_all(x, label, strength, fold):
    w, b = ridge(x, label, strength)
    return (x[fold] @ w + b - label[fold]).square().mean().item()


def without_bias(x, label, strength, fold):
    rows = outside(len(x), fold)
    w, _ = ridge(x[rows], label[rows], strength)
    return (x[fold] @ w - label[fold]).square().mean().item()


def column_for_flat(x, label, strength, fold):    # (n, 1) − (n,) is a table of all pairs
    rows = outside(len(x), fold)
    w, b = ridge(x[rows], label[rows], strength)
    return (x[fold] @ w[:, None] + b - label[fold]).square().mean().item()


def penalty_counted(x, label, strength, fold):
    rows = outside(len(x), fold)
    w, _ = ridge(x[rows], label[rows], strength)
    return mean_square(x, label, strength, fold) + strength.item() * w.square().sum().item()


def best_of_each_fold(x, label, strengths, k):
    best = [min(strengths.tolist(), key=lambda s: mean_square(x, label, s, fold))
            for fold in split(len(x), k)]
    return sum(best) / len(best)


def vote_of_the_folds(x, label, strengths, k):
    best = [min(strengths.tolist(), key=lambda s: mean_square(x, label, s, fold))
            for fold in split(len(x), k)]
    return max(strengths.tolist(), key=best.count)


def in_place(x, label, strengths, k):
    x -= x.mean(0)
    label -= label.mean()
    return chooser()(x, label, strengths, k)


def printed(x, label, strengths, k):
    print(chooser()(x, label, strengths, k))


def shuffled(n, k):
    return torch.randperm(n).tensor_split(k)


def first_of_equals(x, label, strengths, k):    # assumes that strengths ascend: stops at a rise
    best = np.inf
    for number, s in enumerate(strengths):
        score = sum(mean_square(x, label, s, fold) for fold in split(len(x), k))
        if score > best:
            return strengths[number - 1].item()
        best = score
    return strengths[-1].item()


def lists_of_rows(x, label, strengths, k):
    best, n = (np.inf, None), len(x)
    for s in strengths.tolist():
        total, first = 0.0, 0
        for j in range(k):
            size = n // k + (j < n % k)
            held = list(range(first, first + size))
            kept = [i for i in range(n) if i not in held]
            w, b = ridge(x[kept], label[kept], s)
            total += sum((float(x[i] @ w + b) - float(label[i])) ** 2 for i in held) / size
            first += size
        best = min(best, (total / k, s))
    return best[1]


def in_numpy(x, label, strengths, k):    # its own ridge: rows √(Nλ)·I appended to the table
    X, y, s = x.numpy(), label.numpy(), strengths.numpy()
    table = np.zeros((len(s), k))
    for j, held in enumerate(np.array_split(np.arange(len(X)), k)):
        A, t = np.delete(X, held, axis=0), np.delete(y, held)
        middle, height = A.mean(axis=0), t.mean()
        for i, lam in enumerate(s):
            more = np.sqrt(len(A) * lam) * np.eye(X.shape[1])
            w = np.linalg.lstsq(np.vstack([A - middle, more]),
                                np.append(t - height, np.zeros(X.shape[1])), rcond=None)[0]
            table[i, j] = np.mean(((X[held] - middle) @ w + height - y[held]) ** 2)
    return float(s[table.mean(axis=1).argmin()])


def standardised_first(x, label, strengths, k):          # then λ weighs other weights
    return chooser()((x - x.mean(0)) / x.std(0), label, strengths, k)


def past_rows_alone(x, label, strengths, k):             # as for a time series
    def score(s):
        total = 0.0
        for fold in split(len(x), k)[1:]:
            w, b = ridge(x[: fold[0]], label[: fold[0]], s)
            total += (x[fold] @ w + b - label[fold]).square().mean().item()
        return total
    return min(strengths.tolist(), key=score)


def never_reset(x, label, strengths, k):                 # the sum goes on over the strengths
    total, averages = 0.0, []
    for s in strengths:
        for fold in split(len(x), k):
            total += mean_square(x, label, s, fold)
        averages.append(total / k)
    return strengths[averages.index(min(averages))].item()


def within_one_error(x, label, strengths, k):            # the one-standard-error rule
    table = torch.tensor([[mean_square(x, label, s, fold) for fold in split(len(x), k)]
                          for s in strengths])
    best = table.mean(1).argmin()
    enough = table.mean(1) <= table.mean(1)[best] + table[best].std() / k**0.5
    return strengths[enough].max().item()


def parts_joined(x, label, strengths, k):
    xs, labels, best = x.tensor_split(k), label.tensor_split(k), (math.inf, None)
    for s in strengths:
        loss = 0.0
        for j in range(k):
            w, b = ridge(torch.cat(xs[:j] + xs[j + 1:]), torch.cat(labels[:j] + labels[j + 1:]), s)
            loss += nn.functional.mse_loss(xs[j] @ w + b, labels[j]).item() / k
        best = min(best, (loss, s.item()))
    return best[1]


# --- regul-proximal -------------------------------------------------------------------------------


def soft(v, tau):
    return v.sign() * (v.abs() - tau).clamp(min=0)


def proximal(new_w, new_b=lambda b, grad, lr, strength: b - lr * grad):
    def proximal_step(w, b, grad_w, grad_b, lr, strength):
        return new_w(w, grad_w, lr, strength), new_b(b, grad_b, lr, strength)
    return proximal_step


def right_w(w, g, lr, strength):
    return soft(w - lr * g, lr * strength)


def crossing(w, g, lr, strength):
    v = w - lr * g
    return v - lr * strength * v.sign()


def hard(w, g, lr, strength):
    v = w - lr * g
    return v * (v.abs() > lr * strength)


def w_changed(w, b, grad_w, grad_b, lr, strength):
    w -= lr * grad_w
    b = b - lr * grad_b
    return soft(w, lr * strength), b


def b_changed(w, b, grad_w, grad_b, lr, strength):
    b -= lr * grad_b
    return right_w(w, grad_w, lr, strength), b


def sign_of_the_old(w, g, lr, strength):
    return w.sign() * ((w - lr * g).abs() - lr * strength).clamp(min=0)


def size_of_the_vector(w, g, lr, strength):    # shrinks the length of w: the group's penalty
    v = w - lr * g
    return v * (1 - lr * strength / v.norm()).clamp(min=0)


def numbers_one_by_one(w, b, grad_w, grad_b, lr, strength):
    out, tau = [], float(lr) * float(strength)
    for value, slope in zip(w.flatten().tolist(), grad_w.flatten().tolist(), strict=True):
        v = value - float(lr) * slope
        out.append(v - tau if v > tau else v + tau if v < -tau else 0.0)
    return torch.tensor(out, dtype=w.dtype).reshape(w.shape), b - lr * grad_b


def numpy_weights(w, b, grad_w, grad_b, lr, strength):
    v = w.numpy() - lr * grad_w.numpy()
    return torch.from_numpy(np.sign(v) * np.maximum(np.abs(v) - lr * strength, 0)), b - lr * grad_b


def by_where(w, g, lr, strength):
    v, tau = w - lr * g, lr * strength
    return torch.where(v > tau, v - tau, torch.where(v < -tau, v + tau, 0 * v))


def zero_stays_zero(w, b, grad_w, grad_b, lr, strength):
    v = w - lr * grad_w
    new = v.sign() * (v.abs() - lr * strength).clamp(min=0)
    return torch.where(w == 0, w, new), b - lr * grad_b


def stopped_at_crossing(w, b, grad_w, grad_b, lr, strength):  # compares with the old sign
    new = w - lr * (grad_w + strength * w.sign())
    return torch.where(new.sign() * w.sign() < 0, 0.0, new), b - lr * grad_b


def what_is_cut_off(w, b, grad_w, grad_b, lr, strength):
    v = w - lr * grad_w
    return v.clamp(-lr * strength, lr * strength), b - lr * grad_b


def middle_of_three(w, b, grad_w, grad_b, lr, strength):
    v, t = w - lr * grad_w, lr * strength
    return torch.stack([v - t, v + t, 0 * v]).median(0).values, b - lr * grad_b


# --- regul-adamw ----------------------------------------------------------------------------------


def adamw(decay=lambda theta, lr, wd: (1 - lr * wd) * theta,
          first=lambda m, g, b1: b1 * m + (1 - b1) * g,
          second=lambda v, g, b2: b2 * v + (1 - b2) * g**2,
          correct=lambda m, v, b1, b2, t: (m / (1 - b1**t), v / (1 - b2**t)),
          below=lambda v, eps: v.sqrt() + eps, count=1, corrected_back=False, sign=-1):
    def adamw_step(theta, grad, m, v, step, lr, weight_decay, beta1=0.9, beta2=0.999, eps=1e-8):
        m, v = first(m, grad, beta1), second(v, grad, beta2)
        m_hat, v_hat = correct(m, v, beta1, beta2, step + count)
        theta = decay(theta, lr, weight_decay) + sign * lr * m_hat / below(v_hat, eps)
        return (theta, m_hat, v_hat) if corrected_back else (theta, m, v)
    return adamw_step


def decay_last(theta, grad, m, v, step, lr, weight_decay, *rest, **more):
    theta, m, v = adamw()(theta, grad, m, v, step, lr, 0.0, *rest, **more)
    return (1 - lr * weight_decay) * theta, m, v


def scaled_like_the_gradient(theta, grad, m, v, step, lr, weight_decay, beta1=0.9, beta2=0.999,
                             eps=1e-8):    # the decay is divided by √v̂ too
    new, m, v = adamw()(theta, grad, m, v, step, lr, 0.0, beta1, beta2, eps)
    v_hat = v / (1 - beta2 ** (step + 1))
    return new - lr * weight_decay * theta / (v_hat.sqrt() + eps), m, v


def betas_fixed(theta, grad, m, v, step, lr, weight_decay, beta1=0.9, beta2=0.999, eps=1e-8):
    return adamw()(theta, grad, m, v, step, lr, weight_decay, eps=eps)


def eps_fixed(theta, grad, m, v, step, lr, weight_decay, beta1=0.9, beta2=0.999, eps=1e-8):
    return adamw()(theta, grad, m, v, step, lr, weight_decay, beta1, beta2)


def betas_exchanged(theta, grad, m, v, step, lr, weight_decay, beta1=0.9, beta2=0.999, eps=1e-8):
    return adamw()(theta, grad, m, v, step, lr, weight_decay, beta2, beta1, eps)


def theta_changed(theta, grad, m, v, step, lr, weight_decay, *rest, **more):
    theta *= 1 - lr * weight_decay
    return adamw()(theta, grad, m, v, step, lr, 0.0, *rest, **more)


def moments_changed(theta, grad, m, v, step, lr, weight_decay, beta1=0.9, beta2=0.999, eps=1e-8):
    new = adamw()(theta, grad, m, v, step, lr, weight_decay, beta1, beta2, eps)
    m.mul_(beta1).add_((1 - beta1) * grad)
    v.mul_(beta2).add_((1 - beta2) * grad * grad)
    return new[0], m, v


def second_gets_decay(theta, grad, m, v, step, lr, weight_decay, beta1=0.9, beta2=0.999, eps=1e-8):
    """The momentum part sees the penalty, the size does not."""
    return adamw(decay=lambda theta, lr, wd: theta,
                 first=lambda m, g, b1: b1 * m + (1 - b1) * (g + weight_decay * theta))(
        theta, grad, m, v, step, lr, weight_decay, beta1, beta2, eps)


def norm_of_the_gradient(theta, grad, m, v, step, lr, weight_decay, *rest, **more):
    return adamw(second=lambda v, g, b2: b2 * v + (1 - b2) * (g**2).mean())(
        theta, grad, m, v, step, lr, weight_decay, *rest, **more)


def in_float32(theta, grad, m, v, step, *rest, **more):
    return adamw()(theta.float(), grad.float(), m.float(), v.float(), step, *rest, **more)


def by_torch(theta, grad, m, v, step, lr, weight_decay, beta1=0.9, beta2=0.999, eps=1e-8):
    place = theta.clone().requires_grad_()
    place.grad = grad.clone()
    rule = torch.optim.AdamW([place], lr=lr, betas=(beta1, beta2), eps=eps,
                             weight_decay=weight_decay)
    rule.state[place] = {"step": torch.tensor(float(step)), "exp_avg": m.clone(),
                         "exp_avg_sq": v.clone()}
    rule.step()
    return place.detach(), rule.state[place]["exp_avg"], rule.state[place]["exp_avg_sq"]


def numbers_apart(theta, grad, m, v, step, lr, weight_decay, beta1=0.9, beta2=0.999, eps=1e-8):
    new = [torch.zeros_like(part) for part in (theta, m, v)]
    for i in np.ndindex(*theta.shape):
        new[1][i] = m[i] + (1 - beta1) * (grad[i] - m[i])
        new[2][i] = v[i] + (1 - beta2) * (grad[i] ** 2 - v[i])
        size = (new[2][i] / (1 - beta2 ** (step + 1))) ** 0.5 + eps
        new[0][i] = (theta[i] - lr * weight_decay * theta[i]
                     - lr / (1 - beta1 ** (step + 1)) * new[1][i] / size)
    return tuple(new)


def with_numpy(theta, grad, m, v, step, lr, weight_decay, beta1=0.9, beta2=0.999, eps=1e-8):
    p, g, first, second = (part.numpy() for part in (theta, grad, m, v))
    first = np.add(beta1 * first, (1 - beta1) * g)
    second = np.add(beta2 * second, (1 - beta2) * np.square(g))
    bottom = np.sqrt(second) / np.sqrt(1 - beta2 ** (step + 1)) + eps
    p = p - lr * (first / (1 - beta1 ** (step + 1)) / bottom + weight_decay * p)
    return tuple(torch.from_numpy(np.asarray(part)) for part in (p, first, second))


def five_parameters(theta, grad, m, v, step, lr, weight_decay, beta1=0.9, beta2=0.999, eps=1e-8):
    new = torch.zeros(3, 5, dtype=theta.dtype)
    for i in range(5):
        new[1, i] = beta1 * m[i] + (1 - beta1) * grad[i]
        new[2, i] = beta2 * v[i] + (1 - beta2) * grad[i] ** 2
        size = (new[2, i] / (1 - beta2 ** (step + 1))) ** 0.5 + eps
        new[0, i] = (1 - lr * weight_decay) * theta[i] - lr * new[1, i] / (
            1 - beta1 ** (step + 1)) / size
    return tuple(new)


def brackets_missing(theta, grad, m, v, step, lr, weight_decay, beta1=0.9, beta2=0.999, eps=1e-8):
    m, v = beta1 * m + (1 - beta1) * grad, beta2 * v + (1 - beta2) * grad**2
    m_hat, v_hat = m / (1 - beta1**step + 1), v / (1 - beta2**step + 1)
    return (1 - lr * weight_decay) * theta - lr * m_hat / (v_hat.sqrt() + eps), m, v


def eps_before_correction(theta, grad, m, v, step, lr, weight_decay, beta1=0.9, beta2=0.999,
                          eps=1e-8):                     # as in the paper's faster form
    m, v = beta1 * m + (1 - beta1) * grad, beta2 * v + (1 - beta2) * grad**2
    rate = lr * (1 - beta2 ** (step + 1)) ** 0.5 / (1 - beta1 ** (step + 1))
    return (1 - lr * weight_decay) * theta - rate * m / (v.sqrt() + eps), m, v


def anew_each_time(theta, grad, m, v, step, lr, weight_decay, beta1=0.9, beta2=0.999, eps=1e-8):
    place = theta.clone().requires_grad_()
    place.grad = grad.clone()
    rule = torch.optim.AdamW([place], lr=lr, betas=(beta1, beta2), eps=eps,
                             weight_decay=weight_decay)
    rule.step()                                          # m, v and step are ignored
    return place.detach(), rule.state[place]["exp_avg"], rule.state[place]["exp_avg_sq"]


def lerp_and_addcdiv(theta, grad, m, v, step, lr, weight_decay, beta1=0.9, beta2=0.999, eps=1e-8):
    m, v = torch.lerp(m, grad, 1 - beta1), v + (1 - beta2) * (grad.square() - v)
    below = v.div(-math.expm1((step + 1) * math.log(beta2))).sqrt().add(eps)
    rate = -lr / (1 - beta1 ** (step + 1))
    return [theta.mul(1 - lr * weight_decay).addcdiv(m, below, value=rate), m, v]


WRONG = {
    "regul-choose": {
        "fitted on all rows": chooser(loss=fitted_on_all),
        "column for flat": chooser(loss=column_for_flat),
        "sizes, not squares": chooser(loss=lambda *a: errors_of(*a).abs().mean().item()),
        "no size taken": chooser(loss=lambda *a: errors_of(*a).mean().item()),
        "sum in each fold": chooser(loss=lambda *a: errors_of(*a).square().sum().item()),
        "worst fold": chooser(over=max),
        "last fold alone": chooser(over=lambda losses: losses[-1]),
        "every k-th row": chooser(folds=lambda n, k: [torch.arange(j, n, k) for j in range(k)]),
        "equal folds, rest left out": chooser(
            folds=lambda n, k: torch.arange(n // k * k).tensor_split(k)),
        "chunks": chooser(folds=lambda n, k: torch.arange(n).chunk(k)),
        "folds of k rows": chooser(folds=lambda n, k: torch.arange(n).split(k)),
        "vote of the folds": vote_of_the_folds,
        "centred in place": in_place,
        "first rise ends it": first_of_equals,
        "features standardised first": standardised_first,
        "past rows alone": past_rows_alone,
        "the sum is never reset": never_reset,
        "within one standard error": within_one_error,
    },
    "regul-proximal": {
        "η alone": proximal(lambda w, g, lr, s: soft(w - lr * g, lr)),
        "λ over η": proximal(lambda w, g, lr, s: soft(w - lr * g, s / lr)),
        "η squared": proximal(lambda w, g, lr, s: soft(w - lr * g, lr * lr * s)),
        "slope and threshold": proximal(
            lambda w, g, lr, s: soft(w - lr * (g + s * w.sign()), lr * s)),
        "no negative weights": proximal(
            lambda w, g, lr, s: (w - lr * g - lr * s).clamp(min=0)),
        "weight decay": proximal(lambda w, g, lr, s: (w - lr * g) * (1 - 2 * lr * s)),
        "uphill": proximal(lambda w, g, lr, s: soft(w + lr * g, lr * s)),
        "no gradient": proximal(lambda w, g, lr, s: soft(w, lr * s)),
        "no threshold": proximal(lambda w, g, lr, s: w - lr * g),
        "gradient without η": proximal(lambda w, g, lr, s: soft(w - g, lr * s)),
        "sign of the old w": proximal(sign_of_the_old),
        "length of w": proximal(size_of_the_vector),
        "float32": proximal(lambda w, g, lr, s: right_w(w.float(), g.float(), lr, s)),
        "bias uphill": proximal(right_w, lambda b, g, lr, s: b + lr * g),
        "w alone": lambda w, b, gw, gb, lr, s: right_w(w, gw, lr, s),
        "b first": lambda w, b, gw, gb, lr, s: proximal(right_w)(w, b, gw, gb, lr, s)[::-1],
        "w changed": w_changed,
        "b changed": b_changed,
        "zero stays zero": zero_stays_zero,
        "stopped at the old sign's crossing": stopped_at_crossing,
        "what is cut off": what_is_cut_off,
    },
    "regul-adamw": {
        "first corrected alone": adamw(correct=lambda m, v, b1, b2, t: (m / (1 - b1**t), v)),
        "second corrected alone": adamw(correct=lambda m, v, b1, b2, t: (m, v / (1 - b2**t))),
        "step from −1": adamw(count=2),
        "half the decay": adamw(decay=lambda theta, lr, wd: (1 - lr * wd / 2) * theta),
        "growth": adamw(decay=lambda theta, lr, wd: (1 + lr * wd) * theta),
        "no decay": adamw(decay=lambda theta, lr, wd: theta),
        "signs decay": adamw(decay=lambda theta, lr, wd: theta - lr * wd * theta.sign()),
        "uphill": adamw(sign=1),
        "no root": adamw(below=lambda v, eps: v + eps),
        "no eps": adamw(below=lambda v, eps: v.sqrt()),
        "first without 1 − β₁": adamw(first=lambda m, g, b1: b1 * m + g),
        "second without a square": adamw(second=lambda v, g, b2: b2 * v + (1 - b2) * g),
        "sizes, not squares": adamw(second=lambda v, g, b2: b2 * v + (1 - b2) * g.abs()),
        "corrected ones returned": adamw(corrected_back=True),
        "penalty in the first moment": second_gets_decay,
        "one size for all": norm_of_the_gradient,
        "betas fixed": betas_fixed,
        "eps fixed": eps_fixed,
        "betas exchanged": betas_exchanged,
        "theta changed": theta_changed,
        "moments changed": moments_changed,
        "theta alone": lambda *a, **more: adamw()(*a, **more)[0],
        "float32": in_float32,
        "five parameters": five_parameters,
        "brackets missing": brackets_missing,
        "ε before the correction": eps_before_correction,
        "a new optimiser each time": anew_each_time,
    },
}

RIGHT = {
    "regul-choose": {
        "lists of rows": lists_of_rows,
        "numpy, its own ridge": in_numpy,
        "sum over the folds": chooser(over=sum),
        "parts joined": parts_joined,
    },
    "regul-proximal": {
        "numbers one by one": numbers_one_by_one,
        "numpy inside": numpy_weights,
        "where": proximal(by_where),
        "two halves": proximal(lambda w, g, lr, s: (
            (w - lr * g - lr * s).clamp(min=0) - (lr * g - w - lr * s).clamp(min=0))),
        "what is left after clamping": proximal(lambda w, g, lr, s: (
            (w - lr * g) - (w - lr * g).clamp(-lr * s, lr * s))),
        "middle of three": middle_of_three,
    },
    "regul-adamw": {
        "torch's own": by_torch,
        "number by number": numbers_apart,
        "numpy inside": with_numpy,
        "root corrected apart": adamw(
            correct=lambda m, v, b1, b2, t: (m / (1 - b1**t), v.sqrt() / (1 - b2**t) ** 0.5),
            below=lambda root, eps: root + eps),
        "lerp and addcdiv": lerp_and_addcdiv,
    },
}
