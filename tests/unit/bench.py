"""An engine on fakes: a fake clock, a journal and a state folder in memory, agents that play a script."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

from llmauto.engine import Engine, Parts, Places
from llmauto.engine.opening import Wish, open_run, unfinished
from llmauto.events import Event, RunEnded
from llmauto.journal.memory import MemoryJournal
from llmauto.model import Chain
from llmauto.ports import Activity, Agents
from llmauto.rules.progress import Progress
from llmauto.testing.agents import Play, ScriptedAgents, says
from llmauto.testing.clock import FakeClock
from llmauto.testing.desk import MemoryDesk

DONE: Mapping[str, Sequence[Play]] = {"*": [says()]}


class Tree:
    """A watcher whose tree changes with every look, unless it is told to stand still."""

    def __init__(self) -> None:
        self.looks = itertools.count()
        self.still = False

    def fingerprint(self) -> str:
        return "same" if self.still else str(next(self.looks))


class Signals:
    """Interrupts that a test raises."""

    def __init__(self) -> None:
        self.raised = 0

    def level(self) -> int:
        return self.raised


class Notices:
    """A notifier that keeps what it was given."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, str]]] = []

    def send(self, title: str, facts: Mapping[str, str]) -> None:
        self.sent.append((title, dict(facts)))

    def results(self) -> Sequence[tuple[str, bool, str]]:
        return ()


class Bench:
    """One home on fakes; `run` starts the chain, again and again, as a person would."""

    def __init__(self, chain: Chain, script: Mapping[str, Sequence[Play]] = DONE) -> None:
        self.chain = chain
        self.clock = FakeClock()
        self.journal = MemoryJournal()
        self.desk = MemoryDesk()
        self.agents: Agents = ScriptedAgents(self.clock, self.desk, script)
        self.tree = Tree()
        self.signals = Signals()
        self.notices = Notices()
        self.seen: list[Event | Activity] = []
        self.progress = Progress()
        self.daily_cap: float | None = None

    def parts(self) -> Parts:
        sessions = itertools.count(1)
        return Parts(
            chain=self.chain,
            places=Places(
                workdir=Path("/repo"), calls=Path("/home/calls"), user_home="/home/user",
                bash_home="/home/user", link_workdir=lambda own: Path("/repo") / own,
            ),
            journal=self.journal, agents=self.agents, desk=self.desk, clock=self.clock, watcher=self.tree,
            interrupts=self.signals, notifier=self.notices, emit=self.seen.append,
            new_session=lambda: f"session-{next(sessions)}", beat=lambda: None, day_start=lambda: 0.0,
            daily_cap_usd=self.daily_cap,
        )  # fmt: skip

    def run(self, *, task: str | None = None, changes: tuple[str, ...] = ()) -> RunEnded:
        parts = self.parts()
        recorder = open_run(parts, Wish(settings={}, task=task), changes, unfinished(parts))
        self.progress = recorder.progress
        return Engine(parts, recorder).run()

    @property
    def ledger(self) -> list[str]:
        """The links of all calls that were begun, in order."""
        assert isinstance(self.agents, ScriptedAgents)
        return [order.link.name for order in self.agents.orders]
