"""Losses as surfaces: named functions of two parameters, grids of heights, planes through the
parameters of a network, and their pictures.

A height is always f(theta) -> (): the learner's own loss, a named surface's `f`, or what
`parameters.flat_loss` makes of a network.
"""

from ._draw import draw_surface
from ._grid import loss_grid
from ._named import SURFACES, CriticalPoint, Surface
from ._plane import Plane, filter_normalised, plane_by_directions, plane_grid

__all__ = [
    "SURFACES",
    "CriticalPoint",
    "Plane",
    "Surface",
    "draw_surface",
    "filter_normalised",
    "loss_grid",
    "plane_by_directions",
    "plane_grid",
]
