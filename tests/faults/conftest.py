"""A disk that fills up, without filling one."""

import os
import sys
from contextlib import contextmanager

import pytest

from course_utils import files


@contextmanager
def _room_for(size):
    """A file may grow to `size` bytes; whoever writes more gets an error half-way."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def _full_at_the_end():
    """Everything is written, and then the disk says that it had no room."""
    def full(_):
        raise OSError(28, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files.os, "fsync", full)
        yield


@pytest.fixture(params=["half-way", "at the end"])
def full_disk(request):
    """A context in which no file larger than 40 bytes can be written."""
    if request.param == "at the end":
        return _full_at_the_end
    if sys.platform == "win32":
        pytest.skip("Windows has no limit for the size of a file")
    return lambda: _room_for(40)


@pytest.fixture
def only():
    """The names in a folder, hidden ones included."""
    return lambda folder: sorted(os.listdir(folder))
