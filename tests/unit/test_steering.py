"""A person's words, pauses and answers at awkward moments, on fakes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from llmauto import events as ev
from llmauto.model import Chain, Link, Mode, OnFailure, Role
from llmauto.outcomes import Outcome
from llmauto.ports import CallOrder, EndHow, OpenCall, Reply
from llmauto.testing.agents import Play, ScriptedAgents, ends, says
from tests.unit.bench import Bench

WORKER = Link(name="worker", prompt="Work.")
LAST = Link(name="last", prompt="End it.")
CHECK = Link(name="tests", role=Role.CHECK, run=("make",), failures=r"^NG (\w+)")
CHAIN = Chain(name="c", links=(WORKER, LAST), mode=Mode.CONDITIONAL, max_rounds=1)


class Endless(ScriptedAgents):
    """The calls with these numbers go on until they are ended."""

    lasting: tuple[int, ...] = (1,)

    def begin(self, order: CallOrder) -> OpenCall:
        call = super().begin(order)
        return _Endless(call) if order.call in self.lasting else call


class _Endless:
    adopted = False

    def __init__(self, call: OpenCall) -> None:
        self._call = call
        self._ended = False
        self._slices = 0

    def poll(self, timeout_s: float) -> Reply | None:
        self._slices += 1
        self._call.poll(timeout_s)
        if self._slices > 50:
            return says("it ended by itself").reply
        return ends(Outcome.STOPPED, worked=True).reply if self._ended else None

    def activities(self) -> tuple[()]:
        return ()

    def end(self, how: EndHow) -> None:
        self._ended = True


def bench_of(chain: Chain, *, lasting: tuple[int, ...] = (1,)) -> Bench:
    bench = Bench(chain)
    agents = Endless(bench.clock, bench.desk, {"*": [says(seconds=10)]})
    agents.lasting = lasting
    bench.agents = agents
    return bench


def orders(bench: Bench) -> list[CallOrder]:
    assert isinstance(bench.agents, ScriptedAgents)
    return bench.agents.orders


def ask(bench: Bench, kind: str, text: str = "", by: str = "") -> None:
    bench.journal.ask("c", kind, text, bench.clock.now(), by)


def test_two_steers_in_a_row_are_both_heard() -> None:
    bench = bench_of(CHAIN)
    bench.clock.after(30, lambda: ask(bench, "steer_now", "one thing"))
    bench.clock.after(31, lambda: ask(bench, "steer_now", "second"))
    bench.run()
    assert [order.link.name for order in orders(bench)] == ["worker", "worker", "last"]
    again = orders(bench)[1]
    assert again.prompt.index("one thing") < again.prompt.index("second")
    assert "one thing" not in orders(bench)[2].prompt


def test_a_second_steer_ends_the_call_that_went_on_with_the_first() -> None:
    bench = bench_of(CHAIN, lasting=(1, 2))
    bench.clock.after(30, lambda: ask(bench, "steer_now", "one thing"))
    bench.clock.after(90, lambda: ask(bench, "steer_now", "second"))
    assert bench.run().reason == "max_rounds"
    assert "second" in orders(bench)[2].prompt
    assert {order.session for order in orders(bench)[:3]} == {orders(bench)[0].session}


def test_steering_now_leaves_a_running_check_alone_and_reaches_the_next_agent() -> None:
    bench = bench_of(replace(CHAIN, links=(CHECK, LAST)))
    bench.clock.after(30, lambda: ask(bench, "steer_now", "use tabs"))
    assert bench.run().reason == "max_rounds"
    assert [order.link.name for order in orders(bench)] == ["tests", "last"]
    assert "use tabs" in orders(bench)[1].prompt


def test_words_for_the_next_link_are_not_lost_on_a_check_in_between() -> None:
    bench = Bench(replace(CHAIN, links=(WORKER, CHECK, LAST)))
    plays = {"*": [says()], "worker": [Play(does=lambda _: ask(bench, "steer", "use tabs"))]}
    bench.agents = ScriptedAgents(bench.clock, bench.desk, plays)
    bench.run()
    assert ["use tabs" in order.prompt for order in orders(bench)] == [False, False, True]


def test_steering_now_sends_a_backend_without_sessions_the_whole_prompt_again() -> None:
    bench = bench_of(replace(CHAIN, links=(replace(WORKER, backend="command", run=("x",)),)))
    bench.clock.after(30, lambda: ask(bench, "steer_now", "wrong file"))
    assert bench.run().reason == "max_rounds"
    again = orders(bench)[1]
    assert (again.session, again.resume) == ("", False)
    assert "Work." in again.prompt
    assert "wrong file" in again.prompt


def test_words_that_come_during_a_wait_for_a_limit_are_given_when_it_is_over() -> None:
    bench = Bench(CHAIN)
    reset = bench.clock.now() + 3600
    limited = ends(Outcome.LIMITED, "limit", reset_at=reset)
    bench.agents = ScriptedAgents(bench.clock, bench.desk, {"*": [says()], "worker": [limited, says()]})
    bench.clock.after(600, lambda: ask(bench, "steer_now", "use tabs"))
    assert bench.run().reason == "max_rounds"
    assert len(orders(bench)) == 3
    assert "use tabs" in orders(bench)[1].prompt
    again = [event for event in bench.seen if isinstance(event, ev.CallStarted)][1]
    assert again.at > reset


def test_a_call_before_round_1_hears_no_words_and_is_not_ended_for_them() -> None:
    bench = bench_of(replace(CHAIN, links=(WORKER, replace(CHECK, baseline=True))))
    bench.clock.after(30, lambda: ask(bench, "steer_now", "use tabs"))
    assert bench.run().reason == "max_rounds"
    assert [order.link.name for order in orders(bench)] == ["tests", "worker", "tests"]
    assert "use tabs" in orders(bench)[1].prompt


def test_a_stop_after_a_pause_ends_the_run_and_a_start_goes_on() -> None:
    bench = Bench(CHAIN)
    plays = {"*": [says()], "worker": [Play(does=lambda _: ask(bench, "pause", "a look", "me@box"))]}
    bench.agents = ScriptedAgents(bench.clock, bench.desk, plays)
    words: list[str] = []

    def look_and_stop() -> None:
        latest = bench.journal.latest("c")
        words.append(latest.wait_why if latest else "")
        bench.desk.write("STOP", "enough")

    bench.clock.after(600, look_and_stop)
    bench.clock.poll_s = 1.0
    assert bench.run().reason == "stop_requested"
    assert words == ["`chain resume`, paused by me@box: a look"]
    bench.clock.poll_s = math.inf
    assert bench.run().reason == "max_rounds"


def test_a_stop_that_is_made_harsher_keeps_the_reason_it_was_first_given() -> None:
    bench = Bench(CHAIN)

    def stop_twice(_: object) -> None:
        bench.desk.write("STOP", "it is late")
        ask(bench, "stop_now")

    bench.agents = ScriptedAgents(bench.clock, bench.desk, {"*": [Play(does=stop_twice)]})
    assert bench.run().message == "it is late"


def test_a_pause_and_a_stop_that_a_killed_runner_never_heard_do_not_meet_the_next_one() -> None:
    bench = Bench(CHAIN)
    bench.desk.write("STOP", "for now")
    plays = {"*": [says()], "worker": [Play(does=lambda _: bench.desk.write("STOP", "for now"))]}
    bench.agents = ScriptedAgents(bench.clock, bench.desk, plays)
    assert bench.run().reason == "stop_requested"
    ask(bench, "pause")
    ask(bench, "stop_now")
    ask(bench, "steer", "use tabs")
    bench.clock.advance(60)
    assert bench.run().reason == "max_rounds"
    assert "use tabs" in orders(bench)[-1].prompt
    noted = [event.message for event in bench.seen if isinstance(event, ev.Noted)]
    assert sum("before this start" in message for message in noted) == 2


def test_an_answer_for_an_earlier_run_opens_no_gate_of_the_next() -> None:
    gate = Link(name="gate", role=Role.GATE, gate_timeout_s=600, gate_default="deny")
    bench = Bench(replace(CHAIN, links=(gate, LAST)))
    ask(bench, "approve", "stale")
    bench.clock.advance(60)
    ended = bench.run()
    assert ended.reason == "blocked"
    assert "nobody answered" in ended.message


def test_who_answered_a_gate_is_in_the_journal_and_in_the_words_for_the_next_link() -> None:
    bench = Bench(replace(CHAIN, links=(Link(name="gate", role=Role.GATE), LAST)))
    bench.clock.after(60, lambda: ask(bench, "approve", "looks right", "me@box"))
    assert bench.run().reason == "max_rounds"
    answered = next(event for event in bench.seen if isinstance(event, ev.GateAnswered))
    assert (answered.by, answered.approved) == ("me@box", True)
    assert "approved by me@box: looks right" in orders(bench)[0].prompt


def test_a_denial_with_a_route_leads_there_with_its_reason() -> None:
    gate = Link(name="gate", role=Role.GATE, on={"DENIED": "worker"})
    bench = Bench(replace(CHAIN, links=(WORKER, gate, LAST)))
    bench.clock.after(120, lambda: ask(bench, "deny", "too large"))
    bench.clock.after(600, lambda: ask(bench, "approve"))
    assert bench.run().reason == "max_rounds"
    assert [order.link.name for order in orders(bench)] == ["worker", "worker", "last"]
    assert "too large" in orders(bench)[1].prompt


def test_a_start_from_another_link_closes_the_open_gate() -> None:
    bench = Bench(replace(CHAIN, links=(WORKER, Link(name="gate", role=Role.GATE))))
    bench.clock.after(120, lambda: bench.desk.write("STOP", "bedtime"))
    bench.clock.poll_s = 1.0
    assert bench.run().reason == "stop_requested"
    assert bench.progress.gate is not None
    bench.journal.append(
        [ev.RunResumed(at=bench.clock.now(), links=("worker", "gate"), from_link="worker")],
        bench.journal.runs()[0],
    )
    from llmauto.rules.advance import fold

    assert fold(bench.journal.events(bench.progress.run)).gate is None


def test_a_check_that_cannot_be_run_takes_the_route_of_what_failed() -> None:
    check = replace(CHECK, on={"FAILED": "worker", "PASSED": "done"})
    chain = replace(CHAIN, links=(WORKER, check), on_link_failure=OnFailure.CONTINUE)
    slow = ends(Outcome.TIMEOUT, "timed out")
    passed = Play(reply=Reply(outcome=Outcome.DONE, exit_code=0, charged=False, cost_usd=0.0))
    bench = Bench(chain, {"worker": [says()], "tests": [slow, slow, passed]})
    assert bench.run().reason == "all_done"
    assert bench.ledger == ["worker", "tests", "tests", "worker", "tests"]


def test_a_baseline_that_cannot_be_taken_is_told_and_every_failure_counts() -> None:
    check = replace(CHECK, baseline=True, on={"FAILED": "worker"})
    slow = ends(Outcome.TIMEOUT, "timed out")
    failed = Play(reply=Reply(outcome=Outcome.DONE, exit_code=1, text="NG a", charged=False, cost_usd=0.0))
    passed = Play(reply=Reply(outcome=Outcome.DONE, exit_code=0, charged=False, cost_usd=0.0))
    bench = Bench(
        replace(CHAIN, links=(WORKER, check)), {"worker": [says()], "tests": [slow, slow, failed, passed]}
    )
    assert bench.run().reason == "max_rounds"
    assert bench.ledger == ["tests", "tests", "worker", "tests", "worker", "tests"]
    assert any("every failure counts" in e.message for e in bench.seen if isinstance(e, ev.Noted))


def test_words_are_not_lost_with_a_runner_that_dies_before_it_wrote_them_down() -> None:
    bench = Bench(replace(CHAIN, links=(WORKER, LAST)))
    append, full = bench.journal.append, [False]

    def failing(*args: Any, **values: Any) -> None:
        if full[0]:
            raise KeyboardInterrupt  # as good as a kill: nothing more is written
        append(*args, **values)

    def ask_and_die() -> None:
        ask(bench, "steer", "use tabs")
        full[0] = True

    bench.journal.append = failing  # type: ignore[method-assign]
    bench.agents = ScriptedAgents(
        bench.clock, bench.desk, {"*": [says()], "worker": [Play(does=lambda _: ask_and_die()), says()]}
    )
    with pytest.raises(KeyboardInterrupt):
        bench.run()
    full[0] = False
    assert bench.run().reason == "max_rounds"
    assert "use tabs" in orders(bench)[1].prompt + orders(bench)[2].prompt


def test_a_runner_that_is_killed_in_a_pause_leaves_none_to_the_next_one() -> None:
    bench = Bench(replace(CHAIN, runtime_s=7200))
    plays = {"*": [says()], "worker": [Play(does=lambda _: ask(bench, "pause", "a look"))]}
    bench.agents = ScriptedAgents(bench.clock, bench.desk, plays)

    def kill() -> None:
        raise KeyboardInterrupt

    bench.clock.after(36_000, kill)
    with pytest.raises(KeyboardInterrupt):
        bench.run()
    paused = bench.journal.latest("c")
    assert paused is not None
    assert paused.status == "PAUSED"
    assert bench.run().reason == "max_rounds"
    assert bench.progress.runtime_s < 1000
