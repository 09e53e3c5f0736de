"""Which processes descend from one, on Linux, from /proc; and how to end them all.

A keeper that is a subreaper inherits every orphan of its agent. So the proof that nobody is left is
the kernel's own: `waitpid` has no child to wait for any more.
"""

from __future__ import annotations

import os

from .posix import KILL, sig


class Process:
    """One process at one moment. `start` is clock ticks since boot: with the pid it names the process."""

    __slots__ = ("cpu", "group", "parent", "pid", "rss", "session", "start", "state")

    def __init__(self, pid: int, fields: list[bytes]) -> None:
        self.pid = pid
        self.state = fields[0]
        self.parent, self.group, self.session = int(fields[1]), int(fields[2]), int(fields[3])
        # its own and its reaped children's user and system time, in ticks
        self.cpu = sum(int(fields[n]) for n in (11, 12, 13, 14))
        self.start = int(fields[19])
        self.rss = int(fields[21])


def process(pid: int) -> Process | None:
    """The process of that pid, None where there is none."""
    text = read_file(f"/proc/{pid}/stat", 1024)
    if text is None:
        return None
    fields = text[text.rfind(b")") + 2 :].split()
    return Process(pid, fields) if len(fields) > 21 else None


def processes() -> dict[int, Process]:
    """All processes of the machine (of this pid namespace)."""
    found = {}
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit() and (one := process(int(name))) is not None:
            found[one.pid] = one
    return found


def descendants(root: int, table: dict[int, Process] | None = None) -> list[Process]:
    """The processes below `root`, parents before children, from one look at /proc; zombies too."""
    table = processes() if table is None else table
    below: dict[int, list[Process]] = {}
    for one in table.values():
        below.setdefault(one.parent, []).append(one)
    found, todo = [], [root]
    while todo:
        for one in below.pop(todo.pop(), ()):
            found.append(one)
            todo.append(one.pid)
    return found


def children(pid: int) -> list[int]:
    """The children of `pid`, quickly; may miss some of a process that is busy forking."""
    text = read_file(f"/proc/{pid}/task/{pid}/children", 1 << 20)
    if text is None:
        return [one.pid for one in processes().values() if one.parent == pid]
    return [int(word) for word in text.split()]


def quick_descendants(root: int) -> list[int]:
    """The pids below `root` without a look at all processes of the machine; may miss some that are new."""
    found: list[int] = []
    todo = [root]
    while todo:
        pid = todo.pop()
        try:
            threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208
        except OSError:
            continue
        for thread in threads:
            text = read_file(f"/proc/{pid}/task/{thread}/children", 1 << 20) or b""
            below = [int(word) for word in text.split()]
            found += below
            todo += below
    return found


def private_memory(pid: int) -> int:
    """Bytes of memory that the process shares with nobody, 0 where it is gone."""
    fields = (read_file(f"/proc/{pid}/statm", 256) or b"").split()
    return (int(fields[1]) - int(fields[2])) * os.sysconf("SC_PAGESIZE") if len(fields) > 2 else 0


def is_living(pid: int) -> bool:
    """Whether the pid is a process that has not ended yet."""
    one = process(pid)
    return one is not None and one.state != b"Z"


def send(one: Process, number: int) -> bool:
    """Signal exactly that process: never another one that got its pid since."""
    try:
        handle = os.pidfd_open(one.pid)
    except AttributeError:  # an older kernel or C library: the moment in between is then not covered
        return same(one) and _kill(one.pid, number)
    except OSError as error:
        return error.errno == 38 and same(one) and _kill(one.pid, number)  # 38: ENOSYS
    try:
        if not same(one):
            return False
        sig.pidfd_send_signal(handle, number)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def same(one: Process) -> bool:
    """Whether the process of that pid is still the one that was seen."""
    now = process(one.pid)
    return now is not None and now.start == one.start


def kill_child(pid: int) -> bool:
    """KILL a child of this process that was not waited for: its pid is certain to be its own."""
    return _kill(pid, KILL)


def _kill(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except OSError:
        return False
    return True


def read_file(path: str, limit: int) -> bytes | None:
    """The first bytes of a file of /proc or /sys, None where that cannot be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        parts = []
        while limit > 0 and (part := os.read(fd, min(limit, 65536))):
            parts.append(part)
            limit -= len(part)
        return b"".join(parts)
    except OSError:
        return None
    finally:
        os.close(fd)
