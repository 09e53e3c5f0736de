"""The adapter over the real keeper: real processes, from the order to the reply."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from llmauto import keeper
from llmauto.agents import KeptAgents
from llmauto.clock import SystemClock
from llmauto.model import Link, Role
from llmauto.outcomes import Outcome
from llmauto.ports import CallOrder, EndHow, OpenCall, Reply
from tests.support.calls import INIT, order, result, says

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the keeper of Windows has tests of its own")


@pytest.fixture
def agents() -> KeptAgents:
    environ = {"PATH": os.environ["PATH"], "CLAUDECODE": "1", "LLMAUTO_HOME": "/h", "DEMO_PACE": "0"}
    return KeptAgents(keeper=keeper, clock=SystemClock(), environ=environ)


def python(root: Path, code: str, **changes: Any) -> CallOrder:
    link = Link(name="c", backend="command", run=(sys.executable, "-I", "-S", "-c", code), timeout_s=20)
    return order(root, link, **changes)


def waited(call: OpenCall | None) -> Reply:
    assert call is not None
    reply = call.poll(20)
    assert reply is not None
    return reply


def test_a_program_reads_its_prompt_and_finds_itself_in_its_environment(
    agents: KeptAgents, tmp_path: Path
) -> None:
    code = (
        "import os, sys; env = os.environ; print(sys.stdin.read(), os.getcwd() == env['PWD'], "
        "env['LLMAUTO_CHAIN'], *sorted({'CLAUDECODE', 'LLMAUTO_HOME'} & set(env)))"
    )
    reply = waited(agents.begin(python(tmp_path, code, prompt="Hello ü")))

    assert (reply.outcome, reply.text) == (Outcome.DONE, "Hello ü True c")


def test_a_program_need_not_read_its_prompt(agents: KeptAgents, tmp_path: Path) -> None:
    reply = waited(agents.begin(python(tmp_path, "print('fine')", prompt="x" * 1_000_000)))

    assert (reply.outcome, reply.text) == (Outcome.DONE, "fine")


def test_a_call_is_ended_when_it_is_asked_for(agents: KeptAgents, tmp_path: Path) -> None:
    call = agents.begin(
        python(tmp_path, "print('x', flush=True); import threading; threading.Event().wait()")
    )
    call.end(EndHow.STOP)
    reply = waited(call)

    assert (reply.outcome, reply.message) == (Outcome.STOPPED, "ended as asked for")


def test_an_ended_call_is_found_again_with_the_same_reply(agents: KeptAgents, tmp_path: Path) -> None:
    call = python(tmp_path, "print('once'); raise SystemExit(3)")
    first = waited(agents.begin(call))
    found = agents.recover(call)

    assert found is not None
    assert found.adopted
    assert waited(found) == first
    assert (first.outcome, first.text, first.exit_code) == (Outcome.CRASHED, "once", 3)


def test_the_demo_plays_through_the_keeper(agents: KeptAgents, tmp_path: Path) -> None:
    call = agents.begin(order(tmp_path, Link(name="worker", role=Role.WORKER, backend="demo")))
    reply = waited(call)

    assert reply.outcome is Outcome.DONE
    assert order(tmp_path).handoff.read_text(encoding="utf-8").startswith("Status: READY_FOR_REVIEW")
    assert [seen.kind for seen in call.activities()] == ["text", "tool", "tool", "text"]


def left_behind(root: Path, *events: dict[str, Any]) -> CallOrder:
    """A call whose keeper was killed before it could say how the agent ended."""
    call = order(root, Link(name="worker"))
    call.folder.mkdir(parents=True)
    (call.folder / "backend.txt").write_text("claude", encoding="utf-8")
    (call.folder / "keeper.json").write_text("{}", encoding="utf-8")
    (call.folder / "stdout").write_bytes(b"".join(json.dumps(event).encode() + b"\n" for event in events))
    return call


def test_a_lost_call_that_had_its_result_is_not_lost(agents: KeptAgents, tmp_path: Path) -> None:
    reply = waited(agents.recover(left_behind(tmp_path, INIT, says("x"), result("Done."))))

    assert (reply.outcome, reply.text, reply.cost_usd) == (Outcome.DONE, "Done.", 0.4)
    assert reply.warnings == ("it and the process that held it were killed after its result was there",)


def test_a_lost_call_without_a_result_is_lost_and_its_session_can_go_on(
    agents: KeptAgents, tmp_path: Path
) -> None:
    reply = waited(agents.recover(left_behind(tmp_path, INIT, says("x"))))
    assert (reply.outcome, reply.worked, reply.cost_usd) == (Outcome.LOST, True, None)
    assert agents.recover(order(tmp_path / "never-begun")) is None
