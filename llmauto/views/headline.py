"""What does a person ask first? What is it doing, how much, when does it end, why did it end, who is needed.

The answers are plain values; words and times of day are those of whoever shows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from llmauto.outcomes import ENDINGS, StopReason
from llmauto.rules import next_steps
from llmauto.rules.progress import Progress
from llmauto.rules.summary import status_of
from llmauto.rules.text import one_line
from llmauto.views.reduce import RunView

ROUNDS_LOOKED_AT = 5
"""The newest rounds from which the length of the coming ones is guessed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Why a person is needed. `kind`: gate · question · blocked · failed · budget · died · paused."""

    kind: str
    text: str
    link: str = ""
    until: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The first line of every view. Times are UTC epoch seconds, 0 = none; bounds are 0 where there are none.

    `runtime_s` was true at `runtime_at`, and grows with the clock where `ticks`. `ends_at` is a guess, and
    `ends_by` names the bound that it comes from: rounds, runtime, deadline, budget; "" where none can be
    guessed. `next` is the command that goes on, `next_why` what it does.
    """

    run: str
    chain: str
    status: str
    task: str
    workdir: str
    round: int
    max_rounds: int
    link: str
    model: str
    attempt: int
    since: float
    wait_until: float
    wait_why: str
    started_at: float
    ended_at: float
    runtime_s: float
    runtime_at: float
    ticks: bool
    runtime_limit_s: float
    deadline: float
    cost_usd: float
    unknown_costs: int
    budget_usd: float | None
    calls: int
    failed_calls: int
    tokens: int
    ends_at: float
    ends_by: str
    stop_reason: str
    message: str
    finished: bool
    exit_code: int | None
    next: str
    next_why: str
    stop_asked: str | None
    needs: tuple[Need, ...]


def headline(view: RunView, now: float, *, died: bool = False) -> Headline:
    """The answers as they stand. `died`: nobody plays the run although it has not ended."""
    p = view.progress
    status = "STOPPED" if died else status_of(p).value
    started = p.started
    reason = "interrupted" if died else (p.ended.reason if p.ended else "")
    call = p.visit.open if p.visit is not None else None
    ticks = p.ended is None and not died and p.idle_from is None
    ends_at, ends_by = _ends(view, now) if ticks else (0.0, "")
    command, why = _next(p, reason, died)
    wait_until, wait_why = _waits(p)
    return Headline(
        run=p.run, chain=p.chain, status=status, task=started.task if started else "",
        workdir=started.workdir if started else "",
        round=p.round if p.round_open or not p.ended else p.rounds_done,
        max_rounds=p.max_rounds or _whole(p.settings.get("max_rounds", "")),
        link=p.next_link if not p.ended else "", model=call.model if call else "",
        attempt=call.attempt if call else 0, since=_since(view, call is not None),
        wait_until=wait_until, wait_why=wait_why,
        started_at=p.started_at, ended_at=p.ended.at if p.ended else (p.updated_at if died else 0.0),
        runtime_s=p.runtime_s, runtime_at=p.updated_at, ticks=ticks,
        runtime_limit_s=_number(p.settings.get("runtime_hours", "")) * 3600,
        deadline=_deadline(p.settings.get("deadline", "")),
        cost_usd=p.cost_usd, unknown_costs=p.unknown_costs, budget_usd=budget_of(p),
        calls=p.calls, failed_calls=p.failed_calls, tokens=p.input_tokens + p.output_tokens,
        ends_at=ends_at, ends_by=ends_by, stop_reason=reason,
        message="the runner has died" if died else (p.ended.message if p.ended else ""),
        finished=bool(p.ended) and not died and ENDINGS[StopReason(reason)].finished,
        exit_code=p.ended.exit_code if p.ended else None, next=command, next_why=why,
        stop_asked=p.stop.reason if p.stop is not None and not p.ended else None,
        needs=_needs(view, reason, died),
    )  # fmt: skip


def budget_of(p: Progress) -> float | None:
    """The dollars that the run may use; None where there is no bound."""
    if p.budget_usd is not None:
        return p.budget_usd
    return _number(p.settings.get("budget_usd", "")) or None


