"""The processes of this machine, from `ps`: for macOS and other systems without Linux's /proc.

It was written for macOS and could not be run there; its tests run it with the `ps` of Linux. Without a
subreaper, a daemon is found by its session or group, or because it was seen while its parent lived.
"""

from __future__ import annotations

import os

from .process import Process, Table, descendants

TICK_S = 0.01
"""Seconds: the grain of the processor time that `ps` tells."""
_PS = ("/bin/ps", "/usr/bin/ps")
_FIELDS = "pid=,ppid=,pgid=,state=,time=,rss=,lstart="
_LIMIT = 1 << 23


def processes() -> Table:
    """All processes. Raises `OSError` where `ps` cannot be run."""
    text, itself = _ps("-axo", _FIELDS)
    found = {}
    for line in text.splitlines():
        one = read_line(line)
        if one is not None and one.pid != itself:
            found[one.pid] = one
    return found


def read_line(line: bytes) -> Process | None:
    """One line of `ps`, None where it is not as asked for."""
    words = line.split()
    if len(words) < 11 or not (words[0] + words[1] + words[2]).isdigit():
        return None
    # the start is a text with the month in letters: as a number it need only be the same each time
    start = int.from_bytes(b" ".join(words[6:11]), "big")
    one = Process(int(words[0]), int(words[1]), int(words[2]), 0, start)
    one.is_zombie = words[3].startswith(b"Z")
    one.cpu_s = seconds(words[4])
    return one


def seconds(text: bytes) -> float:
    """`[[dd-]hh:]mm:ss[.cc]` as seconds, 0 where it is none."""
    days, _, rest = text.rpartition(b"-")
    total = 0.0
    try:
        for part in rest.split(b":"):
            total = total * 60 + float(part)
        return total + int(days or 0) * 86400
    except ValueError:
        return 0.0


def process(pid: int) -> Process | None:
    """The process of that pid, None where there is none."""
    try:
        lines = _ps("-o", _FIELDS, "-p", str(pid))[0].splitlines()
    except OSError:
        return None
    return read_line(lines[0]) if lines else None


def children(pid: int) -> list[int]:
    """The children of a process."""
    try:
        return [one.pid for one in processes().values() if one.parent == pid]
    except OSError:
        return []


def memory(root: int) -> int:
    """Bytes of memory of the processes below `root`, shared ones counted each time."""
    table = processes()
    sizes = {}
    for line in _ps("-axo", "pid=,rss=")[0].splitlines():
        words = line.split()
        if len(words) == 2 and (words[0] + words[1]).isdigit():
            sizes[int(words[0])] = int(words[1]) * 1024
    return sum(sizes.get(one.pid, 0) for one in descendants(root, table))


def is_marked(pid: int, mark: bytes) -> bool:
    """Environments of others cannot be read for certain here."""
    return False


def boot() -> str:
    """Unknown: the start of a process alone must tell it from others."""
    return ""


def send(one: Process, number: int) -> bool:
    """Signal that process; another one that got its pid within the moment cannot be told from it."""
    try:
        os.kill(one.pid, number)
    except OSError:
        return False
    return True


def _ps(*arguments: str) -> tuple[bytes, int]:
    """What `ps` says, and its own pid."""
    program = next((path for path in _PS if os.access(path, os.X_OK)), "")
    if not program:
        raise FileNotFoundError(2, "ps")
    read, write = os.pipe()
    try:
        actions = [(os.POSIX_SPAWN_DUP2, write, 1), (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)]
        pid = os.posix_spawn(program, ["ps", *arguments], {"LC_ALL": "C"}, file_actions=actions)
    except OSError:
        os.close(read)
        raise
    finally:
        os.close(write)
    try:
        parts, left = [], _LIMIT
        while left > 0 and (part := os.read(read, min(left, 65536))):
            parts.append(part)
            left -= len(part)
    finally:
        os.close(read)
        os.waitpid(pid, 0)
    return b"".join(parts), pid
