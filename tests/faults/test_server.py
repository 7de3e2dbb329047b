"""The server that `python course.py lab` starts: this computer only, and only with its token."""

import contextlib
import json
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from ipaddress import ip_address

import psutil
import pytest

from tools import lab


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """JupyterLab as the course starts it: (port, token, process); the token is as it printed it."""
    folder, private = tmp_path_factory.mktemp("my_course"), tmp_path_factory.mktemp("private")
    (folder / "00_x.ipynb").write_text(json.dumps(
        {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JUPYTER")} | {
        f"JUPYTER_{kind}_DIR": str(private / kind) for kind in ("CONFIG", "RUNTIME", "DATA")}
    log = private / "log"
    with log.open("wb") as said:
        process = subprocess.Popen(lab.jupyter_command(folder / "00_x.ipynb", port, False),
                                   cwd=folder, env=environment, stdout=said, stderr=said)
        try:
            yield port, _token(process, log), process
        finally:
            process.terminate()
            process.wait(20)


def _token(process, log):
    until = time.monotonic() + 90  # a busy computer
    while time.monotonic() < until and process.poll() is None:
        if found := re.search(rb"[?&]token=([0-9a-f]+)", log.read_bytes()):
            return found.group(1).decode()
        time.sleep(0.1)
    raise AssertionError(log.read_text(errors="replace")[-2000:])


def status(port, path, token=None, host="localhost"):
    request = urllib.request.Request(f"http://{host}:{port}{path}")
    if token:
        request.add_header("Authorization", f"token {token}")
    until = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.url
        except urllib.error.HTTPError as error:
            return error.code, error.url
        except OSError:  # it prints its address a moment before it listens
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def test_the_token_is_long_and_new(server):
    assert len(server[1]) >= 48  # hexadecimal digits: 192 bits


def test_nothing_is_given_away_without_the_token(server):
    port, token, _ = server
    assert status(port, "/api/contents", token)[0] == 200
    for wrong in (None, "0" * len(token)):
        for path in ("/api/contents", "/api/kernels", "/api/terminals", "/files/00_x.ipynb"):
            code, address = status(port, path, wrong)
            assert code in (401, 403) or "/login" in address, path
    assert "/login" in status(port, "/lab")[1]


def test_the_server_answers_on_this_computer_only(server):
    """Its sockets themselves: which addresses this computer has, and whether any, is no matter."""
    port, _, process = server
    status(port, "/login")  # it listens now
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    listening = []
    for each in family:
        with contextlib.suppress(psutil.NoSuchProcess):  # a child may be gone by now
            listening += [one.laddr for one in each.net_connections("inet")
                          if one.status == psutil.CONN_LISTEN]
    assert port in {address.port for address in listening}
    assert [address for address in listening if not ip_address(address.ip).is_loopback] == []
