"""A keeper in waiting: it has booted, loaded all it needs while another call is at work, and holds nothing.

Its standard input is a socket to the runner. Over it come the four open files of one call; from then on it
is that call's keeper. Where the runner ends instead, or closes the socket, it is gone at once.
"""

from __future__ import annotations

import os
import sys

from . import program, redact

_FILES = 4
_INT_BYTES = 4
_LOWEST = 2
"""The last of the three files that every process has; more than these it may not hold."""
_LATER = ("_ctypes", "errno", "fcntl", "mmap", "resource")
"""What a keeper otherwise loads when it comes to that: `resource` is `os.wait4`'s."""
TAKEN = b"+"
"""The answer to the runner: the files are here."""


def main() -> int:
    """Wait for a call, then keep it."""
    program.own_session()
    program.close_others(_LOWEST)
    os.chdir("/")  # keep nobody's folder busy
    redact.load()
    for name in _LATER:
        try:  # noqa: SIM105 (contextlib would cost a millisecond of every start)
            __import__(name)
        except ImportError:  # whoever needs it can do without
            pass
    files = _receive()
    if len(files) != _FILES:
        return 0
    for number, fd in enumerate(files):  # a received one is above 2: none is overwritten before its turn
        os.dup2(fd, number)
    return program.main()


def _receive() -> list[int]:
    """The files of a call; none where the runner has no more use for us."""
    import _socket  # without `socket`, which makes enums and costs more than all of our boot

    line = _socket.socket(fileno=0)
    try:
        _, carried, _, _ = line.recvmsg(1, _socket.CMSG_SPACE(_FILES * _INT_BYTES))
        found = [data for level, kind, data in carried if kind == _socket.SCM_RIGHTS]
        if found:
            os.write(0, TAKEN)
    except OSError:  # the runner ended in that moment
        return []
    finally:
        line.detach()
    numbers = b"".join(found)
    return [
        int.from_bytes(numbers[at : at + _INT_BYTES], sys.byteorder)
        for at in range(0, len(numbers), _INT_BYTES)
    ]
