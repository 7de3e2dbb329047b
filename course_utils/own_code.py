"""The learner's own lines in an error's traceback: not the course's, not a library's."""

from __future__ import annotations

import sysconfig
import traceback
from pathlib import Path

_PACKAGE = str(Path(__file__).resolve().parent)
_LIBRARIES = tuple({sysconfig.get_path(kind) for kind in ("stdlib", "purelib", "platlib")})


def own_frame(error: BaseException) -> traceback.FrameSummary | None:
    """The innermost frame of the learner's code that led to `error`.

    None if no frame is theirs: the call itself failed, or the fault is the course's own.
    """
    own = [frame for frame in traceback.extract_tb(error.__traceback__)
           if _is_learners(frame.filename)]
    return own[-1] if own else None


def _is_learners(filename: str) -> bool:
    if filename.startswith(("<frozen", _PACKAGE, *_LIBRARIES)):
        return False
    return not {"site-packages", "dist-packages"} & set(Path(filename).parts)
