"""Second derivatives of a scalar function of one flat vector: the whole Hessian, its products with
vectors, and its extreme eigenvalues.

What the eigenvalues say about a critical point is the lesson of chapter 04 and stands there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from .parameters import Function, chunk_for, in_chunks

MEMORY = 32e6  # bytes of results in f, for all columns that are computed at once
WIDEST = 128  # columns at once: more gains nothing on a CPU
DENSE = 48  # up to this many parameters the full Hessian is the quickest way
AFFORDABLE = 3000  # up to this many parameters it is a bearable last resort (72 MB)

Product = Callable[[Tensor], Tensor]
End = Literal["largest", "smallest", "both"]


@dataclass(frozen=True)
class Eigenpairs:
    """Some eigenvalues of a Hessian with their eigenvectors.

    Attributes:
        values: (k,), ascending; unit: loss per squared parameter unit.
        vectors: (P, k); column i belongs to values[i]; unit length. The sign, arbitrary by nature,
            is chosen so that the component of largest size is positive.
        products: how many Hessian-vector products it took (P for the full Hessian).
    """

    values: Tensor
    vectors: Tensor
    products: int


@dataclass(frozen=True)
class Shares:
    """Which part of the eigenvalues is negative, zero, positive; the three add up to 1.

    Attributes:
        negative, zero, positive: 0 … 1.
        tolerance: eigenvalues of at most this size counted as zero.
    """

    negative: float
    zero: float
    positive: float
    tolerance: float


def hessian(f: Function, theta: Tensor, *, chunk: int | None = None) -> Tensor:
    """All second derivatives of f at theta.

    Columns are computed many at once: the gradient's graph is built once and run backwards for a
    batch of unit vectors; where an operation in f cannot do that, one after the other.

    Args:
        f: theta (P,) -> (), twice differentiable; for example from `parameters.flat_loss`.
        theta: (P,), float64; not modified.
        chunk: how many columns at once; None chooses, so that memory beyond the result stays small.
    Returns:
        (P, P), float64: row i, column j holds how fast slope i changes along parameter j. Symmetric
        up to rounding, which is left as it is.
    Raises:
        TypeError: theta is not float64 (float32 noise hides small curvatures).
        ValueError: theta is not 1-D, f does not return a scalar or is cut off from theta, or a
            derivative is NaN or infinite.
    """
    _checked(f, theta)
    if chunk is None:
        chunk = chunk_for(f, theta.detach(), MEMORY, WIDEST)
    product = _product(f, theta)
    H = theta.new_empty(len(theta), len(theta))
    try:
        _fill(H, product, chunk)
    except RuntimeError:  # an operation that cannot run backwards for many vectors at once
        _fill(H, lambda units: torch.stack([product(unit) for unit in units]), 1)
    return _finite(H, "second derivatives")


def _fill(H: Tensor, product: Product, chunk: int) -> None:
    """Write H's columns, H times the unit vectors."""
    for part in in_chunks(len(H), chunk, "columns"):
        units = H.new_zeros(part.stop - part.start, len(H))
        units[range(len(units)), range(part.start, part.stop)] = 1.0
        H[:, part] = product(units).T


def hvp(f: Function, theta: Tensor, v: Tensor) -> Tensor:
    """Hessian times vector without the Hessian: the gradient of gᵀv, a second backward pass.

    Args:
        f: theta (P,) -> (), twice differentiable.
        theta: (P,), float64; not modified.
        v: (P,), or (P, k) for k vectors in columns, which share one gradient.
    Returns:
        H v, shaped as v.
    Raises:
        TypeError: theta or v is not float64.
        ValueError: shapes do not fit, f does not return a scalar, or f or its gradient is NaN or
            infinite.
    Source: Pearlmutter 1994, Neural Computation 6(1).
    """
    _checked(f, theta)
    if v.dtype != torch.float64:
        raise TypeError(f"v is {v.dtype}; write v.double()")
    if v.ndim not in (1, 2) or len(v) != len(theta):
        raise ValueError(f"v needs shape ({len(theta)},) or ({len(theta)}, k), not {(*v.shape,)}")
    product = _product(f, theta)
    columns = [product(v)] if v.ndim == 1 else [product(column) for column in v.T]
    return _finite(torch.stack(columns, dim=1).reshape(v.shape), "numbers in H v")


