"""Several workers run one script: python launch.py WORKERS SCRIPT [ARGUMENT …]

For Windows. There torchrun cannot start: it opens its store with libuv, which PyTorch's packages
for Windows lack (pytorch/pytorch issue 148283). Each worker finds what torchrun would have told
it, in RANK, LOCAL_RANK, WORLD_SIZE and MASTER_PORT. If one fails, the others are ended.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence


def launch(workers: int, command: Sequence[str]) -> int:
    """Run `python command` in `workers` processes; 0 if all of them end with 0, else 1."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = {"WORLD_SIZE": str(workers), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    processes = []
    try:
        for rank in range(workers):
            own = {"RANK": str(rank), "LOCAL_RANK": str(rank)}
            processes.append(
                subprocess.Popen([sys.executable, *command], env=os.environ | told | own))
        while None in (codes := [process.poll() for process in processes]) and not any(codes):
            time.sleep(0.05)
    finally:
        for process in processes:
            process.kill()
    return int(any(process.wait() for process in processes))


if __name__ == "__main__":
    sys.exit(launch(int(sys.argv[1]), sys.argv[2:]))
