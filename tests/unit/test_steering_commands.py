"""`chain pause|resume|steer|approve|deny`: what is asked of a runner, and what the person is told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from llmauto import events as ev
from llmauto.cli import stdin
from tests.support.command_line import Said, llmauto
from tests.support.told_runs import ToldHome, ToldRun


@pytest.fixture
def home(tmp_path: Path) -> ToldHome:
    return ToldHome(tmp_path / "home")


def asked(home: ToldHome) -> list[tuple[str, str]]:
    with home.journal() as journal:
        taken = journal.take("x")
    assert all(re.fullmatch(r".+@.+", request.by) for request in taken)
    return [(request.kind, request.text) for request in taken]


def at_gate(home: ToldHome, **settings: str) -> ToldRun:
    run = home.run(links=("worker", "gate", "last"), settings=settings).call().end()
    return run.tell(ev.GateOpened(round=1, link="gate"), ev.IdleBegan(why="gate"))


@pytest.mark.parametrize(
    "words", [("pause", "x"), ("resume", "x"), ("steer", "x", "use tabs"), ("steer", "x", "a", "--now")]
)
@pytest.mark.parametrize("ran", [False, True])
def test_where_nobody_would_hear_it_nothing_is_asked(
    home: ToldHome, words: tuple[str, ...], ran: bool
) -> None:
    if ran:
        home.run().call()
    said = llmauto(home.path, "chain", *words)
    assert said.code == 2
    assert f"chain `x` is not running: there is nothing to {words[0]}" in said.err
    assert "`llmauto chain start x`" in said.err
    assert not ran or asked(home) == []


def running(home: ToldHome, *words: str) -> Said:
    with home.lock():
        said = llmauto(home.path, "chain", *words)
    assert said.code == 0, said.err
    return said


def test_a_pause_says_when_it_takes_effect_and_how_to_go_on(home: ToldHome) -> None:
    home.run().call()
    said = running(home, "pause", "x", "a", "look")
    assert "pauses after its link `worker`" in said.out
    assert "`llmauto chain resume x` goes on" in said.out
    assert asked(home) == [("pause", "a look")]


def test_a_pause_between_calls_takes_effect_before_the_next_one(home: ToldHome) -> None:
    home.run().call().end()
    assert "pauses before its next call" in running(home, "pause", "x").out


def test_status_says_who_paused_it_and_why_and_what_to_type(home: ToldHome) -> None:
    run = home.run().call()
    run.tell(ev.PauseAsked(by="me@box", reason="a look"))
    with home.lock():
        said = llmauto(home.path, "chain", "status", "x")
    assert "RUNNING  x: pauses after this link, paused by me@box: a look" in said.out
    run.end().tell(ev.IdleBegan(why="pause"))
    with home.lock():
        said = llmauto(home.path, "chain", "status", "x")
        again = llmauto(home.path, "chain", "pause", "x")
        resumed = llmauto(home.path, "chain", "resume", "x")
    assert "waits     for `chain resume`, paused by me@box: a look" in said.out
    assert "llmauto chain resume x" in said.out
    assert "is paused already" in again.out
    assert "chain `x` goes on" in resumed.out
    assert asked(home) == [("resume", "")]


@pytest.mark.parametrize(
    ("call", "now", "told"),
    [
        ({}, False, "once link `worker` is over"),
        ({}, True, "is ended; its agent goes on in its session, and is told"),
        ({"backend": "command"}, True, "is sent its prompt again, and is told"),
        ({"backend": "check", "model": ""}, True, "link `worker` is a check"),
        ({"baseline": True}, True, "makes a trial call before round 1"),
    ],
)
def test_steering_says_who_is_told_and_when(
    home: ToldHome, call: dict[str, Any], now: bool, told: str
) -> None:
    home.run().call(**call)
    said = running(home, "steer", "x", "use", "tabs", *["--now"] * now)
    assert told in said.out
    assert asked(home) == [("steer_now" if now else "steer", "use tabs")]


def test_steering_between_calls_reaches_the_next_agent(home: ToldHome) -> None:
    home.run().call().end()
    assert "makes no call now: the next agent is told" in running(home, "steer", "x", "use tabs", "--now").out


def test_words_can_come_from_stdin(home: ToldHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmauto.cli.steering._from_stdin", lambda: "use tabs\nand no spaces\n")
    home.run().call()
    running(home, "steer", "x", "-")
    assert asked(home) == [("steer", "use tabs\nand no spaces")]
    assert stdin.SILENCE_S > 0


@pytest.mark.parametrize("text", ["", "  ", "a\0b", "x" * 300_000])
def test_what_is_no_text_is_refused(home: ToldHome, text: str) -> None:
    home.run().call()
    with home.lock():
        assert llmauto(home.path, "chain", "steer", "x", text).code == 2
    assert asked(home) == []


# --- gates ----------------------------------------------------------------------------------------


def test_status_says_which_gate_waits_and_what_to_type(home: ToldHome) -> None:
    at_gate(home)
    with home.lock():
        said = llmauto(home.path, "chain", "status", "x")
    assert said.out.startswith("WAITING  x")
    assert "waits     for approval of gate `gate`" in said.out
    assert "llmauto chain approve x" in said.out


@pytest.mark.parametrize(
    ("kind", "on", "told"),
    [
        ("approve", "", "gate `gate` is approved: the run goes on, and the next agent is told why"),
        ("approve", "APPROVED=done", "the run ends, all done"),
        ("deny", "", "gate `gate` is denied: the run ends as blocked"),
        ("deny", "DENIED=worker", "the run goes on at link `worker`"),
        ("deny", "*=stop", "the run stops"),
    ],
)
def test_an_answer_says_what_follows(home: ToldHome, kind: str, on: str, told: str) -> None:
    at_gate(home, **{"links.gate.on": on})
    assert told in running(home, kind, "x", "looks", "right").out
    assert asked(home) == [(kind, "looks right")]


def test_a_gate_can_be_answered_while_nobody_plays_the_chain(home: ToldHome) -> None:
    at_gate(home).tell(ev.IdleEnded()).over("stop_requested", "bedtime", 3)
    status = llmauto(home.path, "chain", "status", "x")
    assert "waits     for approval of gate `gate`" in status.out
    assert "llmauto chain approve x" in status.out
    said = llmauto(home.path, "chain", "approve", "x")
    assert said.code == 0
    assert "as soon as somebody starts the chain" in said.out
    assert asked(home) == [("approve", "")]


@pytest.mark.parametrize("kind", ["approve", "deny"])
def test_where_no_gate_is_open_there_is_nothing_to_answer(home: ToldHome, kind: str) -> None:
    said = llmauto(home.path, "chain", kind, "x")
    assert said.code == 2
    assert f"no gate of chain `x` is open: there is nothing to {kind}" in said.err
    at_gate(home).tell(ev.GateAnswered(link="gate", approved=True))
    assert llmauto(home.path, "chain", kind, "x").code == 2
    assert asked(home) == []
