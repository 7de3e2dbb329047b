"""`plane_grid` against a plain double loop: 100 × 100 heights of a net with 321 parameters.

    python -m benchmarks.surface            # about one minute
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks import report
from course_utils.parameters import flat_loss
from course_utils.surfaces import Plane, filter_normalised, plane_grid

SIDE = 100
ROUNDS = report.rounds(3)


def problem(rows: int) -> tuple[Callable[[Tensor], Tensor], Plane]:
    """The loss of a 2-80-1 tanh net on `rows` rows, and a plane through its parameters."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 80), nn.Tanh(), nn.Linear(80, 1))
    x = torch.randn(rows, 2)
    f, _ = flat_loss(model, nn.MSELoss(), (x, x[:, :1].sin()))
    return f, filter_normalised(model, torch.Generator().manual_seed(0))


def plain_loop(f: Callable[[Tensor], Tensor], plane: Plane, axis: Tensor) -> Tensor:
    with torch.no_grad():
        rows = [torch.stack([f(plane.at(a, b)) for a in axis]) for b in axis]
    return torch.stack(rows)


def all_at_once(f: Callable[[Tensor], Tensor], plane: Plane, axis: Tensor) -> Tensor:
    """vmap as one writes it first: chunks of 1,000 whatever the data."""
    b, a = (part.reshape(-1) for part in torch.meshgrid(axis, axis, indexing="ij"))
    with torch.no_grad():
        return torch.func.vmap(lambda a, b: f(plane.at(a, b)), chunk_size=1000)(a, b)


CONTESTANTS = {
    "plain loop": plain_loop, "vmap, chunks of 1,000": all_at_once,
    "**plane_grid**": lambda f, plane, axis: plane_grid(f, plane, axis, axis),
}  # fmt: skip


def main() -> None:
    torch.set_num_threads(1)
    axis = torch.linspace(-1, 1, SIDE, dtype=torch.float64)
    found = report.Report("surface")
    for rows in (100, 1000):
        f, plane = problem(rows)
        times: dict[str, list[float]] = {label: [] for label in CONTESTANTS}
        grids = {label: run(f, plane, axis[:3]) for label, run in CONTESTANTS.items()}  # warm up
        for grid in grids.values():
            torch.testing.assert_close(grid.reshape(3, 3), grids["plain loop"])
        for _ in range(ROUNDS):
            for label, run in CONTESTANTS.items():
                begin = time.process_time()
                run(f, plane, axis)
                times[label].append(time.process_time() - begin)
        size = plane.origin.numel()
        found.ratios(f"{SIDE} × {SIDE} heights, {size} parameters, {rows:,} rows of data", times,
                     base="plain loop", note="float64. One thread, process time.")
    found.write()


if __name__ == "__main__":
    main()
