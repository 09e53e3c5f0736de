"""How are the answers about a run worded? The same in the page and in Markdown."""

from __future__ import annotations

from dataclasses import dataclass

from llmauto.localtime import time_of_day
from llmauto.rules.text import dollars, human_duration, one_line
from llmauto.views import RunView
from llmauto.views.headline import Headline
from llmauto.views.values import Attempt, Bar, Round

GOOD = ("done", "skipped", "approved")
WAITING = ("limited", "overloaded", "offline", "blocked", "needs_human", "stopped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that a report is made of. `handoff` is the last one that counted, None where there was none."""

    view: RunView
    head: Headline
    now: float
    program: str
    handoff: str | None = None


def facts(report: Report) -> list[tuple[str, str]]:
    """(question, answer), for the questions that have one."""
    head, now = report.head, report.now
    found = [
        ("What", _what(head)),
        ("How much", _how_much(head)),
        ("When", _when(head, now)),
        ("Ends", _ends(head, now)),
        ("Why it ended", _why(head)),
        ("Needs you", "; ".join(need.text for need in head.needs)),
        ("Next", f"`{head.next}`: {head.next_why}" if head.next else ""),
        ("Task", one_line(head.task, 400)),
        ("Works in", head.workdir),
    ]
    return [(question, answer) for question, answer in found if answer]


def cost(usd: float, unknown: int) -> str:
    """Dollars; what is unknown is said, and never 0."""
    if not unknown:
        return dollars(usd)
    return f"{dollars(usd)} + {unknown} unknown" if usd else "unknown"


def took(one: Round, report: Report) -> str:
    """How long a round lasted: one that a stop left open went on until the run's end, not until today."""
    return human_duration((one.ended_at or report.head.ended_at or report.now) - one.started_at)


def kind_of(bar: Bar) -> str:
    """How a bar is to be seen: good · bad · wait · skip · gate · open."""
    if bar.kind == "skipped" or bar.outcome == "skipped":
        return "skip"
    if not bar.ended_at and bar.outcome in ("", "done"):
        return "gate" if bar.kind == "gate" else "open"
    if bar.failed:
        return "bad"
    if bar.kind == "gate":
        return "gate"
    if bar.outcome in GOOD:
        return "good"
    return "wait" if bar.outcome in WAITING else "bad"


def kind_of_attempt(attempt: Attempt, bar: Bar) -> str:
    """How one call of a bar is to be seen."""
    if not attempt.outcome:
        return "wait" if bar.ended_at else "open"
    if attempt.outcome in GOOD:
        return "bad" if bar.failed else "good"
    return "wait" if attempt.outcome in WAITING else "bad"


def told(bar: Bar, now: float) -> str:
    """All about a bar in one line: what a pointer that rests on it is shown."""
    took = human_duration((bar.ended_at or now) - bar.started_at)
    parts = [
        f"round {bar.round}, {bar.link}: {bar.outcome or 'goes on'}",
        took if bar.kind != "skipped" else "",
        cost(bar.cost_usd, bar.unknown_costs) if bar.attempts else "",
        f"{len(bar.attempts)} attempts" if len(bar.attempts) > 1 else "",
        f"verdict {bar.verdict}" if bar.verdict else "",
        one_line(bar.message or bar.why, 120),
    ]
    return " · ".join(part for part in parts if part)


def _what(head: Headline) -> str:
    rounds = f"round {head.round} of {head.max_rounds}" if head.max_rounds else f"round {head.round}"
    return f"{head.status}, {rounds}" + (f", link {head.link}" if head.link else "")


def _how_much(head: Headline) -> str:
    of = f" of {dollars(head.budget_usd)}" if head.budget_usd is not None else ""
    failed = f", {head.failed_calls} failed" if head.failed_calls else ""
    tokens = f", {head.tokens:,} tokens" if head.tokens else ""
    return f"{cost(head.cost_usd, head.unknown_costs)}{of}, {_count(head.calls, 'call')}{failed}{tokens}"


def _when(head: Headline, now: float) -> str:
    limit = f" of {human_duration(head.runtime_limit_s)}" if head.runtime_limit_s else ""
    until = f" to {time_of_day(head.ended_at, seen_from=head.started_at)}" if head.ended_at else ""
    began = time_of_day(head.started_at, seen_from=now)
    return f"{began}{until}, {human_duration(head.runtime_s)}{limit} at work"


def _ends(head: Headline, now: float) -> str:
    if not head.ends_at:
        return ""
    return f"about {time_of_day(head.ends_at, seen_from=now)}, by its {head.ends_by}"


def _why(head: Headline) -> str:
    if not head.stop_reason:
        return ""
    code = "" if head.exit_code is None else f" (exit code {head.exit_code})"
    return f"{head.stop_reason}" + (f": {one_line(head.message, 300)}" if head.message else "") + code


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
