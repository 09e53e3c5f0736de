"""All processes of one call: who they are, what they use, and their certain end.

On Linux a keeper that is a subreaper inherits every orphan of its agent. So the proof that nobody is
left is the kernel's own: there is no child to wait for any more. Elsewhere the tree is what can be found
by session, group, mark, and by having been seen; that it is empty is then looked at twice.
"""

from __future__ import annotations

import os
import select
import sys
from time import monotonic

from . import cgroup, process
from .posix import CONT, KILL

__all__ = ["LINUX", "SWEEP_S", "Tree", "system"]

LINUX = sys.platform.startswith("linux")
if LINUX:
    from . import linux_tree as system
else:
    from . import posix_tree as system  # type: ignore[no-redef]

SWEEP_S = 5.0
"""Seconds after which a process that does not die (one in an uninterruptible wait) is left alone."""
_QUIET_LOOKS = 2


class Tree:
    """The processes below this one. `status` is the agent's own as `wait` gives it, once it was reaped.

    `agent` is its pid, 0 where that is not known here. `inherits` says that orphans come to this process.
    """

    __slots__ = ("_known", "_start", "agent", "cpu_s", "group", "inherits", "mark", "max_rss", "status")

    def __init__(self, agent: int, *, group: str, mark: bytes, inherits: bool) -> None:
        self.agent = agent
        self.group = group
        self.mark = mark
        self.inherits = inherits
        self.status: int | None = None
        self.max_rss = 0
        self.cpu_s = 0.0
        self._known: dict[int, int] = {}
        it = system.process(agent) if agent else None
        self._start = it.start if it else 0

    def reap(self) -> int:
        """Take in all children that have ended; how many were KILLed, -1 when there is no child left."""
        killed = 0
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return killed or -1
            if pid == 0:
                return killed
            self.cpu_s += usage.ru_utime + usage.ru_stime
            self.max_rss = max(self.max_rss, usage.ru_maxrss * (1024 if LINUX else 1))
            if pid == self.agent:
                self.status = status
            elif os.WIFSIGNALED(status) and os.WTERMSIG(status) == KILL:
                killed += 1

    def look(self) -> list[process.Process]:
        """Everybody who lives below this process now; nobody where that cannot be seen."""
        try:
            table = system.processes()
        except OSError:
            return []
        found = {one.pid: one for one in process.descendants(os.getpid(), table) if not one.is_zombie}
        if not self.inherits and self.agent:
            for one in process.belonging(self.agent, self._start, self._known, table):
                found[one.pid] = one
            found.update((one.pid, one) for one in table.values() if system.is_marked(one.pid, self.mark))
            found.pop(os.getpid(), None)
            self._known.update((one.pid, one.start) for one in found.values())
        return list(found.values())

    def used(self) -> tuple[float, set[int]]:
        """The processor seconds of all that live and of all that were reaped, and the pids that live."""
        living = self.look()
        return self.cpu_s + sum(one.cpu_s for one in living), {one.pid for one in living}

    def memory(self) -> int:
        """Bytes of memory that the tree takes."""
        return system.memory(os.getpid())

    def signal(self, number: int) -> None:
        """Signal everybody, and wake those that are stopped, so that they can act on it."""
        for one in self.look():
            if system.send(one, number):
                system.send(one, CONT)

    def kill_agent(self) -> None:
        """KILL the agent's own process: it was not waited for, so the pid is its own."""
        if self.status is None and self.agent:
            _kill(self.agent)

    def sweep(self) -> int:
        """KILL everybody until nobody is left; the number of those that had to be killed."""
        until = monotonic() + SWEEP_S
        killed = pause_ms = quiet = 0
        while monotonic() < until:
            count = self.reap()
            killed += max(0, count)
            if count < 0 and (self.inherits or quiet >= _QUIET_LOOKS):
                break
            cgroup.kill(self.group)
            sent = self._kill_round()
            killed += sent if count < 0 else 0  # they are no children of ours: nobody tells us of their end
            quiet = 0 if sent else quiet + 1
            pause_ms = 0 if sent else min(20, pause_ms + 1)
            select.select([], [], [], pause_ms / 1000)
        return killed

    def _kill_round(self) -> int:
        """One round of KILLs. Children first and fast: that is how one is caught that forks without end."""
        if not self.inherits:
            return sum(system.send(one, KILL) for one in self.look())
        children = system.children(os.getpid())
        for pid in children:
            _kill(pid)
        if not children:
            return 0
        return len(children) + sum(system.send(one, KILL) for one in self.look() if one.pid not in children)


def _kill(pid: int) -> None:
    try:  # noqa: SIM105 (contextlib would cost a millisecond of every start)
        os.kill(pid, KILL)
    except OSError:  # it is gone
        pass
