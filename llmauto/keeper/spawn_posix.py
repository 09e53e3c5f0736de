"""Puts a keeper to work on Linux and macOS: four open files, no environment, a session of its own."""

from __future__ import annotations

import fcntl
import os
import select
import sys
from pathlib import Path

from llmauto.keeper.child.folder import Folder
from llmauto.keeper.following import Link

PROGRAM = Path(__file__).with_name("run_keeper.py")
_LOWEST = 10
"""The files are moved above this number first, so that none is in the place of another (0 to 3)."""
_HAND_OVER_S = 30.0
_KEPT_VARIABLES = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Some Pythons do not start without; nothing else of our environment is the keeper's, or to be read there."""


def spawn(folder: Path, held: int, message: bytes) -> Link:
    """Start the keeper with the lock `held` and hand it its order. Raises `OSError`."""
    if not sys.executable:
        raise FileNotFoundError(2, "the path of this Python is unknown")
    order_r, order = os.pipe()
    life, life_w = os.pipe()
    log = -1
    lent: list[int] = []
    try:
        log = _open_log(folder)
        lent = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _LOWEST) for fd in (order_r, life_w, log, held)]
        pid = _spawn(folder, lent)
    except BaseException:
        os.close(order)
        os.close(life)
        raise
    finally:
        for fd in (order_r, life_w, log, *lent):
            if fd >= 0:
                os.close(fd)
    _hand_over(order, message)
    return Link(pid, order, life)


def _spawn(folder: Path, files: list[int]) -> int:
    argv = [sys.executable, "-I", "-S", str(PROGRAM), str(folder)]
    env = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(files)]
    try:
        return os.posix_spawn(sys.executable, argv, env, file_actions=actions, setsid=True, setsigmask=())
    except NotImplementedError:  # an old C library; the keeper makes its own session as its first act
        return os.posix_spawn(sys.executable, argv, env, file_actions=actions, setsigmask=())


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
