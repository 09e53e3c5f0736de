"""What does the web page cost: from an event to those who look, with many of them, with much to show?"""

from __future__ import annotations

import json
import os
import re
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from bench.figures import By, Figure, NotHereError
from bench.processes import MIB, status_of
from bench.stage import Home, Stage, command_link, environment, exit_code, median
from llmauto import events as ev
from llmauto.journal.sqlite import SqliteJournal
from llmauto.ports import RunSummary

LINKS = ("controller", "worker", "reviewer")


def figures(stage: Stage) -> Iterator[Figure]:
    """All of it. Raises `NotHereError` where the extra `web` is not installed."""
    if find_spec("starlette") is None or find_spec("uvicorn") is None:
        raise NotHereError("the extra `web` is not installed")
    home = stage.folder / "home"
    (home / "chains").mkdir(parents=True)
    told = Told(home, "r1")
    for _ in range(3):
        told.keep(told.round())
    with _server(home) as server:
        yield _event_to_viewer(stage, server, told)
        yield _many(stage, server, told)
        yield from _idle(stage, server)
        yield _watched(stage, server, home)
        yield _opening(stage, server, home)


# --- what is written and who looks ------------------------------------------------------------------


@dataclass
class Told:
    """A run that is written as a runner writes it."""

    home: Path
    run: str
    count: int = 0
    rounds: int = 0
    calls: int = 0
    _journal: SqliteJournal | None = field(default=None)

    def round(self) -> list[ev.Event]:
        """The events of one more round."""
        self.rounds += 1
        found: list[ev.Event] = []
        if self.rounds == 1:
            found.append(ev.RunStarted(at=time.time(), run=self.run, chain="x", links=LINKS))
        for link in LINKS:
            self.calls += 1
            about = {"call": self.calls, "round": self.rounds, "link": link}
            found += [
                ev.CallStarted(at=time.time(), **about),  # type: ignore[arg-type]
                ev.CallEnded(at=time.time(), attempt=1, outcome="done", seconds=1.0, cost_usd=0.1, **about),  # type: ignore[arg-type]
                ev.HandoffKept(at=time.time(), round=self.rounds, link=link, sha=f"{self.calls}", size=9),
                ev.LinkEnded(at=time.time(), round=self.rounds, link=link, outcome="done"),
            ]
        return [*found, ev.RoundEnded(at=time.time(), round=self.rounds, fingerprint=f"{self.rounds}")]

    def keep(self, events: list[ev.Event]) -> None:
        """One append: as durable as a runner's."""
        if self._journal is None:
            self._journal = SqliteJournal.open(self.home / "journal.db")
        self.count += len(events)
        row = RunSummary(run=self.run, chain="x", status="RUNNING", started_at=1.0, updated_at=time.time())
        self._journal.append(events, row)


