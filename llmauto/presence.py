"""Is a runner at work in a folder, of whatever home? Each holds a shared lock on the folder itself.

Nothing is written into a person's folder for it, and the system takes the lock back when its holder is gone.
It only serves a warning: where folders cannot be locked (Windows, network drives) nobody is noticed.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def at_work_in(folder: Path | None) -> Iterator[bool]:
    """Be at work in the folder within; None stands for one that nobody else can work in.

    Gives whether another runner was at work there before. Raises nothing of its own.
    """
    try:
        fd = -1 if folder is None or sys.platform == "win32" else os.open(folder, os.O_RDONLY)
    except OSError:
        fd = -1
    try:
        yield fd >= 0 and _is_shared(fd)
    finally:
        if fd >= 0:
            os.close(fd)


if sys.platform == "win32":

    def _is_shared(fd: int) -> bool:
        return False

else:
    import fcntl

    def _is_shared(fd: int) -> bool:
        """Take our share of the lock. Whoever gets the whole of it first is alone."""
        alone = _locked(fd, fcntl.LOCK_EX)
        return not (_locked(fd, fcntl.LOCK_SH) and alone)

    def _locked(fd: int, how: int) -> bool:
        try:
            fcntl.flock(fd, how | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a disk that knows no locks: then nobody is noticed
            return True
        return True
