"""The keeper's program: take the order, hold the agent, write how it ended, and leave nobody behind."""

from __future__ import annotations

import os
import sys
from time import monotonic, time

from . import cgroup, guard, launch, linux_tree, posix, prctl, redact, result, wire
from .folder import Folder
from .hold import Hold
from .tree import LINUX, Tree, system

NOTES = "keeper.json"
LOCK_FD = 3


def main() -> int:
    """Run one call. The runner hands over four open files: 0 order, 1 life, 2 log, 3 lock."""
    own_session()
    os.set_inheritable(LOCK_FD, False)
    close_others(LOCK_FD)
    umask = os.umask(0o077)
    try:
        order = wire.read_order(0)
        folder = Folder(order.folder)
    except (wire.BadOrderError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 3
    os.chdir("/")  # keep nobody's folder busy
    group = make_group(order)
    above = os.getpid()
    try:
        pipes = launch.pipes()
    except OSError as error:
        cgroup.remove(group)
        result.deliver(folder, result.values("not_started", error=result.errno_text(error.errno or 0)))
        return 0
    hands = guard.in_hand(order)
    code = guard.stand(order, folder, group, pipes, hands) if LINUX else None
    if code is not None:
        return code
    keeper = Keeper(order, folder, group, umask, pipes, hands)
    keeper.guard = above if above != os.getpid() else 0
    try:
        keeper.run()
    except BaseException as error:  # noqa: BLE001 (whatever it is, the agent must not outlive its keeper)
        keeper.fail(f"{type(error).__name__}: {error}")
        sys.excepthook(type(error), error, error.__traceback__)
    return 0


def make_group(order: wire.Order) -> str:
    """A control group of its own for the call, "" where none can be had."""
    if not LINUX:
        return ""
    group = cgroup.make(os.fsdecode(order.mark))
    if group and order.memory_cap:
        cgroup.limit_memory(group, order.memory_cap)
    return group


def own_session() -> None:
    """Leave the runner's session, its terminal, and the signals that come from there."""
    try:  # noqa: SIM105 (contextlib would cost a millisecond of every start)
        os.setsid()
    except OSError:  # it is the leader of its session already
        pass


def close_others(last: int) -> None:
    """Close all files above `last`: what the runner's own parents have left open is not for the agent."""
    try:
        names = os.listdir("/dev/fd")  # noqa: PTH208
    except OSError:
        os.closerange(last + 1, 1024)
        return
    for name in names:
        if name.isdigit() and int(name) > last:
            try:  # noqa: SIM105
                os.close(int(name))
            except OSError:  # it was the one by which the list was read
                pass


class Keeper:
    """One call from its order to its result. `guard` is the pid of the one above, 0 where there is none."""

    __slots__ = (
        "_folder",
        "_group",
        "_hands",
        "_hold",
        "_oom",
        "_order",
        "_pipes",
        "_started",
        "_started_at",
        "_tree",
        "_umask",
        "guard",
    )

    def __init__(
        self,
        order: wire.Order,
        folder: Folder,
        group: str,
        umask: int,
        pipes: launch.Pipes,
        hands: guard.InHand,
    ) -> None:
        self.guard = 0
        self._hands = hands
        self._order = order
        self._umask = umask
        self._pipes = pipes
        self._folder = folder
        self._group = group
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
        inherits = prctl.become_subreaper()
        cleaners = redact.streams(self._order.secrets, 2)
        try:
            child = launch.start(self._order, self._umask, self._group, self._pipes)
        except OSError as error:
            cgroup.remove(self._group)
            self._write(result.values("not_started", error=result.errno_text(error.errno or 0)))
            return
        tree = self._tree = Tree(child.pid, group=self._group, mark=self._order.mark, inherits=inherits)
        hold = self._hold = Hold(
            self._order, self._folder, child, tree, wakeup=wakeup, cleaners=cleaners, hands=self._hands
        )
        try:
            self._take_notes(child.pid)
        except OSError as error:  # then nobody could end it later, and it never runs
            tree.sweep()
            cgroup.remove(self._group)
            self._write(result.values("disk", error=result.errno_text(error.errno or 0)))
            return
        prctl.close_to_others()
        os.write(child.go, b"!")
        os.close(child.go)
        if self._group and not child.is_placed:  # its program need not wait for that
            cgroup.move(self._group, child.pid)
        hold.run()
        self._finish(hold, tree)

    def fail(self, error: str) -> None:
        """Something in here went wrong: end all, and say so."""
        survivors = self._tree.sweep() if self._tree else 0
        cgroup.remove(self._group)
        how = "lost" if self._tree else "not_started"
        self._write(result.values(how, error=f"keeper: {error}", survivors=survivors))

    def _take_notes(self, agent: int) -> None:
        """What a runner needs to end the agent, should this process be killed."""
        facts: result.Values = {"mark": os.fsdecode(self._order.mark), "group": self._group}
        facts.update(boot=system.boot(), started_at=self._started_at)
        for name, pid in (("guard", self.guard), ("keeper", os.getpid()), ("agent", agent)):
            one = system.process(pid) if pid else None
            facts[name] = pid
            facts[name + "_start"] = one.start if one else 0
        self._folder.write(NOTES, wire.to_json(facts))

    def _finish(self, hold: Hold, tree: Tree) -> None:
        survivors = tree.sweep()
        hold.drain()
        cgroup.remove(self._group)
        code = None if tree.status is None else os.waitstatus_to_exitcode(tree.status)
        how, error = hold.ended_by, hold.error
        if not how:
            how = "memory" if code == -posix.KILL and _oom_kills() > self._oom else "exit"
        if how == "not_started":
            code = None
        if tree.reap() >= 0:
            error = error or "not all processes of the call could be ended"
        try:
            hold.close()
        except OSError as problem:
            how, error = "disk", error or result.errno_text(problem.errno or 0)
        self._write(result.values(how, error=error, survivors=survivors, exit_code=code))

    def _write(self, facts: result.Values) -> None:
        facts.update(seconds=round(monotonic() - self._started, 6), started_at=self._started_at)
        if self._hold:
            facts["suspended_s"] = round(self._hold.suspended_s, 3)
            for name, spool in zip(("stdout", "stderr"), self._hold.spools):  # noqa: B905 (both have two)
                facts[name + "_bytes"], facts[name + "_dropped"] = spool.total, spool.dropped
        if self._tree:
            facts.update(max_rss=self._tree.max_rss, cpu_s=round(self._tree.cpu_s, 6))
        result.deliver(self._folder, facts)


def _oom_kills() -> int:
    """How often this machine's kernel has ended a process for want of memory since its start."""
    if LINUX:
        for line in (linux_tree.read_file("/proc/vmstat", 1 << 16) or b"").splitlines():
            if line.startswith(b"oom_kill "):
                return int(line.split()[1])
    return 0