def _product(f: Function, theta: Tensor) -> Product:
    """v (P,) -> H v, and row by row (n, P) -> (n, P); the gradient's graph is built once."""
    with torch.enable_grad():
        theta = theta.detach().requires_grad_()
        value = f(theta)
        if not value.requires_grad:
            raise ValueError("f does not depend on theta in a way that PyTorch can differentiate")
        (g,) = torch.autograd.grad(value, theta, create_graph=True, materialize_grads=True)
    if not _finite(g, "slopes").requires_grad:  # f is linear: its gradient is the same everywhere
        return torch.zeros_like

    def product(v: Tensor) -> Tensor:
        return torch.autograd.grad(
            g, theta, v, retain_graph=True, is_grads_batched=v.ndim > 1, materialize_grads=True
        )[0]

    return product


def extreme_eigenpairs(
    f: Function, theta: Tensor, k: int = 1, *, end: End = "largest"
) -> Eigenpairs:
    """The Hessian's k largest or smallest eigenvalues, from some dozens of products H v.

    Lanczos' method, restarted (ARPACK, by `scipy.sparse.linalg.eigsh`) to full precision. Below 48
    parameters, and where the method does not converge on a small problem, the full Hessian is
    taken instead. Equal eigenvalues are one value to Lanczos' method: with k > 1 it may count one
    of them fewer times than there are.

    Args:
        f: theta (P,) -> (), twice differentiable.
        theta: (P,), float64; not modified.
        k: how many, from each end that is asked for.
        end: "largest" and "smallest" go by sign (-3 is smaller than 1); "both" gives 2k pairs.
    Returns:
        the pairs, ascending: for "both" the k smallest, then the k largest.
    Raises:
        TypeError: theta is not float64.
        ValueError: k does not fit P, `end` is unknown, f does not return a scalar, or something is
            not finite.
        RuntimeError: no convergence, and P too large for the full Hessian.
    Source: Lehoucq, Sorensen and Yang 1998, ARPACK Users' Guide.
    """
    _checked(f, theta)
    size, low, high = len(theta), *_ends(k, end)
    if low + high > size or k < 1:
        raise ValueError(f"k is {k} (end={end!r}) for {size} parameters; there are {size} pairs")
    if size <= max(DENSE, 4 * (low + high)):
        return _dense_pairs(f, theta, low, high)
    from scipy.sparse.linalg import ArpackError

    try:
        return _lanczos_pairs(f, theta, low, high)
    except ArpackError as error:  # too many equal eigenvalues at that end, or H = 0
        if size <= AFFORDABLE:
            return _dense_pairs(f, theta, low, high)
        raise RuntimeError(
            f"the eigenvalues at end={end!r} lie too close together to be told apart by products "
            f"alone, and the full Hessian of {size} parameters is large: {error}"
        ) from error


def _ends(k: int, end: str) -> tuple[int, int]:
    """How many from below and from above."""
    ends = {"smallest": (k, 0), "largest": (0, k), "both": (k, k)}
    if end not in ends:
        raise ValueError(f"end is {end!r}; it has to be one of {', '.join(map(repr, ends))}")
    return ends[end]


def _dense_pairs(f: Function, theta: Tensor, low: int, high: int) -> Eigenpairs:
    H = hessian(f, theta)
    values, vectors = torch.linalg.eigh((H + H.T) / 2)
    chosen = [*range(low), *range(len(theta) - high, len(theta))]
    return Eigenpairs(values[chosen], _signed(vectors[:, chosen]), len(theta))


