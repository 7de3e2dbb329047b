"""Answers to the exercises of chapter 04: the Hessian by hand, the test, the way out, H v."""

import math

import numpy as np
import torch

f64 = torch.float64


# ---- hess-by-hand ---------------------------------------------------------------------------


def table(a, b, d, c=None):
    return torch.tensor([[a, b], [b if c is None else c, d]], dtype=f64)


def by_autograd(w1, w2, x, label):
    at = torch.tensor([w1, w2], dtype=f64)
    return torch.func.hessian(lambda t: (label - t[1] * t[0] * x) ** 2)(at)


def by_numpy(w1, w2, x, label):
    slope = np.array([w2, w1], dtype=np.float64) * x
    turned = np.array([[0.0, 1.0], [1.0, 0.0]])
    return torch.from_numpy(2 * np.outer(slope, slope) - 2 * (label - w2 * w1 * x) * x * turned)


def by_the_product_rule(w1, w2, x, label):
    H = torch.zeros(2, 2, dtype=f64)
    error, weights = label - w2 * w1 * x, (w1, w2)
    for i in range(2):
        for j in range(2):
            first = -weights[1 - i] * x              # the error's slopes
            second = -weights[1 - j] * x
            H[i, j] = 2 * first * second + 2 * error * (-x if i != j else 0.0)
    return H


def in_single_then_double(w1, w2, x, label):
    mixed = 4 * w1 * w2 * x**2 - 2 * x * label
    return torch.tensor([[2 * (w2 * x) ** 2, mixed], [mixed, 2 * (w1 * x) ** 2]]).double()


def single_weights(w1, w2, x, label):
    one, two = torch.tensor([w1, w2]) * x            # float32 before anything is multiplied
    mixed = 4 * one * two - 2 * x * label
    return torch.stack([2 * two**2, mixed, mixed, 2 * one**2]).reshape(2, 2).double()


# ---- hess-classify --------------------------------------------------------------------------


def refuse(values):
    if len(values) == 0 or any(math.isnan(value) for value in values.tolist()):
        raise ValueError("no eigenvalue, or a NaN")


def words(positive, negative, zero=False):
    if positive and negative:
        return "saddle"
    if zero or not (positive or negative):
        return "undecided"
    return "minimum" if positive else "maximum"


def classified(values, tolerance, strict=False):
    """The words for a plain list; with `strict`, |λ| = tolerance is not zero."""
    zeros = [abs(v) < tolerance if strict else abs(v) <= tolerance for v in values]
    signs = {v > 0 for v, zero in zip(values, zeros, strict=True) if not zero}
    return words(True in signs, False in signs, any(zeros))


def zeros_below_are_fine(values, tolerance):
    refuse(values)
    if (values < -tolerance).any() and not (values > tolerance).any():
        return "maximum"
    return classified(values.tolist(), tolerance)


def by_the_ends(values, tolerance):
    refuse(values)
    ends = values[[0, -1]].tolist()
    return classified(ends, tolerance)


def by_the_determinant(values, tolerance):
    refuse(values)
    if values.prod().abs() <= tolerance:
        return "undecided"
    if values.prod() < 0:
        return "saddle"
    return "minimum" if values[0] > 0 else "maximum"


def relative_tolerance(values, tolerance):
    refuse(values)
    return classified(values.tolist(), tolerance * max(map(abs, values.tolist())))


def nan_passes(values, tolerance):
    if len(values) == 0:
        raise ValueError("no eigenvalue")
    return classified([v for v in values.tolist() if v == v], tolerance)


def nan_first_only(values, tolerance):
    if len(values) == 0 or math.isnan(values[0]):
        raise ValueError("no eigenvalue, or a NaN")
    return classified([v for v in values.tolist() if v == v], tolerance)


def nan_last_only(values, tolerance):
    if len(values) == 0 or math.isnan(values[-1]):
        raise ValueError("no eigenvalue, or a NaN")
    return classified([v for v in values.tolist() if v == v], tolerance)


def nan_after_the_signs(values, tolerance):          # two signs are found before the NaN is
    if len(values) and (values > tolerance).any() and (values < -tolerance).any():
        return "saddle"
    return no_damage(values, tolerance)


def nan_in_all_only(values, tolerance):
    if len(values) == 0 or values.isnan().all():
        raise ValueError("no eigenvalue, or a NaN")
    return classified([v for v in values.tolist() if v == v], tolerance)


