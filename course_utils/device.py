"""Which device to compute on, and what this computer is."""

from __future__ import annotations

import ctypes
import os
import platform
from importlib import metadata

import torch


def pick_device(name: str | torch.device | None = None) -> torch.device:
    """The device to put model and data on.

    Args:
        name: "cpu", "cuda", "cuda:1" or "mps". None takes the environment variable COURSE_DEVICE,
            else a CUDA GPU if there is one, else the CPU. Apple's "mps" is used only when named:
            it has no float64, which several chapters need.
    Returns:
        a device that PyTorch reports as present; nothing has been computed on it yet.
    Raises:
        ValueError: no such device here, or not the name of a device; the message says what to do.
    """
    asked = str(name) if name is not None else os.environ.get("COURSE_DEVICE", "").strip()
    if not asked:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    origin = "" if name is not None else " (from COURSE_DEVICE)"
    try:
        device = torch.device(asked)
    except RuntimeError:
        raise ValueError(
            f"{asked!r}{origin} is not the name of a device; here you can use {_available()}"
        ) from None
    if device.type not in ("cpu", "cuda", "mps") or not _is_here(device):
        raise ValueError(
            f"There is no {asked!r}{origin} here; you can use {_available()}.{_why(device)}"
        )
    return device


def why_this_device() -> str:
    """Why `pick_device()` gives what it gives, in words."""
    asked = os.environ.get("COURSE_DEVICE", "").strip()
    if asked:
        return f"COURSE_DEVICE is {asked!r}"
    if torch.cuda.is_available():
        return f"there is a GPU for CUDA, {torch.cuda.get_device_name()}"
    if torch.backends.mps.is_available():
        return "Apple's GPU has no float64, which several chapters need; COURSE_DEVICE=mps takes it"
    if _without_cuda():
        return "the PyTorch installed here is built without CUDA"
    return "PyTorch finds no GPU for CUDA, or no driver for it"


def describe_computer() -> dict[str, str]:
    """What this run ran on: system, versions, device, cores, memory, threads.

    Returns:
        name -> value in words, without anything that identifies the computer or its user.
    """
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": _version("numpy"),
        "matplotlib": _version("matplotlib"),
        "ipywidgets": _version("ipywidgets"),
        "device": _device_in_words(),
        "cores": str(_cores()),
        "memory": _memory(),
        "torch threads": str(torch.get_num_threads()),
    }


def _is_here(device: torch.device) -> bool:
    if device.type == "cpu":
        return True
    if device.type == "cuda":
        return torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()
    return torch.backends.mps.is_available()


def _available() -> str:
    names = ["'cpu'"]
    if torch.cuda.is_available():
        names += [f"'cuda:{i}'" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        names.append("'mps'")
    return ", ".join(names)


def _why(device: torch.device) -> str:
    if device.type == "cuda" and _without_cuda():
        return " (The PyTorch installed here is built without CUDA.)"
    return ""


def _without_cuda() -> bool:
    return torch.version.cuda is None and torch.version.hip is None


def _device_in_words() -> str:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return f"cuda ({torch.cuda.get_device_name()})" if device.type == "cuda" else "cpu"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _cores() -> int:
    """Cores that this process may use (a container often gets fewer than the computer has)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory() -> str:
    """Memory of the computer in GiB, without a package of its own for it."""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    elif platform.system() == "Windows":
        size = _windows_memory()
    else:
        size = 0
    return f"{size / 2**30:.1f} GiB" if size > 0 else "unknown"


class _MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX of the Windows API."""

    _fields_ = [
        ("length", ctypes.c_uint32),
        ("load", ctypes.c_uint32),
        *[(name, ctypes.c_uint64) for name in ("total", "free", "p", "pf", "v", "vf", "ext")],
    ]


def _windows_memory() -> int:
    status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
    if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return 0
    return status.total