def _since(view: RunView, calling: bool) -> float:
    """When what is going on now began."""
    p = view.progress
    if p.ended is not None:
        return 0.0
    if calling and p.visit is not None and p.visit.open is not None:
        return p.visit.open.at
    return view.pauses[-1].started_at if view.pauses and not view.pauses[-1].ended_at else p.updated_at


def _waits(p: Progress) -> tuple[float, str]:
    if p.wait is not None:
        return p.wait.until, p.wait.why
    if p.idle_from is None or p.ended is not None:
        return 0.0, ""
    if p.paused:
        return 0.0, "a person: the run is paused"
    return (p.gate.until, f"approval of gate `{p.gate.link}`") if p.gate else (0.0, "")


def _next(p: Progress, reason: str, died: bool) -> tuple[str, str]:
    if p.ended is not None or died:
        return next_steps.after(reason, p.chain, handoff=p.has_handoffs)
    if p.paused:
        return next_steps.filled(next_steps.PAUSED, p.chain)
    if p.gate is not None and p.answer is None:
        return f"llmauto chain approve {p.chain}", f"lets it go on; `chain deny {p.chain} REASON` does not"
    return next_steps.filled(next_steps.RUNNING, p.chain)


def _needs(view: RunView, reason: str, died: bool) -> tuple[Need, ...]:
    p = view.progress
    needs: list[Need] = []
    ended = p.ended
    if (
        p.gate is not None
        and p.answer is None
        and (ended is None or not ENDINGS[StopReason(reason)].finished)
    ):
        text = f"the gate waits for your answer in round {p.gate.round}"
        needs.append(Need(kind="gate", text=text, link=p.gate.link, until=p.gate.until))
    if died:
        needs.append(Need(kind="died", text="the runner has died: nobody plays this run"))
    elif ended is None and p.paused:
        needs.append(Need(kind="paused", text="paused by a person, until somebody resumes it"))
    elif ended is not None and reason in _KINDS:
        asked = next((bar.asks for bar in reversed(view.bars[-20:]) if bar.asks), "")
        text = one_line(asked or ended.message or reason, 500)
        needs.append(Need(kind=_KINDS[reason], text=text, link=p.next_link))
    return tuple(needs)


_KINDS = {
    "needs_human": "question", "blocked": "blocked", "stalled": "blocked", "link_failed": "failed",
    "no_backend": "failed", "disk": "failed", "budget": "budget",
}  # fmt: skip


# --- when does it end ---------------------------------------------------------------------------------


def _ends(view: RunView, now: float) -> tuple[float, str]:
    """The earliest end that can be guessed, and the bound that it comes from."""
    p = view.progress
    found: list[tuple[float, str]] = []
    deadline = _deadline(p.settings.get("deadline", ""))
    if deadline:
        found.append((deadline, "deadline"))
    limit = _number(p.settings.get("runtime_hours", "")) * 3600
    if limit:
        found.append((p.updated_at + max(0.0, limit - p.runtime_s), "runtime"))
    per_round, usd = _pace(view)
    rounds = p.max_rounds or _whole(p.settings.get("max_rounds", ""))
    if rounds and per_round:
        left = max(0, rounds - p.rounds_done)
        began = view.rounds[p.round].started_at if p.round in view.rounds else now
        found.append((max(now, began + per_round * left), "rounds"))
    budget = budget_of(p)
    if budget is not None and usd and per_round:
        found.append((now + per_round * max(0.0, budget - p.cost_usd) / usd, "budget"))
    return min(found, default=(0.0, ""))


def _pace(view: RunView) -> tuple[float, float]:
    """(seconds, dollars) of a round, by the newest that are over; (0, 0) before the first is."""
    over = [r for r in list(view.rounds.values())[-ROUNDS_LOOKED_AT - 1 :] if r.ended_at][-ROUNDS_LOOKED_AT:]
    if not over:
        return 0.0, 0.0
    still = sum(_overlap(r.started_at, r.ended_at, view) for r in over)
    seconds = sum(r.ended_at - r.started_at for r in over) - still
    return max(seconds, 0.0) / len(over), sum(r.cost_usd for r in over) / len(over)


def _overlap(begin: float, end: float, view: RunView) -> float:
    return sum(
        max(0.0, min(end, pause.ended_at or end) - max(begin, pause.started_at))
        for pause in view.pauses[-50:]
    )


def _deadline(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp() if text else 0.0
    except ValueError:
        return 0.0


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() else 0
