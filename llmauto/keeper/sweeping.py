"""Ends what a keeper left that was killed: by its control group, by its tree, session and marker.

A keeper's own sweep is certain; this one, after its death, is as good as what is left to find the
processes by. The control group finds all; without one, a daemon that scrubbed its environment and left
the agent's session is found only while its parent lives.
"""

from __future__ import annotations

import os
import signal
import threading
from time import monotonic

from llmauto.keeper.child import cgroup, linux_tree
from llmauto.keeper.child.folder import Folder
from llmauto.keeper.records import Notes, notes

LIMIT_S = 2.0
"""Seconds that one sweep takes at the most."""
_QUIET_LOOKS = 2


def sweep(folder: Folder) -> int:
    """End all that the dead keeper of this folder left; the number of processes that had to be killed."""
    seen = notes(folder)
    if seen is None or not _is_this_boot(seen):
        return 0
    killed: set[int] = set()
    until = monotonic() + LIMIT_S
    quiet = 0
    while quiet < _QUIET_LOOKS and monotonic() < until:
        found = _leftovers(seen)
        cgroup.kill(seen.group)
        for one in found:
            if linux_tree.send(one, signal.SIGKILL):
                killed.add(one.pid)
        quiet = 0 if found else quiet + 1
        threading.Event().wait(0.005)
    cgroup.remove(seen.group)
    return len(killed)


def end_keeper(folder: Folder, number: int) -> None:
    """Signal the keeper of this folder, if the process of that pid is still it."""
    seen = notes(folder)
    if seen is None or not _is_this_boot(seen):
        return
    one = linux_tree.process(seen.keeper)
    if one is not None and one.start == seen.keeper_start:
        linux_tree.send(one, number)


def _is_this_boot(seen: Notes) -> bool:
    now = linux_tree.read_file("/proc/sys/kernel/random/boot_id", 64)
    return now is not None and now.decode().strip() == seen.boot


def _leftovers(seen: Notes) -> list[linux_tree.Process]:
    table = linux_tree.processes()
    mark = os.fsencode(seen.marker)
    members = set(cgroup.members(seen.group))
    leader = table.get(seen.agent)
    is_ours = leader is None or leader.start == seen.agent_start
    roots = [
        one
        for one in table.values()
        if one.pid in members
        or (is_ours and seen.agent in (one.pid, one.session) and one.start >= seen.agent_start)
        or _is_marked(one.pid, mark)
    ]
    found = {one.pid: one for one in roots}
    for root in roots:
        found.update((one.pid, one) for one in linux_tree.descendants(root.pid, table))
    found.pop(os.getpid(), None)
    return [one for one in found.values() if one.state != b"Z"]


def _is_marked(pid: int, mark: bytes) -> bool:
    text = linux_tree.read_file(f"/proc/{pid}/environ", 1 << 20) or b""
    for entry in text.split(b"\0"):
        if entry.startswith(b"LLMAUTO_CALL="):
            return mark in entry[len(b"LLMAUTO_CALL=") :].split()
    return False
