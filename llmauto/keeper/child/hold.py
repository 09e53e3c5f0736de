"""The keeper's loop: it pumps the agent's output, watches its limits, and ends it, whatever happens.

It waits for the agent's own process, never for the end of a pipe that a descendant may hold.
"""

from __future__ import annotations

import os
import select
from time import monotonic, time

from . import launch, posix, result
from .folder import Folder
from .limits import TICK_S, Limits
from .spool import Spool
from .tree import SWEEP_S, Tree
from .watch import changed_since
from .wire import Order

RUNNER_FD = 0
_CHUNK = 1 << 18
_AT_ONCE = ("kill", "memory")
WISHES = ("stop", "budget", "stall", "kill")


TYPE_CHECKING = False
if TYPE_CHECKING:
    from llmauto.rules.redaction import StreamRedactor

    from .guard import InHand


class Hold:
    """One agent being held. After `run`, `ended_by`, `error` and the tree's status say how it ended."""

    __slots__ = (
        "_buffer",
        "_child",
        "_cleaners",
        "_folder",
        "_handlers",
        "_hands",
        "_kill_at",
        "_killed_at",
        "_limits",
        "_next_tick",
        "_order",
        "_poller",
        "_view",
        "ended_by",
        "error",
        "full",
        "spools",
        "tree",
    )

    def __init__(
        self,
        order: Order,
        folder: Folder,
        child: launch.Child,
        tree: Tree,
        *,
        wakeup: int,
        cleaners: list[StreamRedactor | None],
        hands: InHand,
    ) -> None:
        self._order = order
        self._folder = folder
        self._child = child
        self.tree = tree
        self.spools = (Spool(folder, "stdout", order.output_cap), Spool(folder, "stderr", order.output_cap))
        self._cleaners = cleaners
        self._hands = hands
        self.ended_by = self.error = ""
        self.full = False
        self._kill_at = self._killed_at = 0.0
        self._buffer = bytearray(_CHUNK)
        self._view = memoryview(self._buffer)
        self._next_tick = 0.0
        self._limits = Limits(
            order, monotonic(), tree.used, lambda quiet_s: changed_since(order.cwd, time() - quiet_s)
        )
        self._poller = select.poll()
        self._handlers = {
            wakeup: self._on_signal,
            RUNNER_FD: self._on_runner,
            child.out: self._on_output,
            child.err: self._on_output,
            child.report: self._on_report,
        }
        for fd in self._handlers:
            self._poller.register(fd, select.POLLIN)

    @property
    def suspended_s(self) -> float:
        """Seconds through which the machine slept."""
        return self._limits.suspended_s

    def run(self) -> None:
        """Hold the agent until it is gone, then end all it left, then take in the last of its output."""
        while self.tree.status is None and not self._is_beyond_help():
            for fd, _ in self._poller.poll(self._timeout_ms()):
                self._handlers[fd](fd)
            self._look(monotonic())

    def drain(self) -> None:
        """Take in what is left in the pipes."""
        if self._child.report in self._handlers:
            self._on_report(self._child.report)
        for fd in (self._child.out, self._child.err):
            for _ in range(256):  # a bound, should somebody unkillable go on writing
                if fd not in self._handlers or not self._on_output(fd):
                    break

    def close(self) -> None:
        """Keep the last of the output, make the answer survive a power cut. Raises `OSError`."""
        for cleaner, spool in zip(self._cleaners, self.spools):  # noqa: B905 (both are two)
            if cleaner and not self.full:
                spool.write(memoryview(cleaner.close()))
        self.spools[0].sync()
        for spool in self.spools:
            spool.close()

    def end(self, how: str) -> None:
        """Begin to end the agent early. The first reason stays; a `kill` makes the end a quick one."""
        self.tree.reap()
        if self.tree.status is not None:
            return
        now = monotonic()
        if how in _AT_ONCE:
            self.ended_by = self.ended_by or how
            self._kill_at = now
        elif not self.ended_by:
            self.ended_by = how
            self._kill_at = now + self._order.grace_s
            self.tree.signal(posix.TERM)

    # --- what wakes the loop ---------------------------------------------------------------------

    def _timeout_ms(self) -> float:
        wait = TICK_S
        if self.ended_by and not self._killed_at:
            wait = min(wait, self._kill_at - monotonic())
        return max(0.0, wait * 1000)

    def _on_signal(self, fd: int) -> bool:
        numbers = os.read(fd, 512)
        self.tree.reap()
        if posix.TERM in numbers:
            self.end("stop")
        return True

    def _on_runner(self, fd: int) -> bool:
        words = os.read(fd, 512)
        if not words:
            self._forget(fd)
            if not self._order.finish_alone:
                self.end("runner_death")
        for how in WISHES:
            if how.encode() in words.split():
                self.end(how)
        return True

    def _on_report(self, fd: int) -> bool:
        try:
            text = os.read(fd, 512)
        except BlockingIOError:  # the process ended before it came to its program
            text = b""
        self._forget(fd)
        if text:
            where, _, number = text.partition(b"\0")
            code = int(number or 0)
            self.error = (where.decode() + ": " if where else "") + result.errno_text(code)
            self.ended_by = "not_started"
        return True

    def _on_output(self, fd: int) -> bool:
        """Whether there was something. Keeps on taking when nothing can be written, so that nobody blocks."""
        stream = int(fd != self._child.out)
        before, self._hands[stream] = self._hands[stream], 1
        try:
            count = os.readv(fd, [self._buffer])
        except BlockingIOError:
            self._hands[stream] = before
            return False
        if not count:
            self._hands[stream] = before
            self._forget(fd)
            return False
        self._limits.heard(monotonic())
        self._keep(stream, self._view[:count])
        cleaner = self._cleaners[stream]
        self._hands[stream] = int(cleaner is not None and cleaner.held != b"")
        return True

    def _keep(self, stream: int, data: memoryview | bytes) -> None:
        cleaner, spool = self._cleaners[stream], self.spools[stream]
        if self.full:
            spool.drop(len(data))
            return
        try:
            spool.write(memoryview(cleaner.feed(data) if cleaner else data))
        except OSError as error:
            self.full = True
            self.error = "the output cannot be written: " + result.errno_text(error.errno or 0)
            self.end("disk")

    def _forget(self, fd: int) -> None:
        self._poller.unregister(fd)
        del self._handlers[fd]
        os.close(fd)

    # --- limits ----------------------------------------------------------------------------------

    def _look(self, now: float) -> None:
        if self.ended_by and now >= self._kill_at:
            self._killed_at = self._killed_at or now
            self.tree.kill_agent()
        if now < self._next_tick:
            return
        self._next_tick = now + TICK_S * 0.9
        flag = self._folder.read("stop", 64)
        if flag is not None:
            words = [how for how in WISHES if how.encode() in flag.split()]
            self.end(words[-1] if words else "stop")
        passed = self._limits.passed(now)
        if passed and not self.ended_by:
            self.end(passed)
        if self._order.memory_cap and not self._killed_at and self._memory() > self._order.memory_cap:
            self.end("memory")

    def _is_beyond_help(self) -> bool:
        """A process that cannot be killed (an uninterruptible wait in the kernel) holds nobody up."""
        return bool(self._killed_at) and monotonic() - self._killed_at > SWEEP_S

    def _memory(self) -> int:
        try:
            return self.tree.memory()
        except OSError:  # it cannot be seen just now
            return 0
