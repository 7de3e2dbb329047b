"""Devices: what is asked for, what is there, and advice where the two differ."""

import ctypes
import re
import socket

import pytest
import torch

from course_utils import device
from course_utils.device import describe_computer, pick_device


@pytest.fixture(autouse=True)
def no_device_in_the_environment(monkeypatch):
    monkeypatch.delenv("COURSE_DEVICE", raising=False)


def gpus(monkeypatch, count):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)


def test_cuda_is_taken_where_it_is_and_the_cpu_elsewhere(monkeypatch):
    gpus(monkeypatch, 0)
    assert pick_device() == torch.device("cpu")
    gpus(monkeypatch, 1)
    assert pick_device() == torch.device("cuda")


def test_the_environment_beats_the_gpu_and_the_argument_beats_both(monkeypatch):
    gpus(monkeypatch, 2)
    monkeypatch.setenv("COURSE_DEVICE", "cpu")
    assert pick_device() == torch.device("cpu")
    assert pick_device("cuda:1") == torch.device("cuda:1")


def test_mps_is_used_only_when_named(monkeypatch):
    gpus(monkeypatch, 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert pick_device() == torch.device("cpu")
    assert pick_device("mps") == torch.device("mps")


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps", "meta", "gpu", "cuda:x"])
def test_a_device_that_is_not_here_is_refused_with_those_that_are(monkeypatch, name):
    gpus(monkeypatch, 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ValueError, match=re.escape(repr(name))) as error:
        pick_device(name)
    assert "'cpu'" in str(error.value)


def test_a_gpu_number_beyond_the_last_is_refused(monkeypatch):
    gpus(monkeypatch, 2)
    with pytest.raises(ValueError, match="'cuda:0', 'cuda:1'"):
        pick_device("cuda:2")


def test_a_bad_device_in_the_environment_is_named_as_such(monkeypatch):
    monkeypatch.setenv("COURSE_DEVICE", "gpu")
    with pytest.raises(ValueError, match="from COURSE_DEVICE"):
        pick_device()


@pytest.mark.parametrize(("cuda", "mps", "built_with", "named", "reason"), [
    (True, False, "12.8", "", "there is a GPU for CUDA, H9000"),
    (False, True, None, "", "float64"),
    (False, False, None, "", "built without CUDA"),
    (False, False, "12.8", "", "no driver"),
    (True, False, "12.8", "cpu", "COURSE_DEVICE is 'cpu'"),
])
def test_the_reason_for_a_device_is_told(monkeypatch, cuda, mps, built_with, named, reason):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "H9000")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    monkeypatch.setattr(torch.version, "cuda", built_with)
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setenv("COURSE_DEVICE", named)

    assert reason in device.why_this_device()


def test_a_torch_device_is_accepted():
    assert pick_device(torch.device("cpu")) == torch.device("cpu")


def test_the_description_is_complete_and_names_nobody():
    lines = describe_computer()
    assert {"system", "python", "torch", "device", "cores", "memory", "torch threads"} <= set(lines)
    assert all(isinstance(value, str) and value for value in lines.values())
    assert lines["torch"] == torch.__version__
    assert int(lines["cores"]) >= 1
    assert socket.gethostname() not in " ".join(lines.values())


def test_memory_is_told_in_gibibytes(monkeypatch):
    sizes = {"SC_PHYS_PAGES": 3 * 2**18, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(device.os, "sysconf", sizes.get, raising=False)
    monkeypatch.setattr(device.os, "sysconf_names", sizes, raising=False)
    assert device._memory() == "3.0 GiB"


def test_memory_on_windows_asks_its_api(monkeypatch):
    monkeypatch.delattr(device.os, "sysconf", raising=False)
    monkeypatch.setattr(device.platform, "system", lambda: "Windows")
    monkeypatch.setattr(device, "_windows_memory", lambda: 2**34)
    assert device._memory() == "16.0 GiB"
    monkeypatch.setattr(device, "_windows_memory", lambda: 0)
    assert device._memory() == "unknown"


def test_the_windows_structure_has_the_size_that_its_api_expects():
    assert ctypes.sizeof(device._MemoryStatus) == 64
