"""`curvature` against `torch.func`: the full Hessian, and its extreme eigenvalues without it.

    python -m benchmarks.curvature          # about three minutes

Every contestant runs in a process of its own, so that its peak memory can be told. Before the clock
starts it has differentiated a tiny function, so that PyTorch's own imports are left out.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time

from benchmarks import report

ROWS = 100  # of data
SIZES = {951: ((10, 25, 25, 1), 3), 5009: ((11, 66, 62, 1), 2)}  # parameters: layers, rounds
HESSIANS = {
    "torch.func.hessian": "torch_hessian",
    "jacrev of jacrev, chunks of 256": "jacrev_twice",
    "**curvature.hessian**": "course_hessian",
}
EXTREMES = {
    "torch.func.hessian, eigh": "torch_eigh",
    "curvature.hessian, eigh": "course_eigh",
    "**extreme_eigenpairs**": "course_extreme",
}
NOTE = f"tanh net, mean squared error on {ROWS} rows, float64. One thread, process time."


# ---- one contestant, in its own process ----------------------------------------------------------


def contestant(name: str, layers: list[int]) -> dict[str, float]:
    """Seconds, MB of memory beyond the start, and (for eigenvalues) the two extreme ones."""
    import torch

    torch.set_num_threads(1)
    run = runners()[name]
    run(lambda theta: theta.pow(3).sum(), torch.ones(60, dtype=torch.float64))  # PyTorch's imports
    f, theta = problem(layers)
    f(theta)
    before, begin = report.peak_megabytes(), time.process_time()
    values = run(f, theta)
    seconds = time.process_time() - begin
    extremes = [] if values.ndim > 1 else [float(values[0]), float(values[-1])]
    return {"seconds": seconds, "megabytes": report.peak_megabytes() - before, "extremes": extremes}


def runners() -> dict:
    """Name → function(f, theta) that gives a Hessian or ascending eigenvalues."""
    from torch.func import hessian, jacrev
    from torch.linalg import eigh

    from course_utils.curvature import extreme_eigenpairs
    from course_utils.curvature import hessian as ours

    return {
        "torch_hessian": lambda f, theta: hessian(f)(theta),
        "jacrev_twice": lambda f, theta: jacrev(jacrev(f), chunk_size=256)(theta),
        "course_hessian": ours,
        "torch_eigh": lambda f, theta: eigh(hessian(f)(theta))[0],
        "course_eigh": lambda f, theta: eigh(ours(f, theta))[0],
        "course_extreme": lambda f, theta: extreme_eigenpairs(f, theta, end="both").values,
    }


def problem(layers: list[int]) -> tuple:
    """The loss of a tanh net with these layers, as a function of its parameters."""
    import torch
    from torch import nn

    from course_utils.parameters import flat_loss

    torch.manual_seed(0)
    parts = [part for n, m in zip(layers, layers[1:], strict=False)
             for part in (nn.Linear(n, m), nn.Tanh())]
    x = torch.randn(ROWS, layers[0])
    return flat_loss(nn.Sequential(*parts[:-1]), nn.MSELoss(), (x, x[:, :1].sin()))


# ---- the race ------------------------------------------------------------------------------------


def measured(name: str, layers: tuple[int, ...]) -> dict:
    """The contestant's result, from a process of its own."""
    command = [sys.executable, "-m", "benchmarks.curvature", name, *map(str, layers)]
    quiet = {**os.environ, "OMP_NUM_THREADS": "1", "COURSE_HEADLESS": "1"}
    done = subprocess.run(command, env=quiet, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def race(contestants: dict[str, str], size: int) -> dict[str, list[dict]]:
    """Label → results, one a round; the contestants take turns."""
    layers, usual = SIZES[size]
    results: dict[str, list[dict]] = {label: [] for label in contestants}
    for _ in range(report.rounds(usual)):
        for label, name in contestants.items():
            results[label].append(measured(name, layers))
    return results


def add_table(found: report.Report, title: str, results: dict[str, list[dict]], base: str,
              note: str = "") -> None:
    times = {label: [one["seconds"] for one in each] for label, each in results.items()}
    peaks = {label: statistics.median(one["megabytes"] for one in each)
             for label, each in results.items()}
    memory = ", ".join(f"{label.strip('*')} {peak:,.0f}" for label, peak in peaks.items())
    found.ratios(title, times, base=base,
                 note=f"{NOTE} Peak memory beyond the start, MB: {memory}.{note}")


def main() -> None:
    found = report.Report("curvature", ("torch", "scipy"))
    for size in SIZES:
        add_table(found, f"Full Hessian, {size:,} parameters", race(HESSIANS, size),
                  "torch.func.hessian")
    extremes = race(EXTREMES, 951)
    exact, *_, ours = (each[0]["extremes"] for each in extremes.values())
    gap = max(abs(a - b) for a, b in zip(exact, ours, strict=True)) / max(map(abs, exact))
    add_table(found, "Smallest and largest eigenvalue, 951 parameters", extremes,
              "torch.func.hessian, eigh",
              f" Largest relative difference from torch's values: {gap:.0e}.")
    found.write()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(contestant(sys.argv[1], [int(n) for n in sys.argv[2:]])))
    else:
        main()
