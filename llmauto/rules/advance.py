"""How does each event change where a run stands? The fold over a run's events."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from llmauto import events as ev
from llmauto.outcomes import Outcome
from llmauto.rules.progress import Progress, Visit
from llmauto.rules.table import NO_FAILURES, SERVICE_AWAY, TABLE, Pool


def fold(events: Iterable[ev.Event]) -> Progress:
    """The state that these events, all of one run and in order, lead to."""
    progress = Progress()
    for event in events:
        advance(progress, event)
    return progress


def advance(progress: Progress, event: ev.Event) -> None:
    """Take in what happened next."""
    progress.updated_at = event.at
    progress.up_s = max(progress.up_s, event.up)
    handler = _HANDLERS.get(type(event))
    if handler is not None:
        handler(progress, event)


def _run_started(p: Progress, e: ev.RunStarted) -> None:
    p.started = e
    p.run, p.chain, p.started_at = e.run, e.chain, e.at
    p.next_link = e.from_link
    _taken_over(p, e)


def _run_resumed(p: Progress, e: ev.RunResumed) -> None:
    _stand_still(p, on=False)
    p.earlier_s += p.up_s
    p.up_s = e.up
    p.paused = False
    if p.last_over is not None and p.last_over.failed and p.next_link == p.last_over.link:
        p.round_failed = p.round_failed_before  # it is tried again: only how that ends will count
    p.ended = p.stop = p.wait = p.last_over = None
    p.blocks = p.failures = p.same_errors = p.denied_rounds = p.stale_rounds = 0
    p.last_error = ""
    p.visits.clear()
    if p.canary is not None and not p.canary.passed:
        p.canary = None
    if e.from_link:
        p.next_link, p.visit = e.from_link, None
        p.gate = p.answer = None
    elif p.next_link in p.links and p.next_link not in e.links:
        later = p.links[p.links.index(p.next_link) :]
        p.next_link = next((name for name in later if name in e.links), "")
    if p.visit is not None and p.visit.link not in e.links:
        p.visit = None
    if p.visit is not None:
        _renew(p.visit)
    _taken_over(p, e)


def _stand_still(p: Progress, *, on: bool) -> None:
    """The run's own time stops, or goes on."""
    if p.idle_from is not None:
        p.idle_s += p.up_s - p.idle_from
    p.idle_from = p.up_s if on else None


def _renew(visit: Visit) -> None:
    """All attempts anew; but a usage limit that was named is waited for over any number of starts."""
    limited = visit.last is not None and visit.last.outcome == Outcome.LIMITED.value
    visit.renewed = not limited
    visit.used = {Pool.LIMIT: visit.used.get(Pool.LIMIT, 0)}
    visit.transient_s = visit.limited_since = 0.0


def _taken_over(p: Progress, e: ev.RunStarted | ev.RunResumed) -> None:
    p.links, p.settings, p.pid, p.host = e.links, e.settings, e.pid, e.host
    p.begun_at = e.at
    p.max_rounds = e.max_rounds or p.max_rounds
    p.budget_usd = p.budget_usd if e.budget_usd is None else e.budget_usd


def _call_started(p: Progress, e: ev.CallStarted) -> None:
    if p.visit is None or p.visit.link != e.link:
        p.visit = Visit(round=e.round, link=e.link, baseline=e.baseline)
        p.visits[e.link] = p.visits.get(e.link, 0) + (not e.baseline)
    visit = p.visit
    visit.attempts, visit.session, visit.resumed, visit.open = e.attempt, e.session, e.resumed, e
    visit.fallback = e.fallback
    visit.worked = visit.waited = visit.renewed = False
    p.calls, p.last_over = e.call, None
    if e.baseline:
        return
    p.next_link, p.round_open = e.link, True
    if e.backend != "check":  # nobody in it listens
        p.words_given = len(p.words)


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
    visit.tries += 1 + e.cli_retries
    if pool is Pool.TRANSIENT:
        visit.transient_s += e.seconds
    if pool is Pool.LIMIT and not visit.limited_since:
        visit.limited_since = e.at
    p.failed_calls += e.outcome not in NO_FAILURES


