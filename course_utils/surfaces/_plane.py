"""Flat pieces of a network's parameter space: two directions through one place."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..parameters import Function, flatten
from ._grid import Numbers, loss_grid


@dataclass(frozen=True)
class Plane:
    """All places origin + a · directions[0] + b · directions[1].

    Attributes:
        origin: (P,), the place with a = b = 0.
        directions: (2, P).
    """

    origin: Tensor
    directions: Tensor

    def __repr__(self) -> str:
        return f"Plane: 2 directions among {len(self.origin)} parameters"

    def at(self, a: float | Tensor, b: float | Tensor) -> Tensor:
        """The parameters (P,) at the coordinates a and b; coordinates (n,) give (n, P)."""
        first, second = self.directions
        if isinstance(a, Tensor):
            a = a.to(self.origin)[..., None]
        if isinstance(b, Tensor):
            b = b.to(self.origin)[..., None]
        return self.origin + a * first + b * second

    def project(self, thetas: Tensor) -> Tensor:
        """Coordinates (a, b) of the plane's nearest places: (T, P) -> (T, 2), or (P,) -> (2,).

        Directions need not be at right angles: for places in the plane, `at` and `project` undo
        each other.
        """
        away = thetas.detach().to(self.origin) - self.origin
        gram = self.directions @ self.directions.T  # (2, 2), symmetric
        return (away @ self.directions.T) @ torch.linalg.inv(gram)


def plane_by_directions(origin: Tensor, d1: Tensor, d2: Tensor) -> Plane:
    """The plane through `origin` along two directions, taken as they are.

    Args:
        origin, d1, d2: (P,); the plane has the origin's dtype and device.
    Raises:
        ValueError: shapes differ, something is not finite, or d1 and d2 are (nearly) parallel.
    """
    origin = origin.detach().clone()
    if origin.ndim != 1 or d1.shape != origin.shape or d2.shape != origin.shape:
        shapes = ", ".join(str(tuple(part.shape)) for part in (origin, d1, d2))
        raise ValueError(f"origin, d1 and d2 need one shape (P,); they have {shapes}")
    directions = torch.stack([d1, d2]).detach().to(origin)
    if not (torch.isfinite(origin).all() and torch.isfinite(directions).all()):
        raise ValueError("origin or directions hold NaN or infinity")
    lengths = directions.norm(dim=1)
    if not lengths.min() > 0:
        raise ValueError("a direction is zero; a plane needs two")
    cosine = float((directions / lengths[:, None]).prod(dim=0).sum().abs())
    if cosine > 1 - 1e-6:
        raise ValueError("d1 and d2 are parallel: they span a line, no plane")
    return Plane(origin, directions)


def filter_normalised(model: nn.Module, generator: torch.Generator) -> Plane:
    """A plane through the model along two random directions that fit the scale of its weights.

    Each filter (each neuron's incoming weights, `weight[i]`) of a direction is as long as the
    model's own; biases and other 1-D parameters stay put. So a net with large weights, which a
    small step changes little, does not look flatter for it.

    Args:
        model: not modified.
        generator: where the directions are drawn.
    Returns:
        the plane, in float64.
    Raises:
        ValueError: the model has no parameters, or only zeros in its weights.
    Source: Li, Xu, Taylor, Studer and Goldstein 2018, arXiv:1712.09913.
    """
    first, second = (_filter_normalised(model, generator) for _ in range(2))
    return plane_by_directions(flatten(model).double(), first, second)


def _filter_normalised(model: nn.Module, generator: torch.Generator) -> Tensor:
    parts = []
    for p in model.parameters():
        weights = p.detach().double()
        if p.ndim < 2:
            parts.append(torch.zeros_like(weights).reshape(-1))
            continue
        weights = weights.flatten(start_dim=1)  # (filters, weights of one)
        drawn = torch.randn(
            weights.shape, generator=generator, device=generator.device, dtype=torch.float64
        ).to(weights)
        scale = weights.norm(dim=1, keepdim=True) / drawn.norm(dim=1, keepdim=True)
        parts.append((drawn * scale).reshape(-1))
    if not parts:
        raise ValueError(f"{type(model).__name__} has no parameters")
    return torch.cat(parts)


def plane_grid(
    f: Function, plane: Plane, a: Numbers, b: Numbers, *, chunk: int | None = None
) -> Tensor:
    """The height at every (a, b) of a plane, as `loss_grid`.

    Args:
        f: theta (P,) -> ().
        plane: in the dtype and on the device that f takes.
        a: (columns,), coordinates along the first direction.
        b: (rows,), coordinates along the second.
        chunk: how many places at a time; None chooses.
    Returns:
        (rows, columns): row i belongs to b[i], column j to a[j].
    """
    return loss_grid(lambda place: f(plane.at(place[0], place[1])), a, b, chunk=chunk)
