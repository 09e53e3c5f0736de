"""Whether a call's keeper lives: it does as long as it holds the lock on the file `lock` in the folder.

The runner takes the lock before the start and hands it over as an open file, so there is no moment in
which nobody holds it; the system frees it when the keeper is gone, however that came about. On Windows
locks are not inherited: there the keeper takes it itself before it says that it has begun.
"""

from __future__ import annotations

import os
import sys

from llmauto.errors import BusyError
from llmauto.keeper.child.folder import READ, WRITE, Folder

NAME = "lock"


def take(folder: Folder) -> int:
    """The lock, as an open file. Raises `BusyError` where a keeper holds it, `OSError`."""
    fd = folder.open(NAME, WRITE)
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise BusyError("this call is held by a living keeper") from None
        except OSError:
            os.close(fd)
            raise
    return fd


def is_held(folder: Folder) -> bool:
    """Whether a keeper lives. Looking does not stand in the way of others who look."""
    try:
        fd = folder.open(NAME, READ)
    except OSError:
        return False
    try:
        return _is_locked(fd)
    finally:
        os.close(fd)


def _is_locked(fd: int) -> bool:
    if sys.platform == "win32":
        from llmauto.keeper.child import windows

        return windows.is_locked(fd)
    import fcntl

    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
