"""The keeper's own keeper: waits for it, and ends what it held, should it be killed.

It is there on Linux where no control group can be had. The keeper is then forked off a process that does
nothing but wait: as a subreaper it inherits all that the keeper leaves, and so ends it for certain.
"""

from __future__ import annotations

import os

from . import posix, prctl, result
from .folder import Folder
from .tree import Tree


def stand(folder: Folder) -> int | None:
    """None in the process that is to be the keeper; in the guard, once that is gone, the exit code."""
    if not prctl.become_subreaper():
        return None
    try:
        keeper = os.fork()
    except OSError:  # no room for another process: then without
        return None
    if keeper == 0:
        return None
    os.close(0)  # that the runner is gone is for the keeper to see
    posix.pass_on(keeper)
    if _wait_for(keeper) != 0:
        survivors = Tree(0, group="", mark=b"", inherits=True).sweep()
        if not result.is_there(folder):
            result.deliver(folder, result.values("lost", error="its keeper was killed", survivors=survivors))
    return 0


def _wait_for(keeper: int) -> int:
    while True:
        pid, status = os.wait()
        if pid == keeper:
            return status
