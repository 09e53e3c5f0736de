"""What must every journal do? Call `check_journal` with a maker of empty ones.

For authors of journals: each check raises `AssertionError` with the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from llmauto.events import (
    CallEnded,
    CallStarted,
    Event,
    HandoffKept,
    LinkEnded,
    Noted,
    RunStarted,
)
from llmauto.ports import KeptHandoff, Request, RunSummary


class FullJournal(Protocol):
    """The engine's `Journal` and what the command line needs besides."""

    def append(
        self,
        events: Sequence[Event],
        summary: RunSummary,
        handoffs: Sequence[KeptHandoff] = (),
        heard: Sequence[int] = (),
    ) -> None:
        """As `Journal.append`."""

    def events(self, run: str, after: int = 0) -> Iterable[Event]:
        """As `Journal.events`."""

    def latest(self, chain: str) -> RunSummary | None:
        """As `Journal.latest`."""

    def runs(self, chain: str | None = None, limit: int | None = None) -> Sequence[RunSummary]:
        """As `Journal.runs`."""

    def handoff(self, sha: str) -> str | None:
        """As `Journal.handoff`."""

    def ask(self, chain: str, kind: str, text: str, at: float, by: str = "") -> None:
        """As `Journal.ask`."""

    def asked(self, chain: str) -> Sequence[Request]:
        """As `Journal.asked`."""

    def take(self, chain: str) -> Sequence[Request]:
        """As `asked`, and they are then gone."""

    def spent_since(self, at: float) -> tuple[float, int]:
        """As `Journal.spent_since`."""

    def run(self, run: str) -> RunSummary | None:
        """One run's summary."""

    def chains(self) -> Sequence[RunSummary]:
        """The newest run of each chain, by name."""

    def tail(self, run: str, n: int) -> Sequence[Event]:
        """The last events, oldest first."""

    def count(self, run: str) -> int:
        """The number of events."""

    def kept_handoffs(self, run: str) -> Sequence[HandoffKept]:
        """The handoffs of a run, oldest first."""

    def forget_chain(self, chain: str) -> None:
        """Remove all about a chain but what it spent."""

    def forget_runs(self, runs: Sequence[str]) -> None:
        """Remove all about runs but what they spent."""

    def changed(self) -> bool:
        """Whether there may be something new from others."""


Make = Callable[[], FullJournal]


def check_journal(make: Make) -> None:
    """Run every check on a journal of its own."""
    for check in CHECKS:
        check(make())


def a_run(run: str = "r1", chain: str = "c", **changes: object) -> RunSummary:
    """A summary for tests."""
    return RunSummary(**{"run": run, "chain": chain, "status": "RUNNING", **changes})  # type: ignore[arg-type]


def events_come_back_as_they_were(journal: FullJournal) -> None:
    """In order, with every field and type, over several appends."""
    first: list[Event] = [
        RunStarted(run="r1", chain="c", links=("a", "b"), inputs={"k": "v"}, budget_usd=1.5, at=1.0, up=0.5),
        CallStarted(call=1, round=1, link="a", at=2.0),
    ]
    second: list[Event] = [
        CallEnded(call=1, round=1, link="a", attempt=1, outcome="done", cost_usd=None, denials=("x", "y")),
        LinkEnded(round=1, link="a", outcome="done", assigned=("opus",)),
    ]
    journal.append(first, a_run())
    journal.append(second, a_run(call=1))
    assert list(journal.events("r1")) == first + second
    assert list(journal.events("r1", 3)) == second[1:]
    assert list(journal.events("r1", 99)) == []
    assert list(journal.tail("r1", 3)) == [first[1], *second]
    assert list(journal.tail("r1", 0)) == []
    assert (journal.count("r1"), journal.count("none")) == (4, 0)
    assert list(journal.events("none")) == list(journal.tail("none", 5)) == []


def a_summary_comes_back_as_it_was(journal: FullJournal) -> None:
    """Every field, and the newest state of it."""
    full = RunSummary(
        run="r1", chain="c", status="STOPPED", stop_reason="budget", message="m", finished=True, exit_code=4,
        started_at=1.25, updated_at=2.0, ended_at=3.0, runtime_s=4.5, rounds_done=5, round=6, link="l",
        call=7, calls=8, failed_calls=9, cost_usd=10.5, unknown_costs=11, input_tokens=12, output_tokens=13,
        wait_until=14.0, wait_why="w", workdir="/d", task="t", max_rounds=15, budget_usd=16.0,
        runtime_limit_s=17.5, deadline=18.5, pid=19, host="h",
    )  # fmt: skip
    journal.append([], a_run())
    assert journal.latest("c") == a_run()
    journal.append([], full)
    assert journal.latest("c") == journal.run("r1") == full
    assert journal.run("none") is journal.latest("none") is None


def runs_are_listed_newest_first(journal: FullJournal) -> None:
    """By when they began in this journal, whatever the clocks say; `pipe` runs belong to no chain."""
    for run, chain in (("r1", "b"), ("r2", "a"), ("r3", "b"), ("p1", "")):
        journal.append([], a_run(run, chain, started_at=-float(run[1])))
    journal.append([], a_run("r1", "b", status="STOPPED"))
    assert [s.run for s in journal.runs()] == ["p1", "r3", "r2", "r1"]
    assert [s.run for s in journal.runs("b")] == ["r3", "r1"]
    assert [s.run for s in journal.runs("")] == ["p1"]
    assert [s.run for s in journal.runs(limit=2)] == ["p1", "r3"]
    assert [s.run for s in journal.runs("b", 1)] == ["r3"]
    assert [(s.chain, s.run) for s in journal.chains()] == [("a", "r2"), ("b", "r3")]


