"""What do the events of a run look like, to everybody who looks?"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from llmauto import events as ev
from llmauto.views import Stats, headline, patch, view_of, whole
from llmauto.views.reduce import RunView
from llmauto.views.timeline import Timeline

BEGIN = 1_795_000_000.0
LINKS = ("controller", "worker", "reviewer")


class Told:
    """Events of one run, a minute apart."""

    def __init__(self, **started: Any) -> None:
        self.events: list[ev.Event] = []
        self.at = 0.0
        self.calls = 0
        self.tell(ev.RunStarted(run="r1", chain="x", links=LINKS, **started))

    def tell(self, *events: ev.Event) -> Told:
        for event in events:
            self.events.append(replace(event, at=BEGIN + self.at, up=self.at))
            self.at += 60.0
        return self

    def call(self, link: str = "worker", round_: int = 1, **ended: Any) -> Told:
        self.calls += 1
        attempt = ended.pop("attempt", 1)
        values = {"outcome": "done", "seconds": 60.0, "cost_usd": 0.5, "input_tokens": 10, **ended}
        return self.tell(
            ev.CallStarted(call=self.calls, round=round_, link=link, attempt=attempt, model="opus"),
            ev.CallEnded(call=self.calls, round=round_, link=link, attempt=attempt, **values),
        )

    def over(self, link: str = "worker", round_: int = 1, **values: Any) -> Told:
        return self.tell(ev.LinkEnded(**{"round": round_, "link": link, "outcome": "done", **values}))

    def view(self) -> RunView:
        return view_of(self.events)


def rounds(count: int) -> Iterator[ev.Event]:
    """A run of that many rounds, event by event."""
    at, call = BEGIN, 0
    yield ev.RunStarted(at=at, run="r1", chain="x", links=LINKS)
    for number in range(1, count + 1):
        for link in LINKS:
            call += 1
            yield ev.CallStarted(at=at, call=call, round=number, link=link)
            at += 300.0
            yield ev.CallEnded(
                at=at,
                call=call,
                round=number,
                link=link,
                attempt=1,
                outcome="done",
                seconds=300.0,
                cost_usd=0.3,
            )
            yield ev.HandoffKept(at=at, round=number, link=link, sha=f"{call}", size=4)
            yield ev.LinkEnded(at=at, round=number, link=link, outcome="done", handoff=f"{call}")
        yield ev.RoundEnded(at=at, round=number, fingerprint=f"{number}")


def test_a_link_that_is_played_is_one_bar_with_its_attempts() -> None:
    view = Told().call(outcome="crashed", message="exit 1").call(attempt=2).over(handoff="h1").view()
    (bar,) = view.bars
    assert (bar.link, bar.round, bar.outcome, bar.failed) == ("worker", 1, "done", False)
    assert [a.outcome for a in bar.attempts] == ["crashed", "done"]
    assert (bar.started_at, bar.ended_at) == (BEGIN + 60, BEGIN + 300)
    assert bar.cost_usd == 1.0
    assert bar.handoff_out == "h1"


def test_what_is_not_over_has_no_end() -> None:
    told = Told().tell(ev.CallStarted(call=1, round=1, link="worker"))
    (bar,) = told.view().bars
    assert (bar.ended_at, bar.outcome) == (0.0, "")


def test_sums_are_kept_by_round_and_by_link() -> None:
    told = Told().call().over().call("reviewer").over("reviewer", verdict="NEEDS_FIX")
    told.tell(ev.RoundEnded(round=1)).call(round_=2, cost_usd=None)
    view = told.view()
    first, second = view.rounds.values()
    assert (first.calls, first.cost_usd, first.verdict, first.ended_at > 0) == (2, 1.0, "NEEDS_FIX", True)
    assert (second.calls, second.unknown_costs, second.ended_at) == (1, 1, 0.0)
    assert (view.links["worker"].calls, view.links["worker"].turns) == (2, 2)
    assert view.links["controller"].calls == 0


def test_what_certainly_cost_nothing_is_no_unknown_cost() -> None:
    view = Told().call(outcome="auth", charged=False, cost_usd=None).view()
    assert view.rounds[1].unknown_costs == 0


def test_the_handoff_that_goes_in_is_the_one_that_came_out_before() -> None:
    told = Told().call().tell(ev.HandoffKept(round=1, link="worker", sha="a", size=1)).over(handoff="a")
    told.call("reviewer").over("reviewer", handoff="b")
    worker, reviewer = told.view().bars
    assert (worker.handoff_in, worker.handoff_out) == ("", "a")
    assert (reviewer.handoff_in, reviewer.handoff_out) == ("a", "b")


def test_a_checkpoint_belongs_to_the_turn_that_it_stands_around() -> None:
    told = Told().tell(ev.Checkpointed(round=1, link="worker", when="before", commit="c1"))
    told.call().tell(ev.Checkpointed(round=1, link="worker", when="after", commit="c2")).over()
    (bar,) = told.view().bars
    assert (bar.before, bar.after) == ("c1", "c2")


def test_a_link_that_was_passed_over_costs_no_time() -> None:
    view = Told().tell(ev.LinkSkipped(round=1, link="worker", why="not assigned")).view()
    (bar,) = view.bars
    assert (bar.kind, bar.started_at == bar.ended_at, view.links["worker"].skipped) == ("skipped", True, 1)


def test_an_open_gate_needs_a_person() -> None:
    told = Told().tell(ev.GateOpened(round=1, link="push"), ev.IdleBegan(why="gate"))
    head = headline(told.view(), BEGIN)
    assert [(need.kind, need.link) for need in head.needs] == [("gate", "push")]
    assert head.next == "llmauto chain approve x"
    told.tell(ev.GateAnswered(link="push", approved=True), ev.IdleEnded()).over("push")
    view = told.view()
    assert not headline(view, BEGIN).needs
    assert (view.bars[0].kind, view.bars[0].why) == ("gate", "approved by person")
    assert view.pauses[0].ended_at


def test_a_question_is_what_a_person_reads_first() -> None:
    told = Told().call().over(outcome="needs_human", asks="Which of the two?")
    told.tell(ev.HandoffKept(round=1, link="worker", sha="s", size=1))
    told.tell(ev.RunEnded(reason="needs_human", message="worker asks", exit_code=5))
    head = headline(told.view(), BEGIN)
    assert [(need.kind, need.text) for need in head.needs] == [("question", "Which of the two?")]
    assert (head.status, head.stop_reason, head.exit_code, head.finished) == (
        "BLOCKED",
        "needs_human",
        5,
        False,
    )
    assert head.next == "llmauto chain handoff x"


def test_a_run_whose_runner_died_says_so() -> None:
    told = Told().tell(ev.CallStarted(call=1, round=1, link="worker"))
    head = headline(told.view(), BEGIN, died=True)
    assert (head.status, head.stop_reason, head.ticks) == ("STOPPED", "interrupted", False)
    assert head.needs[0].kind == "died"


def test_the_end_is_guessed_from_the_rounds_before_and_what_bounds_it_first() -> None:
    told = Told(settings={"max_rounds": "10", "budget_usd": "100"})
    for number in (1, 2):
        told.call(round_=number, cost_usd=1.0).over(round_=number).tell(ev.RoundEnded(round=number))
    told.tell(ev.CallStarted(call=9, round=3, link="worker"))
    view = told.view()
    head = headline(view, BEGIN + told.at)
    length = view.rounds[1].ended_at - view.rounds[1].started_at
    assert head.ends_by == "rounds"
    assert head.ends_at == view.rounds[3].started_at + 8 * length
    assert headline(Told(settings={"max_rounds": "10"}).view(), BEGIN).ends_at == 0.0
    soon = Told(settings={"runtime_hours": "1", "deadline": "2027-01-01T00:00:00+00:00"}).view()
    assert headline(soon, BEGIN).ends_by == "runtime"


def test_a_wait_is_told_with_its_end() -> None:
    told = Told().call(outcome="limited", message="usage limit")
    told.tell(
        ev.WaitStarted(round=1, link="worker", until=BEGIN + 9999, why="the usage limit", outcome="limited")
    )
    head = headline(told.view(), BEGIN)
    assert (head.status, head.wait_until, head.wait_why) == ("WAITING", BEGIN + 9999, "the usage limit")


def test_what_went_wrong_is_listed_with_what_mends_it() -> None:
    view = Told().call(outcome="auth", message="Invalid API key").view()
    (error,) = whole(view, headline(view, BEGIN))["errors"]
    assert (error["outcome"], error["link"], "/login" in error["hint"]) == ("auth", "worker", True)


def test_a_run_that_was_stopped_and_goes_on_shows_the_night_between() -> None:
    told = Told().call().tell(ev.RunEnded(reason="stop_requested", exit_code=3))
    told.at += 36_000
    told.tell(ev.RunResumed(links=LINKS, changes=("`model`: a → b",)))
    view = told.view()
    assert [(p.kind, p.ended_at - p.started_at) for p in view.pauses] == [("stopped", 36_060.0)]
    assert view.said[0].text == "changed: `model`: a → b"
    assert headline(view, BEGIN).status == "RUNNING"


def test_patches_lead_to_what_the_whole_would_have_been() -> None:
    events = list(rounds(4))
    view = RunView()
    seen: dict[int, Any] = {}
    for at in range(0, len(events), 3):
        view.feed_all(events[at : at + 3])
        sent = patch(view, headline(view, BEGIN), said_from=0, errors_from=0)
        view.clear_changes()
        seen |= {bar["index"]: bar for bar in sent["bars"]}
    wanted = whole(view_of(events), headline(view_of(events), BEGIN))
    assert list(seen.values()) == wanted["bars"]
    assert wanted["seen"] == len(events)
    json.dumps(wanted)


def test_of_a_long_run_the_newest_rounds_come_at_once() -> None:
    sent = whole(view := view_of(rounds(500)), headline(view, BEGIN))
    assert (sent["bars_from"], len(sent["rounds"]), len(sent["bars"])) == (301, 200, 600)


def test_a_hundred_thousand_events_are_taken_in_within_a_second() -> None:
    events = list(rounds(7692))
    begun = time.process_time()
    view = view_of(events)
    whole(view, headline(view, BEGIN))
    assert len(events) > 99_000
    assert time.process_time() - begun < 1.0


def test_time_without_work_takes_little_room() -> None:
    line = Timeline([(0, 100), (100_000, 100_100)], width=210.0)
    assert line.at(0) == 0.0
    assert line.at(100_100) == 210.0
    assert line.at(100_000) - line.at(100) < 20.0
    assert line.breaks == [(100, 100_000)]
    assert Timeline([], 10.0).at(5) == 10.0


def test_figures_are_summed_by_link_model_day_outcome_and_verdict() -> None:
    told = Told().call().over().call("reviewer", cost_usd=2.0).over("reviewer", verdict="APPROVED")
    told.call(round_=2, outcome="crashed", cost_usd=None)
    stats = Stats(lambda at: "2026-11-18")
    stats.add(told.view())
    out = stats.to_json()
    assert (out["runs"], out["calls"], out["failed_calls"], out["cost_usd"]) == (1, 3, 1, 2.5)
    assert out["unknown_costs"] == 1
    assert [row["link"] for row in out["by"]["link"]] == ["reviewer", "worker"]
    assert [row["verdict"] for row in out["by"]["verdict"]] == ["APPROVED", "none"]
    assert {row["outcome"]: row["cost_usd"] for row in out["by"]["outcome"]} == {"done": 2.5, "crashed": None}
    assert out["stop_reasons"] == {"running": 1}
