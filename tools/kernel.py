"""The surroundings in which tools run a chapter: the same on every computer.

Headless, one thread (so that another core count does not change the order of a sum), the kernel
of this very environment (never one registered in the user's account), and a throw-away folder for
what a learner's answers would be kept in.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS",
           "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS")


# Settings of a learner that must not leak into what is stored or tested.
PERSONAL = ("COURSE_HEADLESS", "COURSE_SEED", "COURSE_DEVICE", "COURSE_STUDY_DIR")


def test_environment(scratch: Path) -> dict[str, str]:
    """Environment variables for tests: one thread, this kernel, nothing personal.

    Args:
        scratch: an existing, empty folder for everything that is kept.
    """
    kept = {k: v for k, v in os.environ.items() if k not in PERSONAL}
    return kept | {
        "COURSE_STUDY_DIR": str(scratch / "study"),
        "IPYTHONDIR": str(scratch / "ipython"),
        "JUPYTER_CONFIG_DIR": str(scratch / "jupyter"),
        "JUPYTER_PATH": str(Path(sys.prefix) / "share" / "jupyter"),
        "MPLBACKEND": "agg",
        "PYTHONUTF8": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        **dict.fromkeys(THREADS, "1"),
    }


def headless_environment(scratch: Path, seed: int | None = None) -> dict[str, str]:
    """The same for a chapter run by a tool: nobody is there to click."""
    variables = {"COURSE_HEADLESS": "1",
                 "MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    if seed is not None:
        variables["COURSE_SEED"] = str(seed)
    return test_environment(scratch) | variables


def changed(environment: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """`environment` with some variables set otherwise, and without those that are None."""
    merged = {**environment, **changes}
    return {name: value for name, value in merged.items() if value is not None}
