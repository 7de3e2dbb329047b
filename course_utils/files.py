"""Write a file in one move: whoever reads it sees the old content or the new one, never half.

Everything that the course keeps (progress, stored results, checkpoints, notebooks) is written here.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path


class NotWrittenError(OSError):
    """A file could not be written; the message says which and why. The old file is as it was."""


def write_whole(path: Path | str, content: str | bytes) -> None:
    """Put `content` in the place of what `path` holds; the folder has to exist.

    Args:
        content: bytes, or text (stored as UTF-8, line ends as they are).
    Raises:
        NotWrittenError: disk full, no permission, no such folder. What was there before is as it
            was, and nothing else is left behind.
    """
    path = Path(os.path.realpath(path))  # a link stays a link
    new = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.new")
    try:
        with new.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())  # else a power cut may leave the new name with no content
        with suppress(OSError):
            shutil.copymode(path, new)
        move(new, path)
    except OSError as error:
        told = NotWrittenError(f"{path} could not be written ({error.strerror or error}); "
                               "what was there before is as it was")  # fmt: skip
        told.errno = error.errno
        raise told from error
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)


def move(source: Path, target: Path) -> None:
    """Rename `source` to `target`, replacing it.

    Raises:
        OSError: it cannot be renamed; both files are as they were.
    """
    for attempt in range(5):
        try:
            os.replace(source, target)
            return
        except PermissionError:  # Windows, while somebody has the file open
            if attempt == 4:
                raise
            time.sleep(0.05)
