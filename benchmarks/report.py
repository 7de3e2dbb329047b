"""Tables of ratios: what every benchmark prints and stores."""

import platform
import re
import statistics
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def ratios(
    name: str, title: str, times: Mapping[str, Sequence[float]], *, base: str,
    packages: Sequence[str] = ("torch", "matplotlib", "ipywidgets"), note: str = "",
) -> str:
    """Print and store (results/NAME.md) the times of several contestants as ratios to `base`.

    Args:
        times: contestant → seconds of each round; round i of all of them ran side by side, so
            that a busy machine slows all alike. The ratio is the median over rounds.
    Raises:
        ValueError: no rounds, or contestants with different numbers of rounds.
    """
    rounds = {len(seconds) for seconds in times.values()}
    if len(rounds) != 1 or 0 in rounds:
        raise ValueError(f"every contestant needs the same number of rounds, got {rounds}")
    lines = [f"# {title}", "", f"| | ratio to {base} | from – to | median seconds |",
             "|---|---|---|---|"]
    for contestant, seconds in times.items():
        each = [s / b for s, b in zip(seconds, times[base], strict=True)]
        lines.append(f"| {contestant} | {statistics.median(each):.2f} | {min(each):.2f} – "
                     f"{max(each):.2f} | {statistics.median(seconds):.3f} |")
    lines += ["", f"{rounds.pop()} interleaved rounds. {environment(packages)}. {note}".rstrip()]
    text = "\n".join(lines) + "\n"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
    print(text)
    return text


def peak_megabytes() -> float:
    """This process's largest resident memory so far, in MB; NaN where the system does not say.

    Linux also tells it through `resource`, but there a process begins with its parent's peak.
    """
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text(encoding="utf-8"))
        return int(found[1]) * 1024 / 1e6
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def environment(packages: Sequence[str]) -> str:
    """What it ran on: Python, system, package versions; nothing that names a machine."""
    found = []
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} missing")
    return f"Python {platform.python_version()}, {platform.system()}, " + ", ".join(found)