def _lanczos_pairs(f: Function, theta: Tensor, low: int, high: int) -> Eigenpairs:
    from scipy.sparse.linalg import LinearOperator, eigsh

    product, size, products = _product(f, theta), len(theta), 0

    def times(v: np.ndarray) -> np.ndarray:
        nonlocal products
        products += 1
        along = torch.from_numpy(v.reshape(-1)).to(theta)
        return _finite(product(along), "numbers in H v").cpu().numpy()

    start = np.random.default_rng(0).standard_normal(size)  # the same on every run
    which = "BE" if low and high else "SA" if low else "LA"
    operator = LinearOperator((size, size), matvec=times, dtype=np.float64)
    values, vectors = eigsh(operator, k=low + high, which=which, v0=start)
    order = np.argsort(values)
    pairs = torch.from_numpy(values[order]), torch.from_numpy(vectors[:, order])
    values, vectors = (part.to(theta) for part in pairs)
    return Eigenpairs(values, _signed(vectors), products)


def _signed(vectors: Tensor) -> Tensor:
    """Columns turned so that the component of largest size is positive."""
    largest = vectors.gather(0, vectors.abs().argmax(dim=0, keepdim=True))
    return vectors * torch.where(largest < 0, -1.0, 1.0)


def eigenvalue_shares(values: Tensor, tolerance: float | None = None) -> Shares:
    """Count the signs of eigenvalues, with those near zero for themselves.

    Args:
        values: (P,), all eigenvalues of one Hessian, in any order.
        tolerance: |λ| ≤ tolerance counts as zero. None takes P · eps · max |λ|, eps = 2.2e-16 in
            float64, as `numpy.linalg.matrix_rank` does: well above the rounding errors of Hessian
            and `eigvalsh`. At a place that is only nearly a critical point choose a larger one.
    Returns:
        the shares, and the tolerance they were counted with.
    Raises:
        ValueError: no values, more than one dimension, a value is not finite, or the tolerance is
            negative.
    """
    values = torch.as_tensor(values).detach()
    values = values if values.is_floating_point() else values.double()
    if values.ndim != 1 or not len(values) or not torch.isfinite(values).all():
        raise ValueError("values needs shape (P,), P ≥ 1, and finite numbers")
    if tolerance is None:
        tolerance = len(values) * torch.finfo(values.dtype).eps * float(values.abs().max())
    if not tolerance >= 0:
        raise ValueError(f"tolerance is {tolerance}; it has to be 0 or more")
    negative = float((values < -tolerance).double().mean())
    positive = float((values > tolerance).double().mean())
    zero = float((values.abs() <= tolerance).double().mean())
    return Shares(negative, zero, positive, tolerance)


def _finite(values: Tensor, what: str) -> Tensor:
    if torch.isfinite(values.sum()):
        return values
    bad = int((~torch.isfinite(values)).sum())
    if bad:
        raise ValueError(
            f"{bad} of {values.numel()} {what} are NaN or infinite, though f is finite: f is not "
            f"smooth at this place; move theta a little"
        )
    return values


def _checked(f: Function, theta: Tensor) -> None:
    """Whether f and theta are fit for second derivatives."""
    if not isinstance(theta, Tensor) or theta.dtype != torch.float64:
        kind = theta.dtype if isinstance(theta, Tensor) else type(theta).__name__
        raise TypeError(
            f"theta is {kind}; second derivatives need a float64 tensor, since in float32 rounding "
            f"hides small curvatures. parameters.flat_loss gives f and theta in float64"
        )
    if theta.ndim != 1 or not len(theta):
        raise ValueError(f"theta needs shape (P,); it has {tuple(theta.shape)}: flatten it first")
    if not torch.isfinite(theta).all():
        raise ValueError("theta holds NaN or infinity")
    value = f(theta.detach())
    if not isinstance(value, Tensor) or value.shape != ():
        shape = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"f has to return a scalar, shape (); it returned {shape}")
    if not torch.isfinite(value):
        raise ValueError(f"f is {value.item()} at theta; its curvature there means nothing")
