"""One question, asked on fakes: what the journal keeps of it, what ends it, what is tried again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from llmauto import events as ev
from llmauto.errors import BusyError, DiskError, UsageError
from llmauto.journal.memory import MemoryJournal
from llmauto.model import Link
from llmauto.outcomes import Outcome
from llmauto.piping import Means, Question, ask
from llmauto.piping.leftovers import last_session, settle
from llmauto.ports import Activity, CallOrder, EndHow, OpenCall, Reply
from llmauto.testing.clock import FakeClock

HERE = Path("/repo")
YES = Reply(outcome=Outcome.DONE, text="yes", session="s1", model="big-1", worked=True, cost_usd=0.2)
BUSY = Reply(outcome=Outcome.OVERLOADED, message="529", charged=False, cost_usd=0.0)


class Call:
    """A call that ends with its reply at the `polls`-th look; `end` cuts it short."""

    adopted = False

    def __init__(self, reply: Reply, polls: int = 1) -> None:
        self.reply = reply
        self.polls = polls
        self.asked: list[EndHow] = []
        self.raises: BaseException | None = None

    def poll(self, timeout_s: float) -> Reply | None:
        if self.raises is not None:
            error, self.raises = self.raises, None
            raise error
        self.polls -= 1
        if self.asked:
            return replace(self.reply, outcome=Outcome.STOPPED, text="", cost_usd=None)
        return self.reply if self.polls <= 0 else None

    def activities(self) -> Sequence[Activity]:
        return ()

    def end(self, how: EndHow) -> None:
        self.asked.append(how)


@dataclass
class Bench:
    """A home on fakes."""

    replies: list[Reply | Call | DiskError] = field(default_factory=lambda: [YES])
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    clock: FakeClock = field(default_factory=FakeClock)
    orders: list[CallOrder] = field(default_factory=list)
    left: OpenCall | None = None
    seen: list[ev.Event | Activity] = field(default_factory=list)
    held: set[str] = field(default_factory=set)
    raised: int = 0
    cap: float | None = None
    tree: str = "same"

    def begin(self, order: CallOrder) -> OpenCall:
        self.orders.append(order)
        play = self.replies.pop(0)
        if isinstance(play, DiskError):
            raise play
        return play if isinstance(play, Call) else Call(play)

    def recover(self, order: CallOrder) -> OpenCall | None:
        return self.left

    def level(self) -> int:
        return self.raised

    def fingerprint(self) -> str:
        return self.tree

    @contextmanager
    def hold(self, run: str) -> Iterator[None]:
        if run in self.held:
            raise BusyError("held")
        self.held.add(run)
        yield
        self.held.discard(run)

    def means(self) -> Means:
        sessions = iter(f"new-{number}" for number in range(1, 100))
        return Means(
            journal=self.journal, agents=self, clock=self.clock, interrupts=self, watcher=self,
            emit=self.seen.append, calls=Path("/home/calls"), new_session=lambda: next(sessions),
            day_start=lambda: 0.0, hold=self.hold, daily_cap_usd=self.cap,
        )  # fmt: skip

    def ask(self, link: Link | None = None, **values: str) -> Reply:
        question = Question(
            prompt="why?", link=link or Link(name="pipe", model="big", preamble=False), workdir=HERE, **values
        )
        return ask(question, self.means())

    def events(self) -> list[ev.Event]:
        """Of the newest run."""
        return list(self.journal.events(self.journal.runs("")[0].run))

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events()]


def test_a_question_is_a_run_without_a_chain_in_the_journal() -> None:
    bench = Bench()
    assert bench.ask() == YES
    run = bench.journal.runs("")[0]
    assert (run.chain, run.status, run.stop_reason, run.exit_code) == ("", "COMPLETED", "completed", 0)
    assert (run.calls, run.cost_usd, run.workdir, run.task) == (1, 0.2, str(HERE), "why?")
    assert bench.kinds() == ["run_started", "call_started", "call_ended", "handoff_kept", "run_ended"]
    assert bench.journal.spent_since(0.0) == (0.2, 0)
    assert not bench.held


def test_the_intent_is_written_down_before_the_call_and_seen_by_who_looks_on() -> None:
    bench = Bench()
    bench.ask()
    assert [item.kind for item in bench.seen] == bench.kinds()
    order = bench.orders[0]
    assert (order.prompt, order.model, order.session, order.resume) == ("why?", "big", "new-1", False)
    assert order.folder == Path("/home/calls") / order.run / "0001-pipe"
    assert not order.finish_alone


def test_an_answer_is_kept_where_it_is_not_too_large() -> None:
    bench = Bench(replies=[YES, replace(YES, text="x" * 300_000)])
    bench.ask()
    kept = next(event for event in bench.events() if isinstance(event, ev.HandoffKept))
    assert bench.journal.handoff(kept.sha) == "yes"
    bench.ask()
    assert "handoff_kept" not in bench.kinds()


def test_nothing_is_asked_once_the_days_budget_is_spent() -> None:
    bench = Bench(replies=[YES, YES], cap=0.2)
    assert bench.ask().outcome is Outcome.DONE
    refused = bench.ask()
    assert (refused.outcome, refused.charged) == (Outcome.BUDGET, False)
    assert "`daily_budget_usd` $0.20 spent today" in refused.message
    assert len(bench.orders) == 1
    assert bench.orders[0].budget_usd == 0.2


def test_a_call_may_cost_what_is_left_of_the_day() -> None:
    bench = Bench(replies=[YES, YES], cap=0.5)
    bench.ask()
    bench.ask(Link(name="pipe", max_cost_usd=0.4))
    assert bench.orders[1].budget_usd == pytest.approx(0.3)


def test_the_fallback_model_is_asked_in_the_same_run() -> None:
    bench = Bench(replies=[BUSY, YES])
    assert bench.ask(Link(name="pipe", model="big", fallback_model="small")).outcome is Outcome.DONE
    assert [order.model for order in bench.orders] == ["big", "small"]
    assert [order.session for order in bench.orders] == ["new-1", "new-2"]
    assert bench.journal.runs("")[0].calls == 2


def test_no_second_attempt_is_made_over_the_days_budget() -> None:
    bench = Bench(replies=[replace(BUSY, charged=True, cost_usd=0.3), YES], cap=0.2)
    assert bench.ask(Link(name="pipe", fallback_model="small")).outcome is Outcome.OVERLOADED
    assert len(bench.orders) == 1


def test_a_session_is_gone_on_with() -> None:
    bench = Bench()
    bench.ask(session="s0")
    assert (bench.orders[0].session, bench.orders[0].resume) == ("s0", True)


def test_ctrl_c_ends_the_call_and_the_run_is_interrupted() -> None:
    call = Call(YES, polls=3)
    bench = Bench(replies=[call], raised=2)
    assert bench.ask().outcome is Outcome.STOPPED
    assert call.asked == [EndHow.STOP]
    run = bench.journal.runs("")[0]
    assert (run.stop_reason, run.exit_code, run.unknown_costs) == ("interrupted", 130, 1)


def test_ctrl_c_more_than_once_kills_it() -> None:
    call = Call(YES, polls=3)
    Bench(replies=[call], raised=3).ask()
    assert call.asked == [EndHow.KILL]


def test_where_signals_are_the_callers_a_keyboard_interrupt_ends_the_call_and_goes_on() -> None:
    call = Call(YES, polls=3)
    call.raises = KeyboardInterrupt()
    bench = Bench(replies=[call])
    with pytest.raises(KeyboardInterrupt):
        bench.ask()
    assert call.asked == [EndHow.STOP]
    assert bench.journal.runs("")[0].stop_reason == "interrupted"


def test_a_call_folder_that_cannot_be_written_is_the_outcome_disk() -> None:
    bench = Bench(replies=[DiskError("no room", hint="make some")])
    reply = bench.ask()
    assert (reply.outcome, reply.message, reply.hint) == (Outcome.DISK, "no room", "make some")
    assert bench.journal.runs("")[0].exit_code == 1


class Full(MemoryJournal):
    """A journal whose disk is full from the `after`-th append on."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.left = after

    def append(self, *args: object, **values: object) -> None:
        self.left -= 1
        if self.left < 0:
            raise DiskError("no room", hint="make some")
        super().append(*args, **values)  # type: ignore[arg-type]


