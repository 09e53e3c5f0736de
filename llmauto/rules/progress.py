"""Where does a run stand? The fold over its events.

`Progress` is the one mutable value of the rules, for speed: a night is folded in milliseconds. Its
only mutator is `advance`; everyone else just looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from llmauto import events as ev
from llmauto.outcomes import Outcome
from llmauto.rules.table import TABLE, Pool


@dataclass(slots=True)
class Visit:
    """One link's turn: from its first attempt until the link is over.

    `used` counts the attempts that ended in each pool since a person last started the run;
    `transient_s` is what overload and lost network have cost of their half hour so far. `waited`
    says that the pause after the last attempt is served, `renewed` that a person has started the run
    again since: whatever ended it, this link is tried again.
    """

    round: int
    link: str
    attempts: int = 0
    used: dict[Pool, int] = field(default_factory=dict)
    transient_s: float = 0.0
    limited_since: float = 0.0
    session: str = ""
    resumed: bool = False
    worked: bool = False
    fallback: bool = False
    waited: bool = False
    renewed: bool = False
    open: ev.CallStarted | None = None
    last: ev.CallEnded | None = None


@dataclass(slots=True)
class Progress:
    """The state of one run."""

    run: str = ""
    chain: str = ""
    started: ev.RunStarted | None = None
    links: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    started_at: float = 0.0
    updated_at: float = 0.0
    pid: int = 0
    host: str = ""
    max_rounds: int = 0
    budget_usd: float | None = None

    rounds_done: int = 0
    round_open: bool = False
    next_link: str = ""
    visit: Visit | None = None
    visits: dict[str, int] = field(default_factory=dict)
    assigned: tuple[str, ...] = ()
    sessions: dict[str, str] = field(default_factory=dict)
    handoff: str = ""
    verdict: str = ""

    calls: int = 0
    failed_calls: int = 0
    links_over: int = 0
    cost_usd: float = 0.0
    unknown_costs: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    earlier_s: float = 0.0
    up_s: float = 0.0

    blocks: int = 0
    failures: int = 0
    same_errors: int = 0
    last_error: str = ""
    denied_rounds: int = 0
    stale_rounds: int = 0
    seen: set[str] = field(default_factory=set)
    round_denied: bool = False
    round_failed: bool = False
    last_round_failed: bool = False

    last_over: ev.LinkEnded | None = None
    wait: ev.WaitStarted | None = None
    stop: ev.StopAsked | None = None
    ended: ev.RunEnded | None = None

    @property
    def runtime_s(self) -> float:
        """The run's own time in seconds, over all its starts."""
        return self.earlier_s + self.up_s

    @property
    def round(self) -> int:
        """The round that is being played, from 1."""
        return self.rounds_done + 1

    @property
    def failed_in_last_round(self) -> bool:
        """Whether a link of the last round that played anything failed for good."""
        return self.round_failed or (not self.round_open and self.last_round_failed)

    def advance(self, event: ev.Event) -> None:
        """Take in what happened next."""
        self.updated_at = event.at
        self.up_s = max(self.up_s, event.up)
        _HANDLERS.get(type(event), _nothing)(self, event)


def fold(events: Iterable[ev.Event]) -> Progress:
    """The state that these events, all of one run and in order, lead to."""
    progress = Progress()
    for event in events:
        progress.advance(event)
    return progress


def _nothing(p: Progress, e: Any) -> None:
    pass


def _run_started(p: Progress, e: ev.RunStarted) -> None:
    p.started = e
    p.run, p.chain, p.started_at = e.run, e.chain, e.at
    p.next_link = e.from_link
    _taken_over(p, e)


def _run_resumed(p: Progress, e: ev.RunResumed) -> None:
    p.earlier_s += p.up_s
    p.up_s = e.up
    p.ended = p.stop = p.wait = p.last_over = None
    p.blocks = p.failures = p.same_errors = p.denied_rounds = p.stale_rounds = 0
    p.last_error = ""
    p.visits.clear()
    if e.from_link:
        p.next_link, p.visit = e.from_link, None
    if p.visit is not None:
        _renew(p.visit)
    _taken_over(p, e)


def _renew(visit: Visit) -> None:
    """All attempts anew; but a usage limit that was named is waited for over any number of starts."""
    limited = visit.last is not None and visit.last.outcome == Outcome.LIMITED.value
    visit.renewed = not limited
    visit.used = {Pool.LIMIT: visit.used.get(Pool.LIMIT, 0)}
    visit.transient_s = visit.limited_since = 0.0


def _taken_over(p: Progress, e: ev.RunStarted | ev.RunResumed) -> None:
    p.links, p.settings, p.pid, p.host = e.links, e.settings, e.pid, e.host
    p.max_rounds = e.max_rounds or p.max_rounds
    p.budget_usd = p.budget_usd if e.budget_usd is None else e.budget_usd


