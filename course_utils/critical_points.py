"""Many walks at once towards points of zero gradient: batching, stopping, counting each point once.

The step itself is the caller's function of gradient and Hessian. Here stands what is not the
lesson: walking from all starts together, a longest step, when a walk counts as arrived, and which
of the points found are the same point seen through a symmetry of the network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import grad, jacrev, vmap

Loss = Callable[[Tensor], Tensor]  # parameters (P,) → loss ()
Step = Callable[[Tensor, Tensor], Tensor]  # gradient (P,), Hessian (P, P) → step (P,)

FAR = 1e3  # a walk that long from the origin runs to infinity: no point of zero gradient there


@dataclass(frozen=True)
class Walks:
    """Where K walks ended.

    Attributes:
        points: (K, P), float64.
        arrived: (K,) bool: the gradient is zero there (see `seek`). The others are cut off: never
            count them as points of zero gradient.
        gradients: (K,) norm of the gradient at each end; unit: loss per parameter unit.
        steps: (K,) steps made.
    """

    points: Tensor
    arrived: Tensor
    gradients: Tensor
    steps: Tensor

    def __len__(self) -> int:
        return len(self.points)

    def __repr__(self) -> str:
        return f"Walks: {len(self)} walks, {int(self.arrived.sum())} arrived"


def seek(
    f: Loss,
    starts: Tensor,
    step: Step,
    *,
    longest: float = 0.5,
    steps: int = 70,
    tolerance: float = 1e-9,
) -> Walks:
    """Walk from every start with the caller's step until the gradient is zero.

    With `step` = −H⁻¹g this is Newton's method on the equation g = 0, whose steps are cut to a
    longest length. It treats uphill and downhill alike, and comes to minima, maxima and saddles.

    A walk has arrived when its next step is at most `tolerance` · (1 + ‖θ‖) long *and* the gradient
    is at most `tolerance` · (1 + ‖θ‖) · (largest entry of H). The first test keeps out what only
    looks like zero: far out on a saturated unit the gradient fades but Newton's steps do not; and
    where Hg = 0 with g ≠ 0 ("gradient-flat", where methods that minimise ‖g‖² get stuck) Newton's
    step is long. The second keeps out a step function that returns short steps.

    Args:
        f: the loss of one parameter vector, twice differentiable, fit for `torch.func.vmap`.
        starts: (K, P), float64; not modified.
        step: gradient (P,), Hessian (P, P) → step (P,); called through vmap. A step that is not
            finite ends its walk, not arrived.
        longest: a longer step is cut to this length; unit: parameter units.
        steps: the most steps of one walk.
        tolerance: see above.
    Raises:
        TypeError: `starts` is not float64 (float32 noise hides small gradients).
        ValueError: `starts` is not of shape (K, P), or `longest` or `steps` is not positive.
    Source: Newton's method, e.g. Nocedal and Wright, Numerical Optimization (2006), ch. 11; as a
        way to a network's critical points, and gradient-flat points as the trap of its rivals:
        Frye et al., Neural Computation 33 (2021), arXiv:2003.10397.
    """
    _check(starts, longest, steps)
    points = starts.clone()
    arrived = torch.zeros(len(starts), dtype=torch.bool, device=starts.device)
    taken = torch.zeros(len(starts), dtype=torch.long, device=starts.device)
    both, stepped = vmap(_hessian_and_gradient(f)), vmap(step)
    walking = torch.arange(len(starts), device=starts.device)  # which walks still go on
    for _ in range(steps + 1):
        here = points[walking]
        hessian, g = both(here)
        move = stepped(g, hessian)
        length = move.norm(dim=1)
        near = tolerance * (1 + here.norm(dim=1))
        there = (length <= near) & (g.norm(dim=1) <= near * hessian.abs().amax((1, 2)))
        lost = ~length.isfinite() | (here.norm(dim=1) > FAR)
        arrived[walking[there]] = True
        on = ~lost  # those that are there make their last, tiny step: it costs nothing and helps
        cut = (longest / length[on].clamp(min=1e-300)).clamp(max=1)
        points[walking[on]] = here[on] + cut[:, None] * move[on]
        taken[walking[on]] += 1
        walking = walking[~there & ~lost]
        if not len(walking):
            break
    return Walks(points, arrived, vmap(grad(f))(points).norm(dim=1), taken)


def moments_of_descent(
    f: Loss, starts: Tensor, g: torch.Generator, *, lr: float = 0.15, updates: int = 150
) -> Tensor:
    """Gradient descent from every start, each stopped at a random moment of its own.

    The moments are spread evenly over the *logarithm* of the number of updates, so that many lie
    early, where the loss falls fast: the ends lie at many heights of the loss.

    Args:
        f: as in `seek`.
        starts: (K, P), float64; not modified.
        g: where the moments are drawn.
        lr: learning rate.
        updates: the latest moment.
    Returns:
        (K, P): the place of each descent at its moment, after 0 to `updates` updates.
    Raises:
        TypeError, ValueError: as in `seek`.
    """
    _check(starts, lr, updates)
    drawn = torch.rand(len(starts), generator=g, dtype=torch.float64)
    moments = ((updates + 1) ** drawn).long() - 1  # 0 … updates
    gradient, places = vmap(grad(f)), starts.clone()
    for update in range(int(moments.max())):
        going = moments > update
        places[going] -= lr * gradient(places[going])
    return places


def distinct(losses: Tensor, eigenvalues: Tensor, tolerance: float = 1e-6) -> Tensor:
    """One index of every different point, in the order of `losses`.

    Swapping two hidden units, or turning the signs around one tanh unit, gives the same network at
    another place of the parameter space, with the same loss and the same eigenvalues. Points that
    agree in both count as one. (Two truly different points would have to agree in P + 1 numbers.)

    Args:
        losses: (K,).
        eigenvalues: (K, P), each row ascending.
        tolerance: differences up to this, relative to the largest |eigenvalue| (for the loss: to
            the largest |loss|), count as none.
    Returns:
        (D,) indices, ascending; the first of every group of equal points.
    Raises:
        ValueError: shapes do not fit.
    """
    if losses.ndim != 1 or eigenvalues.ndim != 2 or len(losses) != len(eigenvalues):
        raise ValueError(
            f"distinct needs losses (K,) and eigenvalues (K, P); it got {tuple(losses.shape)} "
            f"and {tuple(eigenvalues.shape)}"
        )
    if not len(losses):
        return torch.zeros(0, dtype=torch.long)
    scaled = torch.cat(
        [losses[:, None] / losses.abs().max().clamp(min=1e-300),
         eigenvalues / eigenvalues.abs().max().clamp(min=1e-300)], dim=1,
    )  # fmt: skip
    same = torch.cdist(scaled, scaled, p=torch.inf) <= tolerance  # (K, K)
    first = same.int().argmax(dim=1)  # the first point equal to this one: itself or an earlier one
    return (first == torch.arange(len(losses), device=first.device)).nonzero()[:, 0]


def _hessian_and_gradient(f: Loss) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    """θ (P,) → Hessian (P, P), gradient (P,), computed in one go."""

    def gradient_twice(theta: Tensor) -> tuple[Tensor, Tensor]:
        g = grad(f)(theta)
        return g, g

    return jacrev(gradient_twice, has_aux=True)


def _check(starts: Tensor, length: float, count: int) -> None:
    if starts.dtype != torch.float64:
        raise TypeError(
            f"starts are {starts.dtype}; use .double(): float32 noise hides small gradients"
        )
    if starts.ndim != 2 or not len(starts):
        raise ValueError(f"starts have shape {tuple(starts.shape)}; it has to be (K, P), K ≥ 1")
    if length <= 0 or count < 1:
        raise ValueError(f"a step of {length} and {count} of them: both have to be positive")
