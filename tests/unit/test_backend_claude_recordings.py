"""What the real CLI printed, as it was recorded from version 2.1.331, is judged rightly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmauto.backends.claude_stream import ClaudeReader
from llmauto.outcomes import Outcome
from llmauto.ports import Reply
from tests.support.calls import ended, order, read

_FOLDER = Path(__file__).resolve().parents[1] / "fixtures" / "claude"
_CALLS = json.loads((_FOLDER / "calls.json").read_text(encoding="utf-8"))

OUTCOMES = {
    "success": Outcome.DONE,
    "write_file": Outcome.DONE,
    "denied": Outcome.DONE,
    "resumed": Outcome.DONE,
    "resumed_after_failure": Outcome.DONE,
    "big_prompt": Outcome.DONE,
    "structured": Outcome.DONE,
    "structured_missing": Outcome.DONE,
    "background_task": Outcome.DONE,
    "subagent": Outcome.DONE,
    "within_the_plan": Outcome.DONE,
    "beyond_the_plan": Outcome.DONE,
    "overloaded_then_fine": Outcome.DONE,
    "empty_reply": Outcome.BAD_OUTPUT,
    "limit_text": Outcome.LIMITED,
    "usage_limit_5h": Outcome.LIMITED,
    "usage_limit_7d": Outcome.LIMITED,
    "usage_limit_with_an_api_key": Outcome.LIMITED,
    "rate_limited": Outcome.LIMITED,
    "rate_limited_for_an_hour": Outcome.LIMITED,
    "overloaded": Outcome.OVERLOADED,
    "overloaded_retried": Outcome.OVERLOADED,
    "server_error": Outcome.OVERLOADED,
    "dropped": Outcome.OFFLINE,
    "dropped_midway": Outcome.OFFLINE,
    "dropped_midway_retried": Outcome.OFFLINE,
    "connection_refused": Outcome.OFFLINE,
    "not_json": Outcome.UNKNOWN,
    "auth_failed": Outcome.AUTH,
    "forbidden": Outcome.AUTH,
    "not_logged_in": Outcome.AUTH,
    "no_credit": Outcome.AUTH,
    "no_model": Outcome.NO_MODEL,
    "prompt_too_long": Outcome.CONTEXT_FULL,
    "prompt_over_context": Outcome.CONTEXT_FULL,
    "bad_request": Outcome.BAD_REQUEST,
    "bad_flag": Outcome.BAD_REQUEST,
    "broken_history": Outcome.SESSION_BROKEN,
    "unknown_session": Outcome.SESSION_BROKEN,
    "session_in_use": Outcome.SESSION_BROKEN,
    "over_budget": Outcome.BUDGET,
    "over_turns": Outcome.BUDGET,
    "terminated": Outcome.CRASHED,
    "terminated_in_silence": Outcome.CRASHED,
    "interrupted": Outcome.CRASHED,
}


def replay(name: str, *, cut: int | None = None) -> Reply:
    """The reply to a recorded call, whose output can be cut off after so many bytes."""
    call = _CALLS[name]
    lines = (_FOLDER / f"{name}.jsonl").read_bytes()[:cut].split(b"\n")
    reader = ClaudeReader(order(resume=name.startswith("resumed")))
    return read(reader, lines, ended(call["exit_code"]), call["stderr"])


@pytest.mark.parametrize("name", _CALLS)
def test_a_recorded_call_has_its_outcome(name: str) -> None:
    reply = replay(name)

    assert reply.outcome is OUTCOMES[name]
    assert bool(reply.message) is (reply.outcome is not Outcome.DONE)
    assert "\n" not in reply.message


@pytest.mark.parametrize("name", [name for name in _CALLS if OUTCOMES[name] is Outcome.DONE])
def test_no_recorded_success_is_one_before_its_result_is_whole(name: str) -> None:
    lines = (_FOLDER / f"{name}.jsonl").read_bytes().splitlines(keepends=True)
    first = next(at for at, line in enumerate(lines) if json.loads(line)["type"] == "result")
    before, whole = sum(map(len, lines[:first])), sum(map(len, lines[: first + 1]))

    for cut in (0, before // 2, before, before + 1, (before + whole) // 2, whole - 2):
        assert replay(name, cut=cut).outcome is not Outcome.DONE


def test_the_recorded_costs_are_those_of_the_call() -> None:
    assert replay("resumed").cost_usd == pytest.approx(0.4, abs=1e-4)
    assert replay("background_task").cost_usd == pytest.approx(3 * 0.000105)
    assert replay("over_budget").cost_usd == pytest.approx(0.42)
    assert replay("terminated").cost_usd is None
    assert replay("overloaded").cost_usd == 0.0


def test_the_recorded_limits_name_their_reset() -> None:
    for name in ("usage_limit_5h", "usage_limit_7d"):
        assert replay(name).reset_at is not None
        assert [window.used for window in replay(name).windows] == [1.0]
    assert replay("rate_limited").reset_at is None


def test_the_recorded_denial_names_its_tool() -> None:
    assert replay("denied").denials == ("Write",)


def test_the_recorded_subagent_counts_in_tokens_but_does_not_speak() -> None:
    reader = ClaudeReader(order())
    lines = (_FOLDER / "subagent.jsonl").read_bytes().splitlines()
    texts = [seen.text for line in lines for seen in reader.feed(line) if seen.kind == "text"]

    assert texts[-1] == "The agent has looked."
    assert replay("subagent").input_tokens == 40
