"""How did a call of Claude Code end? Structured events first, texts second, the process's end last.

Proven success only: a final result without an error flag, whose text is no known error. `subtype` says
"success" for API errors too, and exit codes lie both ways.
"""

from __future__ import annotations

import json
import re
from datetime import datetime

from llmauto.backends.claude_seen import Final, Seen
from llmauto.backends.endings import MESSAGE_LIMIT, Judgement, early_end, exit_says, last_line
from llmauto.keeper.values import Ended
from llmauto.outcomes import Outcome
from llmauto.ports import CallOrder, Reply
from llmauto.rules.hints import hint_for
from llmauto.rules.limits import reset_of
from llmauto.rules.saidtext import outcome_of_error, outcome_of_text
from llmauto.rules.text import decode, one_line

_CAPS = {
    "error_max_turns": ("used its cap of turns", "raise `max_turns`"),
    "error_max_budget_usd": ("used its cap of money", "raise `max_cost_usd` or the budget"),
}
_NO_SCHEMA = "error_max_structured_output_retries"
_INTERRUPTED = "error_during_execution"

_BY_KIND = {
    "authentication_failed": Outcome.AUTH,
    "billing_error": Outcome.AUTH,
    "model_not_found": Outcome.NO_MODEL,
    "invalid_request": Outcome.BAD_REQUEST,
    "rate_limit": Outcome.LIMITED,
    "server_error": Outcome.OVERLOADED,
    "overloaded": Outcome.OVERLOADED,
}
"""`assistant.error`, where neither status nor text told anything."""

_WRONG_CALL = re.compile(
    r"^error: |Available agents:|Settings file not found|Invalid MCP config|MCP config file not found"
    r"|must be a valid UUID|Error processing settings"
)
"""What no rule about texts knows, since it is said only before the CLI begins."""

_UNTRUSTED = re.compile(r"Ignoring \d+ .{0,200}not been trusted", re.IGNORECASE)


def judge(seen: Seen, ended: Ended, stderr_tail: bytes, order: CallOrder, now: datetime) -> Reply:
    """The reply. `now` is aware, in the local time zone."""
    stderr = decode(stderr_tail)
    judged, said = _judgement(seen, ended, stderr_tail, order)
    hint = judged.hint or hint_for(judged.outcome, said, backend="claude") or ""
    charged, cost = _money(seen, ended)
    final = seen.final
    return Reply(
        outcome=judged.outcome,
        text=(final.text or "") if final is not None and not final.is_error else "",
        message=one_line(judged.message, MESSAGE_LIMIT),
        hint=hint,
        session=_session(seen, order),
        model=seen.model,
        worked=seen.worked,
        charged=charged,
        cost_usd=cost,
        input_tokens=seen.tokens.input,
        output_tokens=seen.tokens.output,
        cache_tokens=seen.tokens.cache,
        turns=seen.turns,
        cli_retries=seen.retries,
        seconds=ended.seconds,
        exit_code=ended.exit_code,
        reset_at=_reset(seen, said, now) if judged.outcome is Outcome.LIMITED else None,
        denials=tuple(seen.denials),
        warnings=tuple(_warnings(seen, ended, stderr, judged.outcome)),
        windows=seen.windows,
        overage=seen.overage,
        structured=_structured(final),
    )


def _judgement(seen: Seen, ended: Ended, stderr_tail: bytes, order: CallOrder) -> tuple[Judgement, str]:
    """The judgement, and the text that it rests on."""
    final = seen.final
    if final is None:
        return _without_result(seen, ended, stderr_tail, order)
    if final.is_error or final.subtype != "success":
        return _failed(seen, final, ended, order)
    text = final.text
    if text is None:
        return Judgement(Outcome.BAD_OUTPUT, "its result has no text"), ""
    known = outcome_of_text(text)
    if known is not None:
        return Judgement(known, text), text
    if not text.strip() and final.structured is None and not _was_a_command(final, order):
        return Judgement(Outcome.BAD_OUTPUT, "its result is empty"), text
    return Judgement(Outcome.DONE, ""), text


def _was_a_command(final: Final, order: CallOrder) -> bool:
    """A prompt such as `/compact` is done by the CLI itself, which then has nothing to say."""
    return final.turns == 0 and order.prompt.startswith("/")


