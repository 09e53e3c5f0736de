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

from llmauto.errors import LlmautoError
from llmauto.locks import try_lock


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
        yield folder is not None and fd >= 0 and _is_shared(fd, folder)
    finally:
        if fd >= 0:
            os.close(fd)


def _is_shared(fd: int, folder: Path) -> bool:
    """Take our share of the lock. Whoever gets the whole of it first is alone."""
    try:
        alone = try_lock(fd, folder, shared=False)
        return not (try_lock(fd, folder, shared=True) and alone)
    except LlmautoError:  # a disk that knows no locks: then nobody is noticed
        return False