def test_what_cannot_be_written_down_is_not_asked() -> None:
    bench = Bench(journal=Full(0))
    with pytest.raises(DiskError):
        bench.ask()
    assert not bench.orders


def test_an_answer_that_came_before_the_disk_was_full_is_kept_in_the_reply() -> None:
    reply = Bench(journal=Full(1)).ask()
    assert (reply.outcome, reply.text, reply.message) == (Outcome.DISK, "yes", "no room")


def test_a_refused_tool_after_which_nothing_was_changed_is_denied() -> None:
    bench = Bench(replies=[replace(YES, denials=("WebFetch",))])
    assert bench.ask().outcome is Outcome.DENIED
    bench = Bench(replies=[replace(YES, denials=("WebFetch",))], tree="")
    assert bench.ask().outcome is Outcome.DONE, "where the tree cannot be told, the answer stands"


# --- what earlier pipes left -----------------------------------------------------------------------


def killed(bench: Bench) -> str:
    """A pipe whose process was killed in mid-call; the name of its run."""

    class Killed(BaseException):
        pass

    call = Call(YES, polls=3)
    call.raises = Killed()
    bench.replies = [call]
    with pytest.raises(Killed):
        bench.ask()
    bench.held.clear()
    return bench.journal.runs("")[0].run


def test_what_a_killed_pipe_has_cost_is_counted_by_the_next_one() -> None:
    bench = Bench()
    killed(bench)
    assert bench.journal.spent_since(0.0) == (0.0, 0)
    bench.left = Call(YES)
    settle(bench.means(), bench.held.__contains__)
    assert bench.journal.spent_since(0.0) == (0.2, 0)
    run = bench.journal.runs("")[0]
    assert (run.status, run.stop_reason, run.message) == ("STOPPED", "interrupted", "its process was killed")
    settle(bench.means(), bench.held.__contains__)
    assert bench.journal.spent_since(0.0) == (0.2, 0), "once is enough"


