"""Whether a silent agent is still at work: its tree uses processor time, has new processes, or changes files.

Looked at only while there is no output, a few times per limit, so that it costs nothing otherwise.
"""

from __future__ import annotations

import os
from time import monotonic

TICK_S = 0.01
"""Seconds: the grain of the processor time that systems tell."""
IDLE_SHARE = 0.01
"""A tree below one hundredth of a core does not work: timers of a program that waits use less."""
MAX_ENTRIES = 20_000
"""Files of the workdir that are looked at (contract, section 6)."""
MAX_S = 2.0
"""Seconds that looking at them may take."""


class Activity:
    """Compares what a tree has used with what it had used at the look before."""

    __slots__ = ("_at", "_cpu_s", "_pids")

    def __init__(self, at: float, cpu_s: float, pids: set[int]) -> None:
        self._at = at
        self._cpu_s = cpu_s
        self._pids = pids

    def moved(self, at: float, cpu_s: float, pids: set[int]) -> bool:
        """Whether the tree worked since the last look; all times are seconds."""
        least = max(TICK_S / 2, (at - self._at) * IDLE_SHARE)
        worked = cpu_s - self._cpu_s >= least or bool(pids - self._pids)
        self._at, self._cpu_s, self._pids = at, cpu_s, pids
        return worked


def changed_since(folder: bytes, since: float) -> bool:
    """Whether a file below `folder` was changed after `since` (UTC epoch seconds); bounded in its work."""
    left = MAX_ENTRIES
    until = monotonic() + MAX_S
    todo = [folder]
    while todo:
        try:
            entries = list(os.scandir(todo.pop()))
        except OSError:
            continue
        for entry in entries:
            left -= 1
            if left < 0 or monotonic() > until:
                return False
            try:
                if entry.stat(follow_symlinks=False).st_mtime > since:
                    return True
                if entry.is_dir(follow_symlinks=False) and entry.name != b".git":
                    todo.append(entry.path)
            except OSError:
                continue
    return False
