"""A home whose journal tells of runs, written as a runner writes it: event by event, with its summary."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from llmauto import events as ev
from llmauto.journal.sqlite import SqliteJournal
from llmauto.keeper import lock
from llmauto.keeper.child.folder import Folder
from llmauto.locks import RunnerLock
from llmauto.model import Chain, Link
from llmauto.ports import KeptHandoff, RunSummary
from llmauto.rules.advance import advance
from llmauto.rules.progress import Progress
from llmauto.rules.summary import summary

BEGIN = 1_795_000_000.0
"""When told runs begin, UTC epoch seconds: 2026-11-18."""


class ToldHome:
    """A home in a folder of its own, with a chain `x` of the links worker and reviewer."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state = path / "state"
        self.calls = path / "calls"
        (path / "chains").mkdir(parents=True)
        self.chain("x")

    def chain(self, name: str, **changes: Any) -> Path:
        """Write a valid chain file."""
        values = {
            "description": f"about {name}",
            "mode": "loop",
            "max_rounds": 5,
            "links": [
                {"name": "worker", "backend": "demo", "prompt": "Do the work."},
                {"name": "reviewer", "backend": "demo", "prompt": "Look at the work."},
            ],
        }
        path = self.path / "chains" / f"{name}.json"
        path.write_text(json.dumps(values | changes), encoding="utf-8")
        return path

    def journal(self) -> SqliteJournal:
        """The journal, to write to."""
        return SqliteJournal.open(self.path / "journal.db")

    def lock(self, chain: str = "x") -> RunnerLock:
        """Be the chain's runner, until `release`."""
        return RunnerLock.acquire(
            self.path / "calls" / ".locks" / f"{chain}.lock", {"pid": 4711, "host": "box", "chain": chain}
        )

    def run(self, run: str = "r1", chain: str = "x", **changes: Any) -> ToldRun:
        """A run that begins now."""
        return ToldRun(self, run, chain, **changes)

    @contextmanager
    def living_call(self, name: str = "r1/0001-worker") -> Iterator[Path]:
        """A call whose keeper lives: somebody holds its lock."""
        path = self.calls / name
        path.mkdir(parents=True)
        folder = Folder(os.fsencode(path))
        fd = lock.take(folder)
        try:
            yield path
        finally:
            os.close(fd)
            folder.close()

    def files(self) -> list[str]:
        """Every path below the home."""
        return sorted(str(path.relative_to(self.path)) for path in self.path.rglob("*"))


class ToldRun:
    """One run; each method is something that happens in it, 60 s after the one before."""

    def __init__(self, home: ToldHome, run: str, chain: str, **changes: Any) -> None:
        self._home = home
        self._progress = Progress()
        self._up = 0.0
        self._at = float(changes.pop("at", BEGIN))
        self._max_rounds = int(changes.pop("max_rounds", 5))
        self._budget: float | None = changes.pop("budget_usd", None)
        links = changes.pop("links", ("worker", "reviewer"))
        self._chain = Chain(
            name=chain,
            links=tuple(Link(name=name) for name in links),
            max_rounds=self._max_rounds,
            budget_usd=self._budget,
            **changes.pop("bounds", {}),
        )
        values = {"workdir": str(home.path), "pid": 4711, "host": "box", **changes}
        self.tell(ev.RunStarted(run=run, chain=chain, links=tuple(links), **values))

    @property
    def summary(self) -> RunSummary:
        """The run as it stands."""
        return summary(self._chain, self._progress)

    def tell(self, *events: ev.Event, handoffs: Sequence[KeptHandoff] = ()) -> ToldRun:
        """Take these events in, and keep them."""
        told = []
        for event in events:
            told.append(replace(event, at=self._at + self._up, up=self._up))
            self._up += 60.0
            advance(self._progress, told[-1])
        with self._home.journal() as journal:
            journal.append(told, self.summary, handoffs)
        return self

    def call(self, link: str = "worker", **changes: Any) -> ToldRun:
        """A call begins."""
        number, round_ = self._progress.calls + 1, self._progress.round
        values = {"backend": "claude", "model": "opus", "session": f"s{number}", **changes}
        return self.tell(ev.CallStarted(call=number, round=round_, link=link, **values))

    def end(self, outcome: str = "done", **changes: Any) -> ToldRun:
        """The open call ends, and its link with it where the outcome is done."""
        visit = self._progress.visit
        assert visit is not None
        assert visit.open is not None
        started = visit.open
        values = {"seconds": 432.0, "worked": True, "cost_usd": 0.42, **changes}
        ended = ev.CallEnded(
            call=started.call, round=started.round, link=started.link, attempt=started.attempt,
            outcome=outcome, **values,
        )  # fmt: skip
        self.tell(ended)
        if outcome == "done":
            goto = "reviewer" if started.link == "worker" else ""
            handoff = self._progress.handoff
            self.tell(
                ev.LinkEnded(
                    round=started.round, link=started.link, outcome="done", goto=goto, handoff=handoff
                )
            )
        return self

    def handoff(self, text: str, link: str = "worker", *, passed_on: bool = True) -> ToldRun:
        """A handoff is kept."""
        raw = text.encode()
        sha = hashlib.sha256(raw).hexdigest()
        kept = ev.HandoffKept(
            round=self._progress.round, link=link, sha=sha, size=len(raw), passed_on=passed_on
        )
        return self.tell(kept, handoffs=[KeptHandoff(sha=sha, text=text)])

    def round_over(self) -> ToldRun:
        """The round ends."""
        return self.tell(ev.RoundEnded(round=self._progress.round, fingerprint=f"f{self._up}"))

    def over(self, reason: str = "max_rounds", message: str = "5 rounds are done", code: int = 0) -> ToldRun:
        """The run ends."""
        return self.tell(ev.RunEnded(reason=reason, message=message, exit_code=code))
