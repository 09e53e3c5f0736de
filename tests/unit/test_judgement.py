"""Chains with judgement: routes, checks, gates, reviews, pauses and a person's words, on fakes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from llmauto import events as ev
from llmauto.model import Chain, Link, Mode, Quota, Role
from llmauto.outcomes import Outcome
from llmauto.ports import CallOrder, EndHow, OpenCall, Reply, Window
from llmauto.rules import checks
from llmauto.rules.convergence import question, trend
from llmauto.testing.agents import Play, ScriptedAgents, ends, says
from tests.unit.bench import Bench

WORKER = Link(name="worker", prompt="Work.")
REVIEWER = Link(
    name="reviewer", role=Role.REVIEWER, prompt="Review.",
    on={"NEEDS_FIX": "worker", "APPROVED": "done", "BLOCKED": "stop"},
)  # fmt: skip
CHAIN = Chain(name="c", links=(WORKER, REVIEWER), mode=Mode.CONDITIONAL, max_rounds=3)


def verdict(word: str) -> Play:
    return says(f"Verdict: {word}", handoff=f"Verdict: {word}\nwhy not")


def reviewed(word: str, *ids: str) -> Play:
    findings = [{"id": i, "severity": "high", "text": "x"} for i in ids]
    structured = json.dumps({"verdict": word, "findings": findings, "summary": "so"})
    return Play(
        reply=Reply(outcome=Outcome.DONE, text="{}", worked=True, cost_usd=0.0, structured=structured)
    )


def checked(exit_code: int, output: str = "") -> Play:
    return Play(
        reply=Reply(outcome=Outcome.DONE, text=output, exit_code=exit_code, charged=False, cost_usd=0.0)
    )


def orders(bench: Bench) -> list[CallOrder]:
    assert isinstance(bench.agents, ScriptedAgents)
    return bench.agents.orders


def test_a_verdict_sends_the_marble_back_and_another_one_ends_the_run() -> None:
    bench = Bench(CHAIN, {"worker": [says()], "reviewer": [verdict("NEEDS_FIX"), verdict("APPROVED")]})
    assert bench.run().reason == "all_done"
    assert bench.ledger == ["worker", "reviewer", "worker", "reviewer"]
    assert bench.progress.rounds_done == 0 or bench.progress.rounds_done == 1


def test_a_verdict_without_a_route_goes_on_to_the_next_link() -> None:
    chain = replace(CHAIN, links=(WORKER, replace(REVIEWER, on={"BLOCKED": "stop"})), max_rounds=1)
    assert Bench(chain, {"*": [verdict("NEEDS_FIX")]}).run().reason == "max_rounds"


def test_a_blocked_review_whose_route_is_stop_ends_the_run_as_blocked() -> None:
    bench = Bench(CHAIN, {"worker": [says()], "reviewer": [verdict("BLOCKED")]})
    ended = bench.run()
    assert (ended.reason, ended.exit_code) == ("blocked", 5)


def test_a_cycle_is_bounded_and_ends_in_a_question() -> None:
    bench = Bench(CHAIN, {"worker": [says()], "reviewer": [verdict("NEEDS_FIX")]})
    ended = bench.run()
    assert (ended.reason, ended.exit_code) == ("needs_human", 5)
    assert bench.ledger.count("worker") == 3
    assert "max_visits" in ended.message


def test_a_person_who_starts_it_again_grants_the_visits_anew() -> None:
    bench = Bench(CHAIN, {"worker": [says()], "reviewer": [verdict("NEEDS_FIX")] * 3 + [verdict("APPROVED")]})
    bench.run()
    assert bench.run().reason == "all_done"


def test_a_structured_review_gives_the_verdict_and_the_handoff() -> None:
    chain = replace(CHAIN, links=(WORKER, replace(REVIEWER, returns="review")))
    bench = Bench(
        chain, {"worker": [says()], "reviewer": [reviewed("NEEDS_FIX", "F1"), reviewed("APPROVED")]}
    )
    assert bench.run().reason == "all_done"
    assert "Verdict: APPROVED" in bench.desk.text("handoff.md")
    assert '"verdict"' in orders(bench)[1].schema


def test_an_invalid_review_is_repaired_once_in_the_same_session() -> None:
    chain = replace(CHAIN, links=(WORKER, replace(REVIEWER, returns="review")))
    broken = replace(says("no json"), reply=replace(says("no json").reply, structured="{"))
    bench = Bench(chain, {"worker": [says()], "reviewer": [broken, reviewed("APPROVED")]})
    assert bench.run().reason == "all_done"
    first, second = [order for order in orders(bench) if order.link.name == "reviewer"]
    assert (second.session, second.resume) == (first.session, True)
    assert "could not be read" in second.prompt


def test_the_same_findings_twice_end_in_a_question_and_not_in_a_tenth_round() -> None:
    chain = replace(CHAIN, links=(WORKER, replace(REVIEWER, returns="review")))
    bench = Bench(chain, {"worker": [says()], "reviewer": [reviewed("NEEDS_FIX", "F1", "F2")]})
    ended = bench.run()
    assert ended.reason == "needs_human"
    assert "F1, F2" in ended.message
    assert bench.ledger.count("reviewer") == 2


@pytest.mark.parametrize(
    ("counts", "found"),
    [
        ([{"a"}], "first"),
        ([{"a", "b"}, {"a"}], "converging"),
        ([{"a"}, {"a"}], "stagnant"),
        ([{"a"}, {"a", "b"}, {"a", "b", "c"}], "diverging"),
        ([{"a"}, {"b"}], "converging"),
        ([{"a"}, set()], "converging"),
    ],
)
def test_reviews_converge_stagnate_or_diverge_by_their_open_findings(
    counts: list[set[str]], found: str
) -> None:
    reviews = [frozenset(ids) for ids in counts]
    assert trend(reviews) == found
    assert bool(question("r", reviews)) is (found in ("stagnant", "diverging"))


CHECK = Link(name="tests", role=Role.CHECK, run=("pytest",), failures="pytest", on={"FAILED": "worker"})


def test_a_failing_check_routes_back_with_its_tail_in_the_handoff() -> None:
    chain = replace(CHAIN, links=(WORKER, CHECK), max_rounds=1)
    bench = Bench(
        chain,
        {"worker": [says(handoff="did it")], "tests": [checked(1, "FAILED t.py::a - boom"), checked(0)]},
    )
    seen: list[str] = []
    bench.agents = ScriptedAgents(
        bench.clock, bench.desk,
        {"worker": [says(handoff="did it"), Play(does=lambda _: seen.append(bench.desk.text("handoff.md")))],
         "tests": [checked(1, "FAILED t.py::a - boom"), checked(0)]},
    )  # fmt: skip
    assert bench.run().reason == "max_rounds"
    assert bench.ledger == ["worker", "tests", "worker", "tests"]
    assert "did it" in seen[0]
    assert "FAILED t.py::a - boom" in seen[0]
    assert bench.desk.text("handoff.md").count("## Check") == 1


def test_with_a_baseline_only_new_failures_count() -> None:
    chain = replace(CHAIN, links=(WORKER, replace(CHECK, baseline=True)), max_rounds=1)
    old, new = "FAILED t.py::old - x", "FAILED t.py::old - x\nFAILED t.py::new - y"
    bench = Bench(chain, {"worker": [says()], "tests": [checked(1, old), checked(1, new), checked(1, old)]})
    assert bench.run().reason == "max_rounds"
    assert bench.ledger == ["tests", "worker", "tests", "worker", "tests"]
    assert "t.py::new" in next(
        e.message for e in bench.seen if isinstance(e, ev.LinkEnded) and e.link == "tests"
    )


@pytest.mark.parametrize(
    ("pattern", "line", "found"),
    [
        ("pytest", "FAILED tests/a.py::test_x[1] - assert 1", "tests/a.py::test_x[1]"),
        ("unittest", "FAIL: test_x (pkg.mod.Case.test_x)", "test_x (pkg.mod.Case.test_x)"),
        ("go", "    --- FAIL: TestX/sub (0.00s)", "TestX/sub"),
        ("cargo", "test a::b ... FAILED", "a::b"),
        ("jest", "  ● suite › does it", "suite › does it"),
        (r"^NG (\w+)", "NG abc", "abc"),
    ],
)
def test_the_ids_of_failures_are_read_for_each_runner(pattern: str, line: str, found: str) -> None:
    assert checks.failing_ids(pattern, f"noise\n{line}\nmore") == {found}


GATE = Link(name="gate", role=Role.GATE)
GATED = replace(CHAIN, links=(WORKER, GATE, replace(REVIEWER, on={})), max_rounds=1)


def ask(bench: Bench, kind: str, text: str = "") -> None:
    bench.journal.ask("c", kind, text, bench.clock.now())


def test_a_gate_waits_for_a_person_and_the_reason_reaches_the_next_link() -> None:
    bench = Bench(GATED)
    words: list[str] = []
    bench.clock.after(3600, lambda: words.append(bench.desk.text("status.txt").split()[0]))
    bench.clock.after(7200, lambda: ask(bench, "approve", "looks right"))
    assert bench.run().reason == "max_rounds"
    assert words == ["WAITING"]
    assert "looks right" in orders(bench)[1].prompt
    assert any("gate" in title for title, _ in bench.notices.sent)


def test_waiting_for_a_person_does_not_use_up_the_run_s_own_time() -> None:
    bench = Bench(replace(GATED, runtime_s=3600))
    bench.clock.after(36_000, lambda: ask(bench, "approve"))
    assert bench.run().reason == "max_rounds"
    assert bench.progress.runtime_s < 1000


def test_a_denied_gate_ends_the_run_and_asks_again_at_the_next_start() -> None:
    bench = Bench(GATED)
    bench.clock.after(120, lambda: ask(bench, "deny", "not yet"))
    ended = bench.run()
    assert (ended.reason, ended.exit_code) == ("blocked", 5)
    assert "not yet" in ended.message
    bench.clock.after(120, lambda: ask(bench, "approve"))
    assert bench.run().reason == "max_rounds"


def test_a_gate_stays_open_over_a_restart_and_can_be_answered_meanwhile() -> None:
    bench = Bench(GATED)
    bench.clock.after(120, lambda: bench.desk.write("STOP", "bedtime"))
    bench.clock.poll_s = 1.0
    assert bench.run().reason == "stop_requested"
    ask(bench, "approve", "from bed")
    assert bench.run().reason == "max_rounds"


def test_a_gate_that_nobody_answers_takes_its_default() -> None:
    bench = Bench(replace(GATED, links=(WORKER, replace(GATE, gate_timeout_s=600, gate_default="approve"))))
    assert bench.run().reason == "max_rounds"


def test_a_paused_run_stands_still_until_it_is_resumed() -> None:
    bench = Bench(replace(GATED, links=(WORKER, replace(REVIEWER, on={})), runtime_s=7200))
    bench.agents = ScriptedAgents(
        bench.clock,
        bench.desk,
        {"*": [says()], "worker": [Play(does=lambda _: ask(bench, "pause", "a look"))]},
    )
    words: list[str] = []
    bench.clock.after(4000, lambda: words.append(bench.desk.text("status.txt").split()[0]))
    bench.clock.after(9000, lambda: ask(bench, "resume"))
    assert bench.run().reason == "max_rounds"
    assert words == ["PAUSED"]
    assert bench.progress.runtime_s < 1000


def test_a_person_s_words_are_given_to_the_next_link_and_only_to_it() -> None:
    bench = Bench(
        replace(GATED, links=(WORKER, replace(REVIEWER, on={}), replace(REVIEWER, name="third", on={})))
    )
    bench.agents = ScriptedAgents(
        bench.clock,
        bench.desk,
        {"*": [says()], "worker": [Play(does=lambda _: ask(bench, "steer", "use tabs"))]},
    )
    bench.run()
    assert ["use tabs" in order.prompt for order in orders(bench)] == [False, True, False]


def test_words_from_afar_are_handed_over_as_a_file() -> None:
    bench = Bench(replace(GATED, links=(WORKER, replace(REVIEWER, on={}))))
    bench.agents = ScriptedAgents(
        bench.clock,
        bench.desk,
        {"*": [says()], "worker": [Play(does=lambda _: ask(bench, "steer_afar", "/clear"))]},
    )
    bench.run()
    second = orders(bench)[1]
    assert "/clear" not in second.prompt
    assert second.files == {"words.md": "/clear"}
    assert "words.md" in second.prompt


class Interruptible(ScriptedAgents):
    """The first call goes on until it is ended."""

    def begin(self, order: CallOrder) -> OpenCall:
        call = super().begin(order)
        return _Endless(call) if len(self.orders) == 1 else call


class _Endless:
    adopted = False

    def __init__(self, call: OpenCall) -> None:
        self._call = call
        self._ended = False

    def poll(self, timeout_s: float) -> Reply | None:
        self._call.poll(timeout_s)
        return ends(Outcome.STOPPED, worked=True).reply if self._ended else None

    def activities(self) -> tuple[()]:
        return ()

    def end(self, how: EndHow) -> None:
        self._ended = True


def test_steering_now_ends_the_call_and_its_session_goes_on_with_the_words() -> None:
    bench = Bench(replace(GATED, links=(WORKER,)))
    bench.agents = Interruptible(bench.clock, bench.desk, {"*": [says()]})
    bench.clock.after(30, lambda: ask(bench, "steer_now", "wrong file"))
    assert bench.run().reason == "max_rounds"
    first, second = orders(bench)
    assert (second.session, second.resume) == (first.session, True)
    assert "wrong file" in second.prompt


def canary_bird(bench: Bench) -> None:
    """The agent does what the canary asks for."""

    def obey(order: CallOrder) -> None:
        if "canary-" in order.prompt:
            bench.desk.write("handoff.md", f"Status: DONE\ncanary-{order.run}")

    bench.agents = ScriptedAgents(bench.clock, bench.desk, {"*": [Play(does=obey)]})


def test_a_canary_that_can_work_costs_one_call_and_leaves_no_handoff_behind() -> None:
    bench = Bench(replace(GATED, links=(WORKER,), canary=True))
    canary_bird(bench)
    assert bench.run().reason == "max_rounds"
    assert bench.ledger == ["worker", "worker"]
    assert "Work." not in orders(bench)[0].prompt
    assert "canary" not in bench.desk.text("handoff.md")


def test_a_canary_that_is_denied_its_tools_ends_the_run_before_round_1() -> None:
    refused = Play(reply=Reply(outcome=Outcome.DONE, text="no", worked=True, denials=("Write", "Bash")))
    bench = Bench(replace(GATED, links=(WORKER,), canary=True), {"*": [refused]})
    ended = bench.run()
    assert (ended.reason, ended.exit_code) == ("needs_human", 5)
    assert "allowed_tools" in ended.message
    assert len(bench.ledger) == 1


def used(share: float, resets_in: float, bench: Bench, *, overage: bool = False) -> Play:
    window = Window(name="five_hour", used=share, resets_at=bench.clock.now() + resets_in)
    return Play(reply=replace(says().reply, windows=(window,), overage=overage))


def test_a_reserve_of_the_subscription_is_kept_until_its_window_resets() -> None:
    bench = Bench(replace(GATED, links=(WORKER,), max_rounds=2, quota=Quota(reserve_5h=0.2)))
    bench.agents = ScriptedAgents(bench.clock, bench.desk, {"*": [used(0.85, 7200, bench), says()]})
    assert bench.run().reason == "max_rounds"
    waits = [e for e in bench.seen if isinstance(e, ev.WaitStarted)]
    assert "reserve_5h" in waits[0].why
    assert bench.clock.monotonic() >= 7200


def test_a_window_that_resets_too_late_ends_the_run_and_the_moment_is_told() -> None:
    bench = Bench(replace(GATED, links=(WORKER,), max_rounds=2, quota=Quota(reserve_5h=0.2)))
    bench.agents = ScriptedAgents(bench.clock, bench.desk, {"*": [used(0.85, 48 * 3600, bench)]})
    ended = bench.run()
    assert ended.reason == "limit_wait"
    assert ended.message.endswith("`reserve_5h` keeps 20%; its reset at 2025-10-11 08:54 UTC is too far off")


def test_paid_overage_is_waited_out_unless_it_is_allowed() -> None:
    for allowed, waited in ((False, 1), (True, 0)):
        bench = Bench(replace(GATED, links=(WORKER,), max_rounds=2, quota=Quota(overage_allowed=allowed)))
        bench.agents = ScriptedAgents(
            bench.clock, bench.desk, {"*": [used(1.0, 7200, bench, overage=True), says()]}
        )
        bench.run()
        assert len([e for e in bench.seen if isinstance(e, ev.WaitStarted)]) == waited
