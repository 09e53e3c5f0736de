"""What does a run come to at the worst: how many calls, how many dollars? By the table of outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

from llmauto.model import Chain, Link, Mode, OnLimit, Role
from llmauto.rules import table
from llmauto.rules.table import ATTEMPTS_AGAIN, Pool

FREE = ("", "check", "command", "demo")
"""Players whose calls cost nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worst:
    """The most that one run can take, while nobody starts it again. None = not bounded.

    `calls` if none fails. `with_retries`: and every one fails as often as it may. `at_most`: and is turned
    away by limits and overloads as often as it may. `usd` is what the calls at most cost by their own caps
    and by the run's budget; `usd_by_plan` what `calls` cost by their caps alone. One call can go beyond it.
    """

    rounds: int | None
    calls: int | None
    with_retries: int | None
    at_most: int | None
    usd: float | None
    usd_by_plan: float | None


def worst(chain: Chain) -> Worst:
    """Of that chain, from its beginning to its end."""
    rounds = 1 if chain.mode.single_pass else chain.max_rounds or None
    turns = _turns(chain, rounds)
    if turns is None:
        bounded = chain.budget_usd if any(link.player not in FREE for link in chain.links) else 0.0
        return Worst(
            rounds=rounds, calls=None, with_retries=None, at_most=None, usd=bounded, usd_by_plan=None
        )
    by_caps = _dollars(turns, [most_calls(chain, link) for link, _ in turns])
    known = [usd for usd in (by_caps, chain.budget_usd) if usd is not None]
    return Worst(
        rounds=rounds,
        calls=sum(times for _, times in turns),
        with_retries=sum(times * calls_if_failing(link) for link, times in turns),
        at_most=sum(times * most_calls(chain, link) for link, times in turns),
        usd=min(known, default=None),
        usd_by_plan=_dollars(turns, [1] * len(turns)),
    )


def calls_if_failing(link: Link) -> int:
    """Calls of one turn of a link that fails in every way in which it is tried again."""
    again = sum(ATTEMPTS_AGAIN[pool] for pool in (Pool.HARD, Pool.FRESH, Pool.LOST))
    return 1 + again + (ATTEMPTS_AGAIN[Pool.MODEL] if link.fallback_model else 0)


def most_calls(chain: Chain, link: Link) -> int:
    """The same, and each wait for the service that the table allows is used up too."""
    if link.player in FREE:
        return calls_if_failing(link)
    return calls_if_failing(link) + most_transients() + bool(link.fallback_model) + most_limits(chain, link)


def most_transients() -> int:
    """Further calls of one turn while the service is overloaded or away: with the shortest pauses."""
    total = 0.0
    for done in count():
        pause = min(table.TRANSIENT_MOST_S, table.TRANSIENT_FIRST_S * 2 ** min(done, 10)) / 2
        total += pause
        if total > table.TRANSIENT_TOTAL_S:
            return done
    raise AssertionError


def most_limits(chain: Chain, link: Link) -> int:
    """Further calls of one turn at usage limits: with the shortest waits, until the patience is used up."""
    if link.on_limit is OnLimit.STOP:
        return 0
    total, steps = table.LIMIT_SLACK_S, table.LIMIT_STEPS_S
    for done in count():
        if total > chain.max_limit_wait_s:
            return done + (link.on_limit is OnLimit.FALLBACK)
        total += steps[min(done + 1, len(steps) - 1)]
    raise AssertionError


def _turns(chain: Chain, rounds: int | None) -> list[tuple[Link, int]] | None:
    """Each link with the turns that it has at the most; None where they are not bounded."""
    links = [link for link in chain.links if link.role is not Role.GATE]
    visits = [_visits(chain, link) for link in links]
    if rounds is None or not all(visits):
        return None
    before = [link for link in links if link.baseline]
    if chain.canary:
        before += [link for link in links if link.role is not Role.CHECK][:1]
    return [(link, rounds * times) for link, times in zip(links, visits, strict=True)] + [
        (link, 1) for link in before
    ]


def _visits(chain: Chain, link: Link) -> int:
    """How often the link can be visited in one round; 0 = not bounded."""
    if chain.mode is not Mode.CONDITIONAL or not any(other.on for other in chain.links):
        return 1
    return chain.max_visits if link.max_visits is None else link.max_visits


def _dollars(turns: list[tuple[Link, int]], calls: list[int]) -> float | None:
    """By the caps of the links; None where a link that costs something has none."""
    total = 0.0
    for (link, times), each in zip(turns, calls, strict=True):
        if link.player in FREE:
            continue
        if link.max_cost_usd is None:
            return None
        total += link.max_cost_usd * times * each
    return total
