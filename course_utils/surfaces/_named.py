"""Functions of two parameters whose critical points are known."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Kind = Literal["minimum", "maximum", "saddle", "undecided"]
TURN = math.radians(30)  # of the rotated valley


@dataclass(frozen=True)
class CriticalPoint:
    """A place where the gradient is zero.

    Attributes:
        x, y: the place.
        kind: what the Hessian's eigenvalues say there: all above zero "minimum", all below
            "maximum", of both signs "saddle"; "undecided" where one is zero and none, or not both
            signs, among the others.
    """

    x: float
    y: float
    kind: Kind


@dataclass(frozen=True)
class Surface:
    """A function of two parameters.

    Attributes:
        name: how it is called in `SURFACES`.
        formula: in plain characters, for a title or a label.
        f: theta (…, 2) -> (…); made of torch operations, so that it can be differentiated and
            vmapped.
        x_range, y_range: lowest and highest place worth seeing.
        critical_points: those within the ranges; of a whole line of them, a few.
        log: whether contour lines at equal ratios show it best.
    """

    name: str
    formula: str
    f: Callable[[Tensor], Tensor]
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    critical_points: tuple[CriticalPoint, ...]
    log: bool = False


def tiny_net(theta: Tensor) -> Tensor:
    """Squared error of ŷ = w₂w₁x for one example, x = 1 with label 1."""
    x, y = theta.unbind(-1)
    return (1 - x * y) ** 2


def bowl(theta: Tensor) -> Tensor:
    """The same bend in all directions."""
    x, y = theta.unbind(-1)
    return x**2 / 2 + y**2 / 2


def rotated_valley(theta: Tensor) -> Tensor:
    """Eigenvalues 1 and 50, their directions turned by 30°."""
    x, y = theta.unbind(-1)
    along = math.cos(TURN) * x + math.sin(TURN) * y
    across = -math.sin(TURN) * x + math.cos(TURN) * y
    return along**2 / 2 + 25 * across**2


def saddle(theta: Tensor) -> Tensor:
    """Up along x, down along y, with a minimum on either side."""
    x, y = theta.unbind(-1)
    return x**2 / 2 - y**2 / 2 + y**4 / 4


def monkey_saddle(theta: Tensor) -> Tensor:
    """Three ways down, three up, and a Hessian of zeros in the middle."""
    x, y = theta.unbind(-1)
    return x**3 - 3 * x * y**2


def flat_bowl(theta: Tensor) -> Tensor:
    """A minimum with a Hessian of zeros."""
    x, y = theta.unbind(-1)
    return x**4 + y**4


def plateau(theta: Tensor) -> Tensor:
    """A hole in a plain: far out the slope falls as 1/r³, and is never zero."""
    squared = (theta**2).sum(-1)
    return squared / (1 + squared)


def hill(theta: Tensor) -> Tensor:
    """One maximum."""
    x, y = theta.unbind(-1)
    return torch.exp(-(x**2) / 2 - y**2)


def egg_carton(theta: Tensor) -> Tensor:
    """Minima, maxima and saddles in turn."""
    x, y = theta.unbind(-1)
    return x.cos() + y.cos()


def beale(theta: Tensor) -> Tensor:
    """Steep walls, a flat floor. Source: Beale 1958, On an iterative method (Princeton)."""
    x, y = theta.unbind(-1)
    return sum((c - x + x * y**i) ** 2 for i, c in ((1, 1.5), (2, 2.25), (3, 2.625)))


def rosenbrock(theta: Tensor) -> Tensor:
    """A bent valley, 2,500 times as steep across as along. Source: Rosenbrock 1960."""
    x, y = theta.unbind(-1)
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def himmelblau(theta: Tensor) -> Tensor:
    """Four minima of equal depth. Source: Himmelblau 1972, Applied Nonlinear Programming."""
    x, y = theta.unbind(-1)
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


def _points(**places: list[tuple[float, float]]) -> tuple[CriticalPoint, ...]:
    return tuple(CriticalPoint(x, y, kind) for kind, of_kind in places.items() for x, y in of_kind)


PI = math.pi
HIMMELBLAU = _points(  # polished by Newton's method
    minimum=[
        (3.0, 2.0),
        (-2.805118086952745, 3.131312518250573),
        (-3.779310253377747, -3.2831859912861696),
        (3.5844283403304917, -1.8481265269644034),
    ],
    maximum=[(-0.2708445906673476, -0.9230385564799815)],
    saddle=[
        (-3.0730257507643897, -0.08135304428796751),
        (-0.12796134673068005, -1.9537149802445766),
        (0.08667750455539634, 2.884254701174776),
        (3.385154183607021, 0.07385187983774928),
    ],
)
SURFACES: dict[str, Surface] = {
    surface.name: surface
    for surface in (
        Surface("tiny net", "(1 − x·y)²", tiny_net, (-2, 2), (-2, 2),
                _points(saddle=[(0, 0)], undecided=[(1, 1), (-1, -1)])),
        Surface("bowl", "x²/2 + y²/2", bowl, (-2, 2), (-2, 2), _points(minimum=[(0, 0)])),
        Surface("rotated valley", "u²/2 + 25v², u and v turned by 30°", rotated_valley, (-2, 2),
                (-2, 2), _points(minimum=[(0, 0)])),
        Surface("saddle", "x²/2 − y²/2 + y⁴/4", saddle, (-2, 2), (-2, 2),
                _points(saddle=[(0, 0)], minimum=[(0, 1), (0, -1)])),
        Surface("monkey saddle", "x³ − 3xy²", monkey_saddle, (-1.5, 1.5), (-1.5, 1.5),
                _points(undecided=[(0, 0)])),
        Surface("flat bowl", "x⁴ + y⁴", flat_bowl, (-1.5, 1.5), (-1.5, 1.5),
                _points(undecided=[(0, 0)])),
        Surface("plateau", "r²/(1 + r²), r² = x² + y²", plateau, (-5, 5), (-5, 5),
                _points(minimum=[(0, 0)])),
        Surface("hill", "exp(−x²/2 − y²)", hill, (-2.5, 2.5), (-2.5, 2.5),
                _points(maximum=[(0, 0)])),
        Surface("egg carton", "cos x + cos y", egg_carton, (-4, 4), (-4, 4),
                _points(maximum=[(0, 0)], saddle=[(0, PI), (0, -PI), (PI, 0), (-PI, 0)],
                        minimum=[(PI, PI), (PI, -PI), (-PI, PI), (-PI, -PI)])),
        Surface("Beale", "(1.5 − x + xy)² + (2.25 − x + xy²)² + (2.625 − x + xy³)²", beale,
                (-4.5, 4.5), (-4.5, 4.5), _points(
                    minimum=[(3, 0.5)],
                    saddle=[(0, 1), (0.10053793732415835, -2.644513585023125)]), log=True),
        Surface("Rosenbrock", "(1 − x)² + 100(y − x²)²", rosenbrock, (-2, 2), (-1, 3),
                _points(minimum=[(1, 1)]), log=True),
        Surface("Himmelblau", "(x² + y − 11)² + (x + y² − 7)²", himmelblau, (-5, 5), (-5, 5),
                HIMMELBLAU, log=True),
    )
}  # fmt: skip
