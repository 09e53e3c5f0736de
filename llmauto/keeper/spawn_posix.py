"""Puts a keeper to work on Linux and macOS: four open files, no environment, a session of its own."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from llmauto.keeper.child.folder import Folder
from llmauto.keeper.following import Link

PROGRAM = Path(__file__).with_name("run_keeper.py")
_LOWEST = 10
"""The files are moved above this number first, so that none is in the place of another (0 to 3)."""
_HAND_OVER_S = 30.0
_KEPT_VARIABLES = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Some Pythons do not start without; nothing else of our environment is the keeper's, or to be read there."""


class PosixLink(Link):
    """Two pipes and a child. The end of `order` tells the keeper that we are gone, that of `life` us."""

    __slots__ = ("_life", "_order", "_pid")

    def __init__(self, pid: int, order: int, life: int) -> None:
        super().__init__()
        self._pid = pid
        self._order = order
        self._life = life

    def has_hung_up(self, wait_s: float) -> bool:
        """Wait up to `wait_s` seconds for the keeper's end."""
        ready = select.poll()
        ready.register(self._life, select.POLLIN)
        while ready.poll(wait_s * 1000):
            data = os.read(self._life, 65536)
            if not data:
                reap(self._pid)
                self._pid = 0
                self.close()
                return True
            self.said += data
        return False

    def tell(self, how: str) -> None:
        """Wake the keeper with a wish; it may be ending already."""
        with contextlib.suppress(OSError):
            os.write(self._order, how.encode() + b"\n")

    def kill(self) -> None:
        """KILL our own child, the keeper or its guard."""
        if self._pid:
            with contextlib.suppress(OSError):
                os.kill(self._pid, signal.SIGKILL)

    def close(self) -> None:
        """Let go of the keeper."""
        for fd in (self._order, self._life):
            if fd >= 0:
                os.close(fd)
        self._order = self._life = -1


def spawn(
    folder: Path, held: int, message: bytes, taker: Callable[[Sequence[int]], int] | None = None
) -> Link:
    """Put a keeper to work with the lock `held`, and hand it its order. Raises `OSError`.

    `taker` gives the files to a process that is to be the keeper, and returns its pid; 0 = there is none,
    and one is started.
    """
    order_r, order = os.pipe()
    life, life_w = os.pipe()
    log = -1
    try:
        log = _open_log(folder)
        files = (order_r, life_w, log, held)
        pid = taker(files) if taker is not None else 0
        pid = pid or boot(str(folder), files)
    except BaseException:
        os.close(order)
        os.close(life)
        raise
    finally:
        for fd in (order_r, life_w, log):
            if fd >= 0:
                os.close(fd)
    _hand_over(order, message)
    return PosixLink(pid, order, life)


def boot(word: str, files: Sequence[int]) -> int:
    """Start the keeper's program with these files as its 0, 1, 2 … alone; its pid. Raises `OSError`.

    `word` is the call's folder, which is there for people to see; or "--spare".
    """
    if not sys.executable:
        raise FileNotFoundError(2, "the path of this Python is unknown")
    argv = [sys.executable, "-I", "-S", str(PROGRAM), word]
    env = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    lent: list[int] = []
    try:
        lent.extend(fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _LOWEST) for fd in files)
        actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(lent)]
        try:
            return os.posix_spawn(sys.executable, argv, env, file_actions=actions, setsid=True, setsigmask=())
        except NotImplementedError:  # an old C library; the keeper makes its own session as its first act
            return os.posix_spawn(sys.executable, argv, env, file_actions=actions, setsigmask=())
    finally:
        for fd in lent:
            os.close(fd)


def reap(pid: int) -> None:
    """Take in the end of a child of ours, which is ending."""
    with contextlib.suppress(ChildProcessError):  # where the host program reaps all children itself
        os.waitpid(pid, 0)


def _open_log(folder: Path) -> int:
    place = Folder(os.fsencode(folder))
    try:
        return place.open("keeper.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    finally:
        place.close()


def _hand_over(order: int, message: bytes) -> None:
    """A keeper that ends before it has read everything is seen by its result's absence."""
    os.set_blocking(order, False)
    ready = select.poll()
    ready.register(order, select.POLLOUT)
    rest = memoryview(message)
    while rest and ready.poll(_HAND_OVER_S * 1000):
        try:
            rest = rest[os.write(order, rest) :]
        except BlockingIOError:
            continue
        except OSError:
            return
