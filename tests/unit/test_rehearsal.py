"""Chains played with scripted agents: is the script judged, the path told, a real run recorded?"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmauto.authoring.rehearsal import Script, load_script
from llmauto.errors import ChainError, LlmautoError
from llmauto.model import Chain, Link, Mode, Role
from llmauto.rehearsal import Rehearsed, rehearse
from llmauto.rehearsal.expecting import differences
from llmauto.rehearsal.recording import record
from llmauto.rehearsal.told import path_of, steps_of
from tests.support.command_line import llmauto
from tests.support.told_runs import ToldHome

ROOT = Path(__file__).resolve().parents[2]
WORKER = Link(name="worker", prompt="Work.")
REVIEWER = Link(
    name="reviewer", role=Role.REVIEWER, prompt="Review.", returns="review",
    on={"NEEDS_FIX": "worker", "APPROVED": "done", "BLOCKED": "stop"},
)  # fmt: skip
TESTS = Link(name="tests", role=Role.CHECK, run=("pytest",), failures="pytest", on={"FAILED": "worker"})
GATE = Link(name="gate", role=Role.GATE, on={"DENIED": "worker"})
CHAIN = Chain(name="c", links=(WORKER, REVIEWER), mode=Mode.CONDITIONAL, max_rounds=2)


def script(tmp_path: Path, plays: dict[str, Any], *links: Link, **keys: Any) -> tuple[Script, Chain]:
    chain = Chain(name="c", links=links or CHAIN.links, mode=Mode.CONDITIONAL, max_rounds=1)
    path = tmp_path / "s.json"
    path.write_text(json.dumps({"plays": plays, **keys}), encoding="utf-8")
    return load_script(path, chain), chain


def played(tmp_path: Path, plays: dict[str, Any], *links: Link, **keys: Any) -> Rehearsed:
    found, chain = script(tmp_path, plays, *links, **keys)
    return rehearse(chain, found, tmp_path)


def test_a_review_loop_is_played_with_its_path_and_its_money(tmp_path: Path) -> None:
    run = played(
        tmp_path,
        {
            "worker": [{"cost_usd": 1.5, "seconds": 600}],
            "reviewer": [{"verdict": "needs_fix", "findings": ["F1"]}, {"verdict": "APPROVED"}],
        },
    )
    assert (run.ended.reason, run.ended.exit_code) == ("all_done", 0)
    assert path_of(run.events) == ("worker", "reviewer", "worker", "reviewer")
    assert run.progress.cost_usd == 3.0
    assert run.events[-1].at - run.events[0].at == 2 * 600 + 2 * 60


def test_each_step_says_why(tmp_path: Path) -> None:
    run = played(tmp_path, {"reviewer": [{"verdict": "NEEDS_FIX", "findings": ["F1"]}, {}]})
    steps = [(step.kind, step.link, step.why) for step in steps_of(run.chain, run.events)]
    assert ("call", "worker", "where the chain begins") in steps
    assert ("call", "reviewer", "behind `worker` in the file") in steps
    assert ("over", "reviewer", 'verdict NEEDS_FIX, `"on": {"NEEDS_FIX": "worker"}`') in steps
    assert ("call", "worker", "NEEDS_FIX of `reviewer`") in steps
    assert steps[-1][2] == "link `reviewer` says that all is done"


def test_a_check_with_a_baseline_is_played_before_round_1(tmp_path: Path) -> None:
    old, new = "FAILED t.py::old", "FAILED t.py::old\nFAILED t.py::new"
    checks = [{"exit_code": 1, "output": text} for text in (old, new, old)]
    run = played(tmp_path, {"tests": checks}, WORKER, replace(TESTS, baseline=True))
    assert path_of(run.events) == ("worker", "tests", "worker", "tests")
    assert run.ended.reason == "max_rounds"


def test_gates_are_answered_by_the_script_and_the_run_s_clock_stands_still(tmp_path: Path) -> None:
    answers = [{"answer": "deny", "reason": "no", "seconds": 7200}, {"answer": "approve", "seconds": 36000}]
    run = played(tmp_path, {"gate": answers}, WORKER, GATE)
    assert path_of(run.events) == ("worker", "gate", "worker", "gate")
    assert run.progress.runtime_s == 120
    assert run.ended.reason == "max_rounds"


def test_a_gate_that_nobody_answers_takes_its_default_or_is_told(tmp_path: Path) -> None:
    run = played(tmp_path, {}, WORKER, GATE)
    assert (run.ended.reason, run.ended.message) == (
        "stop_requested",
        "the script has no answer for gate `gate`",
    )
    timed = replace(GATE, gate_timeout_s=600, gate_default="approve")
    assert played(tmp_path, {}, WORKER, timed).ended.reason == "max_rounds"


def test_limits_retries_and_money_are_the_real_ones(tmp_path: Path) -> None:
    plays = [
        {"outcome": "limited", "resets_after_seconds": 3600},
        {"outcome": "crashed", "message": "boom", "cost_usd": 0.5},
        {"cost_usd": None},
    ]
    run = played(tmp_path, {"worker": plays}, WORKER)
    assert run.ended.reason == "max_rounds"
    assert run.progress.unknown_costs == 1
    waits = [step for step in steps_of(run.chain, run.events) if step.kind == "wait"]
    assert len(waits) == 1
    assert 3600 < run.events[-1].at - run.events[0].at < 4000
    again = played(tmp_path, {"worker": [{"cost_usd": 2}]}, WORKER, budget_usd=3, rounds=9)
    assert (again.ended.reason, again.ended.exit_code, again.progress.calls) == ("budget", 4, 2)


def test_what_agents_write_is_read_as_a_real_run_reads_it(tmp_path: Path) -> None:
    assert played(tmp_path, {"worker": [{"status": "ALL_DONE"}]}, WORKER).ended.reason == "all_done"
    blocked = played(tmp_path, {"worker": [{"outcome": "blocked"}]}, WORKER, rounds=9)
    assert blocked.ended.reason == "blocked"
    denied = played(tmp_path, {"worker": [{"outcome": "denied", "denials": "Bash"}]}, WORKER, rounds=9)
    assert (denied.ended.reason, denied.progress.rounds_done) == ("stalled", 2)
    still = played(tmp_path, {"worker": [{"changes": False}]}, WORKER, rounds=9)
    assert (still.ended.reason, still.progress.rounds_done) == ("stalled", 3)


def test_a_controller_s_assignment_passes_over_the_others(tmp_path: Path) -> None:
    boss = Link(name="boss", role=Role.CONTROLLER, prompt="Assign.")
    ones = [Link(name=name, prompt="Work.", skip_unless_assigned=True) for name in ("big", "small")]
    run = played(tmp_path, {"boss": [{"assigns": ["small"]}]}, boss, *ones)
    assert path_of(run.events) == ("boss", "small")
    skipped = next(step for step in steps_of(run.chain, run.events) if step.kind == "skip")
    assert (skipped.link, skipped.why) == ("big", "assigned: small")


def test_a_person_stops_it_and_starts_it_again(tmp_path: Path) -> None:
    plays = {"worker": [{"stop": "bedtime", "steer": "use tabs"}, {}]}
    once = played(tmp_path, plays)
    assert (once.ended.reason, once.ended.message) == ("stop_requested", "bedtime")
    run = played(tmp_path, plays, starts=2)
    assert run.ended.reason == "all_done"
    texts = [step.text for step in steps_of(run.chain, run.events)]
    assert "the chain is started again, and its run goes on" in texts


def test_what_nothing_ends_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(LlmautoError, match="given up: nothing has ended the run after 5 calls"):
        played(tmp_path, {"worker": [{}]}, WORKER, rounds=100, most_calls=5)


def test_what_is_other_than_expected_is_told(tmp_path: Path) -> None:
    expect = {"stop_reason": "blocked", "exit_code": 0, "rounds": 7, "path": ["worker", "worker"],
              "calls": 3, "most_cost_usd": 0}  # fmt: skip
    found, chain = script(tmp_path, {"worker": [{"cost_usd": 1}]}, expect=expect)
    assert differences(found.expect, rehearse(chain, found, tmp_path)) == (
        "`stop_reason`: expected blocked, found all_done",
        "`rounds`: expected 7, found 1",
        "`calls`: expected 3, found 2",
        "`path`: visit 2 is expected to be `worker`, found `reviewer`",
        "`most_cost_usd`: expected at most $0, found $1",
    )


def test_all_mistakes_of_a_script_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text(
        """{
  "plays": {
    "wroker": [{}],
    "tests": [{"verdict": "x"}],
    "gate": [{"cost_usd": 1}],
    "reviewer": [{"verdict": "OK"}, {"assigns": ["nobody"]}]
  },
  "expect": {"path": ["worker", "zzz"]}
}""",
        encoding="utf-8",
    )
    chain = Chain(name="c", links=(WORKER, REVIEWER, TESTS, GATE), mode=Mode.CONDITIONAL)
    with pytest.raises(ChainError) as caught:
        load_script(path, chain)
    told = [problem.removeprefix(f"{path}:") for problem in caught.value.problems]
    assert told == [
        '3:5: error: the chain `c` has no link `wroker`, did you mean "worker"? [plays.wroker]',
        "4:16: error: means nothing for a check [plays.tests[0].verdict]",
        "5:15: error: means nothing for a gate [plays.gate[0].cost_usd]",
        "6:30: error: a structured review says one of `APPROVED`, `NEEDS_FIX`, `BLOCKED` "
        "[plays.reviewer[0].verdict]",
        "6:49: error: there is no link `nobody` to assign [plays.reviewer[1].assigns]",
        "8:33: error: there is no link `zzz` [expect.path[1]]",
    ]
    path.write_text('{"plays": {"worker": [{"outcome": "dnoe"}, {"seconds": -1}]}, "x": 1}')
    with pytest.raises(ChainError) as caught:
        load_script(path, chain)
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize(
    "path", sorted((ROOT / "chains" / "rehearsals").glob("*.json")), ids=lambda p: p.stem
)
def test_shipped_rehearsals_go_as_they_expect(path: Path, tmp_path: Path) -> None:
    said = llmauto(ROOT, "chain", "rehearse", str(ROOT / "chains" / path.name), "--json")
    assert said.code == 0, said.out
    assert said.json["as_expected"] is True


def test_a_recorded_script_plays_the_same_run_again(tmp_path: Path) -> None:
    plays: dict[str, Any] = {
        "worker": [{"cost_usd": 1, "steer": "use tabs"}, {"outcome": "crashed", "message": "boom"}, {}],
        "tests": [
            {"exit_code": 1, "output": "FAILED t.py::old"},
            {"exit_code": 1, "output": "FAILED t.py::old\nFAILED t.py::new", "seconds": 5},
            {"exit_code": 1, "output": "FAILED t.py::old"},
        ],
        "gate": [{"answer": "approve", "reason": "good", "seconds": 3600}],
        "reviewer": [{"verdict": "NEEDS_FIX", "findings": ["F1"]}, {"verdict": "APPROVED"}],
    }
    links = (WORKER, replace(TESTS, baseline=True), replace(GATE, name="gate"), REVIEWER)
    run = played(tmp_path, plays, *links)
    handoffs: dict[str, str] = {}
    made = record(run.chain, run.events, handoffs.get)
    assert made["plays"]["tests"][0]["output"] == "FAILED t.py::old"
    assert made["plays"]["worker"][0]["steer"] == "use tabs"
    # The journal of a rehearsal is gone: what the check printed is put back by hand.
    made["plays"]["tests"][1]["output"] = plays["tests"][1]["output"]
    for place in (2, 3):
        made["plays"]["tests"][place]["output"] = plays["tests"][2]["output"]
    again = played(tmp_path, made["plays"], *links, expect=made["expect"])
    assert path_of(again.events) == path_of(run.events)
    assert again.ended.reason == run.ended.reason
    assert again.progress.cost_usd == run.progress.cost_usd
    assert again.events[-1].at - again.events[0].at == run.events[-1].at - run.events[0].at


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path) -> ToldHome:
    return ToldHome(tmp_path / "home")


def test_the_command_prints_the_path_and_starts_nothing(home: ToldHome) -> None:
    (home.path / "s.json").write_text('{"plays": {"worker": [{"cost_usd": 0.5}]}}')
    before = home.files()
    said = llmauto(home.path, "chain", "rehearse", "x", "--script", str(home.path / "s.json"))
    assert said.code == 0, said.err
    assert "r1 worker     is called  (where the chain begins)" in said.out
    assert "max_rounds, exit code 0: 5 rounds, 10 calls, $2.50" in said.out
    assert home.files() == before


def test_a_difference_is_exit_1(home: ToldHome) -> None:
    (home.path / "s.json").write_text('{"plays": {}, "expect": {"stop_reason": "blocked"}}')
    said = llmauto(home.path, "chain", "rehearse", "x", "--script", str(home.path / "s.json"), "--json")
    assert said.code == 1
    assert said.json["differences"] == ["`stop_reason`: expected blocked, found max_rounds"]


def test_without_a_script_the_one_beside_the_chain_is_played(home: ToldHome) -> None:
    said = llmauto(home.path, "chain", "rehearse", "x")
    assert said.code == 2
    assert "`--record` makes one from the last run" in said.err
    folder = home.path / "chains" / "rehearsals"
    folder.mkdir()
    (folder / "x.json").write_text('{"plays": {}}')
    assert llmauto(home.path, "chain", "rehearse", "x").code == 0
    assert [
        row["name"] for row in llmauto(home.path, "chain", "list", "--json").json if not row["shipped"]
    ] == ["x"]


def test_a_run_is_recorded_as_a_script(home: ToldHome) -> None:
    assert "has not run yet" in llmauto(home.path, "chain", "rehearse", "x", "--record").err
    home.run().call().end().call("reviewer").end(cost_usd=None).round_over().over()
    said = llmauto(home.path, "chain", "rehearse", "x", "--record")
    assert said.code == 0, said.err
    assert said.json["plays"] == {
        "worker": [{"seconds": 432.0, "cost_usd": 0.42}],
        "reviewer": [{"seconds": 432.0, "cost_usd": None}],
    }
    assert said.json["expect"] == {"stop_reason": "max_rounds", "rounds": 1, "path": ["worker", "reviewer"]}
    (home.path / "s.json").write_text(said.out)
    again = llmauto(home.path, "chain", "rehearse", "x", "--script", str(home.path / "s.json"))
    assert "`rounds`: expected 1, found 5" in again.out
