"""When a run spins, and when it only waits: breakers open at their count, and never in healthy runs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmauto.model import Breakers, Chain, Link, OnFailure, Role
from llmauto.outcomes import Outcome, StopReason
from llmauto.testing.agents import Play, ends, says
from tests.unit.bench import Bench

OFF = Breakers(no_progress=0, failures=0, same_error=0, denials=0)
CHAIN = Chain(name="c", links=(Link(name="worker", prompt="Work."),), max_rounds=40)
COUNTS = range(1, 7)


def played(chain: Chain, *plays: Play, still: bool = False) -> tuple[Bench, str, str]:
    """The bench, why the run ended, and the sentence about it; the last play is played for ever."""
    bench = Bench(chain, {"*": plays})
    bench.tree.still = still
    ended = bench.run()
    return bench, ended.reason, ended.message


def crash(message: str = "it broke") -> Play:
    return ends(Outcome.CRASHED, message)


# Exactly at the declared count


@pytest.mark.parametrize("count", COUNTS)
def test_rounds_without_progress_open_their_breaker_at_the_count(count: int) -> None:
    chain = replace(CHAIN, breakers=replace(OFF, no_progress=count))
    bench, reason, message = played(chain, says(), still=True)
    assert (reason, bench.progress.rounds_done) == ("stalled", count)
    assert f"breaker `no_progress`: {count} rounds" in message


@pytest.mark.parametrize("count", COUNTS)
def test_failures_in_a_row_open_their_breaker_at_the_count(count: int) -> None:
    chain = replace(CHAIN, breakers=replace(OFF, failures=count))
    plays = [crash(f"fault {number // 2}") for number in range(40)]
    bench, reason, message = played(chain, *plays)
    assert (reason, bench.progress.failures) == ("stalled", count)
    assert len(bench.ledger) == 2 * count, "each failed link had its second attempt"
    assert f"breaker `failures`: {count} links" in message


@pytest.mark.parametrize("count", COUNTS)
def test_the_same_error_in_a_row_opens_its_breaker_at_the_count(count: int) -> None:
    chain = replace(CHAIN, breakers=replace(OFF, same_error=count))
    bench, reason, message = played(chain, crash())
    assert (reason, bench.progress.same_errors) == ("stalled", count)
    assert "it broke" in message


@pytest.mark.parametrize("count", COUNTS)
def test_rounds_of_denials_open_their_breaker_at_the_count(count: int) -> None:
    chain = replace(CHAIN, breakers=replace(OFF, denials=count))
    denied = says("I may not")
    refused = replace(denied, reply=replace(denied.reply, denials=("Write",)))
    bench, reason, message = played(chain, refused, still=True)
    assert (reason, bench.progress.rounds_done) == ("stalled", count)
    assert f"breaker `denials`: {count} rounds" in message


@pytest.mark.parametrize("count", COUNTS)
def test_blocked_links_in_a_row_end_the_run_at_the_count(count: int) -> None:
    chain = replace(CHAIN, breakers=OFF, max_consecutive_blocks=count)
    bench, reason, _ = played(chain, *[says(handoff=f"Status: BLOCKED\n{n}") for n in range(9)])
    assert (reason, len(bench.ledger)) == ("blocked", count)


@pytest.mark.parametrize("play", [says(), crash()], ids=["still", "failing"])
def test_breakers_that_are_off_open_never(play: Play) -> None:
    _, reason, _ = played(replace(CHAIN, breakers=OFF), play, still=True)
    assert reason == "max_rounds"


@pytest.mark.parametrize("count", COUNTS)
def test_one_round_of_progress_sets_the_count_back(count: int) -> None:
    chain = replace(CHAIN, breakers=replace(OFF, no_progress=count))
    same = [says(handoff="the same")] * count
    bench, reason, _ = played(chain, *same, says(handoff="something new"), still=True)
    assert reason == "stalled"
    assert bench.progress.rounds_done == 2 * count + 1 or count == 1


# Never by a service that is away


@pytest.mark.parametrize("outcome", [Outcome.OVERLOADED, Outcome.OFFLINE])
def test_links_that_failed_because_the_service_was_away_open_no_breaker(outcome: Outcome) -> None:
    tight = Breakers(no_progress=1, failures=1, same_error=1, denials=1)
    chain = replace(CHAIN, breakers=tight, max_rounds=4)
    bench, reason, _ = played(chain, ends(outcome, "529"), still=True)
    assert (reason, bench.progress.rounds_done) == ("max_rounds", 4)
    assert bench.progress.last_round_failed


def test_an_outage_between_two_failures_does_not_set_the_count_back() -> None:
    chain = replace(CHAIN, breakers=replace(OFF, failures=2))
    outage = [ends(Outcome.OVERLOADED)] * 40
    bench = Bench(chain, {"*": [crash(), crash(), *outage, crash()]})
    ended = bench.run()
    assert ended.reason == "stalled"
    assert bench.progress.failures == 2


# Healthy nights

_LINKS = (
    Link(name="worker", prompt="Work."),
    Link(name="tester", prompt="Test."),
    Link(name="reviewer", role=Role.REVIEWER, prompt="Review.", keeps_session=True),
)
_TROUBLE = st.sampled_from(
    [Outcome.LIMITED, Outcome.OVERLOADED, Outcome.OFFLINE, Outcome.CONTEXT_FULL, Outcome.CRASHED,
     Outcome.STALLED, Outcome.TIMEOUT, Outcome.LOST, Outcome.SESSION_BROKEN]
)  # fmt: skip


@st.composite
def nights(draw: st.DrawFn) -> list[Play]:
    """Plays of one link: each piece of work with at most one kind of trouble before it."""
    plays: list[Play] = []
    for _ in range(draw(st.integers(1, 12))):
        outcome = draw(st.none() | _TROUBLE)
        if outcome is not None:
            again = draw(st.integers(1, 4)) if outcome in _AGAIN else 1
            worked = draw(st.booleans())
            reset = draw(st.none() | st.floats(0, 4 * 3600))
            plays += [ends(outcome, "trouble", worked=worked, reset_at=_at(outcome, reset))] * again
        plays.append(says(handoff=draw(st.sampled_from(["", "same", "Verdict: NEEDS_FIX"])) or None))
    return plays


_AGAIN = (Outcome.LIMITED, Outcome.OVERLOADED, Outcome.OFFLINE)


def _at(outcome: Outcome, seconds: float | None) -> float | None:
    return 1_760_000_000.0 + seconds if outcome is Outcome.LIMITED and seconds is not None else None


@settings(max_examples=60, deadline=None)
@given(st.fixed_dictionaries({link.name: nights() for link in _LINKS}), st.integers(1, 30))
def test_a_run_in_which_each_round_changes_something_never_ends_as_stalled(
    script: dict[str, list[Play]], rounds: int
) -> None:
    tight = Breakers(no_progress=1, failures=1, same_error=1, denials=1)
    chain = Chain(name="c", links=_LINKS, max_rounds=rounds, breakers=tight)
    bench = Bench(chain, script)
    ended = bench.run()
    assert ended.reason == StopReason.MAX_ROUNDS.value, ended.message
    assert (ended.exit_code, bench.progress.rounds_done) == (0, rounds)
    assert bench.progress.failures == bench.progress.stale_rounds == 0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(1, 6))
def test_failures_never_open_their_breaker_before_as_many_came_in_a_row(
    fails: list[bool], count: int
) -> None:
    plays = [play for failed in fails for play in ([crash(), crash()] if failed else [says()])]
    chain = Chain(
        name="c", links=CHAIN.links, max_rounds=len(fails), breakers=replace(OFF, failures=count),
        on_link_failure=OnFailure.CONTINUE,
    )  # fmt: skip
    bench, reason, _ = played(chain, *plays)
    marks = "".join("x" if failed else "." for failed in fails)
    opens = marks.find("x" * count)
    if opens < 0 or opens + count == len(fails):
        assert reason in ("max_rounds", "stalled")
    else:
        assert (reason, bench.progress.rounds_done) == ("stalled", opens + count)
