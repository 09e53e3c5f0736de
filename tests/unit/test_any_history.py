"""Starts, crashes, stops, resets and edits in any order, held against a small model of what a run is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from llmauto.events import RunEnded
from llmauto.journal.memory import MemoryJournal
from llmauto.model import Breakers, Chain, Link
from llmauto.outcomes import Outcome
from llmauto.ports import Activity, CallOrder, EndHow, Mirror, OpenCall, Reply
from llmauto.testing.desk import MemoryDesk
from tests.unit.bench import Bench

COST = 0.25
NAMES = ("plan", "work", "test", "review", "tidy")


class Crash(BaseException):
    """The runner is killed here: nothing of it goes on, not even what handles errors."""


class Fuse:
    """Kills the runner at the n-th durable operation; 0 = never."""

    def __init__(self) -> None:
        self.left = 0

    def point(self) -> None:
        if self.left:
            self.left -= 1
            if not self.left:
                raise Crash


class BrittleJournal(MemoryJournal):
    def __init__(self, fuse: Fuse) -> None:
        super().__init__()
        self._fuse = fuse

    def append(self, *args: Any, **kwargs: Any) -> None:
        self._fuse.point()
        super().append(*args, **kwargs)
        self._fuse.point()


class BrittleDesk(MemoryDesk):
    def __init__(self, fuse: Fuse) -> None:
        super().__init__()
        self._fuse = fuse

    def publish(self, mirror: Mirror) -> None:
        self._fuse.point()
        super().publish(mirror)
        self._fuse.point()


@dataclass
class Paid:
    """One call as the outside sees it: begun once, and ended at the most once. `text` is what it hands on."""

    order: CallOrder
    text: str
    ended: bool = False
    lost: bool = False


@dataclass
class World:
    """What outlives every runner: agents below their keepers, and the ledger of what was paid."""

    fuse: Fuse
    desk: BrittleDesk
    calls: dict[str, Paid] = field(default_factory=dict)
    stop_at: int = 0
    handoff: str = ""

    def begin(self, order: CallOrder) -> OpenCall:
        self.fuse.point()
        assert self.desk.text("handoff.md") == self.handoff, "the agent sees what the last one handed on"
        folder = str(order.folder)
        assert folder not in self.calls, "a call is begun once"
        self.calls[folder] = Paid(order, f"{order.round} {order.link.name} {len(self.calls)}")
        self.fuse.point()
        return Seen(self, self.calls[folder], adopted=False)

    def recover(self, order: CallOrder) -> OpenCall | None:
        paid = self.calls.get(str(order.folder))
        return None if paid is None or paid.lost else Seen(self, paid, adopted=True)

    def end(self, paid: Paid) -> None:
        """The agent ends its work well, whoever looks on."""
        if not paid.ended:
            paid.ended = True
            self.handoff = paid.text
            self.desk.write("handoff.md", paid.text)

    def open_calls(self) -> list[Paid]:
        return [paid for paid in self.calls.values() if not (paid.ended or paid.lost)]


class Seen:
    """A call as a runner follows it."""

    def __init__(self, world: World, paid: Paid, *, adopted: bool) -> None:
        self.adopted = adopted
        self._world = world
        self._paid = paid

    def poll(self, timeout_s: float) -> Reply | None:
        self._world.fuse.point()
        if self._world.stop_at:
            self._world.stop_at -= 1
            if not self._world.stop_at:
                self._world.desk.write("STOP", "enough")
        self._world.end(self._paid)
        self._world.fuse.point()
        return Reply(outcome=Outcome.DONE, text="done", worked=True, cost_usd=COST, seconds=60.0)

    def activities(self) -> Sequence[Activity]:
        return ()

    def end(self, how: EndHow) -> None:
        """Nobody ends one here."""


class Histories(RuleBasedStateMachine):
    """Whatever happens, each link of each round is paid for once, and no run is begun anew without need."""

    @initialize(links=st.integers(1, 3), rounds=st.integers(1, 3))
    def a_home(self, links: int, rounds: int) -> None:
        self.fuse = Fuse()
        chain = Chain(
            name="c", max_rounds=rounds, breakers=Breakers(no_progress=0),
            links=tuple(Link(name=name) for name in NAMES[:links]),
        )  # fmt: skip
        self.bench = Bench(chain)
        self.desk = BrittleDesk(self.fuse)
        self.world = World(self.fuse, self.desk)
        self.bench.desk, self.bench.journal = self.desk, BrittleJournal(self.fuse)
        self.bench.agents = self.world
        self.edited: set[str] = set()

    # --- what people and machines do ------------------------------------------------------------------

    def play(self) -> RunEnded | None:
        """Start the chain: it ends, or its runner is killed."""
        before = self.bench.journal.latest("c")
        goes_on = before is not None and not before.finished
        self.bench.clock.advance(10)
        try:
            ended = self.bench.run()
        except Crash:
            ended = None
        self.fuse.left = 0
        after = self.bench.journal.latest("c")
        if goes_on and before is not None:
            assert after is not None
            assert after.run == before.run, "an unfinished run goes on"
        return ended

    @rule()
    def start(self) -> None:
        ended = self.play()
        assert ended is not None
        assert (ended.reason, ended.exit_code) == ("max_rounds", 0)
        self.whole()

    @rule(at=st.integers(1, 60))
    def start_and_be_killed(self, at: int) -> None:
        self.fuse.left = at
        self.play()

    @rule(at=st.integers(1, 6))
    def start_and_be_stopped(self, at: int) -> None:
        self.world.stop_at = at
        ended = self.play()
        assert ended is not None
        assert ended.reason == ("max_rounds" if self.world.stop_at else ended.reason)
        assert ended.reason in ("max_rounds", "stop_requested")
        self.world.stop_at = 0

    @precondition(lambda self: self.world.open_calls())
    @rule()
    def the_agent_ends_alone(self) -> None:
        for paid in self.world.open_calls():
            self.world.end(paid)

    @precondition(lambda self: self.world.open_calls())
    @rule()
    def the_keeper_is_killed_too(self) -> None:
        for paid in self.world.open_calls():
            paid.lost = True

    @rule()
    def a_stop_that_nobody_hears(self) -> None:
        self.bench.journal.ask("c", "stop", "too late", self.bench.clock.now())

    @precondition(lambda self: not self.world.open_calls())
    @rule()
    def reset(self) -> None:
        self.bench.journal.forget_chain("c")
        fresh = BrittleDesk(self.fuse)
        self.bench.desk = self.world.desk = self.desk = fresh
        self.world.calls.clear()
        self.world.handoff = ""
        self.edited.clear()

    @precondition(lambda self: not self.world.open_calls())
    @rule(links=st.sets(st.sampled_from(NAMES), min_size=1, max_size=4), rounds=st.integers(1, 4))
    def edit_the_chain(self, links: set[str], rounds: int) -> None:
        """Take links out, put others in; what stays keeps its order."""
        latest = self.bench.journal.latest("c")
        if latest is not None and not latest.finished:
            self.edited.add(latest.run)
        links_ = tuple(Link(name=name) for name in NAMES if name in links)
        chain = self.bench.chain
        self.bench.chain = Chain(name="c", max_rounds=rounds, breakers=chain.breakers, links=links_)

    # --- what is always so ------------------------------------------------------------------------------

    def paid_in(self, run: str) -> list[Paid]:
        return [paid for paid in self.world.calls.values() if paid.order.run == run]

    def whole(self) -> None:
        """A run that has ended has all its links, in their order, each once."""
        latest = self.bench.journal.latest("c")
        assert latest is not None
        assert latest.finished
        if latest.run in self.edited:
            return
        chain = self.bench.chain
        played = [(p.order.round, p.order.link.name) for p in self.paid_in(latest.run) if not p.lost]
        assert played == [(n, link.name) for n in range(1, chain.max_rounds + 1) for link in chain.links]
        assert self.desk.text("round_counter.txt").strip() == str(chain.max_rounds)
        assert self.desk.text("handoff.md") == self.world.handoff

    @invariant()
    def nothing_is_paid_twice(self) -> None:
        ended = Counter(
            (p.order.run, p.order.round, p.order.link.name) for p in self.world.calls.values() if p.ended
        )
        assert [place for place, count in ended.items() if count > 1] == []

    @invariant()
    def the_books_agree(self) -> None:
        for summary in self.bench.journal.runs("c"):
            paid = [p for p in self.paid_in(summary.run) if p.ended]
            assert summary.cost_usd <= len(paid) * COST + 1e-9
            if summary.finished:
                assert abs(summary.cost_usd - len(paid) * COST) < 1e-9


Histories.TestCase.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestAnyHistory = Histories.TestCase
