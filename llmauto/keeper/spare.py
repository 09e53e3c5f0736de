"""A keeper that was booted before there is a call for it: started, given a call's files, or let go."""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress

from llmauto.keeper.child.spare import TAKEN
from llmauto.keeper.spawn_posix import boot, reap

ANSWER_S = 10.0
"""Seconds in which it must have taken a call: a hundred times what its boot takes on a busy machine."""


class Spare:
    """One such process, our child. It holds a socket to us and nothing else, and ends when that does."""

    def __init__(self) -> None:
        """Boot it, without waiting for that. Raises `OSError`."""
        self._pid = 0
        self._line, theirs = socket.socketpair()
        nothing = -1
        try:
            nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
            self._pid = boot("--spare", (theirs.fileno(), nothing, nothing))
        except BaseException:
            self._line.close()
            raise
        finally:
            theirs.close()
            if nothing >= 0:
                os.close(nothing)

    def take(self, files: Sequence[int]) -> int:
        """Let it keep the call of these open files; its pid, which is the caller's from then on.

        0 where it did not take them: then it is gone, and nobody else has them.
        """
        with suppress(OSError):
            self._line.sendmsg([TAKEN], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, _packed(files))])
            ready = select.poll()
            ready.register(self._line, select.POLLIN)
            if ready.poll(ANSWER_S * 1000) and self._line.recv(1) == TAKEN:
                pid, self._pid = self._pid, 0
                self.close()
                return pid
        self.close()
        return 0

    def close(self) -> None:
        """End it, unless it keeps a call by now."""
        pid, self._pid = self._pid, 0
        if pid:
            if not self._has_hung_up():  # where it has, the pid may be another's by now
                with suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            reap(pid)
        self._line.close()

    def _has_hung_up(self) -> bool:
        try:
            return self._line.recv(1, socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True


def _packed(files: Sequence[int]) -> bytes:
    return struct.pack(f"{len(files)}i", *files)
