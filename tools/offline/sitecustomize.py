"""Forbids every connection that leaves this computer, in each Python started with this on its path.

For the row "network-blocked" of tools/matrix.py where the system cannot take the network away
itself. Connections to this computer stay: a kernel is talked to over them.
"""

import socket

HERE = ("127.", "::1", "localhost")
WORDS = "the network is blocked for this trial"


def _refuse_elsewhere(family, address):
    if family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(HERE):
        raise OSError(WORDS)


def _guarded(method):
    def guarded(self, *arguments):
        _refuse_elsewhere(self.family, arguments[-1])
        return method(self, *arguments)
    return guarded


def _look_up(host, *arguments, _look_up=socket.getaddrinfo, **more):
    if host and not str(host).startswith(HERE):
        raise OSError(WORDS)
    return _look_up(host, *arguments, **more)


for _name in ("connect", "connect_ex", "sendto"):
    setattr(socket.socket, _name, _guarded(getattr(socket.socket, _name)))
socket.getaddrinfo = _look_up
