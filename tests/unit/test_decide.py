"""What comes next: nights played by the pure rules alone, outcome by outcome."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from llmauto import events as ev
from llmauto.model import Breakers, Chain, Link, Mode, OnFailure, Role
from llmauto.outcomes import Outcome, StopReason
from llmauto.rules import decide as d
from llmauto.rules.advance import advance
from llmauto.rules.progress import Progress
from llmauto.rules.routes import successor
from llmauto.rules.table import TABLE, Pool

LOOP = Chain(name="c", links=(Link(name="worker"), Link(name="reviewer", role=Role.REVIEWER)), max_rounds=5)


class Night:
    """Plays a chain by `decide` alone. `outcomes` are what each call in turn ends in, then all are done."""

    def __init__(
        self, chain: Chain = LOOP, outcomes: tuple[Outcome, ...] = (), *, call_s: float = 60.0
    ) -> None:
        self.chain = chain
        self.outcomes = list(outcomes)
        self.call_s = call_s
        self.now = 1_000_000.0
        self.begun = self.now
        self.p = Progress()
        self.plays: list[d.PlayLink] = []
        self.waits: list[float] = []
        self.reset_at: float | None = None
        self.worked = True
        self.fresh_tree = True
        self.cost: float | None = 0.0
        self.claims = ""
        self.advance(ev.RunStarted(run="r", chain="c", links=tuple(link.name for link in chain.links)))

    def advance(self, event: ev.Event) -> None:
        advance(self.p, replace(event, at=self.now, up=self.now - self.begun))

    def resume(self, chain: Chain | None = None) -> None:
        self.chain = chain or self.chain
        self.advance(ev.RunResumed(links=tuple(link.name for link in self.chain.links)))

    def run(self, most: int = 500) -> d.Finish:
        for _ in range(most):
            step = d.decide(self.chain, self.p, self.now)
            if isinstance(step, d.Finish):
                return step
            self.do(step)
        raise AssertionError("the night does not end")

    def do(self, step: d.Step) -> None:
        if isinstance(step, d.PlayLink):
            self.play(step)
        elif isinstance(step, d.Wait):
            self.waits.append(step.until - self.now)
            outcome = self.p.visit.last.outcome if self.p.visit and self.p.visit.last else ""
            self.advance(
                ev.WaitStarted(round=1, link=step.link.name, until=step.until, why=step.why, outcome=outcome)
            )
            self.now = step.until
            self.advance(ev.WaitEnded())
        elif isinstance(step, d.EndRound):
            fingerprint = str(self.now) if self.fresh_tree else "same"
            self.advance(ev.RoundEnded(round=step.round, fingerprint=fingerprint))
        elif isinstance(step, d.FailLink):
            self.over(step.link, step.visit.last.outcome if step.visit.last else "", step.goto, failed=True)
        elif isinstance(step, d.SkipLink):
            self.advance(ev.LinkSkipped(round=self.p.round, link=step.link.name, goto=step.goto))

    def play(self, step: d.PlayLink) -> None:
        self.plays.append(step)
        outcome = self.outcomes.pop(0) if self.outcomes else Outcome.DONE
        session = step.session or f"s{len(self.plays)}"
        call = self.p.calls + 1
        self.advance(
            ev.CallStarted(
                call=call, round=self.p.round, link=step.link.name, attempt=step.attempt, session=session,
                resumed=step.resume, fallback=step.fallback,
            )
        )  # fmt: skip
        self.now += self.call_s
        self.advance(
            ev.CallEnded(
                call=call, round=self.p.round, link=step.link.name, attempt=step.attempt, seconds=self.call_s,
                outcome=outcome.value, session=session, worked=self.worked, cost_usd=self.cost,
                reset_at=self.reset_at,
            )
        )  # fmt: skip
        if TABLE[outcome].pool is Pool.NONE:
            goto = successor(self.chain, step.link.name)
            self.over(step.link, outcome.value, goto, failed=TABLE[outcome].failed)

    def over(self, link: Link, outcome: str, goto: str, *, failed: bool) -> None:
        self.advance(
            ev.LinkEnded(
                round=self.p.round,
                link=link.name,
                outcome=outcome,
                failed=failed,
                goto=goto,
                claims=self.claims,
            )
        )

    def names(self) -> list[str]:
        return [play.link.name for play in self.plays]


def test_a_loop_plays_its_links_in_turn_until_its_rounds_are_done() -> None:
    night = Night(replace(LOOP, max_rounds=2))
    assert night.run().reason is StopReason.MAX_ROUNDS
    assert night.names() == ["worker", "reviewer", "worker", "reviewer"]
    assert night.p.rounds_done == 2


@pytest.mark.parametrize("mode", [Mode.ONCE, Mode.DEADEND])
def test_a_single_pass_is_completed_after_one_round(mode: Mode) -> None:
    night = Night(replace(LOOP, mode=mode))
    assert night.run().reason is StopReason.COMPLETED
    assert len(night.plays) == 2


def test_a_run_ends_on_its_own_time_not_on_the_clock_on_the_wall() -> None:
    night = Night(replace(LOOP, max_rounds=0, runtime_s=8 * 3600), call_s=600)
    assert night.run().reason is StopReason.RUNTIME
    assert len(night.plays) == 48


def test_a_run_ends_when_its_deadline_has_passed() -> None:
    deadline = datetime.fromtimestamp(1_000_000 + 150, timezone.utc)
    night = Night(replace(LOOP, deadline=deadline))
    assert night.run().reason is StopReason.DEADLINE
    assert len(night.plays) == 3


def test_money_is_overspent_by_one_call_at_the_most() -> None:
    night = Night(replace(LOOP, budget_usd=1.0))
    night.cost = 0.4
    assert night.run().reason is StopReason.BUDGET
    assert len(night.plays) == 3


def test_a_call_of_unknown_cost_is_counted_as_unknown_and_never_as_nothing() -> None:
    night = Night(replace(LOOP, max_rounds=1))
    night.cost = None
    night.run()
    assert (night.p.cost_usd, night.p.unknown_costs) == (0.0, 2)


@pytest.mark.parametrize(
    "outcome",
    [Outcome.TIMEOUT, Outcome.STALLED, Outcome.CRASHED, Outcome.UNKNOWN, Outcome.BAD_OUTPUT, Outcome.MEMORY],
)
def test_a_hard_failure_is_tried_once_more_in_its_own_session(outcome: Outcome) -> None:
    night = Night(replace(LOOP, max_rounds=1), (outcome, Outcome.DONE))
    night.run()
    again = night.plays[1]
    assert (again.link.name, again.attempt, again.session, again.interrupted) == ("worker", 2, "s1", True)
    assert night.names() == ["worker", "worker", "reviewer"]


def test_an_agent_that_had_not_begun_gets_the_whole_prompt_again_in_a_new_session() -> None:
    night = Night(replace(LOOP, max_rounds=1), (Outcome.CRASHED,))
    night.worked = False
    night.run()
    assert (night.plays[1].session, night.plays[1].resume, night.plays[1].interrupted) == ("", False, False)


def test_a_second_hard_failure_of_any_kind_fails_the_link() -> None:
    night = Night(replace(LOOP, max_rounds=1), (Outcome.CRASHED, Outcome.TIMEOUT))
    assert night.run().reason is StopReason.MAX_ROUNDS
    assert night.names() == ["worker", "worker", "reviewer"]
    assert night.p.failed_in_last_round


def test_a_single_pass_stops_at_the_link_that_failed_and_goes_on_there() -> None:
    chain = replace(LOOP, mode=Mode.ONCE, on_link_failure=OnFailure.STOP)
    night = Night(chain, (Outcome.CRASHED, Outcome.CRASHED))
    assert night.run().reason is StopReason.LINK_FAILED
    night.resume()
    assert night.run().reason is StopReason.COMPLETED
    assert night.names() == ["worker", "worker", "worker", "reviewer"]
    assert not night.p.failed_in_last_round, "the link that had failed was done in the end"


def test_a_full_context_gets_exactly_one_fresh_session() -> None:
    night = Night(replace(LOOP, max_rounds=1), (Outcome.CONTEXT_FULL, Outcome.CONTEXT_FULL))
    night.run()
    assert [(p.session, p.resume) for p in night.plays[:2]] == [("", False), ("", False)]
    assert night.names() == ["worker", "worker", "reviewer"]


def test_a_named_limit_is_waited_for_and_is_neither_failure_nor_round() -> None:
    night = Night(replace(LOOP, max_rounds=1), (Outcome.LIMITED,))
    night.reset_at = night.now + 3 * 3600
    assert night.run().reason is StopReason.MAX_ROUNDS
    (wait,) = night.waits
    assert 3 * 3600 - 60 + 60 <= wait <= 3 * 3600 - 60 + 120
    assert night.plays[1].session == "s1"
    assert night.p.failures == 0


def test_an_unnamed_limit_is_probed_at_most_fifteen_times_in_twelve_hours() -> None:
    night = Night(
        replace(LOOP, max_rounds=1, max_limit_wait_s=12 * 3600.0), (Outcome.LIMITED,) * 50, call_s=1
    )
    assert night.run().reason is StopReason.LIMIT_WAIT
    assert len(night.plays) <= 15
    assert [round(wait / 60) for wait in night.waits[:6]] == [5, 10, 20, 40, 60, 60]


def test_a_limit_that_would_outlast_the_patience_ends_the_run_at_once_and_resumable() -> None:
    night = Night(replace(LOOP, max_rounds=1), (Outcome.LIMITED,))
    night.reset_at = night.now + 72 * 3600
    assert night.run().reason is StopReason.LIMIT_WAIT
    night.resume()
    assert night.run().reason is StopReason.LIMIT_WAIT, "no call before the reset the CLI names"
    assert len(night.plays) == 1
    night.now = night.reset_at + 200
    night.resume()
    assert night.run().reason is StopReason.MAX_ROUNDS


def test_an_overload_is_waited_out_with_growing_pauses() -> None:
    night = Night(replace(LOOP, max_rounds=1), (Outcome.OVERLOADED,) * 3, call_s=1)
    night.run()
    assert night.names() == ["worker"] * 4 + ["reviewer"]
    assert 2.5 <= night.waits[0] <= 5 <= night.waits[1] <= 10 <= night.waits[2] <= 20


def test_an_overload_without_end_fails_the_link_within_half_an_hour() -> None:
    night = Night(replace(LOOP, max_rounds=1), (Outcome.OVERLOADED,) * 40, call_s=1)
    night.outcomes = [Outcome.OVERLOADED] * 40
    begun = night.now
    while night.p.last_over is None:
        night.do(d.decide(night.chain, night.p, night.now))
    assert night.p.last_over.failed
    assert 1200 < night.now - begun <= 1800


def test_with_a_fallback_model_an_overload_falls_back_after_one_call_in_the_same_session() -> None:
    links = (Link(name="worker", model="big", fallback_model="small"),)
    night = Night(replace(LOOP, links=links, max_rounds=1), (Outcome.OVERLOADED,))
    night.run()
    assert night.waits == []
    assert (night.plays[1].fallback, night.plays[1].session) == (True, "s1")


def test_the_fallback_ends_with_the_visit() -> None:
    links = (Link(name="worker", model="big", fallback_model="small"),)
    night = Night(replace(LOOP, links=links, max_rounds=2), (Outcome.NO_MODEL,))
    night.run()
    assert [play.fallback for play in night.plays] == [False, True, False]


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Outcome.AUTH, StopReason.NO_BACKEND),
        (Outcome.MISSING, StopReason.NO_BACKEND),
        (Outcome.BAD_REQUEST, StopReason.LINK_FAILED),
        (Outcome.NO_MODEL, StopReason.LINK_FAILED),
        (Outcome.DISK, StopReason.DISK),
        (Outcome.NEEDS_HUMAN, StopReason.NEEDS_HUMAN),
    ],
)
def test_what_no_retry_can_mend_ends_the_run_at_once(outcome: Outcome, reason: StopReason) -> None:
    night = Night(LOOP, (outcome,))
    assert night.run().reason is reason
    assert len(night.plays) == 1
    night.resume()
    assert night.run().reason is StopReason.MAX_ROUNDS, "the next start tries the very same link again"
    assert night.names()[:2] == ["worker", "worker"]


def test_blocks_in_a_row_end_the_run() -> None:
    night = Night(replace(LOOP, max_consecutive_blocks=3), (Outcome.BLOCKED,) * 9)
    assert night.run().reason is StopReason.BLOCKED
    assert len(night.plays) == 3


def test_skips_are_neutral_among_blocks() -> None:
    outcomes = (Outcome.BLOCKED, Outcome.SKIPPED, Outcome.BLOCKED, Outcome.SKIPPED, Outcome.BLOCKED)
    night = Night(replace(LOOP, max_consecutive_blocks=3), outcomes)
    assert night.run().reason is StopReason.BLOCKED
    assert len(night.plays) == 5


def test_rounds_that_change_nothing_open_the_breaker_after_exactly_three() -> None:
    night = Night(replace(LOOP, max_rounds=0, breakers=Breakers(no_progress=3)))
    night.advance(ev.BaselineTaken(fingerprint="same"))
    night.fresh_tree = False
    finish = night.run()
    assert finish.reason is StopReason.STALLED
    assert "no_progress" in finish.message
    assert night.p.rounds_done == 3


def test_failures_in_a_row_open_the_breaker() -> None:
    breakers = Breakers(failures=5, same_error=0)
    night = Night(replace(LOOP, breakers=breakers, max_rounds=0), (Outcome.CRASHED,) * 100)
    assert night.run().reason is StopReason.STALLED
    assert len(night.plays) == 10


def test_a_start_by_a_person_sets_breakers_and_blocks_to_zero_but_neither_rounds_nor_money() -> None:
    night = Night(
        replace(LOOP, max_consecutive_blocks=2), (Outcome.DONE, Outcome.DONE, *[Outcome.BLOCKED] * 2)
    )
    night.cost = 0.5
    night.run()
    night.resume()
    assert (night.p.blocks, night.p.rounds_done, night.p.cost_usd) == (0, 2, 2.0)


def test_all_done_ends_the_run_whatever_else_holds() -> None:
    night = Night()
    night.claims = "ALL_DONE"
    assert night.run().reason is StopReason.ALL_DONE
    assert len(night.plays) == 1


def test_all_done_of_the_last_link_finishes_the_round_first() -> None:
    night = Night(replace(LOOP, links=LOOP.links[:1]))
    night.claims = "ALL_DONE"
    night.run()
    assert night.p.rounds_done == 1


def test_a_stop_request_takes_effect_between_links_and_no_retry_follows() -> None:
    night = Night(LOOP, (Outcome.CRASHED,))
    night.do(d.decide(night.chain, night.p, night.now))
    night.advance(ev.StopAsked(reason="lunch"))
    finish = night.run()
    assert (finish.reason, finish.message) == (StopReason.STOP_REQUESTED, "lunch")
    assert len(night.plays) == 1


def test_a_worker_who_is_not_assigned_is_passed_over() -> None:
    links = (
        Link(name="boss", role=Role.CONTROLLER),
        Link(name="opus-worker", skip_unless_assigned=True),
        Link(name="sonnet-worker", skip_unless_assigned=True),
    )
    night = Night(replace(LOOP, links=links, max_rounds=1))
    night.do(d.decide(night.chain, night.p, night.now))
    night.advance(
        ev.LinkEnded(
            round=1,
            link="boss",
            outcome="done",
            goto="opus-worker",
            controls=True,
            assigned=("sonnet-worker",),
        )
    )
    night.run()
    assert night.names() == ["boss", "sonnet-worker"]


def test_a_kept_session_goes_on_in_the_next_round() -> None:
    links = (Link(name="worker"), Link(name="reviewer", keeps_session=True))
    night = Night(replace(LOOP, links=links, max_rounds=2))
    night.run()
    assert [(p.session, p.resume) for p in night.plays] == [
        ("", False),
        ("", False),
        ("", False),
        ("s2", True),
    ]


def test_a_run_goes_on_by_link_name_when_the_file_has_changed() -> None:
    night = Night(LOOP)
    night.do(d.decide(night.chain, night.p, night.now))
    night.resume(
        replace(LOOP, links=(Link(name="worker"), Link(name="tester"), *LOOP.links[1:]), max_rounds=1)
    )
    night.run()
    assert night.names() == ["worker", "reviewer"]


def test_a_call_whose_end_is_unknown_is_looked_for_before_anything_else() -> None:
    night = Night(LOOP)
    night.advance(ev.CallStarted(call=1, round=1, link="worker", session="s"))
    night.resume()
    assert isinstance(d.decide(night.chain, night.p, night.now), d.Recover)
