"""What `chain start`, `--dry-run` and `chain show` say of chains with checks and gates."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from llmauto.model import Chain, Link
from llmauto.rules.worst import most_calls
from tests.support.command_line import Said, llmauto
from tests.support.told_runs import ToldHome

WORKER = {"name": "worker", "backend": "demo", "prompt": "Do the work."}
PASSES = [sys.executable, "-c", "import sys; sys.exit(sys.argv[1] != 'right')", "{inputs.word}"]


@pytest.fixture
def home(tmp_path: Path) -> ToldHome:
    return ToldHome(tmp_path / "home")


def judging(home: ToldHome, *links: dict[str, Any], **keys: Any) -> None:
    home.chain("x", **{"mode": "conditional", "max_rounds": 2, "links": [WORKER, *links], **keys})


def start(home: ToldHome, *words: str) -> Said:
    return llmauto(home.path, "chain", "start", "x", *words)


def test_a_dry_run_shows_a_check_s_command_and_that_a_gate_waits(home: ToldHome) -> None:
    check = {"name": "tests", "role": "check", "run": PASSES, "on": {"FAILED": "worker"},
             "baseline": True, "failures": "pytest"}  # fmt: skip
    judging(home, check, {"name": "gate", "role": "gate"}, inputs={"word": "right"})
    said = start(home, "--dry-run")
    assert said.code == 0, said.err
    assert f"$ {sys.executable} -c" in said.out
    assert said.out.count(" right\n") == 1
    assert "link gate\nwaits for `llmauto chain approve`" in said.out
    # two rounds of two links, each visited up to three times, and the check once before round 1
    assert "at the worst: calls 13" in said.out
    assert not (home.path / "journal.db").exists()


def test_the_worst_cost_knows_how_often_a_link_can_be_visited(home: ToldHome) -> None:
    worker = WORKER | {"backend": "claude", "max_cost_usd": 2}
    check = {"name": "tests", "role": "check", "run": PASSES, "on": {"FAILED": "worker"}}
    home.chain("x", mode="conditional", max_rounds=1, max_visits=2, links=[worker, check],
               inputs={"word": "x"})  # fmt: skip
    found = llmauto(home.path, "chain", "show", "x", "--json").json
    link = Link(name="worker")
    most = most_calls(Chain(name="x", links=(link,)), link)
    assert (found["calls"], found["worst_cost_usd"]) == (4, 2 * 2 * most)


def test_a_check_without_its_program_is_told_before_anything_is_started(home: ToldHome) -> None:
    judging(home, {"name": "tests", "role": "check", "run": ["no-such-program"]})
    said = start(home)
    assert said.code == 7
    assert "no-such-program" in said.err
    assert not (home.path / "state").exists()


def test_inputs_are_filled_into_the_arguments_of_a_check(
    home: ToldHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMO_PACE", "0")
    judging(
        home, {"name": "tests", "role": "check", "run": PASSES, "on": {"PASSED": "done"}},
        inputs={"word": None}, max_rounds=1,
    )  # fmt: skip
    assert start(home, "--set", "word=right").code == 0
    assert llmauto(home.path, "chain", "status", "x", "--json").json["stop_reason"] == "all_done"


def test_an_input_that_the_chain_does_not_have_is_told_of_a_check_too(home: ToldHome) -> None:
    judging(home, {"name": "tests", "role": "check", "run": PASSES}, inputs={"wort": "x"})
    said = llmauto(home.path, "chain", "check", "x")
    assert (
        'the run has `{inputs.word}`, which the chain\'s `inputs` do not name, did you mean "wort"?'
        in said.err
    )
