"""What does one row say about a run? The summary that lists and `status` read."""

from __future__ import annotations

from llmauto.model import Chain
from llmauto.outcomes import ENDINGS, Status, StopReason
from llmauto.ports import RunSummary
from llmauto.rules.next_steps import AT_GATE
from llmauto.rules.progress import Progress


def status_of(p: Progress) -> Status:
    """The status word of the run as it stands."""
    if p.ended is not None:
        return ENDINGS[StopReason(p.ended.reason)].status
    if p.idle_from is not None:
        return Status.PAUSED if p.paused else Status.WAITING
    return Status.WAITING if p.wait is not None else Status.RUNNING


def _waits_for(p: Progress) -> tuple[float, str]:
    """(until, what for): what `status` says of a run that stands still."""
    if p.wait is not None:
        return p.wait.until, p.wait.why
    if p.idle_from is not None and p.paused:
        return 0.0, "`chain resume`" + _paused_by(p)
    open_gate = p.gate is not None and p.answer is None and p.next_link == p.gate.link
    if p.gate is None or not open_gate or (p.idle_from is None and p.ended is None):
        return 0.0, ""
    # Also when the run has stopped: it can be answered until somebody starts it again.
    return p.gate.until, f"{AT_GATE} `{p.gate.link}`"


def _paused_by(p: Progress) -> str:
    who = f", paused by {p.pause.by}" if p.pause is not None and p.pause.by else ""
    return who + (f": {p.pause.reason}" if p.pause is not None and p.pause.reason else "")


def _message(p: Progress) -> str:
    """Why the run ended; while it goes on, what a person has asked of it that has not happened yet."""
    if p.ended is not None:
        return p.ended.message
    if p.paused and p.idle_from is None:
        return "pauses after this link" + _paused_by(p)
    waiting = len(p.words) - p.words_given
    return f"{waiting} steering text{'s' * (waiting > 1)} for the next call" if waiting else ""


def summary(chain: Chain, p: Progress) -> RunSummary:
    """The row of the run as it stands."""
    ended = p.ended
    wait_until, wait_why = _waits_for(p)
    ending = ENDINGS[StopReason(ended.reason)] if ended else None
    return RunSummary(
        run=p.run,
        chain=p.chain,
        status=status_of(p).value,
        stop_reason=ended.reason if ended else "",
        message=_message(p),
        finished=ending.finished if ending else False,
        exit_code=ended.exit_code if ended else None,
        started_at=p.started_at,
        updated_at=p.updated_at,
        ended_at=ended.at if ended else 0.0,
        runtime_s=p.runtime_s,
        rounds_done=p.rounds_done,
        round=p.round if p.round_open or not ended else p.rounds_done,
        link=p.next_link,
        call=p.calls if p.visit is not None and p.visit.open is not None else 0,
        calls=p.calls,
        failed_calls=p.failed_calls,
        cost_usd=p.cost_usd,
        unknown_costs=p.unknown_costs,
        input_tokens=p.input_tokens,
        output_tokens=p.output_tokens,
        wait_until=wait_until,
        wait_why=wait_why,
        workdir=p.started.workdir if p.started else "",
        task=p.started.task if p.started else "",
        max_rounds=chain.max_rounds,
        budget_usd=chain.budget_usd,
        runtime_limit_s=chain.runtime_s,
        deadline=chain.deadline.timestamp() if chain.deadline else 0.0,
        pid=p.pid,
        host=p.host,
    )
