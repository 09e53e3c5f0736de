"""Starts a call: its folder is made ready, its lock taken, and a keeper put to work."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import time

from llmauto.errors import DiskError
from llmauto.keeper import lock, records
from llmauto.keeper.child import wire
from llmauto.keeper.child.folder import WRITE, Folder
from llmauto.keeper.child.result import NAME as RESULT
from llmauto.keeper.child.result import RESERVE, RESERVED_BYTES
from llmauto.keeper.following import KeptCall, Link
from llmauto.keeper.values import Ended, Launch
from llmauto.rules.secrets import Secret, secrets_in

_NO_FILES = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN)
MARK = "LLMAUTO_CALL"


Taker = Callable[[Sequence[int]], int]
"""Gives the files of a call to a process that is to keep it: see `spawn_posix.spawn`."""


def start(folder: Path, launch: Launch, *, taker: Taker | None = None) -> KeptCall:
    """Start the call in `folder`, which exists and is its own; in a keeper that `taker` has, if it has one.

    Raises `DiskError` where nothing can be written there, and `BusyError` where a keeper holds it. All
    else that keeps the agent from running is the call's own end, "not_started".
    """
    folder = folder.absolute()
    try:
        order = make_order(folder, launch)
        message = wire.pack(order)
    except (wire.BadOrderError, UnicodeError) as error:  # a NUL, or a lone surrogate
        return _stillborn(folder, f"EINVAL: {error}")
    try:
        place = Folder(order.folder)
        try:
            held = _prepare(place, launch, order)
        finally:
            place.close()
    except OSError as error:
        if error.errno in _NO_FILES:
            return _stillborn(folder, _named(error))
        raise DiskError(f"{folder}: the call's folder cannot be written: {error.strerror}") from error
    try:
        link = _spawn(folder, held, message, taker)
    except OSError as error:
        return _stillborn(folder, f"keeper: {_named(error)}")
    finally:
        os.close(held)
    return KeptCall(folder, link=link, bounds=records.bounds_of(launch))


def make_order(folder: Path, launch: Launch) -> wire.Order:
    """The launch as the keeper takes it."""
    order = wire.Order()
    order.folder = os.fsencode(folder)
    order.cwd = os.fsencode(Path(launch.cwd).absolute())
    order.stdin = os.fsencode(Path(launch.stdin).absolute()) if launch.stdin else b""
    order.argv = [os.fsencode(argument) for argument in launch.argv]
    mark = os.urandom(8).hex()
    # A llmauto that an agent starts keeps the outer call's mark beside its own: both can be found by it.
    outer = launch.env.get(MARK, "").split()[-7:]
    env = {**launch.env, MARK: " ".join([*outer, mark])}
    order.env = {os.fsencode(name): os.fsencode(value) for name, value in env.items()}
    order.mark = mark.encode()
    order.secrets = [
        (os.fsencode(one.name), os.fsencode(one)) for one in secrets_in(launch.env, launch.secrets)
    ]
    order.timeout_s, order.grace_s = launch.timeout_s, launch.grace_s
    order.start_silence_s, order.stall_s = launch.start_silence_s, launch.stall_s
    order.output_cap, order.memory_cap = launch.output_cap, launch.memory_cap
    order.finish_alone = int(launch.finish_alone)
    return order


def _prepare(place: Folder, launch: Launch, order: wire.Order) -> int:
    """Take the lock, clear what an earlier attempt left, and write what must be there. The lock."""
    held = lock.take(place)
    try:
        for name in place.names():
            if name in (RESULT, records.NOTES, records.FLAG) or name.startswith(("stdout", "stderr")):
                place.remove(name)
        place.write(records.SPEC, _without_secrets(records.spec_text(launch, order.mark.decode()), order))
        for name in ("stdout", "stderr"):
            os.close(place.open(name, WRITE))
        fd = place.open(RESERVE, WRITE | os.O_TRUNC)
        try:
            os.write(fd, b" " * RESERVED_BYTES)
        finally:
            os.close(fd)
    except BaseException:
        os.close(held)
        raise
    return held


def _without_secrets(text: bytes, order: wire.Order) -> bytes:
    """An argument may hold what should be in the environment alone."""
    found = [Secret(os.fsdecode(value), os.fsdecode(name)) for name, value in order.secrets]
    if not found:
        return text
    from llmauto.rules.redaction import Redactor

    return Redactor(found).data(text)


def _spawn(folder: Path, held: int, message: bytes, taker: Taker | None) -> Link:
    if sys.platform == "win32":
        from llmauto.keeper import spawn_windows

        return spawn_windows.spawn(folder, message)  # the keeper takes the lock itself
    from llmauto.keeper import spawn_posix

    return spawn_posix.spawn(folder, held, message, taker)


def _stillborn(folder: Path, error: str) -> KeptCall:
    ended = Ended(exit_code=None, ended_by="not_started", error=error, started_at=time())
    call = KeptCall(folder, ended=ended)
    call.adopted = False
    return call


def _named(error: OSError) -> str:
    return f"{errno.errorcode.get(error.errno or 0, 'EUNKNOWN')}: {error.strerror}"