def _failed(seen: Seen, final: Final, ended: Ended, order: CallOrder) -> tuple[Judgement, str]:
    said = final.text or final.errors or seen.error_text
    if final.subtype in _CAPS:
        message, hint = _CAPS[final.subtype]
        return Judgement(Outcome.BUDGET, final.errors or message, hint), said
    if final.subtype == _NO_SCHEMA:
        return Judgement(Outcome.BAD_OUTPUT, said or "no answer fitted the schema"), said
    outcome = _of_error(seen, final.status, final.terminal, said)
    if outcome is Outcome.UNKNOWN and final.subtype == _INTERRUPTED:
        early = early_end(ended, order)
        # What the CLI gives as the error here is a note to its own authors.
        return early or Judgement(Outcome.CRASHED, "it was interrupted while it worked"), ""
    return Judgement(outcome, said or f"its result says `{final.subtype}`"), said


def _of_error(seen: Seen, status: int | None, terminal: str, said: str) -> Outcome:
    if terminal == "prompt_too_long":
        return Outcome.CONTEXT_FULL
    if seen.rejected and (status == 429 or seen.error_kind == "rate_limit"):
        return Outcome.LIMITED
    outcome = outcome_of_error(status, said)
    if outcome is Outcome.UNKNOWN:
        return _BY_KIND.get(seen.error_kind, Outcome.UNKNOWN)
    return outcome


def _without_result(seen: Seen, ended: Ended, stderr_tail: bytes, order: CallOrder) -> tuple[Judgement, str]:
    early = early_end(ended, order)
    if early is not None:
        return early, ""
    last = last_line(stderr_tail)
    for said in (seen.error_text, seen.loose, last):
        known = outcome_of_text(said) if said.strip() else None
        if known is not None:
            return Judgement(known, said), said
    if seen.error_kind:
        return Judgement(_of_error(seen, None, "", seen.error_text), seen.error_text), seen.error_text
    if not seen.began and ended.exit_code != 0:
        refused = _refused(decode(stderr_tail), last)
        if refused is not None:
            return refused, refused.message
    if ended.exit_code == 0:
        return Judgement(Outcome.BAD_OUTPUT, _no_result(seen)), ""
    return Judgement(Outcome.CRASHED, exit_says(ended.exit_code, stderr_tail)), ""


def _refused(stderr: str, last: str) -> Judgement | None:
    """What the CLI says when it does not even begin."""
    outcome = outcome_of_error(None, stderr)
    if outcome is not Outcome.UNKNOWN:
        return Judgement(outcome, last)
    line = next((line for line in stderr.splitlines() if _WRONG_CALL.search(line)), None)
    return None if line is None else Judgement(Outcome.BAD_REQUEST, line)


def _no_result(seen: Seen) -> str:
    if seen.skipped_lines:
        return f"it ended without a result that can be read ({seen.skipped_lines} lines were too long)"
    if seen.last_loose:
        return f"it ended without a result, and printed: {seen.last_loose.splitlines()[-1]}"
    return "it ended without a result"


def _money(seen: Seen, ended: Ended) -> tuple[bool, float | None]:
    """(charged, dollars). A call that never came to its first request costs nothing; else what it says."""
    if seen.final is not None:
        cost = None if seen.cost_unknown else seen.cost
        return cost is None or cost > 0, cost
    never_asked = not seen.began and not seen.skipped_lines and ended.ended_by in ("exit", "not_started")
    return (False, 0.0) if never_asked else (True, None)


def _session(seen: Seen, order: CallOrder) -> str:
    """ "" where there is none that could be resumed."""
    if not order.session:
        return ""
    return seen.session or (order.session if order.resume else "")


def _reset(seen: Seen, said: str, now: datetime) -> float | None:
    if seen.rejected and seen.reset_at is not None:
        return seen.reset_at
    named = reset_of(said, now=now, local=now.tzinfo)
    return None if named is None else named.timestamp()


def _warnings(seen: Seen, ended: Ended, stderr: str, outcome: Outcome) -> list[str]:
    found = []
    untrusted = _UNTRUSTED.search(stderr)
    if untrusted is not None:
        found.append(f"{one_line(untrusted[0], MESSAGE_LIMIT)}: start `claude` there once and accept")
    if outcome is Outcome.DONE and ended.ended_by == "lost":
        found.append("it and the process that held it were killed after its result was there")
    elif outcome is Outcome.DONE and ended.ended_by != "exit":
        found.append("it had to be ended after its result was there")
    elif outcome is Outcome.DONE and ended.exit_code != 0:
        found.append(f"{exit_says(ended.exit_code, b'')}, although its result is a success")
    if seen.overage:
        found.append("it uses paid extra usage beyond the plan")
    if seen.skipped_lines:
        found.append(f"{seen.skipped_lines} lines of its output were too long to be read")
    return found


def _structured(final: Final | None) -> str | None:
    if final is None or final.is_error or final.structured is None:
        return None
    return json.dumps(final.structured, ensure_ascii=False)
