"""The keeper's program on Windows: threads pump the output, a job object ends all that the agent started.

Written from the documentation of the Windows API; it was not run on Windows by its authors. When this
process ends, however that comes about, the system closes its job and with that ends everybody in it.
"""

from __future__ import annotations

import sys

if sys.platform == "win32":
    import msvcrt
    import os
    import signal
    import subprocess
    import threading
    from time import monotonic, time
    from typing import IO

    from . import redact, result, wire
    from .folder import WRITE, Folder
    from .limits import TICK_S, Limits
    from .spool import Spool
    from .watch import changed_since
    from .windows import CREATE_SUSPENDED, Job, take_lock

    TYPE_CHECKING = False
    if TYPE_CHECKING:
        from llmauto.rules.redaction import StreamRedactor

    WISHES = ("stop", "budget", "stall", "kill")
    _CHUNK = 1 << 16

    def main() -> int:
        """Run one call. The runner hands over 0 (order), 1 (life) and 2 (log); the lock is taken here."""
        for fd in (0, 1):
            msvcrt.setmode(fd, os.O_BINARY)
        try:
            order = wire.read_order(0)
            folder = Folder(order.folder)
            lock = folder.open("lock", WRITE)
        except (wire.BadOrderError, OSError) as error:
            sys.stderr.write(f"{error}\n")
            return 3
        if not take_lock(lock):
            sys.stderr.write("another keeper holds this call\n")
            return 3
        os.write(1, b"held\n")
        for number in (signal.SIGINT, signal.SIGBREAK):
            signal.signal(number, signal.SIG_IGN)
        Keeper(order, folder).run()
        return 0

    class Keeper:
        """One call from its order to its result."""

        def __init__(self, order: wire.Order, folder: Folder) -> None:
            self._order = order
            self._folder = folder
            self._started = monotonic()
            self._started_at = time()
            self._spools = tuple(Spool(folder, name, order.output_cap) for name in ("stdout", "stderr"))
            self._ended_by = self._error = ""
            self._kill_at = 0.0
            self._wishes: list[str] = []
            self._full = False
            self._job = Job(order.memory_cap)
            self._limits = Limits(
                order, monotonic(), self._used, lambda quiet_s: changed_since(order.cwd, time() - quiet_s)
            )

        def run(self) -> None:
            """Hold the agent to its end and write the result."""
            try:
                agent = self._start()
            except OSError as error:
                self._write(None, "not_started", result.errno_text(error.errno or 0), 0)
                return
            cleaners = redact.streams(self._order.secrets, 2)
            pumps = [
                threading.Thread(target=self._pump, args=(stream, spool, cleaner), daemon=True)
                for stream, spool, cleaner in zip((agent.stdout, agent.stderr), self._spools, cleaners)  # noqa: B905
            ]
            for thread in (*pumps, threading.Thread(target=self._listen, daemon=True)):
                thread.start()
            code = self._hold(agent)
            survivors = self._job.used()[2]
            self._job.terminate()
            for thread in pumps:
                thread.join(5.0)
            self._write(code, self._ended_by or "exit", self._error, survivors)

        def _start(self) -> subprocess.Popen[bytes]:
            order = self._order
            flags = subprocess.CREATE_NEW_PROCESS_GROUP | CREATE_SUSPENDED
            with open(os.fsdecode(order.stdin or os.devnull), "rb") as source:  # noqa: PTH123
                agent = subprocess.Popen(
                    [os.fsdecode(argument) for argument in order.argv],
                    stdin=source,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    bufsize=0,
                    cwd=os.fsdecode(order.cwd),
                    env={os.fsdecode(name): os.fsdecode(value) for name, value in order.env.items()},
                    creationflags=flags,
                )
            self._note(agent.pid)
            try:
                self._job.take(int(agent._handle))
            except OSError:
                agent.kill()
                raise
            return agent

        def _note(self, agent: int) -> None:
            facts: result.Values = {"mark": os.fsdecode(self._order.mark), "started_at": self._started_at}
            facts.update(keeper=os.getpid(), agent=agent)
            self._folder.write("keeper.json", wire.to_json(facts))

        def _used(self) -> tuple[float, set[int]]:
            cpu_s, total, _ = self._job.used()
            return cpu_s, set(range(total))

        def _pump(self, stream: IO[bytes], spool: Spool, cleaner: StreamRedactor | None) -> None:
            while data := stream.read(_CHUNK):
                self._limits.heard(monotonic())
                self._keep(spool, cleaner.feed(data) if cleaner else data)
            if cleaner:
                self._keep(spool, cleaner.close())

        def _keep(self, spool: Spool, data: bytes) -> None:
            if self._full:
                spool.drop(len(data))
                return
            try:
                spool.write(memoryview(data))
            except OSError as error:
                self._full = True
                self._error = "the output cannot be written: " + result.errno_text(error.errno or 0)
                self._wishes.append("disk")

        def _listen(self) -> None:
            while words := os.read(0, 512):
                self._wishes += [how for how in WISHES if how.encode() in words.split()]
            if not self._order.finish_alone:
                self._wishes.append("runner_death")

        def _hold(self, agent: subprocess.Popen[bytes]) -> int | None:
            while True:
                try:
                    return agent.wait(TICK_S)
                except subprocess.TimeoutExpired:
                    self._look(agent)
                if self._kill_at and monotonic() > self._kill_at + 5.0:
                    return None

        def _look(self, agent: subprocess.Popen[bytes]) -> None:
            flag = self._folder.read("stop", 64)
            if flag is not None:
                words = [how for how in WISHES if how.encode() in flag.split()]
                self._wishes.append(words[-1] if words else "stop")
            passed = self._limits.passed(monotonic())
            wishes, self._wishes = self._wishes + [passed] * bool(passed), []
            for how in wishes:
                self._end(agent, how)
            if self._ended_by and monotonic() >= self._kill_at:
                self._job.terminate()

        def _end(self, agent: subprocess.Popen[bytes], how: str) -> None:
            if how == "kill":
                self._ended_by = self._ended_by or how
                self._kill_at = monotonic()
            elif not self._ended_by:
                self._ended_by = how
                self._kill_at = monotonic() + self._order.grace_s
                try:
                    os.kill(agent.pid, signal.CTRL_BREAK_EVENT)
                except OSError:  # it shares no console with us: then the grace is waited for nothing
                    self._kill_at = monotonic()

        def _write(self, code: int | None, how: str, error: str, survivors: int) -> None:
            try:
                self._spools[0].sync()
                for spool in self._spools:
                    spool.close()
            except OSError as problem:
                how, error = "disk", error or result.errno_text(problem.errno or 0)
            facts = result.values(how, error=error, survivors=survivors, exit_code=code)
            facts.update(seconds=round(monotonic() - self._started, 6), started_at=self._started_at)
            facts["suspended_s"] = round(self._limits.suspended_s, 3)
            for name, spool in zip(("stdout", "stderr"), self._spools):  # noqa: B905 (both have two)
                facts[name + "_bytes"], facts[name + "_dropped"] = spool.total, spool.dropped
            facts.update(max_rss=self._job.peak(), cpu_s=round(self._job.used()[0], 6))
            result.deliver(self._folder, facts)