def empty_passes(values, tolerance):
    if values.isnan().any():
        raise ValueError("a NaN")
    return classified(values.tolist(), tolerance)


def empty_asserted(values, tolerance):
    assert len(values) > 0
    return no_damage(values, tolerance)


def error_returned(values, tolerance):
    try:
        refuse(values)
    except ValueError as error:
        return error
    return classified(values.tolist(), tolerance)


def zeroes_its_input(values, tolerance):
    refuse(values)
    values[values.abs() <= tolerance] = 0.0
    return classified(values.tolist(), 0.0)


def needs_two(values, tolerance):
    refuse(values)
    low, high = values.sort().values[[0, 1]].tolist()
    return classified([low, high], tolerance)


def capital(values, tolerance):
    return no_damage(values, tolerance).capitalize()


def no_damage(values, tolerance):
    refuse(values)
    return classified(values.tolist(), tolerance)


def tolerance_for_the_square(values, tolerance):
    refuse(values)
    return classified([v if v**2 > tolerance else 0.0 for v in values.tolist()], 0.0)


def by_the_sum_of_signs(values, tolerance):          # right: |sum| = number of signs, if one sign
    refuse(values)
    signs = torch.where(values.abs() <= tolerance, 0, values.sign())
    total, count = int(signs.sum()), int(signs.abs().sum())
    if abs(total) < count:
        return "saddle"
    return "undecided" if count < len(values) else "minimum" if total > 0 else "maximum"


def by_numpy_counts(values, tolerance):
    values = np.asarray(values)
    if values.size == 0 or np.isnan(values).any():
        raise ValueError("cannot judge these")
    plus, minus = int(np.sum(values > tolerance)), int(np.sum(values < -tolerance))
    if plus and minus:
        return "saddle"
    return {plus: "minimum", minus: "maximum"}.get(len(values), "undecided")


def by_sorting(values, tolerance):
    refuse(values)
    ordered = sorted(values.tolist())
    low, high = ordered[0], ordered[-1]
    if low > tolerance:
        return "minimum"
    if high < -tolerance:
        return "maximum"
    return "saddle" if low < -tolerance and high > tolerance else "undecided"


# ---- hess-escape-step -----------------------------------------------------------------------


def stepping(pick=lambda values, vectors: vectors[:, 0], size=lambda length, value: length,
             none=lambda value, tolerance: value >= -tolerance, answer=None):
    def escape_step(H, length, tolerance):
        values, vectors = torch.linalg.eigh(H)
        if none(values[0], tolerance):
            return answer(values) if answer else None
        return size(length, values[0]) * pick(values, vectors)
    return escape_step


def relative(H, length, tolerance):
    values, vectors = torch.linalg.eigh(H)
    lowest = values[0] / values.abs().max().clamp(min=1e-300)
    return length * vectors[:, 0] if lowest < -tolerance else None


def damaged(H, length, tolerance):
    H *= -1
    values, vectors = torch.linalg.eigh(H)
    return length * vectors[:, -1] if values[-1] > tolerance else None


def raises_without_way(H, length, tolerance):
    values, vectors = torch.linalg.eigh(H)
    if values[0] >= -tolerance:
        raise ValueError("no way down")
    return length * vectors[:, 0]


def steepest_axis(H, length, tolerance):             # only the coordinate axes
    lowest = H.diagonal().argmin()
    step = torch.zeros(len(H), dtype=f64)
    step[lowest] = length
    return step if H[lowest, lowest] < -tolerance else None


def by_eig(H, length, tolerance):
    values, vectors = torch.linalg.eig(H)
    lowest = values.real.argmin()
    if not values.real[lowest] < -tolerance:
        return None
    u = vectors[:, lowest].real
    return length * u / u.norm()


def by_numpy_the_other_sign(H, length, tolerance):
    values, vectors = np.linalg.eigh(H.numpy())
    if values.min() >= -tolerance:
        return None
    return torch.from_numpy(-vectors[:, values.argmin()] * float(length))


def by_shifted_inverse(H, length, tolerance):
    lowest = torch.linalg.eigvalsh(H).min()
    if lowest < -tolerance:
        shifted = H - (lowest - 1e-9 * (1 + lowest.abs())) * torch.eye(len(H), dtype=H.dtype)
        u = torch.ones(len(H), dtype=H.dtype) + 0.1 * torch.arange(len(H))
        for _ in range(60):
            u = torch.linalg.solve(shifted, u)
            u = u / torch.linalg.vector_norm(u)
        return u * length


