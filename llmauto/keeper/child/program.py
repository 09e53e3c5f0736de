"""The keeper's program: take the order, hold the agent, write how it ended, and leave nobody behind."""

from __future__ import annotations

import os
import sys
from time import monotonic, time

from . import cgroup, launch, linux_tree, posix, prctl, wire
from .folder import Folder
from .hold import Hold, errno_text
from .tree import LINUX, Tree

RESULT = "result.json"
RESERVE = "result.json.tmp"
RESERVED_BYTES = 4096
"""The runner writes as many spaces there before the start, so that a full disk cannot take the result."""
NOTES = "keeper.json"
LIFE_FD = 1
LOCK_FD = 3


def main() -> int:
    """Run one call. Everything that the runner hands over comes by file descriptors 0, 1 and 3."""
    try:  # noqa: SIM105 (contextlib costs a millisecond of start-up, here as below)
        os.setsid()
    except OSError:  # already the leader of its session
        pass
    os.set_inheritable(LOCK_FD, False)
    os.closerange(LOCK_FD + 1, _highest_fd())
    umask = os.umask(0o077)
    try:
        order = wire.read_order(0)
    except wire.BadOrderError:
        return 3
    keeper = Keeper(order, umask)
    try:
        keeper.run()
    except BaseException as error:  # noqa: BLE001 (whatever it is, the agent must not outlive its keeper)
        keeper.fail(f"{type(error).__name__}: {error}")
        sys.excepthook(type(error), error, error.__traceback__)
    return 0


def _highest_fd() -> int:
    try:
        return min(1 << 20, os.sysconf("SC_OPEN_MAX"))
    except (OSError, ValueError):
        return 4096


class Keeper:
    """One call from its order to its result."""

    __slots__ = ("_folder", "_group", "_hold", "_oom", "_order", "_started", "_started_at", "_tree", "_umask")

    def __init__(self, order: wire.Order, umask: int) -> None:
        self._order = order
        self._umask = umask
        self._folder = Folder(order.folder)
        self._group = ""
        self._hold: Hold | None = None
        self._tree: Tree | None = None
        self._started = monotonic()
        self._started_at = time()
        self._oom = _oom_kills()

    def run(self) -> None:
        """Hold the agent to its end and write the result."""
        wakeup, wakeup_w = os.pipe()
        os.set_blocking(wakeup, False)
        os.set_blocking(wakeup_w, False)
        posix.listen(wakeup_w)
        prctl.become_subreaper()
        self._make_group()
        try:
            child = launch.start(self._order, self._umask, self._group)
        except OSError as error:
            cgroup.remove(self._group)
            self._write(None, "not_started", errno_text(error.errno or 0), 0)
            return
        self._tree = Tree(child.pid, self._group)
        self._hold = Hold(self._order, self._folder, child, self._tree, wakeup)
        self._take_notes(child.pid)
        prctl.close_to_others()
        os.write(child.go, b"!")
        os.close(child.go)
        self._hold.run()
        self._finish(self._hold, self._tree)

    def fail(self, error: str) -> None:
        """Something in here went wrong: end all, and say so."""
        survivors = self._tree.sweep() if self._tree else 0
        cgroup.remove(self._group)
        self._write(None, "lost", error, survivors)

    def _make_group(self) -> None:
        if LINUX:
            self._group = cgroup.make(os.fsdecode(self._order.marker.split()[-1]))
            if self._group and self._order.memory_cap:
                cgroup.limit_memory(self._group, self._order.memory_cap)

    def _take_notes(self, agent: int) -> None:
        """What a runner needs to end the agent, should this process be killed."""
        me, it = linux_tree.process(os.getpid()), linux_tree.process(agent)
        boot = linux_tree.read_file("/proc/sys/kernel/random/boot_id", 64) or b""
        notes: dict[str, str | int | float | bool | None] = {
            "keeper": os.getpid(),
            "keeper_start": me.start if me else 0,
            "agent": agent,
            "agent_start": it.start if it else 0,
            "marker": os.fsdecode(self._order.marker),
            "group": self._group,
            "boot": boot.decode().strip(),
            "started_at": self._started_at,
        }
        self._folder.write(NOTES, wire.to_json(notes))

    def _finish(self, hold: Hold, tree: Tree) -> None:
        survivors = tree.sweep()
        hold.drain()
        cgroup.remove(self._group)
        code = None if tree.status is None else os.waitstatus_to_exitcode(tree.status)
        how = hold.ended_by or ("memory" if code == -posix.KILL and _oom_kills() > self._oom else "exit")
        if how == "not_started":
            code = None
        error = hold.error
        if tree.reap() >= 0:
            error = error or "not all processes of the call could be ended"
        try:
            hold.spools[0].sync()
            for spool in hold.spools:
                spool.close()
        except OSError as problem:
            how, error = "disk", error or errno_text(problem.errno or 0)
        self._write(code, how, error, survivors)

    def _write(self, code: int | None, how: str, error: str, survivors: int) -> None:
        hold, tree = self._hold, self._tree
        out, err = hold.spools if hold else (None, None)
        values: dict[str, str | int | float | bool | None] = {
            "exit_code": code,
            "ended_by": how,
            "error": error[:1000],
            "seconds": round(monotonic() - self._started, 6),
            "started_at": self._started_at,
            "stdout_bytes": out.total if out else 0,
            "stdout_dropped": out.dropped if out else 0,
            "stderr_bytes": err.total if err else 0,
            "stderr_dropped": err.dropped if err else 0,
            "survivors": survivors,
            "max_rss": tree.max_rss if tree else 0,
            "cpu_s": round(tree.cpu_s, 6) if tree else 0.0,
            "suspended_s": round(hold.suspended_s, 3) if hold else 0.0,
        }
        text = wire.to_json(values)
        try:  # noqa: SIM105
            os.write(LIFE_FD, text)  # the runner has it even where no file can be written any more
        except OSError:
            pass
        _keep(self._folder, text)


def _keep(folder: Folder, text: bytes) -> None:
    """Put the result into the room that was reserved for it, and make it durable in one step."""
    try:
        fd = folder.open(RESERVE, os.O_WRONLY | os.O_CREAT)
        try:
            os.write(fd, text)
            os.ftruncate(fd, len(text))
            os.fsync(fd)
        finally:
            os.close(fd)
        folder.rename(RESERVE, RESULT)
        folder.sync()
    except OSError as error:
        sys.stderr.write(f"the result cannot be written: {errno_text(error.errno or 0)}\n")


def _oom_kills() -> int:
    """How often this machine's kernel has ended a process for want of memory since its start."""
    if LINUX:
        for line in (linux_tree.read_file("/proc/vmstat", 1 << 16) or b"").splitlines():
            if line.startswith(b"oom_kill "):
                return int(line.split()[1])
    return 0
