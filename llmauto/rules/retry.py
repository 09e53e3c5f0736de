"""What follows a call that did not end its link well: again, wait, or give up?"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from llmauto.events import CallEnded
from llmauto.model import Chain, Link, OnLimit
from llmauto.outcomes import Outcome, StopReason
from llmauto.rules import table
from llmauto.rules.hints import with_hint
from llmauto.rules.progress import Visit
from llmauto.rules.table import TABLE, Pool
from llmauto.rules.text import utc


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    """The link is over."""

    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """Another attempt, not before `not_before` (UTC epoch seconds, 0 = at once).

    `waits_for` names the wait for people; "" where there is none.
    """

    not_before: float = 0.0
    waits_for: str = ""
    fresh: bool = False
    fallback: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """The run ends here, and can be gone on with at this very link."""

    reason: StopReason
    message: str


Move = Over | Again | GiveUp


def jitter(seed: str) -> float:
    """A number in [0, 1) that looks random and is the same for the same seed: rules stay pure."""
    return zlib.crc32(seed.encode()) / 2**32


def next_move(chain: Chain, link: Link, visit: Visit, run: str, now: float) -> Move:
    """What follows the call that ended last (`visit.last`): pauses count from its end.

    `now` is UTC epoch seconds.
    """
    last = visit.last
    if last is None:
        return Again()
    outcome = Outcome(last.outcome)
    row = TABLE[outcome]
    used = visit.used.get(row.pool, 0)
    seed = f"{run}:{last.call}"
    if row.pool is Pool.NONE:
        return Over(failed=row.failed)
    if row.pool is Pool.LIMIT:
        return _at_a_limit(chain, link, visit, last, used, seed, now)
    if row.pool is Pool.TRANSIENT:
        return _back_off(link, visit, last, used, seed)
    if row.pool is Pool.MODEL and link.fallback_model and not visit.fallback:
        return Again(fallback=True)
    if row.ends is not None:
        said = f"link `{link.name}`: {_said(outcome, last.message)}"
        return GiveUp(reason=row.ends, message=with_hint(said, outcome, last.message, backend=link.player))
    if used <= table.ATTEMPTS_AGAIN[row.pool]:
        return Again(fresh=row.pool is Pool.FRESH, fallback=visit.fallback)
    return Over(failed=True)


def _said(outcome: Outcome, message: str) -> str:
    return f"{outcome.value}: {message}" if message else outcome.value


def _back_off(link: Link, visit: Visit, last: CallEnded, used: int, seed: str) -> Move:
    if link.fallback_model and not visit.fallback:
        return Again(fallback=True)
    full = min(table.TRANSIENT_MOST_S, table.TRANSIENT_FIRST_S * 2 ** min(max(used - 1, 0), 10))
    pause = full * (0.5 + 0.5 * jitter(seed))
    if visit.transient_s + pause > table.TRANSIENT_TOTAL_S:
        return Over(failed=True)
    waits_for = table.WAITS_FOR[Outcome(last.outcome)]
    return Again(not_before=last.at + pause, waits_for=waits_for, fallback=visit.fallback)


def _at_a_limit(
    chain: Chain, link: Link, visit: Visit, last: CallEnded, used: int, seed: str, now: float
) -> Move:
    """By the link's `on_limit`: the other model at once, the end of the run, or the wait."""
    if link.on_limit is OnLimit.FALLBACK and link.fallback_model and not visit.fallback:
        return Again(fallback=True)
    move = _wait_for_reset(chain, visit, last, used, seed, now)
    if link.on_limit is OnLimit.STOP and isinstance(move, Again) and move.not_before > now:
        said = f"link `{link.name}`: {_said(Outcome.LIMITED, last.message)}"
        reset = _named_reset(last)
        resets = "" if reset is None else f"it resets at {utc(reset)}, "
        return GiveUp(reason=StopReason.LIMIT_WAIT, message=f"{said}; {resets}`on_limit` is `stop`")
    return move


def _named_reset(last: CallEnded) -> float | None:
    """The reset that the CLI named; None where it named none, or one that was past."""
    return last.reset_at if last.reset_at is not None and last.reset_at > last.at else None


def _wait_for_reset(chain: Chain, visit: Visit, last: CallEnded, used: int, seed: str, now: float) -> Move:
    steps, reset = table.LIMIT_STEPS_S, _named_reset(last)
    if reset is not None:
        until = reset + table.LIMIT_SLACK_S + table.LIMIT_JITTER_S * jitter(seed)
        if used > 1:
            # The reset named before did not help: one of a few seconds is not believed again and again.
            until = max(until, last.at + steps[min(used - 1, len(steps)) - 1])
    else:
        until = last.at + steps[min(max(used, 1), len(steps)) - 1]
    # A person who starts the run again grants the whole patience anew: `limited_since` is then 0.
    if until > now and until - (visit.limited_since or now) > chain.max_limit_wait_s:
        hours = chain.max_limit_wait_s / 3600
        resets = "" if reset is None else f"resets at {utc(reset)}, which "
        message = f"the usage limit {resets}would outlast `max_limit_wait_hours` ({hours:g})"
        return GiveUp(reason=StopReason.LIMIT_WAIT, message=message)
    return Again(not_before=until, waits_for=table.WAITS_FOR[Outcome.LIMITED], fallback=visit.fallback)