def power_iteration(start):
    """On cI − H, from a fixed start: lost where the start is at right angles to the answer."""
    def escape_step(H, length, tolerance):
        c, u = H.abs().sum(1).max(), start(len(H))
        for _ in range(3000):
            u = c * u - H @ u
            u = u / u.norm()
        return length * u if u @ H @ u < -tolerance else None
    return escape_step


def by_squaring(H, length, tolerance):               # right: a random start misses nothing
    M = torch.linalg.matrix_norm(H) * torch.eye(len(H), dtype=H.dtype) - H
    for _ in range(50):
        M = M / torch.linalg.matrix_norm(M)
        M = M @ M
    u = M @ torch.randn(len(H), dtype=H.dtype)
    u = u / u.norm()
    return length * u if u @ H @ u < -tolerance else None


# ---- hess-hvp -------------------------------------------------------------------------------


def slope_of(loss, theta):
    theta = theta.detach().clone().requires_grad_()
    return theta, torch.autograd.grad(loss(theta), theta, create_graph=True)[0]


def difference(loss, theta, v, h=1e-6):
    slope = torch.func.grad(loss)
    return (slope(theta + h * v) - slope(theta)) / h


def adds_up(loss, theta, v):                         # the second backward adds to the first
    theta = theta.clone().requires_grad_()
    loss(theta).backward(create_graph=True)
    (theta.grad @ v).backward()
    return theta.grad.detach()


def moves_theta(loss, theta, v):
    result = double_backward(loss, theta, v)
    theta += 0.0 * v + 1e-3 * result
    return result


def product(f):                                      # f(theta, g, v): what is differentiated
    def hvp(loss, theta, v):
        theta, g = slope_of(loss, theta)
        return torch.autograd.grad(f(theta, g, v), theta)[0]
    return hvp


def in_float32(loss, theta, v):
    return double_backward(loss, theta.float(), v.float()).double()


def double_backward(loss, theta, v):
    theta, g = slope_of(loss, theta)
    return torch.autograd.grad(g, theta, grad_outputs=v.to(g.dtype))[0]


def switched_off_at_the_end(loss, theta, v):
    theta.requires_grad_()
    (g,) = torch.autograd.grad(loss(theta), theta, create_graph=True)
    (result,) = torch.autograd.grad(g @ v, theta)
    theta.requires_grad_(False)                      # also where the caller had it on
    return result


def grad_wiped(loss, theta, v):
    before = theta.requires_grad
    theta.requires_grad_()
    (g,) = torch.autograd.grad(loss(theta), theta, create_graph=True)
    theta.grad = None                                # also where the caller had one
    (g @ v).backward()
    result, theta.grad = theta.grad.clone(), None
    theta.requires_grad_(before)
    return result


def not_detached(loss, theta, v):                    # backward goes on to the caller's theta
    mine = theta.clone().requires_grad_()
    loss(mine).backward(create_graph=True)
    g, mine.grad = mine.grad, None
    (g @ v).backward()
    return mine.grad


def slope_along_v(loss, theta, v):                   # right: d/ds L(theta + s v), then its gradient
    theta = theta.detach().clone().requires_grad_()
    s = torch.zeros((), dtype=theta.dtype, requires_grad=True)
    (slope,) = torch.autograd.grad(loss(theta + s * v), s, create_graph=True)
    return torch.autograd.grad(slope, theta)[0]


def puts_back(loss, theta, v):
    before = theta.requires_grad
    theta.requires_grad_()
    try:
        g, = torch.autograd.grad(loss(theta), theta, create_graph=True)
        return torch.autograd.grad((g * v).sum(), theta)[0]
    finally:
        theta.requires_grad_(before)


