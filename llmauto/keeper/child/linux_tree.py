"""The processes of this machine, from Linux's /proc."""

from __future__ import annotations

import os

from .folder import read_up_to
from .posix import sig
from .process import Process, Table

TICK_S = 1 / os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 0.01
"""Seconds: the grain of the processor time that the kernel tells."""
_ENOSYS = 38


def process(pid: int) -> Process | None:
    """The process of that pid, None where there is none."""
    text = read_file(f"/proc/{pid}/stat", 1024)
    if text is None:
        return None
    fields = text[text.rfind(b")") + 2 :].split()
    if len(fields) < 20:
        return None
    one = Process(pid, int(fields[1]), int(fields[2]), int(fields[3]), int(fields[19]))
    one.is_zombie = fields[0] in (b"Z", b"X")
    one.cpu_s = sum(int(fields[n]) for n in (11, 12, 13, 14)) * TICK_S
    return one


def processes() -> Table:
    """All processes of this pid namespace. Raises `OSError` where /proc cannot be read."""
    found = {}
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit() and (one := process(int(name))) is not None:
            found[one.pid] = one
    return found


def children(pid: int) -> list[int]:
    """The children of a process of one thread, quickly; may miss some of one that is busy forking."""
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


def memory(root: int) -> int:
    """Bytes that the processes below `root` hold for themselves alone, without what they share."""
    page = os.sysconf("SC_PAGESIZE")
    total = 0
    for pid in quick_descendants(root):
        fields = (read_file(f"/proc/{pid}/statm", 256) or b"").split()
        if len(fields) > 2:
            total += (int(fields[1]) - int(fields[2])) * page
    return total


def is_marked(pid: int, mark: bytes) -> bool:
    """Whether the process was started with our mark in its environment."""
    text = read_file(f"/proc/{pid}/environ", 1 << 20) or b""
    for entry in text.split(b"\0"):
        if entry.startswith(b"LLMAUTO_CALL="):
            return mark in entry[len(b"LLMAUTO_CALL=") :].split()
    return False


def boot() -> str:
    """The name of this start of the machine; pids of another one mean nothing."""
    return (read_file("/proc/sys/kernel/random/boot_id", 64) or b"").decode().strip()


def send(one: Process, number: int) -> bool:
    """Signal exactly that process, never another one that got its pid since."""
    try:
        handle = os.pidfd_open(one.pid)
    except AttributeError:  # an older C library: the moment in between is then not covered
        return _send_by_pid(one, number)
    except OSError as error:
        return error.errno == _ENOSYS and _send_by_pid(one, number)
    try:
        if not _is_same(one):
            return False
        sig.pidfd_send_signal(handle, number)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def _send_by_pid(one: Process, number: int) -> bool:
    if not _is_same(one):
        return False
    try:
        os.kill(one.pid, number)
    except OSError:
        return False
    return True


def _is_same(one: Process) -> bool:
    now = process(one.pid)
    return now is not None and now.start == one.start


def read_file(path: str, limit: int) -> bytes | None:
    """The first bytes of a file of /proc or /sys, None where that cannot be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    return read_up_to(fd, limit)
