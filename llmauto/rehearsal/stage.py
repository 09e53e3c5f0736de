"""How is a chain rehearsed? By the real engine; agents, clock, journal and state folder are played."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from llmauto.authoring.flat import flatten
from llmauto.authoring.overrides import with_overrides
from llmauto.authoring.rehearsal import Script, ScriptedPlay
from llmauto.engine import Engine, Parts, Places
from llmauto.engine.opening import Wish, open_run, unfinished
from llmauto.errors import LlmautoError
from llmauto.events import Event, GateOpened, RunEnded
from llmauto.journal.memory import MemoryJournal
from llmauto.model import Chain, Link, Role
from llmauto.outcomes import Outcome
from llmauto.ports import Activity, CallOrder, OpenCall
from llmauto.rehearsal.plays import files_of, reply_of, with_default
from llmauto.rules.progress import Progress
from llmauto.testing.agents import Play, ScriptedCall
from llmauto.testing.clock import FakeClock
from llmauto.testing.desk import MemoryDesk

RUN = "rehearsal"
"""The run's name: pauses that look random hang on it, and so every rehearsal of a script is the same."""

SOON_S = 1.0
BETWEEN_STARTS_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """A rehearsal that was played to its end: all events in order, and where the run then stood."""

    chain: Chain
    events: tuple[Event, ...]
    ended: RunEnded
    progress: Progress


def rehearse(chain: Chain, script: Script, workdir: Path) -> Rehearsed:
    """Play the chain. Nothing is read, written, started or paid; `workdir` is shown in prompts only.

    Raises:
        LlmautoError: nothing ended the run within the script's `most_calls`.
    """
    chain = with_overrides(
        chain, max_rounds=script.rounds, budget_usd=script.budget_usd, inputs=dict(script.inputs)
    )
    # The trial call of a canary is about a machine, and that is not what is rehearsed.
    stage = _Stage(replace(chain, canary=False), script, workdir)
    ended = stage.start()
    for _ in range(script.starts - 1):
        if stage.finished():
            break
        stage.clock.advance(BETWEEN_STARTS_S)
        ended = stage.start()
    events = tuple(stage.journal.events(RUN))
    return Rehearsed(chain=stage.chain, events=events, ended=ended, progress=stage.progress)


class _Stage:
    """Everything that the engine needs of the world."""

    def __init__(self, chain: Chain, script: Script, workdir: Path) -> None:
        self.chain = chain
        self.clock = FakeClock()
        self.journal = MemoryJournal()
        self.progress = Progress()
        self._script = script
        self._workdir = workdir
        self._desk = MemoryDesk(workdir / "state" / chain.name)
        self._tree = _Tree()
        self._turns: dict[str, int] = {}
        self._calls = 0

    def start(self) -> RunEnded:
        """Start the chain, as a person would; where its run ends."""
        parts = self._parts()
        wish = Wish(settings=flatten(self.chain), task=self._script.task or None, run=RUN)
        recorder = open_run(parts, wish, (), unfinished(parts))
        self.progress = recorder.progress
        return Engine(parts, recorder).run()

    def finished(self) -> bool:
        """Whether the next start would begin another run."""
        latest = self.journal.latest(self.chain.name)
        return latest is None or latest.finished

    def _parts(self) -> Parts:
        sessions = itertools.count(1)
        home = str(self._workdir)
        places = Places(
            workdir=self._workdir, calls=self._workdir / "calls", user_home=home, bash_home=home,
            link_workdir=lambda own: self._workdir / own,
        )  # fmt: skip
        return Parts(
            chain=self.chain, places=places, journal=self.journal, agents=self, desk=self._desk,
            clock=self.clock, watcher=self._tree, interrupts=_Nobody(), notifier=_Nobody(), emit=self._see,
            new_session=lambda: f"session-{next(sessions)}", beat=lambda: None, day_start=lambda: 0.0,
        )  # fmt: skip

    # --- the port `Agents` ------------------------------------------------------------------------

    def begin(self, order: CallOrder) -> OpenCall:
        """Play the link's next turn."""
        self._calls += 1
        if self._calls > self._script.most_calls:
            most = self._script.most_calls
            raise LlmautoError(
                f"the rehearsal was given up: nothing has ended the run after {most} calls",
                hint="bound the chain, or raise `most_calls` of the script",
            )
        turn = self._next(order.link.name)
        reply = reply_of(turn, order.link, self.clock.now() + turn.seconds)
        play = Play(
            reply=reply, seconds=turn.seconds, files=files_of(turn, order.link, self._turns[order.link.name]),
            does=lambda _: self._meanwhile(turn, order.link),
        )  # fmt: skip
        return ScriptedCall(self.clock, self._desk, order, play)

    def recover(self, order: CallOrder) -> OpenCall | None:
        """No runner dies in a rehearsal."""
        return None

    # --- what happens on the way ------------------------------------------------------------------

    def _next(self, link: str) -> ScriptedPlay:
        turn = self._turns.get(link, 0)
        self._turns[link] = turn + 1
        return with_default(self._script.of(link), turn)

    def _meanwhile(self, turn: ScriptedPlay, link: Link) -> None:
        """The workdir changes, and a person speaks, while the call is under way."""
        self._tree.move(turn.changes and turn.outcome is not Outcome.DENIED and link.role is not Role.CHECK)
        if turn.steer:
            self.journal.ask(self.chain.name, "steer", turn.steer, self.clock.now(), "rehearsal")
        if turn.stop is not None:
            self._desk.write("STOP", turn.stop)

    def _see(self, item: Event | Activity) -> None:
        if isinstance(item, GateOpened):
            self._answer(item)

    def _answer(self, gate: GateOpened) -> None:
        """A person answers after a while; where nobody does and no time-out will, the run is stopped."""
        name, turn = self.chain.name, self._next(gate.link)
        if turn.answer:
            ask = self.journal.ask
            self.clock.after(
                max(turn.seconds, SOON_S),
                lambda: ask(name, turn.answer, turn.reason, self.clock.now(), "rehearsal"),
            )
        elif not gate.until:
            why = f"the script has no answer for gate `{gate.link}`"
            self.clock.after(SOON_S, lambda: self._desk.write("STOP", why))


class _Tree:
    """A workdir that changes when a play says so."""

    def __init__(self) -> None:
        self._changes = 0

    def move(self, changed: bool) -> None:
        """Something was changed, or not."""
        self._changes += changed

    def fingerprint(self) -> str:
        """As many as there were changes."""
        return str(self._changes)


class _Nobody:
    """No signal comes, and nobody is told."""

    def level(self) -> int:
        return 0

    def send(self, title: str, facts: Mapping[str, str]) -> None:
        return None

    def results(self) -> Sequence[tuple[str, bool, str]]:
        return ()
