"""What follows when the call of a `pipe` has ended: one more attempt, or which end?

A pipe waits for nothing and goes round nothing: once more with the fallback model, once more for a
structured answer that did not come, and that is all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from llmauto.model import Link
from llmauto.outcomes import Outcome, StopReason
from llmauto.ports import Reply
from llmauto.rules.hints import hint_for
from llmauto.rules.prompts import Setting, go_on
from llmauto.rules.table import TABLE

REPAIR = (
    "Your answer did not have the form that was asked for. Give it again, with the structured output that "
    "the schema describes.\n"
)
"""What an agent is told in its own session after an answer without structured output."""

NO_STRUCTURE = "the answer does not have the form that the schema asks for"

_FALLS_BACK = (Outcome.OVERLOADED, Outcome.OFFLINE, Outcome.NO_MODEL)
_REASONS = {
    Outcome.DONE: StopReason.COMPLETED,
    Outcome.SKIPPED: StopReason.COMPLETED,
    Outcome.BLOCKED: StopReason.BLOCKED,
    Outcome.BUDGET: StopReason.BUDGET,
    Outcome.STOPPED: StopReason.INTERRUPTED,
}
_NOWHERE = Setting(chain="", run="", round=1, inputs={})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One call to be made. `session` is an existing one to go on with, "" for a new one."""

    prompt: str
    session: str = ""
    fallback: bool = False
    repair: bool = False
    why: str = ""


def stop_reason_of(outcome: Outcome) -> StopReason:
    """Why a run of one call that ended so has ended; it decides the exit code."""
    return _REASONS.get(outcome) or TABLE[outcome].ends or StopReason.LINK_FAILED


def refined(reply: Reply, *, structured: bool, tree_unchanged: bool) -> Reply:
    """The reply as a pipe judges it: an answer without the structure asked for is none, and a tool that
    was refused is `denied` where nothing came of the call.
    """
    if reply.outcome is not Outcome.DONE:
        return reply
    if structured:
        if reply.structured is None:
            return replace(reply, outcome=Outcome.BAD_OUTPUT, message=NO_STRUCTURE)
        return reply
    if reply.denials and tree_unchanged:
        tools = ", ".join(dict.fromkeys(reply.denials))
        return replace(
            reply,
            outcome=Outcome.DENIED,
            message=f"a tool was refused, and nothing was changed: {tools}",
            hint=hint_for(Outcome.DENIED, "") or "",
        )
    return reply


def next_attempt(link: Link, last: Attempt, reply: Reply, *, structured: bool) -> Attempt | None:
    """The attempt that follows a reply; None where it stands.

    An agent that had begun to work goes on in its session, and is not sent the whole prompt again.
    """
    why = f"after {reply.outcome.value}"
    if reply.outcome in _FALLS_BACK and link.fallback_model and not last.fallback:
        if reply.worked and reply.session:
            told = last.prompt if last.repair else go_on(replace(link, preamble=False), _NOWHERE, why)
            return replace(last, prompt=told, session=reply.session, fallback=True, why=why)
        return replace(last, fallback=True, why=why)
    if reply.outcome is Outcome.BAD_OUTPUT and structured and reply.session and not last.repair:
        return replace(last, prompt=REPAIR, session=reply.session, repair=True, why=why)
    return None


def total(replies: Sequence[Reply]) -> Reply:
    """The last reply, with what all of them cost, used and warned of."""
    last = replies[-1]
    costs = [reply.cost_usd for reply in replies if reply.charged or reply.cost_usd is not None]
    known = [cost for cost in costs if cost is not None]
    return replace(
        last,
        cost_usd=sum(known) if len(known) == len(costs) else None,
        charged=any(reply.charged for reply in replies),
        worked=any(reply.worked for reply in replies),
        input_tokens=sum(reply.input_tokens for reply in replies),
        output_tokens=sum(reply.output_tokens for reply in replies),
        cache_tokens=sum(reply.cache_tokens for reply in replies),
        turns=sum(reply.turns for reply in replies),
        cli_retries=sum(reply.cli_retries for reply in replies),
        seconds=sum(reply.seconds for reply in replies),
        warnings=tuple(dict.fromkeys(warning for reply in replies for warning in reply.warnings)),
        denials=tuple(dict.fromkeys(denial for reply in replies for denial in reply.denials)),
    )
