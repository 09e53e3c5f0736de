"""Ends the call that an earlier runner left, where no link of this run will take it over.

So it is after `--fresh` and `--from`, and where the chain file has lost the link. Two agents never work side
by side, and what the call did is in the books.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmauto.engine.calls import NEVER_BEGAN, order_for
from llmauto.events import CallEnded, Noted
from llmauto.model import Link
from llmauto.outcomes import Outcome
from llmauto.ports import EndHow, Reply

if TYPE_CHECKING:
    from llmauto.engine.parts import Parts
    from llmauto.engine.recorder import Recorder

END_SLACK_S = 2.0
"""What the end of a call may take beyond its grace."""
_NOT_SEEN = Reply(outcome=Outcome.STOPPED, message="its end was not waited for", cost_usd=None)


def is_left_behind(parts: Parts, recorder: Recorder, from_link: str) -> bool:
    """Whether a call is open that this start will not go on with."""
    visit = recorder.progress.visit
    open_ = visit is not None and visit.open is not None
    return open_ and bool(from_link or (visit is not None and parts.chain.link(visit.link) is None))


def end_open_call(parts: Parts, recorder: Recorder) -> None:
    """End it within its grace, if it lives, and note what came of it. Nothing is flushed."""
    visit = recorder.progress.visit
    started = visit.open if visit is not None else None
    if started is None:
        return
    link = parts.chain.link(started.link) or Link(name=started.link, backend=started.backend)
    order = order_for(parts, recorder, link, "", None)
    call = parts.agents.recover(order)
    reply = NEVER_BEGAN if call is None else call.poll(0)
    if reply is None and call is not None:
        call.end(EndHow.STOP)
        reply = call.poll(parts.chain.grace_s + END_SLACK_S)
    reply = reply or _NOT_SEEN
    at, up = recorder.at(), recorder.up()
    recorder.note(
        CallEnded(
            at=at, up=up, call=started.call, round=started.round, link=started.link, attempt=started.attempt,
            outcome=reply.outcome.value, seconds=round(reply.seconds, 3), message=reply.message,
            session=reply.session or started.session, model=reply.model or started.model, worked=reply.worked,
            charged=reply.charged, cost_usd=reply.cost_usd, input_tokens=reply.input_tokens,
            output_tokens=reply.output_tokens, cache_tokens=reply.cache_tokens, turns=reply.turns,
            cli_retries=reply.cli_retries, exit_code=reply.exit_code, reset_at=reply.reset_at,
            denials=reply.denials, adopted=call is not None,
        )
    )  # fmt: skip
    message = (
        f"the call of link `{started.link}` that was under way is not gone on with: {reply.outcome.value}"
    )
    recorder.note(
        Noted(at=at, up=up, code="warning", message=message, round=started.round, link=started.link)
    )