def handoffs_are_kept_by_hash(journal: FullJournal) -> None:
    """Whole, once each, and found again by run."""
    big = "ü\0\n" * 200_000
    kept = HandoffKept(round=1, link="a", sha="s1", size=3)
    journal.append([kept], a_run(), [KeptHandoff(sha="s1", text=big)])
    journal.append([], a_run(), [KeptHandoff(sha="s1", text=big), KeptHandoff(sha="s2", text="")])
    assert journal.handoff("s1") == big
    assert journal.handoff("s2") == ""
    assert journal.handoff("s3") is None
    assert list(journal.kept_handoffs("r1")) == [kept]
    assert list(journal.kept_handoffs("none")) == []


def requests_are_taken_once_and_in_order(journal: FullJournal) -> None:
    """Each chain its own."""
    assert list(journal.take("c")) == []
    journal.ask("c", "pause", "", 1.0)
    journal.ask("d", "steer", "left", 2.0)
    journal.ask("c", "resume", "why", 3.0, "ann lee@box")
    assert journal.changed() in (True, False)
    taken = journal.take("c")
    assert [(r.chain, r.kind, r.text, r.at, r.by) for r in taken] == [
        ("c", "pause", "", 1.0, ""),
        ("c", "resume", "why", 3.0, "ann lee@box"),
    ]
    assert list(journal.take("c")) == []
    assert [r.text for r in journal.take("d")] == ["left"]


def requests_stay_until_what_came_of_them_is_kept(journal: FullJournal) -> None:
    """So that none is lost with a runner that dies in between."""
    journal.ask("c", "steer", "one", 1.0, "ann@box")
    journal.ask("c", "steer", "two", 2.0)
    first, second = journal.asked("c")
    assert (first.text, first.by, second.text) == ("one", "ann@box", "two")
    assert list(journal.asked("c")) == [first, second]
    journal.append([], a_run(), (), [first.id])
    assert list(journal.asked("c")) == [second]
    assert list(journal.asked("d")) == []


def spending_is_summed_over_all_runs(journal: FullJournal) -> None:
    """Unknown costs are counted, those of calls that were not charged are not; forgetting changes nothing."""
    for number, (at, cost, charged) in enumerate([(1.0, 9.0, True), (5.0, 0.25, True), (6.0, None, True)]):
        ended = CallEnded(
            call=1, round=1, link="a", attempt=1, outcome="done", at=at, cost_usd=cost, charged=charged
        )
        journal.append([ended], a_run(f"r{number}", f"c{number}"))
    free = CallEnded(call=2, round=1, link="a", attempt=1, outcome="missing", at=7.0, charged=False)
    journal.append([free], a_run("r0", "c0"))
    assert journal.spent_since(1.0) == (0.25, 1)
    assert journal.spent_since(99.0) == (0.0, 0)
    journal.forget_chain("c1")
    assert journal.spent_since(0.0) == (9.25, 1)


def a_forgotten_chain_leaves_the_others(journal: FullJournal) -> None:
    """With what only it used; a shared handoff stays as long as one run uses it."""
    for run, chain, shas in (("r1", "a", ("x", "shared")), ("r2", "b", ("shared",)), ("r3", "a", ("x", "y"))):
        kept = [HandoffKept(round=1, link="l", sha=sha, size=1) for sha in shas]
        journal.append(kept, a_run(run, chain), [KeptHandoff(sha=sha, text=sha) for sha in shas])
    journal.ask("a", "pause", "", 1.0)
    journal.forget_runs(["r3", "none"])
    assert [journal.handoff(sha) for sha in ("x", "y", "shared")] == ["x", None, "shared"]
    journal.forget_chain("a")
    assert journal.latest("a") is None
    assert [s.run for s in journal.runs()] == ["r2"]
    assert list(journal.events("r1")) == []
    assert list(journal.take("a")) == []
    assert [journal.handoff(sha) for sha in ("x", "shared")] == [None, "shared"]
    journal.append([], a_run("r4", "a"))
    assert [s.run for s in journal.runs()] == ["r4", "r2"]


def any_text_and_number_is_taken(journal: FullJournal) -> None:
    """NUL, halves of surrogate pairs, endless floats and huge integers break nothing."""
    odd = "a\0b\udc80ü"
    note = Noted(code="warning", message=odd)
    journal.append([note], a_run(message=odd, cost_usd=float("inf")), [KeptHandoff(sha="s", text=odd)])
    journal.append([], a_run("r2", input_tokens=10**30, wait_until=float("nan")))
    [back] = journal.events("r1")
    assert isinstance(back, Noted)
    assert back.message == journal.handoff("s") == "a\0b\ufffdü"
    journal.ask("c", "steer", odd, 1.0)
    assert journal.take("c")[0].text == "a\0b\ufffdü"
    assert len(journal.runs()) == 2


CHECKS: tuple[Callable[[FullJournal], None], ...] = (
    events_come_back_as_they_were,
    a_summary_comes_back_as_it_was,
    runs_are_listed_newest_first,
    handoffs_are_kept_by_hash,
    requests_are_taken_once_and_in_order,
    requests_stay_until_what_came_of_them_is_kept,
    spending_is_summed_over_all_runs,
    a_forgotten_chain_leaves_the_others,
    any_text_and_number_is_taken,
)
"""Each takes an empty journal."""