def _link_ended(p: Progress, e: ev.LinkEnded) -> None:
    visit = p.visit
    if visit is not None and visit.session and visit.worked:
        p.sessions[e.link] = visit.session
    p.visit, p.next_link, p.last_over = None, e.goto, e
    p.links_over += 1
    del p.words[: p.words_given]
    p.words_given = 0
    p.gate = p.answer = None
    p.handoff = e.handoff
    p.verdict = e.verdict or p.verdict
    if e.controls:
        p.assigned = e.assigned
    p.round_denied |= e.outcome == Outcome.DENIED.value
    p.round_failed_before = p.round_failed
    p.round_failed |= e.failed
    p.round_away |= e.failed and e.outcome in SERVICE_AWAY
    if e.outcome == Outcome.BLOCKED.value:
        p.blocks += 1
    elif e.outcome != Outcome.SKIPPED.value:
        p.blocks = 0
    _count_failures(p, e)


def _count_failures(p: Progress, e: ev.LinkEnded) -> None:
    if e.outcome == Outcome.DENIED.value or (e.failed and e.outcome in SERVICE_AWAY):
        return  # the one has a breaker of its own, by rounds; the other is no fault of the run
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
    if e.fingerprint not in p.seen:
        p.stale_rounds = 0
    elif not p.round_away:  # what the service kept from working cannot have moved
        p.stale_rounds += 1
    p.seen.add(e.fingerprint)
    p.denied_rounds = p.denied_rounds + 1 if p.round_denied else 0
    p.last_round_failed = p.round_failed
    p.round_denied = p.round_failed = p.round_away = False
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
    # One that is made harsher, with no word of its own, is still asked for with the first one's.
    p.stop = replace(e, reason=p.stop.reason) if p.stop is not None and not e.reason else e


def _handoff_kept(p: Progress, e: ev.HandoffKept) -> None:
    p.has_handoffs = True
    if e.passed_on:
        p.handoff = e.sha


def _run_ended(p: Progress, e: ev.RunEnded) -> None:
    p.ended, p.wait = e, None


def _pause_asked(p: Progress, e: ev.PauseAsked) -> None:
    p.paused, p.pause = e.on, e if e.on else None


def _idle_began(p: Progress, e: ev.IdleBegan) -> None:
    _stand_still(p, on=True)


def _idle_ended(p: Progress, e: ev.IdleEnded) -> None:
    _stand_still(p, on=False)


def _steered(p: Progress, e: ev.Steered) -> None:
    p.words.append(e)


def _gate_opened(p: Progress, e: ev.GateOpened) -> None:
    p.gate, p.answer = e, None
    p.next_link, p.round_open, p.last_over = e.link, True, None
    p.visits[e.link] = p.visits.get(e.link, 0) + 1


def _gate_answered(p: Progress, e: ev.GateAnswered) -> None:
    p.answer = e


def _check_baseline(p: Progress, e: ev.CheckBaseline) -> None:
    p.baselines[e.link] = frozenset(e.failing)
    p.visit = None


def _canary_ended(p: Progress, e: ev.CanaryEnded) -> None:
    p.canary = e
    p.visit = None


def _reviewed(p: Progress, e: ev.Reviewed) -> None:
    p.reviews.setdefault(e.link, []).append(frozenset(e.findings))


def _window_seen(p: Progress, e: ev.WindowSeen) -> None:
    p.windows[e.name] = e


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
    ev.PauseAsked: _pause_asked,
    ev.IdleBegan: _idle_began,
    ev.IdleEnded: _idle_ended,
    ev.Steered: _steered,
    ev.GateOpened: _gate_opened,
    ev.GateAnswered: _gate_answered,
    ev.CheckBaseline: _check_baseline,
    ev.CanaryEnded: _canary_ended,
    ev.Reviewed: _reviewed,
    ev.WindowSeen: _window_seen,
}