class Server:
    """The page's server, in a process of its own."""

    def __init__(self, home: Path) -> None:
        argv = [sys.executable, "-m", "llmauto", "--home", str(home), "ui", "--port", "0"]
        self._process = subprocess.Popen(
            argv, cwd=home, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, encoding="utf-8", start_new_session=True,
        )  # fmt: skip
        assert self._process.stderr is not None
        found = re.search(r"http://\S+:(\d+)/", self._process.stderr.readline())
        assert found, "the server did not start"
        self.port = int(urlsplit(found[0]).port or 0)
        self.pid = self._process.pid
        folder = home / "calls" / ".ui"
        self.key = next(folder.glob("key-*")).read_text("utf-8").strip()

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(10)
        if self._process.stderr is not None:
            self._process.stderr.close()

    def open(self, path: str) -> socket.socket:
        """A request that was sent; the answer comes over the socket."""
        made = socket.create_connection(("127.0.0.1", self.port), 20)
        head = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAuthorization: Bearer {self.key}\r\n\r\n"
        )
        made.sendall(head.encode())
        return made

    def cpu_s(self) -> float:
        """Seconds of a core that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _server(home: Path) -> Iterator[Server]:
    made = Server(home)
    try:
        yield made
    finally:
        made.stop()


class Viewers:
    """Streams of one run; a thread reads them all, and notes how far each has come, and when."""

    def __init__(self, server: Server, run: str, count: int) -> None:
        self.at = dict.fromkeys(range(count), -1)
        self.seen_at: dict[int, float] = {}
        self._sockets = {server.open(f"/api/runs/{run}/stream"): number for number in range(count)}
        self._rest = dict.fromkeys(range(count), b"")
        self._over = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def wait_for(self, position: int, seconds: float = 30.0) -> bool:
        """Wait until every one has come so far."""
        until = time.monotonic() + seconds
        while min(self.at.values()) < position and time.monotonic() < until:
            threading.Event().wait(0.002)
        return min(self.at.values()) >= position

    def close(self) -> None:
        """Look no more."""
        self._over = True
        self._thread.join()
        for one in self._sockets:
            one.close()

    def _read(self) -> None:
        while not self._over:
            ready, _, _ = select.select(list(self._sockets), [], [], 0.1)
            for one in ready:
                number = self._sockets[one]
                data = self._rest[number] + one.recv(1 << 20)
                found = re.findall(rb'"position":(\d+)', data)
                self._rest[number] = data[-40:]
                if found:
                    self.at[number] = max(self.at[number], int(found[-1]))
                    self.seen_at.setdefault(self.at[number], time.perf_counter())


# --- the figures --------------------------------------------------------------------------------------


def _event_to_viewer(stage: Stage, server: Server, told: Told) -> Figure:
    viewers = Viewers(server, told.run, 1)
    viewers.wait_for(told.count)
    waits = []
    for _ in range(stage.pick(60, 10)):
        told.keep([ev.Noted(at=time.time(), code="note", message="x")])
        begun = time.perf_counter()
        viewers.wait_for(told.count)
        waits.append(viewers.seen_at[told.count] - begun)
        threading.Event().wait(0.013)
    viewers.close()
    return Figure(
        what="from an event's commit to a viewer, median", ours=median(waits) * 1000, unit="ms", most=150
    )


def _many(stage: Stage, server: Server, told: Told) -> Figure:
    count, events = stage.pick(100, 20), stage.pick(2000, 200)
    import resource  # not on Windows

    resource.setrlimit(
        resource.RLIMIT_NOFILE, (min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2
    )
    viewers = Viewers(server, told.run, count)
    viewers.wait_for(told.count)
    for _ in range(events):
        told.keep([ev.Noted(at=time.time(), code="note", message="x")])
    complete = viewers.wait_for(told.count)
    reached = sum(at >= told.count for at in viewers.at.values())
    viewers.close()
    assert complete or reached < count
    return Figure(what=f"of {count} viewers, got all of {events} events", ours=reached, unit="", least=count)


def _idle(stage: Stage, server: Server) -> Iterator[Figure]:
    if not Path("/proc/self/stat").exists():
        return
    viewers = Viewers(server, "r1", 1)
    threading.Event().wait(1.0)
    before, begun = server.cpu_s(), time.perf_counter()
    threading.Event().wait(stage.pick(10, 3))
    part = (server.cpu_s() - before) / (time.perf_counter() - begun)
    memory = status_of(server.pid, "VmRSS") / MIB
    viewers.close()
    yield Figure(what="the server's memory, with one viewer", ours=memory, unit="MiB", most=60)
    yield Figure(what="of a core, while nothing happens and one looks", ours=part * 100, unit="%", most=1)


def _watched(stage: Stage, server: Server, folder: Path) -> Figure:
    """How long a run of short links takes while somebody looks, and while nobody does."""
    home = Home(folder=folder, env=environment() | {"LLMAUTO_HOME": str(folder)})
    home.chain("quick", max_rounds=stage.pick(15, 4), links=[command_link("worker", "sleep", "0.1")])

    def play(*, watched: bool) -> float:
        begun = time.perf_counter()
        child = home.started("chain", "start", "quick", "--fresh")
        viewers = Viewers(server, _newest_run(folder), 1) if watched else None
        code = exit_code(child)
        took = time.perf_counter() - begun
        if viewers is not None:
            viewers.close()
        if code:
            raise RuntimeError("the run of short links failed")
        return took

    works = {"watched": lambda: play(watched=True), "alone": lambda: play(watched=False)}
    values = stage.in_turns(works, stage.pick(7, 3))
    return Figure(
        what="a run of links of 0.1 s, watched", ours=median(values["watched"]), unit="s",
        beside=median(values["alone"]), beside_what="nobody looks", by=By.RATIO, most=1.02,
    )  # fmt: skip


def _newest_run(folder: Path) -> str:
    """The run of `quick` that is under way; waits until one is."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with SqliteJournal.open(folder / "journal.db", readonly=True) as journal:
            newest = journal.latest("quick")
        if newest is not None and not newest.ended_at:
            return newest.run
        threading.Event().wait(0.02)
    raise RuntimeError("the run did not begin")


def _opening(stage: Stage, server: Server, home: Path) -> Figure:
    many = stage.pick(100_000, 10_000)
    times = []
    for number in range(3):
        told = Told(home, f"long{number}")
        batch: list[ev.Event] = []
        while told.count + len(batch) < many:
            batch += told.round()
        told.keep(batch)
        threading.Event().wait(0.3)
        begun = time.perf_counter()
        stream = server.open(f"/api/runs/{told.run}/stream")
        data = b""
        while b"\n\n" not in data.partition(b"\r\n\r\n")[2]:
            data += stream.recv(1 << 20)
        times.append(time.perf_counter() - begun)
        stream.close()
        assert json.dumps(told.run)[1:-1].encode() in data
    return Figure(what=f"a run of {many:,} events opens in", ours=median(times), unit="s", most=1)
