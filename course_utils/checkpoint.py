"""Keep a training on disk, and go on from there after the kernel was restarted.

    save("run.pt", model=model, optimizer=optimizer, generator=generator)
    load("run.pt", model=model, optimizer=optimizer, generator=generator)

`fit` then goes on bit for bit as if nothing had happened (chapter 01: what a checkpoint holds).
"""

from __future__ import annotations

import copy
import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from .files import write_whole


class CheckpointError(ValueError):
    """A checkpoint cannot be used; the message says why. Nothing was changed, no code has run."""


def save(path: Path | str, **parts: Any) -> None:
    """Write the state of `parts` in one move: the checkpoint before stays until this one is whole.

    Args:
        parts: name -> what has `state_dict` and `load_state_dict` (model, optimizer, scheduler),
            or a `torch.Generator`.
    Raises:
        NotWrittenError: disk full, no such folder; an earlier checkpoint is as it was.
    """
    buffer = io.BytesIO()  # first in memory: torch.save on a full disk leaves half a file
    torch.save({name: _state(part) for name, part in parts.items()}, buffer)
    write_whole(path, buffer.getvalue())


def load(path: Path | str, **parts: Any) -> None:
    """Give `parts` the state that `save` wrote under the same names.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: the file is damaged, names code, or was written for other parts.
    """
    path = Path(path)
    states = _read(path)
    if set(states) != set(parts):
        raise CheckpointError(f"{path} holds {', '.join(states)}; you asked for {', '.join(parts)}")
    before = {name: copy.deepcopy(_state(part)) for name, part in parts.items()}
    try:
        for name, part in parts.items():
            _restore(part, states[name])
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        for one, part in parts.items():
            _restore(part, before[one])
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(f"{path} was written for another {name}: {reason}") from error


def _read(path: Path) -> dict[str, Any]:
    raw = path.read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            damaged = archive.testzip()  # compares every checksum
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        damaged = str(error)
    if damaged:
        raise CheckpointError(f"{path} is damaged, or no checkpoint ({damaged}): take an earlier "
                              "one, or train anew")  # fmt: skip
    try:
        states = torch.load(io.BytesIO(raw), weights_only=True, map_location="cpu")
    except pickle.UnpicklingError as error:
        raise CheckpointError(f"{path} names code to run and is refused; none of it has run. Load "
                              "only files of people you trust") from error  # fmt: skip
    except (RuntimeError, EOFError, KeyError) as error:
        raise CheckpointError(f"{path} is no checkpoint ({error})") from error
    if not isinstance(states, dict):
        raise CheckpointError(f"{path} holds no parts by name, but a {type(states).__name__}")
    return states


def _state(part: Any) -> Any:
    return part.get_state() if isinstance(part, torch.Generator) else part.state_dict()


def _restore(part: Any, state: Any) -> None:
    if isinstance(part, torch.Generator):
        part.set_state(state)
    else:
        part.load_state_dict(state)