def _call_started(p: Progress, e: ev.CallStarted) -> None:
    if p.visit is None or p.visit.link != e.link:
        p.visit = Visit(round=e.round, link=e.link)
        p.visits[e.link] = p.visits.get(e.link, 0) + 1
    visit = p.visit
    visit.attempts, visit.session, visit.resumed, visit.open = e.attempt, e.session, e.resumed, e
    visit.fallback = e.fallback
    visit.worked = visit.waited = visit.renewed = False
    p.next_link, p.round_open, p.calls, p.last_over = e.link, True, e.call, None


def _call_ended(p: Progress, e: ev.CallEnded) -> None:
    pool = TABLE[Outcome(e.outcome)].pool
    if e.charged:
        p.cost_usd += e.cost_usd or 0.0
        p.unknown_costs += e.cost_usd is None
    p.input_tokens += e.input_tokens
    p.output_tokens += e.output_tokens
    visit = p.visit
    if visit is None:
        return
    visit.open, visit.last, visit.worked = None, e, e.worked
    visit.session = e.session or visit.session
    visit.used[pool] = visit.used.get(pool, 0) + 1
    if pool is Pool.TRANSIENT:
        visit.transient_s += e.seconds
    if pool is Pool.LIMIT and not visit.limited_since:
        visit.limited_since = e.at
    if pool not in (Pool.NONE, Pool.LIMIT):
        p.failed_calls += 1


def _link_ended(p: Progress, e: ev.LinkEnded) -> None:
    visit = p.visit
    if visit is not None and visit.session and visit.worked:
        p.sessions[e.link] = visit.session
    p.visit, p.next_link, p.last_over = None, e.goto, e
    p.links_over += 1
    p.handoff = e.handoff
    p.verdict = e.verdict or p.verdict
    if e.controls:
        p.assigned = e.assigned
    p.round_denied |= e.outcome == Outcome.DENIED.value
    p.round_failed |= e.failed
    if e.outcome == Outcome.BLOCKED.value:
        p.blocks += 1
    elif e.outcome != Outcome.SKIPPED.value:
        p.blocks = 0
    _count_failures(p, e)


def _count_failures(p: Progress, e: ev.LinkEnded) -> None:
    if e.outcome == Outcome.DENIED.value:
        return  # has a breaker of its own, by rounds
    if not e.failed:
        if e.outcome != Outcome.SKIPPED.value:
            p.failures = p.same_errors = 0
            p.last_error = ""
        return
    p.failures += 1
    error = f"{e.outcome}: {e.message}"
    p.same_errors = p.same_errors + 1 if error == p.last_error else 1
    p.last_error = error


def _link_skipped(p: Progress, e: ev.LinkSkipped) -> None:
    p.next_link, p.round_open, p.last_over = e.goto, True, None


def _baseline_taken(p: Progress, e: ev.BaselineTaken) -> None:
    p.seen.add(e.fingerprint)


def _round_ended(p: Progress, e: ev.RoundEnded) -> None:
    p.rounds_done, p.round_open, p.next_link = e.round, False, ""
    p.stale_rounds = p.stale_rounds + 1 if e.fingerprint in p.seen else 0
    p.seen.add(e.fingerprint)
    p.denied_rounds = p.denied_rounds + 1 if p.round_denied else 0
    p.last_round_failed = p.round_failed
    p.round_denied = p.round_failed = False
    p.visits.clear()


def _wait_started(p: Progress, e: ev.WaitStarted) -> None:
    p.wait = e
    if p.visit is not None and TABLE[Outcome(e.outcome)].pool is Pool.TRANSIENT:
        p.visit.transient_s += max(0.0, e.until - e.at)


def _wait_ended(p: Progress, e: ev.WaitEnded) -> None:
    p.wait = None
    if p.visit is not None:
        p.visit.waited = not e.cut_short


def _stop_asked(p: Progress, e: ev.StopAsked) -> None:
    p.stop = e


def _handoff_kept(p: Progress, e: ev.HandoffKept) -> None:
    if e.passed_on:
        p.handoff = e.sha


def _run_ended(p: Progress, e: ev.RunEnded) -> None:
    p.ended, p.wait = e, None


_HANDLERS: dict[type[ev.Event], Callable[[Progress, Any], None]] = {
    ev.RunStarted: _run_started,
    ev.RunResumed: _run_resumed,
    ev.CallStarted: _call_started,
    ev.CallEnded: _call_ended,
    ev.LinkEnded: _link_ended,
    ev.LinkSkipped: _link_skipped,
    ev.BaselineTaken: _baseline_taken,
    ev.RoundEnded: _round_ended,
    ev.WaitStarted: _wait_started,
    ev.WaitEnded: _wait_ended,
    ev.StopAsked: _stop_asked,
    ev.HandoffKept: _handoff_kept,
    ev.RunEnded: _run_ended,
}
