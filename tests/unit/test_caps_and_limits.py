"""A call that has used up what it may, and what `on_limit` does, through the engine on fakes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llmauto.model import Chain, Link, Mode, OnFailure, OnLimit
from llmauto.outcomes import Outcome
from llmauto.ports import CallOrder
from llmauto.testing.agents import ScriptedAgents, ends, says
from llmauto.testing.clock import START
from tests.unit.bench import Bench

WORKER = Link(name="worker", prompt="Work.", model="big", fallback_model="small")
CHAIN = Chain(name="c", links=(WORKER, Link(name="reviewer", prompt="Review.")), max_rounds=1)
ONCE = replace(CHAIN, mode=Mode.ONCE, on_link_failure=OnFailure.STOP)
LIMIT = ends(Outcome.LIMITED, "You've hit your limit", reset_at=START + 3 * 3600, worked=True)


def orders(bench: Bench) -> list[CallOrder]:
    assert isinstance(bench.agents, ScriptedAgents)
    return bench.agents.orders


# A call at its cap


def test_a_link_that_has_used_up_its_own_cap_has_failed_and_is_not_tried_again() -> None:
    bench = Bench(CHAIN, {"worker": [ends(Outcome.BUDGET, cost=0.5, worked=True)], "*": [says()]})
    ended = bench.run()
    assert (ended.reason, ended.exit_code) == ("max_rounds", 1)
    assert bench.ledger == ["worker", "reviewer"]


def test_in_a_single_pass_a_link_at_its_cap_ends_the_run_and_the_next_start_tries_it_again() -> None:
    bench = Bench(ONCE, {"worker": [ends(Outcome.BUDGET, cost=0.5), says()], "*": [says()]})
    ended = bench.run()
    assert (ended.reason, ended.exit_code) == ("link_failed", 1)
    assert bench.run().reason == "completed"
    assert bench.ledger == ["worker", "worker", "reviewer"]


def test_a_call_that_was_ended_by_the_runs_budget_goes_on_in_its_session_when_there_is_more() -> None:
    chain = replace(ONCE, budget_usd=1.0)
    bench = Bench(chain, {"worker": [ends(Outcome.BUDGET, cost=1.1, worked=True), says()], "*": [says()]})
    ended = bench.run()
    assert (ended.reason, ended.exit_code) == ("budget", 4)
    assert bench.run().reason == "budget", "not without more of it"
    bench.chain = replace(chain, budget_usd=5.0)
    assert bench.run().reason == "completed"
    first, second, _ = orders(bench)
    assert (second.resume, second.session) == (True, first.session)
    assert "You were interrupted" in second.prompt


def test_a_denied_link_of_a_single_pass_is_the_one_that_the_next_start_tries() -> None:
    denied = says("I may not")
    refused = replace(denied, reply=replace(denied.reply, denials=("Write",)))
    bench = Bench(ONCE, {"worker": [refused, says()], "*": [says()]})
    bench.tree.still = True
    assert bench.run().reason == "link_failed"
    assert bench.run().reason == "completed"
    assert bench.ledger == ["worker", "worker", "reviewer"]


# At a usage limit


def test_on_limit_stop_ends_the_run_at_once_and_a_later_start_goes_on_in_the_session() -> None:
    chain = replace(CHAIN, links=(replace(WORKER, on_limit=OnLimit.STOP), *CHAIN.links[1:]))
    bench = Bench(chain, {"worker": [LIMIT, says()], "*": [says()]})
    ended = bench.run()
    assert (ended.reason, ended.exit_code) == ("limit_wait", 6)
    assert "limited: You've hit your limit; it resets at 2025-10-09 11:53 UTC, `on_limit`" in ended.message
    assert bench.run().reason == "limit_wait", "no call before the reset"
    assert bench.ledger == ["worker"]
    bench.clock.advance(4 * 3600)
    assert bench.run().reason == "max_rounds"
    assert orders(bench)[1].session == orders(bench)[0].session


def test_on_limit_stop_with_no_reset_named_can_be_gone_on_with_after_five_minutes() -> None:
    chain = replace(CHAIN, links=(replace(WORKER, on_limit=OnLimit.STOP), *CHAIN.links[1:]))
    bench = Bench(chain, {"worker": [ends(Outcome.LIMITED), says()], "*": [says()]})
    assert bench.run().reason == "limit_wait"
    bench.clock.advance(301)
    assert bench.run().reason == "max_rounds"


def test_a_wait_that_would_be_too_long_ends_the_run_and_says_when_the_limit_resets() -> None:
    bench = Bench(replace(CHAIN, max_limit_wait_s=3600), {"worker": [LIMIT]})
    said = "the usage limit resets at 2025-10-09 11:53 UTC, which would outlast `max_limit_wait_hours` (1)"
    assert bench.run().message == said


def test_on_limit_fallback_goes_on_at_once_with_the_other_model_in_the_same_session() -> None:
    chain = replace(CHAIN, links=(replace(WORKER, on_limit=OnLimit.FALLBACK), *CHAIN.links[1:]))
    bench = Bench(chain, {"worker": [LIMIT, says()], "*": [says()]})
    assert bench.run().reason == "max_rounds"
    first, second = orders(bench)[:2]
    assert (first.model, second.model, second.session) == ("big", "small", first.session)
    assert bench.clock.monotonic() < 3600


def test_on_limit_fallback_waits_where_the_other_model_is_limited_too() -> None:
    chain = replace(CHAIN, links=(replace(WORKER, on_limit=OnLimit.FALLBACK), *CHAIN.links[1:]))
    bench = Bench(chain, {"worker": [LIMIT, LIMIT, says()], "*": [says()]})
    assert bench.run().reason == "max_rounds"
    assert [order.model for order in orders(bench)[:3]] == ["big", "small", "small"]
    assert bench.clock.now() >= START + 3 * 3600 + 60


@pytest.mark.parametrize("on_limit", [OnLimit.WAIT, OnLimit.FALLBACK])
def test_a_limit_is_waited_for_where_there_is_no_other_model(on_limit: OnLimit) -> None:
    link = replace(WORKER, on_limit=on_limit, fallback_model=None)
    bench = Bench(replace(CHAIN, links=(link,)), {"worker": [LIMIT, says()]})
    assert bench.run().reason == "max_rounds"
    assert bench.clock.now() >= START + 3 * 3600 + 60


# What only a person can mend


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        (Outcome.AUTH, "link `worker`: auth: no; run `claude` and type `/login`, or set `ANTHROPIC_API_KEY`"),
        (
            Outcome.BUDGET,
            "link `worker` failed: no; raise `max_cost_usd` of the link, or give it a smaller task",
        ),
        (Outcome.DISK, "link `worker`: disk: no"),
        (Outcome.CRASHED, "link `worker` failed: no"),
    ],
)
def test_the_end_of_a_run_says_what_mends_it_where_only_a_person_can(outcome: Outcome, says: str) -> None:
    assert Bench(ONCE, {"worker": [ends(outcome, "no")] * 2}).run().message == says


def test_of_any_program_nobody_knows_how_it_is_installed() -> None:
    chain = replace(ONCE, links=(replace(WORKER, backend="command", run=("x",)),))
    bench = Bench(chain, {"worker": [ends(Outcome.MISSING, "`x` is not on PATH")]})
    assert bench.run().message == "link `worker`: missing: `x` is not on PATH"


# A bound of the run


def test_a_small_bound_that_is_used_up_is_told_legibly() -> None:
    bench = Bench(replace(CHAIN, max_rounds=0, runtime_s=1.08), {"*": [says()] * 3})
    assert bench.run().message == "1m00s of 1s used (`runtime_hours` 0.0003)"
    bench = Bench(replace(CHAIN, budget_usd=0.004), {"*": [says(cost=0.005)] * 3})
    assert bench.run().message == "<$0.01 of `budget_usd` <$0.01 spent"
