"""How is an event said to a person? In one line, the same in logs, the live view and `chain log`.

What an agent had a hand in is made plain and cut: a line is always one line, and a terminal obeys
nothing in it. Times of day are local.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmauto import events as ev
from llmauto.localtime import time_of_day
from llmauto.rules.text import counted, dollars, human_bytes, human_duration, one_line

LONGEST = 300
"""Characters of a text from outside in one line."""

_SOURCES = {
    "command": "by `chain stop`",
    "file": "by `chain stop` or another STOP file",  # the command writes nothing but the reason into it
    "status.txt": "in status.txt",
    "signal": "by a signal",
}


def sentence(event: ev.Event) -> str:
    """The whole line, without its time: `r2 worker  done in 7m12s, $0.42`; "" where nothing is to be said."""
    said = saying(event)
    return f"{subject(event)}  {said}" if said else ""


def subject(event: ev.Event) -> str:
    """What the event is about: `r2 worker`, `r2`, or `run`."""
    round_, link = getattr(event, "round", 0), getattr(event, "link", "")
    if not round_:
        return one_line(link, 64) if link else "run"
    return f"r{round_} {one_line(link, 64)}".rstrip()


def saying(event: ev.Event) -> str:
    """What happened: `done in 7m12s, $0.42`. "" where another event says it already."""
    say = _SAYINGS.get(type(event))
    return say(event) if say else ""


def _text(text: str) -> str:
    return one_line(text, LONGEST)


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)


def _tail(text: str) -> str:
    return f": {_text(text)}" if text.strip() else ""


def _run_started(e: ev.RunStarted) -> str:
    return _joined(
        f"{_text(e.run)} begins with {counted(len(e.links), 'link')}",
        f"{counted(e.max_rounds, 'round')} at the most" if e.max_rounds else "",
        f"budget {dollars(e.budget_usd)}" if e.budget_usd is not None else "",
        f"in {_text(e.workdir)}" if e.workdir else "",
        f"task: {one_line(e.task, 80)}" if e.task else "",
    )


def _run_resumed(e: ev.RunResumed) -> str:
    at = f" at link `{_text(e.from_link)}`" if e.from_link else ""
    return _joined(f"goes on{at}", f"changed: {_text('; '.join(e.changes))}" if e.changes else "")


def _call_started(e: ev.CallStarted) -> str:
    who = _text(e.model or e.backend)
    with_ = f" with {'the fallback model ' if e.fallback else ''}{who}" if who else ""
    session = " in its session" if e.resumed else ""
    if e.attempt > 1:
        return f"attempt {e.attempt} begins{session}{with_}" + (f" ({_text(e.why)})" if e.why else "")
    return f"begins{session}{with_}" + (f" ({_text(e.why)})" if e.why else "")


def _call_ended(e: ev.CallEnded) -> str:
    took = f"{_text(e.outcome)} {'in' if e.outcome == 'done' else 'after'} {human_duration(e.seconds)}"
    cost = "cost unknown" if e.cost_usd is None else dollars(e.cost_usd)
    tokens = e.input_tokens + e.output_tokens
    first = f"{took}, {cost}" if e.charged or e.cost_usd is not None else took
    return _joined(
        first + (_tail(e.message) if e.outcome != "done" else ""),
        f"{_thousands(tokens)} tokens" if tokens else "",
        counted(len(e.denials), "tool call") + " denied" if e.denials else "",
        f"asked {e.cli_retries + 1} times" if e.cli_retries else "",
        "found again after a restart" if e.adopted else "",
    )


def _link_ended(e: ev.LinkEnded) -> str:
    return _joined(
        f"failed for good, {_text(e.outcome)}{_tail(e.message)}" if e.failed else "",
        f"verdict {_text(e.verdict)}" if e.verdict else "",
        f"says {_text(e.claims)}" if e.claims else "",
        f"asks: {_text(e.asks)}" if e.asks else "",
        f"assigned {_text(', '.join(e.assigned))}" if e.assigned else "",
    )


def _wait_started(e: ev.WaitStarted) -> str:
    until = time_of_day(e.until, seen_from=e.at)
    for_ = f" for {_text(e.why)}" if e.why else ""
    unknown = f" + {counted(e.unknown_costs, 'call')} of unknown cost" if e.unknown_costs else ""
    cost = "cost unknown" if e.cost_usd is None else f"{dollars(e.cost_usd)}{unknown}"
    ends = time_of_day(e.ends_at, seen_from=e.at)
    return _joined(
        f"waits until {until} ({human_duration(e.until - e.at)}){for_}",
        f"{e.tries} tries" if e.tries > 1 else "",
        f"{cost} so far" if e.cost_usd is not None or e.unknown_costs else "",
        f"ends at {ends} at the latest, `{_text(e.ends_by)}`" if e.ends_by else "",
    )


def _stop_asked(e: ev.StopAsked) -> str:
    how = "a stop at once" if e.now else "a stop after this link"
    return f"{how} was asked for {_SOURCES.get(e.source, _text(e.source))}{_who(e)}{_tail(e.reason)}"


def _handoff_kept(e: ev.HandoffKept) -> str:
    # A person may have written it, or the run before this one.
    found = " found at the start" if e.source == "person" else ""
    return f"handoff{found}, {human_bytes(e.size)}" + ("" if e.passed_on else ", kept and not passed on")


def _pause_asked(e: ev.PauseAsked) -> str:
    return f"{'a pause after this link' if e.on else 'going on'} was asked for{_who(e)}{_tail(e.reason)}"


def _steered(e: ev.Steered) -> str:
    return f"steered {'at once' if e.now else 'at the next link'}{_who(e)}{_tail(e.text)}"


def _who(event: ev.Event) -> str:
    """Who asked, where that is known: ` (me@box)`."""
    by = getattr(event, "by", "")
    return f" ({_text(by)})" if by else ""


def _gate_opened(e: ev.GateOpened) -> str:
    until = f" until {time_of_day(e.until, seen_from=e.at)}" if e.until else ""
    return f"waits for a person{until}: `llmauto chain approve` or `deny`"


def _gate_answered(e: ev.GateAnswered) -> str:
    by = "" if e.by == "person" else f" by {_text(e.by)}"
    return f"{'approved' if e.approved else 'denied'}{by}{_tail(e.reason)}"


def _check_baseline(e: ev.CheckBaseline) -> str:
    known = f": {_text(', '.join(e.failing))}" if e.failing else ""
    return f"before round 1: {counted(len(e.failing), 'failure')}, not counted from now on{known}"


def _canary_ended(e: ev.CanaryEnded) -> str:
    can = "can work" if e.passed else "cannot work"
    return f"the call before round 1 has shown that it {can}{_tail(e.message)}"


def _reviewed(e: ev.Reviewed) -> str:
    trend = f", {_text(e.trend)}" if e.trend != "first" else ""
    return f"verdict {_text(e.verdict)} with {counted(len(e.findings), 'open finding')}{trend}"


def _noted(e: ev.Noted) -> str:
    return f"{'warning' if e.code == 'warning' else 'note'}{_tail(e.message)}"


def _notice_sent(e: ev.NoticeSent) -> str:
    how = "was delivered" if e.delivered else "could not be delivered"
    return f"the notice by {_text(e.channel)} {how}{_tail(e.detail)}"


def _window_seen(e: ev.WindowSeen) -> str:
    return _joined(
        f"usage window {_text(e.name)}: {e.used:.0%} used",
        f"resets at {time_of_day(e.resets_at, seen_from=e.at)}" if e.resets_at else "",
        "overage is being paid" if e.overage else "",
    )


def _run_ended(e: ev.RunEnded) -> str:
    return f"ended, {_text(e.reason)}{_tail(e.message)} · exit code {e.exit_code}"


def _thousands(count: int) -> str:
    return f"{count / 1000:.1f}k" if count >= 1000 else str(count)


_SAYINGS: dict[type[ev.Event], Callable[[Any], str]] = {
    ev.RunStarted: _run_started,
    ev.RunResumed: _run_resumed,
    ev.CallStarted: _call_started,
    ev.CallEnded: _call_ended,
    ev.LinkEnded: _link_ended,
    ev.LinkSkipped: lambda e: f"is passed over{_tail(e.why)}",
    ev.RoundEnded: lambda e: f"round {e.round} is over",
    ev.WaitStarted: _wait_started,
    ev.WaitEnded: lambda e: "the wait was cut short" if e.cut_short else "the wait is over",
    ev.StopAsked: _stop_asked,
    ev.HandoffKept: _handoff_kept,
    ev.Noted: _noted,
    ev.NoticeSent: _notice_sent,
    ev.WindowSeen: _window_seen,
    ev.RunEnded: _run_ended,
    ev.PauseAsked: _pause_asked,
    ev.IdleBegan: lambda e: "stands still for a person" + _tail(e.why),
    ev.IdleEnded: lambda _: "goes on",
    ev.Steered: _steered,
    ev.GateOpened: _gate_opened,
    ev.GateAnswered: _gate_answered,
    ev.CheckBaseline: _check_baseline,
    ev.CanaryEnded: _canary_ended,
    ev.Reviewed: _reviewed,
    ev.Checkpointed: lambda e: f"workdir kept {_text(e.when)} the link, {_text(e.commit[:9])}",
}
"""What is not in here is bookkeeping: `QUIET`."""

QUIET = (ev.BaselineTaken,)
"""Events that say nothing to a person."""
