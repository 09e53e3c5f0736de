"""What is done about each outcome: one row each, and nowhere else.

`docs/reference/outcomes.md` shows the same table; a test holds the two together.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from llmauto.outcomes import Outcome, StopReason


class Pool(str, Enum):
    """Outcomes of one pool share their attempts within one visit of a link."""

    NONE = "none"
    """The link is over."""
    HARD = "hard"
    """One more attempt, in the same session where the agent had begun to work."""
    FRESH = "fresh"
    """One more attempt, in a fresh session, from the handoff."""
    TRANSIENT = "transient"
    """Attempts with growing pauses for half an hour, then failed."""
    LIMIT = "limit"
    """Waits for the usage limit's reset; neither a failure nor a round."""
    LOST = "lost"
    """The processes were killed from outside: the attempt is made again."""
    MODEL = "model"
    """Once more with the fallback model, if there is one."""
    CAP = "cap"
    """The call has used up what it may. Where that was the run's, the run ends; else the link has failed."""
    END = "end"
    """Ends the run at once."""


class Row(NamedTuple):
    """One outcome's row.

    `charged`: whether it may have cost money, yes, no, or maybe (as the CLI reports it). Backends say so of
    each call; a test holds them to a "no". `failed`: the link has failed when no attempt is left. `tells`:
    only a person can mend it, and is told how.
    """

    pool: Pool
    charged: str
    failed: bool
    tells: bool
    ends: StopReason | None = None

    @property
    def counts(self) -> bool:
        """Whether the link is over then, and the round goes on (where `on_link_failure` lets it).

        What ends the run at once leaves the link to be played: the next start begins with it.
        """
        return self.pool not in (Pool.END, Pool.LIMIT, Pool.MODEL)


_R = StopReason

TABLE: dict[Outcome, Row] = {
    #                               pool            charged  failed tells  ends the run as
    Outcome.DONE:           Row(Pool.NONE,      "yes",   False, False),
    Outcome.SKIPPED:        Row(Pool.NONE,      "yes",   False, False),
    Outcome.BLOCKED:        Row(Pool.NONE,      "yes",   False, False),
    Outcome.NEEDS_HUMAN:    Row(Pool.END,       "yes",   False, True,  _R.NEEDS_HUMAN),
    Outcome.DENIED:         Row(Pool.NONE,      "yes",   True,  True),
    Outcome.LIMITED:        Row(Pool.LIMIT,     "maybe", True,  True,  _R.LIMIT_WAIT),
    Outcome.OVERLOADED:     Row(Pool.TRANSIENT, "maybe", True,  False),
    Outcome.OFFLINE:        Row(Pool.TRANSIENT, "maybe", True,  False),
    Outcome.AUTH:           Row(Pool.END,       "no",    True,  True,  _R.NO_BACKEND),
    Outcome.BAD_REQUEST:    Row(Pool.END,       "no",    True,  True,  _R.LINK_FAILED),
    Outcome.NO_MODEL:       Row(Pool.MODEL,     "no",    True,  True,  _R.LINK_FAILED),
    Outcome.CONTEXT_FULL:   Row(Pool.FRESH,     "maybe", True,  False),
    Outcome.SESSION_BROKEN: Row(Pool.FRESH,     "maybe", True,  False),
    Outcome.TIMEOUT:        Row(Pool.HARD,      "yes",   True,  False),
    Outcome.STALLED:        Row(Pool.HARD,      "yes",   True,  False),
    Outcome.CRASHED:        Row(Pool.HARD,      "yes",   True,  False),
    Outcome.MISSING:        Row(Pool.END,       "no",    True,  True,  _R.NO_BACKEND),
    Outcome.BAD_OUTPUT:     Row(Pool.HARD,      "yes",   True,  False),
    Outcome.BUDGET:         Row(Pool.CAP,       "yes",   True,  True),
    Outcome.DISK:           Row(Pool.END,       "maybe", True,  True,  _R.DISK),
    Outcome.MEMORY:         Row(Pool.HARD,      "yes",   True,  True),
    Outcome.LOST:           Row(Pool.LOST,      "maybe", True,  False),
    Outcome.STOPPED:        Row(Pool.END,       "yes",   False, False, _R.STOP_REQUESTED),
    Outcome.UNKNOWN:        Row(Pool.HARD,      "yes",   True,  False),
}  # fmt: skip
ATTEMPTS_AGAIN = {Pool.HARD: 1, Pool.FRESH: 1, Pool.LOST: 3, Pool.MODEL: 1, Pool.CAP: 0}
"""Further attempts per pool and visit. A start by a person gives them anew, so that a run that was
killed is never the worse for it."""

TRANSIENT_FIRST_S = 5.0
TRANSIENT_MOST_S = 300.0
TRANSIENT_TOTAL_S = 1800.0
"""Overload and no network: 5 s doubling to 5 min, for half an hour (contract, section 6)."""

LIMIT_STEPS_S = (300.0, 600.0, 1200.0, 2400.0, 3600.0)
LIMIT_SLACK_S = 60.0
LIMIT_JITTER_S = 60.0
"""A limit whose reset is unnamed or past: 5, 10, 20, 40, 60 min; a named one: reset + 60–120 s."""

WAITS_FOR = {
    Outcome.LIMITED: "the usage limit's reset",
    Outcome.OVERLOADED: "the service, which is overloaded",
    Outcome.OFFLINE: "the network",
}
"""For what each of them waits, as people are told."""

SERVICE_AWAY = frozenset(o.value for o, row in TABLE.items() if row.pool in (Pool.TRANSIENT, Pool.LIMIT))
"""Outcomes that say nothing of the work, only that the service was not to be had: no breaker counts them."""

NO_FAILURES = frozenset(o.value for o, row in TABLE.items() if not row.failed or row.pool is Pool.LIMIT)
"""Outcomes that are not counted among the failed calls."""
