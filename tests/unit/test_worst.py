"""The worst case that is shown before a start is never less than what a run can come to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmauto.model import Breakers, Chain, Link, Mode, OnLimit, Role
from llmauto.outcomes import Outcome
from llmauto.rules import worst as w
from llmauto.testing.agents import Play, ends, says
from llmauto.testing.clock import START
from tests.unit.bench import Bench

OFF = Breakers(no_progress=0, failures=0, same_error=0, denials=0)
LINK = Link(name="worker", prompt="Work.", model="big", max_cost_usd=1.0)
CHAIN = Chain(name="c", links=(LINK,), max_rounds=1, breakers=OFF, max_consecutive_blocks=0)


def test_one_turn_of_a_link_is_called_as_often_as_its_failures_grant_it() -> None:
    assert w.calls_if_failing(LINK) == 1 + 1 + 1 + 3
    assert w.calls_if_failing(replace(LINK, fallback_model="small")) == 7


def test_a_bound_in_rounds_and_caps_bounds_the_money_and_the_budget_may_be_less() -> None:
    chain = replace(CHAIN, max_rounds=3)
    found = w.worst(chain)
    assert (found.calls, found.with_retries, found.usd_by_plan) == (3, 18, 3.0)
    assert found.at_most is not None
    assert found.usd == float(found.at_most)
    assert w.worst(replace(chain, budget_usd=5.0)).usd == 5.0


def test_without_rounds_only_the_budget_bounds_anything() -> None:
    found = w.worst(replace(CHAIN, max_rounds=0))
    assert (found.rounds, found.calls, found.at_most, found.usd) == (None, None, None, None)
    assert w.worst(replace(CHAIN, max_rounds=0, budget_usd=5.0)).usd == 5.0


def test_one_link_without_a_cap_leaves_the_money_unbounded() -> None:
    links = (LINK, Link(name="reviewer", prompt="Review."))
    assert w.worst(replace(CHAIN, links=links)).usd is None


def test_what_costs_nothing_needs_no_cap() -> None:
    links = (LINK, Link(name="x", backend="command"), Link(name="t", role=Role.CHECK))
    found = w.worst(replace(CHAIN, links=links))
    assert (found.calls, found.usd_by_plan) == (3, 1.0)
    assert w.worst(replace(CHAIN, links=links[1:], max_rounds=0)).usd == 0.0


def test_the_canary_is_a_call_of_the_first_agent_and_is_paid_for() -> None:
    found = w.worst(replace(CHAIN, canary=True))
    assert (found.calls, found.usd_by_plan) == (2, 2.0)


def test_a_cycle_is_played_as_often_as_its_links_may_be_visited() -> None:
    reviewer = Link(name="reviewer", on={"NEEDS_FIX": "worker"}, max_visits=2, max_cost_usd=1.0)
    chain = replace(CHAIN, mode=Mode.CONDITIONAL, links=(LINK, reviewer), max_rounds=2)
    assert w.worst(chain).calls == 2 * (3 + 2)
    assert w.worst(replace(chain, max_visits=0)).calls is None


def test_a_link_that_stops_at_limits_makes_no_calls_after_one() -> None:
    assert w.most_limits(CHAIN, replace(LINK, on_limit=OnLimit.STOP)) == 0
    assert w.most_limits(CHAIN, replace(LINK, on_limit=OnLimit.FALLBACK)) == w.most_limits(CHAIN, LINK) + 1


# Against the engine

_TROUBLE = [
    *[Outcome.LIMITED] * 4, *[Outcome.OVERLOADED] * 4, Outcome.OFFLINE, Outcome.LOST, Outcome.CRASHED,
    Outcome.CONTEXT_FULL, Outcome.TIMEOUT, Outcome.NO_MODEL, Outcome.SESSION_BROKEN, Outcome.BAD_OUTPUT,
]  # fmt: skip


@st.composite
def troubles(draw: st.DrawFn) -> list[Play]:
    """Calls that end in every way that is tried again, at once, each paid for."""
    outcomes = draw(st.lists(st.sampled_from(_TROUBLE), min_size=20, max_size=90))
    return [
        ends(outcome, cost=1.0, seconds=0.0, reset_at=START + 1 if draw(st.booleans()) else None)
        for outcome in outcomes
    ]


@settings(max_examples=60, deadline=None)
@given(troubles(), st.sampled_from(list(OnLimit)), st.booleans(), st.integers(1, 3))
def test_no_run_makes_more_calls_or_costs_more_than_was_said(
    plays: list[Play], on_limit: OnLimit, falls_back: bool, rounds: int
) -> None:
    link = replace(LINK, on_limit=on_limit, fallback_model="small" if falls_back else None)
    chain = replace(CHAIN, links=(link,), max_rounds=rounds)
    found = w.worst(chain)
    bench = Bench(chain, {"*": [*plays, says(cost=1.0, seconds=0.0)]})
    bench.run()
    assert found.at_most is not None
    assert found.usd is not None
    assert len(bench.ledger) <= found.at_most
    assert bench.progress.cost_usd <= found.usd


@pytest.mark.parametrize("outcome", [Outcome.LIMITED, Outcome.OVERLOADED])
def test_the_bound_is_near_what_a_service_that_stays_away_really_takes(outcome: Outcome) -> None:
    bench = Bench(CHAIN, {"*": [ends(outcome, seconds=0.0)]})
    bench.run()
    most = w.most_transients() if outcome is Outcome.OVERLOADED else w.most_limits(CHAIN, LINK)
    assert most - 9 <= len(bench.ledger) <= 1 + most
