"""A control group for one call, where the system lets us make one: its kill reaches everybody at once.

It is the belt beside the braces of the subreaper: it also holds when the keeper itself was killed, and
against processes that multiply faster than they can be found. Nothing depends on having it.
"""

from __future__ import annotations

import os
import sys

from . import native
from .linux_tree import read_file

PREFIX = "llmauto-"
_CLONE3 = 435
"""The number of this system call on all machines that have it, but Alpha."""
_INTO_CGROUP = 1 << 33
_SIGCHLD = 17


def mine() -> str:
    """The cgroup2 folder that this process is in, "" where there is none."""
    inside = ""
    for line in (read_file("/proc/self/cgroup", 65536) or b"").splitlines():
        if line.startswith(b"0::/"):
            inside = os.fsdecode(line[3:])
    if not inside or inside.endswith(" (deleted)"):
        return ""
    for line in (read_file("/proc/self/mountinfo", 1 << 20) or b"").splitlines():
        before, _, after = line.partition(b" - ")
        if after.startswith(b"cgroup2 "):
            fields = before.split()
            root, mount = os.fsdecode(fields[3]), os.fsdecode(fields[4])
            if root == "/" or inside == root or inside.startswith(root + "/"):
                return mount + (inside if root == "/" else inside[len(root) :]).rstrip("/")
    return ""


def make(name: str) -> str:
    """A new group below our own that processes can be moved to. "" = not to be had."""
    path = place(name)
    if not path or not os.access(os.path.dirname(path) + "/cgroup.procs", os.W_OK):  # noqa: PTH120
        return ""
    try:
        os.mkdir(path, 0o755)  # noqa: PTH102
    except OSError:
        return ""
    usable = os.access(path + "/cgroup.kill", os.W_OK)  # since Linux 5.14
    if not usable or read_file(path + "/cgroup.type", 64) != b"domain\n":
        remove(path)
        return ""
    return path


def fork_into(path: str) -> int:
    """As `os.fork`, with the new process in the group from its first moment; -1 where that cannot be had.

    Moving it there later takes the kernel ten milliseconds on an idle machine, and what it had started by
    then would be left outside. Python's own fork has no place for a group. What that does besides is for
    threads and for handlers, of which the keeper has none; where the call is forbidden (containers say
    ENOSYS, since the C library tries it as well), the group is entered the other way.
    """
    try:
        group = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return -1
    try:
        fields = [_INTO_CGROUP, 0, 0, 0, _SIGCHLD, 0, 0, 0, 0, 0, group]
        order = b"".join(field.to_bytes(8, sys.byteorder) for field in fields)
        return native.function("syscall", "lzl", "l")(_CLONE3, order, len(order))
    except Exception:  # noqa: BLE001 (a private module: whatever changes there, there is the other way)
        return -1
    finally:
        os.close(group)


def move(path: str, pid: int) -> bool:
    """Move the process into the group."""
    return _write(path + "/cgroup.procs", b"%d" % pid)


def limit_memory(path: str, cap: int) -> bool:
    """Let the kernel end the group beyond `cap` bytes; false where the group has no such control."""
    _write(path + "/memory.oom.group", b"1")
    return _write(path + "/memory.max", b"%d" % cap)


def kill(path: str) -> bool:
    """KILL everybody in the group."""
    return bool(path) and _write(path + "/cgroup.kill", b"1")


def members(path: str) -> list[int]:
    """The pids in the group and below."""
    return [int(word) for word in (read_file(path + "/cgroup.procs", 1 << 20) or b"").split()] if path else []


def place(name: str) -> str:
    """Where the group of that name is, or would be; "" where there can be none."""
    here = mine()
    return f"{here}/{PREFIX}{name}" if here else ""


def remove(path: str) -> bool:
    """Take the empty group away, and groups that the agent made below it; false while somebody is in it."""
    if not path:
        return True
    try:
        os.rmdir(path)  # noqa: PTH106
        return True
    except OSError:  # it is gone, or there are groups below it
        pass
    try:
        for entry in os.listdir(path):  # noqa: PTH208
            below = f"{path}/{entry}"
            if os.path.isdir(below) and not os.path.islink(below):  # noqa: PTH112, PTH114
                remove(below)
        os.rmdir(path)  # noqa: PTH106
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _write(path: str, data: bytes) -> bool:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.write(fd, data)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True
