"""Who runs a chain? Whoever holds the lock on `calls/.locks/<chain>.lock`.

The system gives the lock away and takes it back when its holder is gone, be it by kill -9 or a reboot:
nothing is ever stale, and nothing has to be removed by hand. The file itself is never deleted, else two
runners could hold locks on two files of one name. What is written in it (pid, host, since when) is for
people and decides nothing. Its time of change is the holder's heartbeat.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from llmauto import files
from llmauto.errors import BusyError, LlmautoError

RETRY_S = 0.3
"""How long a lock is tried for: who only looks at it holds it for an instant."""
QUIET_S = 30.0
"""A holder that gave no sign for so long is shown as such; the lock still decides."""

_INFO_CAP = 1024
_LOCK_AT = 1 << 30
"""Where Windows locks one byte: not where the text stands, since a locked byte cannot be read there."""

_TAKEN = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


class Holder(NamedTuple):
    """What a holder says of itself. `since` and `beat_at` are UTC epoch seconds; 0 and "" are unknown."""

    pid: int = 0
    host: str = ""
    since: float = 0.0
    run: str = ""
    beat_at: float = 0.0


class RunnerLock:
    """The lock of one chain, held until `release` or the end of this process. No child inherits it."""

    def __init__(self, path: Path, fd: int, info: Mapping[str, object]) -> None:
        self.path = path
        self._fd = fd
        self._info = info

    @classmethod
    def acquire(cls, path: Path, info: Mapping[str, object]) -> RunnerLock:
        """Take the lock; `info` has `pid`, `host` and, if known, `run`.

        Raises `BusyError` that says who has it; `DiskError` where the file cannot be made; `LlmautoError`
        where the disk knows no locks.
        """
        files.make_private_dir(path.parent)
        lock = cls(path, _take(path), {"since": time.time(), **info})
        lock._tell()
        return lock

    def beat(self) -> None:
        """Give a sign of life. Also mends what an agent may have done: the file is there, and it is ours."""
        if self._fd < 0:
            return
        if not _is_at(self._fd, self.path):
            # Whoever starts the chain now would lock another file. If somebody did already, it is too late.
            with contextlib.suppress(LlmautoError):
                files.make_private_dir(self.path.parent)
                fresh = _take(self.path)
                os.close(self._fd)
                self._fd = fresh
                self._tell()
        with contextlib.suppress(OSError):
            os.utime(self._fd if os.utime in os.supports_fd else self.path)

    def release(self) -> None:
        """Give the lock back. The file stays, with nothing in it."""
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = -1

    def _tell(self) -> None:
        """Say who holds it. What goes wrong here is passed over: it is for people only."""
        import json

        line = json.dumps(dict(self._info), default=str).encode("utf-8", errors="replace") + b"\n"
        with contextlib.suppress(OSError):
            os.lseek(self._fd, 0, os.SEEK_SET)
            os.write(self._fd, line[:_INFO_CAP])
            os.ftruncate(self._fd, len(line[:_INFO_CAP]))

    def __enter__(self) -> RunnerLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def holder(path: Path) -> Holder | None:
    """Who holds the lock right now; None where nobody does, or can. Never waits, makes no file."""
    try:
        with files.open_to_read(path) as file:
            return None if try_lock(file.fileno(), path, shared=True) else _read(file.fileno())
    except (OSError, LlmautoError):
        return None


def busy(path: Path, who: Holder) -> BusyError:
    """The error for a chain that another runner holds."""
    by = f"process {who.pid} on {who.host or 'this machine'}" if who.pid else "another process"
    since = f", since {_local(who.since)}" if who.since else ""
    run = f", run {who.run}" if who.run else ""
    quiet = time.time() - who.beat_at
    silent = f"; no sign of life for {int(quiet)} s" if who.beat_at and quiet > QUIET_S else ""
    name = path.stem
    return BusyError(
        f"chain `{name}` is running already: {by}{since}{run}{silent}",
        hint=f"see it with `llmauto chain status {name}`, end it with `llmauto chain stop {name}`",
    )


def _take(path: Path) -> int:
    """The descriptor of the file that stands at `path`, locked."""
    until = time.monotonic() + RETRY_S
    while True:
        fd = files.open_private(path)
        try:
            locked = try_lock(fd, path, shared=False)
            if locked and _is_at(fd, path):
                return fd
            if time.monotonic() >= until:
                raise busy(path, Holder() if locked else _read(fd))
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)
        _wait(0.02)


def _is_at(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.lstat())
    except OSError:
        return False


def _read(fd: int) -> Holder:
    """What the holder wrote; whatever is no such text is left out."""
    import json

    try:
        beat_at = os.fstat(fd).st_mtime
        os.lseek(fd, 0, os.SEEK_SET)
        data = json.loads(os.read(fd, _INFO_CAP).split(b"\n", 1)[0])
        pid, host, since = int(data["pid"]), str(data["host"]), float(data["since"])
        return Holder(pid, host, since, str(data.get("run", "")), beat_at)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return Holder()


def _local(at: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
    except (OverflowError, ValueError, OSError):
        return "an unknown time"


def try_lock(fd: int, path: Path, *, shared: bool) -> bool:
    """Take a lock on the open file at `path`, or change the one held; False where another is in the way.

    Raises `LlmautoError` where the disk knows no locks, `DiskError`.
    """
    try:
        _lock(fd, shared=shared)
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        if error.errno in _NO_LOCKS:
            raise LlmautoError(
                f"the disk that holds `{path}` cannot lock files",
                hint="a network drive? keep the home on a local disk, and name it with `--home DIR`",
            ) from error
        raise files.disk_error(error, path, "lock") from error
    return True


if sys.platform == "win32":
    import msvcrt

    def _lock(fd: int, *, shared: bool) -> None:
        os.lseek(fd, _LOCK_AT, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        if shared:  # only a look: there are no shared locks here
            os.lseek(fd, _LOCK_AT, os.SEEK_SET)
            msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(fd: int, *, shared: bool) -> None:
        fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)


def _wait(seconds: float) -> None:
    from threading import Event

    Event().wait(seconds)
