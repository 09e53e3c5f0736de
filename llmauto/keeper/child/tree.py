"""All processes of one call: who they are, what they use, and their certain end.

On Linux the keeper inherits every orphan, so the tree is complete. Elsewhere (`posix_tree`) it is the
agent's session and what was seen below it. This module was written for both; it was run on Linux.
"""

from __future__ import annotations

import os
import select
import sys
from time import monotonic

from . import cgroup, linux_tree
from .posix import CONT, KILL
from .watch import TICK_S

LINUX = sys.platform.startswith("linux")
SWEEP_S = 5.0
"""Seconds after which a process that does not die (one in an uninterruptible wait) is left alone."""


class Tree:
    """The processes below the keeper. `status` and `usage` are the agent's own, once it was reaped."""

    __slots__ = ("agent", "cpu_s", "group", "max_rss", "members", "status")

    def __init__(self, agent: int, group: str) -> None:
        self.agent = agent
        self.group = group
        self.status: int | None = None
        self.members: list[linux_tree.Process] = []
        self.max_rss = 0
        self.cpu_s = 0.0

    def reap(self) -> int:
        """Wait for all that have ended; the number of those, -1 when there is no child left at all."""
        count = 0
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return -1
            if pid == 0:
                return count
            count += 1
            self.cpu_s += usage.ru_utime + usage.ru_stime
            self.max_rss = max(self.max_rss, usage.ru_maxrss * (1024 if LINUX else 1))
            if pid == self.agent:
                self.status = status

    def look(self) -> list[linux_tree.Process]:
        """Everybody who lives below the keeper now; the last known where that cannot be seen."""
        try:  # noqa: SIM105
            self.members = [one for one in linux_tree.descendants(os.getpid()) if one.state != b"Z"]
        except OSError:
            pass
        return self.members

    def used(self) -> tuple[float, set[int]]:
        """The processor seconds of all that live and of all that were reaped, and the pids that live."""
        living = self.look()
        return self.cpu_s + sum(one.cpu for one in living) * TICK_S, {one.pid for one in living}

    def memory(self) -> int:
        """Bytes that the tree holds for itself alone, without what it shares."""
        return sum(linux_tree.private_memory(pid) for pid in linux_tree.quick_descendants(os.getpid()))

    def signal(self, number: int) -> None:
        """Signal everybody, and wake those that are stopped, so that they can act on it."""
        for one in self.look():
            if linux_tree.send(one, number):
                linux_tree.send(one, CONT)

    def kill_agent(self) -> None:
        """KILL the agent's own process."""
        if self.status is None:
            linux_tree.kill_child(self.agent)

    def sweep(self) -> int:
        """KILL everybody until nobody is left; the number of those that had to be killed."""
        until = monotonic() + SWEEP_S
        killed: set[int] = set()
        pause_ms = 0
        while self.reap() >= 0 and monotonic() < until:
            cgroup.kill(self.group)
            fresh = self._kill_round(killed)
            pause_ms = 0 if fresh else min(20, pause_ms + 1)
            select.select([], [], [], pause_ms / 1000)
        return len(killed - {self.agent})

    def _kill_round(self, killed: set[int]) -> bool:
        """One round of KILLs. Children first and fast: that is how one is caught that forks without end."""
        before = len(killed)
        for pid in linux_tree.children(os.getpid()):
            linux_tree.kill_child(pid)
            if pid not in killed and linux_tree.is_living(pid):
                killed.add(pid)
        for one in self.look():
            if one.pid not in killed and linux_tree.send(one, KILL):
                killed.add(one.pid)
        return len(killed) > before