WRONG = {
    "hess-by-hand": {
        "both are left in": lambda w1, w2, x, label: by_numpy(w1, w2, 1.0, 1.0),
        "x not squared": lambda w1, w2, x, label: table(
            2 * w2**2 * x, 4 * w1 * w2 * x - 2 * label * x, 2 * w1**2 * x),
        "one mixed entry zero": lambda w1, w2, x, label: table(
            2 * w2**2 * x**2, 4 * w1 * w2 * x**2 - 2 * label * x, 2 * w1**2 * x**2, 0.0),
        "label not times x": lambda w1, w2, x, label: table(
            2 * w2**2 * x**2, 4 * w1 * w2 * x**2 - 2 * label, 2 * w1**2 * x**2),
        "the origin's table": lambda w1, w2, x, label: table(0.0, -2 * label * x, 0.0),
        "four numbers in a row": lambda w1, w2, x, label: by_numpy(w1, w2, x, label).flatten(),
        "a NumPy array": lambda w1, w2, x, label: by_numpy(w1, w2, x, label).numpy(),
        "a list": lambda w1, w2, x, label: by_numpy(w1, w2, x, label).tolist(),
        "float32 made float64": in_single_then_double,
        "float32 weights": single_weights,
        "printed": lambda w1, w2, x, label: print(by_numpy(w1, w2, x, label)),
    },
    "hess-classify": {
        "zeros do not matter below": zeros_below_are_fine,
        "first and last": by_the_ends,
        "the product": by_the_determinant,
        "tolerance times the largest": relative_tolerance,
        "tolerance for the square": tolerance_for_the_square,
        "NaN left out": nan_passes,
        "NaN looked for in front": nan_first_only,
        "NaN looked for at the end": nan_last_only,
        "NaN after the signs": nan_after_the_signs,
        "NaN refused if all are": nan_in_all_only,
        "nothing is undecided": empty_passes,
        "an assertion": empty_asserted,
        "the error is returned": error_returned,
        "its input is changed": zeroes_its_input,
        "needs two": needs_two,
        "capitals": capital,
        "printed": lambda values, tolerance: print(no_damage(values, tolerance)),
    },
    "hess-escape-step": {
        "the smallest in size": stepping(lambda values, vectors: vectors[:, values.abs().argmin()]),
        "scaled by the bend": stepping(size=lambda length, value: length / value.abs().sqrt()),
        "tolerance with the other sign": stepping(none=lambda value, tolerance: value >= tolerance),
        "tolerance at its edge": stepping(none=lambda value, tolerance: value > -tolerance),
        "tolerance times the largest": relative,
        "never a step": stepping(none=lambda value, tolerance: True),
        "float32": stepping(lambda values, vectors: vectors[:, 0].float(),
                            lambda length, value: float(length)),
        "H is changed": damaged,
        "an error for None": raises_without_way,
        "along an axis": steepest_axis,
        "power iteration from the first axis": power_iteration(
            lambda n: torch.eye(n, dtype=f64)[0]),
        "power iteration from ones": power_iteration(lambda n: torch.ones(n, dtype=f64)),
        "with its λ": stepping(lambda values, vectors: (vectors[:, 0], values[0]),
                               size=lambda length, value: 1),
    },
    "hess-hvp": {
        "a difference": difference,
        "the gradient is added": adds_up,
        "theta is moved": moves_theta,
        "requires_grad always off": switched_off_at_the_end,
        "theta's grad wiped out": grad_wiped,
        "a copy, but not detached": not_detached,
        "the gradient's length": product(lambda theta, g, v: g @ g / 2),
        "v depends on theta": product(lambda theta, g, v: g @ (v + theta - 1)),
        "float32 inside": in_float32,
        "the gradient": lambda loss, theta, v: torch.func.grad(loss)(theta),
        "at zero": lambda loss, theta, v: double_backward(loss, 0 * theta, v),
        "a column": lambda loss, theta, v: double_backward(loss, theta, v)[:, None],
    },
}

RIGHT = {
    "hess-by-hand": {"by autograd": by_autograd, "with NumPy": by_numpy,
                     "in loops": by_the_product_rule},
    "hess-classify": {"in a loop": no_damage, "NumPy counts": by_numpy_counts,
                      "sorted": by_sorting, "sum of signs": by_the_sum_of_signs},
    "hess-escape-step": {"by eig": by_eig, "NumPy, other sign": by_numpy_the_other_sign,
                         "inverse iteration": by_shifted_inverse, "by squaring": by_squaring},
    "hess-hvp": {
        "grad_outputs": double_backward,
        "slope along v": slope_along_v,
        "marked, and put back": puts_back,
        "grad of grad": lambda loss, theta, v: torch.func.grad(
            lambda t: torch.func.grad(loss)(t) @ v)(theta),
        "forward over backward": lambda loss, theta, v: torch.func.jvp(
            torch.func.grad(loss), (theta,), (v,))[1],
        "backward over forward": lambda loss, theta, v: torch.func.grad(
            lambda t: torch.func.jvp(loss, (t,), (v,))[1])(theta),
        "autograd.functional": lambda loss, theta, v: torch.autograd.functional.vhp(
            loss, theta, v)[1],
    },
}
