"""Ends what a keeper left that was killed: by its control group, by its tree, session and mark.

A keeper's own sweep is certain, and so is that of its guard. This one is for the case that both were
killed: it is as good as what is left to find the processes by. The control group finds all; without one,
a daemon that scrubbed its environment and left the agent's session is not found.
"""

from __future__ import annotations

import os
import signal
import threading
from time import monotonic

from llmauto.keeper.child import cgroup, process
from llmauto.keeper.child.folder import Folder
from llmauto.keeper.child.tree import system
from llmauto.keeper.records import Notes, mark, notes

LIMIT_S = 2.0
"""Seconds that one sweep takes at the most."""
_QUIET_LOOKS = 2


def sweep(folder: Folder) -> int:
    """End all that the dead keeper of this folder left; the number of processes that had to be killed."""
    seen = notes(folder)
    if seen is None:  # nobody ever ran; the keeper may just have made its group
        _remove_group(cgroup.place(mark(folder)))
        return 0
    if system.boot() != seen.boot:
        return 0
    killed: set[int] = set()
    until = monotonic() + LIMIT_S
    quiet = 0
    while quiet < _QUIET_LOOKS and monotonic() < until:
        found = _leftovers(seen)
        cgroup.kill(seen.group)
        killed.update(one.pid for one in found if system.send(one, signal.SIGKILL))
        quiet = 0 if found else quiet + 1
        threading.Event().wait(0.005)
    _remove_group(seen.group)
    return len(killed)


def _remove_group(path: str) -> None:
    for _ in range(20):  # those that were killed are in it until their parents have been told
        if cgroup.remove(path):
            return
        threading.Event().wait(0.005)


def signal_keeper(folder: Folder, number: int) -> None:
    """Signal the keeper of this folder, if the process of that pid is still it."""
    seen = notes(folder)
    if seen is not None and system.boot() == seen.boot:
        _send(seen.keeper, seen.keeper_start, number)


def wake_keeper(folder: Folder) -> None:
    """Let keeper and guard go on, should somebody have stopped them."""
    seen = notes(folder)
    if seen is not None and system.boot() == seen.boot:
        _send(seen.guard, seen.guard_start, signal.SIGCONT)
        _send(seen.keeper, seen.keeper_start, signal.SIGCONT)


def kill_keeper(folder: Folder) -> None:
    """KILL the keeper; a guard then ends what it held."""
    signal_keeper(folder, signal.SIGKILL)


def _send(pid: int, start: int, number: int) -> None:
    one = system.process(pid) if pid else None
    if one is not None and one.start == start:
        system.send(one, number)


def _leftovers(seen: Notes) -> list[process.Process]:
    try:
        table = system.processes()
    except OSError:
        return []
    text = os.fsencode(seen.mark)
    known = {pid: table[pid].start for pid in cgroup.members(seen.group) if pid in table}
    known.update((one.pid, one.start) for one in table.values() if system.is_marked(one.pid, text))
    known.pop(os.getpid(), None)
    return process.belonging(seen.agent, seen.agent_start, known, table)
