"""Has the run used up what it was given: rounds, time, money?"""

from __future__ import annotations

from dataclasses import dataclass

from llmauto.model import Chain
from llmauto.outcomes import StopReason
from llmauto.rules.progress import Progress
from llmauto.rules.text import dollars, human_duration, utc


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What all runs of this home have cost today, against the home's `daily_budget_usd`."""

    today_usd: float = 0.0
    daily_cap_usd: float | None = None


def reached(chain: Chain, p: Progress, now: float, spent: Spent | None) -> tuple[StopReason, str] | None:
    """The bound that is reached, and a sentence; None while the run may go on. Asked before each call."""
    if chain.runtime_s and p.runtime_s >= chain.runtime_s:
        used = f"{human_duration(p.runtime_s)} of {human_duration(chain.runtime_s)} used"
        return StopReason.RUNTIME, f"{used} (`runtime_hours` {chain.runtime_s / 3600:g})"
    if chain.deadline is not None and now >= chain.deadline.timestamp():
        return StopReason.DEADLINE, f"the deadline {utc(chain.deadline.timestamp())} has passed"
    if chain.budget_usd is not None and p.cost_usd >= chain.budget_usd:
        return StopReason.BUDGET, f"{dollars(p.cost_usd)} of `budget_usd` {dollars(chain.budget_usd)} spent"
    if chain.budget_tokens is not None and p.input_tokens + p.output_tokens >= chain.budget_tokens:
        tokens = p.input_tokens + p.output_tokens
        return StopReason.BUDGET, f"{tokens:,} of `budget_tokens` {chain.budget_tokens:,} used"
    if spent is not None and spent.daily_cap_usd is not None and spent.today_usd >= spent.daily_cap_usd:
        cap = dollars(spent.daily_cap_usd)
        text = f"{dollars(spent.today_usd)} of `daily_budget_usd` {cap} spent today"
        return StopReason.BUDGET, text
    return None


def rounds_reached(chain: Chain, p: Progress) -> tuple[StopReason, str] | None:
    """Whether the rounds are played; asked between rounds only."""
    if chain.mode.single_pass and p.rounds_done >= 1:
        return StopReason.COMPLETED, "the single pass is done"
    if chain.max_rounds and p.rounds_done >= chain.max_rounds:
        return StopReason.MAX_ROUNDS, f"{p.rounds_done} of {chain.max_rounds} rounds done"
    return None


def latest_end(chain: Chain, p: Progress, now: float) -> tuple[float, str]:
    """(when a bound of time ends the run at the latest, which one): UTC epoch seconds, 0 and "" for none."""
    ends = []
    if chain.deadline is not None:
        ends.append((chain.deadline.timestamp(), "deadline"))
    if chain.runtime_s:
        ends.append((now + max(0.0, chain.runtime_s - p.runtime_s), "runtime_hours"))
    return min(ends, default=(0.0, ""))


def latest_wait(chain: Chain, p: Progress, until: float, now: float) -> float:
    """`until`, or the earlier instant at which a bound of time ends the run while it waits."""
    ends_at, bound = latest_end(chain, p, now)
    return min(until, ends_at) if bound else until


def left_usd(chain: Chain, p: Progress, spent: Spent | None, cap: float | None) -> float | None:
    """What one call may cost at the most: the smallest of its own cap, the run's rest, the day's rest."""
    rests = [cap]
    if chain.budget_usd is not None:
        rests.append(chain.budget_usd - p.cost_usd)
    if spent is not None and spent.daily_cap_usd is not None:
        rests.append(spent.daily_cap_usd - spent.today_usd)
    known = [rest for rest in rests if rest is not None]
    return max(0.0, min(known)) if known else None


def left_tokens(chain: Chain, p: Progress, cap: int | None) -> int | None:
    """What one call may use in tokens, cache reads not counted."""
    if chain.budget_tokens is None:
        return cap
    rest = max(0, chain.budget_tokens - p.input_tokens - p.output_tokens)
    return rest if cap is None else min(cap, rest)