def test_a_killed_pipe_of_which_nothing_is_left_has_ended_too() -> None:
    bench = Bench()
    killed(bench)
    settle(bench.means(), bench.held.__contains__)
    assert bench.kinds()[-2:] == ["call_ended", "run_ended"]


def test_a_pipe_that_is_under_way_is_left_alone() -> None:
    bench = Bench()
    run = killed(bench)
    bench.left = Call(YES)
    settle(bench.means(), lambda name: name == run)
    assert bench.journal.runs("")[0].status == "RUNNING"
    bench.left = Call(YES, polls=5)
    settle(bench.means(), bench.held.__contains__)
    assert bench.journal.runs("")[0].status == "RUNNING", "its keeper is still ending it"


def test_the_last_session_of_the_folder_is_found_with_its_model() -> None:
    bench = Bench(replies=[YES, replace(YES, session="s2"), replace(YES, session="")])
    for _ in range(3):
        bench.ask()
        bench.clock.advance(1)
    found = last_session(bench.journal, HERE, "claude", bench.held.__contains__)
    assert (found.session, found.model) == ("s2", "big")
    for folder, backend in ((Path("/other"), "claude"), (HERE, "demo")):
        with pytest.raises(UsageError, match="no earlier `pipe`"):
            last_session(bench.journal, folder, backend, bench.held.__contains__)


def test_a_session_that_another_pipe_goes_on_with_is_busy() -> None:
    bench = Bench()
    bench.ask()
    bench.clock.advance(1)
    call = Call(YES, polls=3)
    call.raises = RuntimeError()
    bench.replies = [call]
    with pytest.raises(RuntimeError):
        bench.ask(session="s1")
    run = bench.journal.runs("")[0].run
    with pytest.raises(BusyError, match="right now"):
        last_session(bench.journal, HERE, "claude", lambda name: name == run)
