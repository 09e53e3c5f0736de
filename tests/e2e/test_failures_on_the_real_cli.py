"""What a chain does about each way in which the real Claude Code CLI fails: limits, errors, silence.

The command line is played in this process by a clock that waits for nothing; its agents are real processes,
and the requests that reach the scripted API are counted. No limit is slept through.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmauto import events as ev
from llmauto.cli import main
from tests.support.claude_scenes import resets_at
from tests.support.hurried_clock import HurriedClock
from tests.support.messages_api import Drop, Fail, Hang, MessagesApi, Request, Say, Use, dollars, usage_limit
from tests.support.nights import AnyNight

pytestmark = pytest.mark.e2e

MODEL = "claude-sonnet-4-6"
LINK = {"name": "worker", "prompt": "Do the work.", "model": MODEL, "permission_mode": "bypassPermissions"}
PRICED = dollars(0.4)
GO_ON = "You were interrupted"


class RealNight(AnyNight):
    """A night of the real CLI."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, env: dict[str, str]) -> None:
        for name in list(os.environ):
            monkeypatch.delenv(name)
        self.hurried = HurriedClock()
        super().__init__(folder, monkeypatch, env)

    def the_clock(self) -> HurriedClock:
        """Skips all waits."""
        return self.hurried

    def chain(self, **keys: Any) -> None:
        """One round of one link, where nothing else is said."""
        super().chain(**{"links": [LINK], "breakers": {"no_progress": 0}} | keys)

    def link(self, **keys: Any) -> None:
        """The same, with settings of the link."""
        self.chain(links=[LINK | keys])


Begin = Callable[..., RealNight]


@pytest.fixture
def night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, claude_env: dict[str, str]) -> RealNight:
    """Logged in by an API key."""
    return RealNight(tmp_path / "night", monkeypatch, claude_env)


@pytest.fixture
def subscribed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, subscriber_env: dict[str, str]) -> RealNight:
    """Logged in by a subscription's token."""
    return RealNight(tmp_path / "night", monkeypatch, subscriber_env)


def status(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What `chain status --json` says."""
    capsys.readouterr()
    assert main(["chain", "status", "night", "--json"]) == 0
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    return said


# Limits


def test_a_subscribers_limit_is_waited_for_until_the_reset_that_the_service_names(
    subscribed: RealNight, api: MessagesApi
) -> None:
    reset = resets_at()
    api.next(usage_limit(reset))
    api.on(Say("done"))
    assert subscribed.start() == 0
    assert subscribed.outcomes() == ["limited", "done"]
    assert subscribed.ends()[0].reset_at == reset
    (wait,) = [event for event in subscribed.events() if isinstance(event, ev.WaitStarted)]
    assert 60 <= wait.until - reset <= 120
    assert len(api.requests) == 2, "no request before the reset, one after it"


def test_a_limit_in_mid_work_is_waited_for_and_the_same_session_goes_on(
    subscribed: RealNight, api: MessagesApi
) -> None:
    api.next(Use("Bash", {"command": "echo begun"}), usage_limit(resets_at()))
    api.on(Say("done"))
    assert subscribed.start() == 0
    assert subscribed.outcomes() == ["limited", "done"]
    last = api.requests[-1]
    assert last.says(GO_ON)
    assert last.knows("echo begun")
    assert last.session == api.requests[0].session


def test_a_weekly_limit_beyond_the_patience_ends_the_run_and_the_next_start_makes_no_call(
    subscribed: RealNight, api: MessagesApi
) -> None:
    api.next(usage_limit(resets_at() + 5 * 86_400, claim="seven_day"))
    assert subscribed.start() == 6
    assert subscribed.start() == 6
    assert subscribed.stop_reason() == "limit_wait"
    assert len(api.requests) == 1


def test_a_rate_limit_of_an_api_key_that_names_no_reset_is_probed_in_growing_steps(
    night: RealNight, api: MessagesApi
) -> None:
    """The CLI asks three times each call; with a `retry-after` of an hour it asks once."""
    api.next(*[Fail(429, headers={"retry-after": "3600"})] * 3)
    api.on(Say("done"))
    assert night.start() == 0
    assert night.outcomes() == ["limited"] * 3 + ["done"]
    assert [round(wait) for wait in night.waited()] == [300, 600, 1200]
    assert len(api.requests) == 4


def test_a_rate_limit_that_passes_while_the_cli_retries_is_no_failure(
    night: RealNight, api: MessagesApi
) -> None:
    api.next(Fail(429), Fail(429))
    api.on(Say("done"))
    assert night.start() == 0
    assert night.outcomes() == ["done"]
    assert night.ends()[0].cli_retries == 2


# Overload and errors of the service


@pytest.mark.parametrize("code", [529, 500])
def test_an_overload_is_retried_and_our_tries_and_the_clis_are_counted_together(
    night: RealNight, api: MessagesApi, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    api.next(*[Fail(code)] * 6)
    api.on(Say("done"))
    assert night.start() == 0
    assert night.outcomes() == ["overloaded", "overloaded", "done"]
    assert [end.cli_retries for end in night.ends()] == [2, 2, 0]
    assert len(api.requests) == 7
    first, second = night.waited()
    assert 2.5 <= first <= 5 <= second <= 10
    capsys.readouterr()
    assert main(["chain", "log", "night", "50"]) == 0
    assert "6 tries" in capsys.readouterr().out


def test_with_a_fallback_model_three_tries_are_enough(night: RealNight, api: MessagesApi) -> None:
    night.link(fallback_model="claude-haiku-5-5")
    api.on(Say("done"))
    api.next(*[Fail(529)] * 3)
    assert night.start() == 0
    assert night.outcomes() == ["overloaded", "done"]
    assert [request.model for request in api.requests] == [MODEL] * 3 + ["claude-haiku-5-5"]
    assert night.waited() == []


def test_a_wrong_key_ends_the_run_after_one_call(night: RealNight, api: MessagesApi) -> None:
    api.on(Say("never"))
    api.next(*[Fail(401, "invalid x-api-key")] * 3)
    assert night.start() == 7
    assert night.outcomes() == ["auth"]
    assert len(api.requests) <= 3


def test_a_model_that_there_is_not_ends_the_run(night: RealNight, api: MessagesApi) -> None:
    night.link(model="claude-nothing-1")
    api.rule(lambda request: Fail(404, f"model: {request.model}"))
    assert night.start() == 1
    assert night.outcomes() == ["no_model"]
    assert night.stop_reason() == "link_failed"


def test_a_model_that_there_is_not_falls_back_at_once(night: RealNight, api: MessagesApi) -> None:
    night.link(model="claude-nothing-1", fallback_model=MODEL)

    def answer(request: Request) -> Fail | Say:
        return Fail(404, "model: claude-nothing-1") if request.model == "claude-nothing-1" else Say("done")

    api.rule(answer)
    assert night.start() == 0
    assert night.outcomes() == ["no_model", "done"]
    assert night.waited() == []


def test_a_prompt_that_is_too_long_gets_one_fresh_session_and_no_loop(
    night: RealNight, api: MessagesApi
) -> None:
    api.rule(lambda request: Fail(400, "prompt is too long: 210000 tokens > 200000 maximum"))
    night.chain(mode="once")
    assert night.start() == 1
    assert night.outcomes() == ["context_full", "context_full"]
    assert len({request.session for request in api.requests}) == 2
    assert len(api.requests) == 2


# Broken and silent connections


def test_a_stream_that_breaks_off_is_asked_for_again_by_the_cli_itself(
    night: RealNight, api: MessagesApi
) -> None:
    api.next(Drop(after="I have beg"))
    api.on(Say("done"))
    assert night.start() == 0
    assert night.outcomes() == ["done"]


def test_connections_that_always_break_off_are_an_outage_that_is_waited_for(
    night: RealNight, api: MessagesApi
) -> None:
    api.next(*[Drop()] * 3)
    api.on(Say("done"))
    assert night.start() == 0
    assert night.outcomes() == ["offline", "done"]
    assert len(night.waited()) == 1


def test_without_a_connection_the_run_waits_and_goes_on_when_the_service_is_back(
    night: RealNight, api: MessagesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.close()
    back: list[MessagesApi] = []
    skip = night.hurried.pause

    def pause(seconds: float) -> None:
        skip(seconds)
        if len(night.waited()) == 2:
            back.append(MessagesApi(api.port))
            back[0].on(Say("done"))

    monkeypatch.setattr(night.hurried, "pause", pause)
    try:
        assert night.start() == 0
    finally:
        for server in back:
            server.close()
    assert night.outcomes() == ["offline", "offline", "done"]
    assert not api.requests
    assert all("ECONNREFUSED" in end.message for end in night.ends()[:2])


def test_silence_in_mid_answer_is_a_stall_that_goes_on_once_in_its_session(
    night: RealNight, api: MessagesApi
) -> None:
    night.chain(stall_seconds=3, grace_seconds=2)
    api.next(Use("Bash", {"command": "echo begun"}), Hang(after="I am ab"))
    api.on(Say("done"))
    began = time.monotonic()
    assert night.start() == 0
    assert time.monotonic() - began < 90
    assert night.outcomes() == ["stalled", "done"]
    last = api.requests[-1]
    assert last.says(GO_ON)
    assert last.knows("echo begun")
    assert last.session == api.requests[0].session


def test_an_agent_that_stalls_twice_has_failed(night: RealNight, api: MessagesApi) -> None:
    night.chain(mode="once", stall_seconds=2, grace_seconds=2)
    api.rule(lambda request: Hang(after="I am ab"))
    assert night.start() == 1
    assert night.outcomes() == ["stalled", "stalled"]


def test_a_background_task_that_stays_is_ended_soon_after_the_result(
    night: RealNight, api: MessagesApi
) -> None:
    night.link(env={"CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": ""})
    task = {"command": "sleep 300", "run_in_background": True, "description": "a server"}
    api.on(Use("Bash", task), Say("done"))
    began = time.monotonic()
    assert night.start() == 0
    assert time.monotonic() - began < 15
    assert night.outcomes() == ["done"]


# Money


def test_a_run_is_over_its_budget_by_one_call_at_the_most(
    night: RealNight, api: MessagesApi, capsys: pytest.CaptureFixture[str]
) -> None:
    night.chain(max_rounds=9, budget_usd=1.0)
    api.on(Say("done", usage=PRICED))
    assert night.start() == 4
    assert len(api.requests) == 3
    assert status(capsys)["cost_usd"] == pytest.approx(1.2, abs=0.001)


def test_each_call_of_a_session_that_goes_on_costs_its_own_and_not_the_sessions_sum(
    night: RealNight, api: MessagesApi, capsys: pytest.CaptureFixture[str]
) -> None:
    night.chain(max_rounds=3, links=[LINK | {"continue": True}])
    api.on(Say("done", usage=PRICED))
    assert night.start() == 0
    assert [end.cost_usd for end in night.ends()] == [pytest.approx(0.4, abs=0.001)] * 3
    assert len({request.session for request in api.requests}) == 1
    assert status(capsys)["cost_usd"] == pytest.approx(1.2, abs=0.001)


def test_the_cap_of_a_call_ends_it_after_the_answer_that_passes_it(
    night: RealNight, api: MessagesApi
) -> None:
    night.chain(mode="once", links=[LINK | {"max_cost_usd": 0.5}])
    api.on(*[Use("Bash", {"command": "true"}, usage=PRICED)] * 9)
    assert night.start() == 1
    (end,) = night.ends()
    assert end.outcome == "budget"
    assert end.cost_usd == pytest.approx(0.8, abs=0.001)
    assert len(api.requests) == 2


def test_the_cap_of_turns_ends_a_call(night: RealNight, api: MessagesApi) -> None:
    night.chain(mode="once", links=[LINK | {"max_turns": 2}])
    api.on(*[Use("Bash", {"command": "true"})] * 9)
    assert night.start() == 1
    assert night.outcomes() == ["budget"]
    assert len(api.requests) == 2


def test_the_day_has_a_budget_over_all_runs(
    night: RealNight, api: MessagesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMAUTO_DAILY_BUDGET_USD", "0.5")
    api.on(Say("done", usage=PRICED))
    assert night.start() == 0
    assert night.start() == 4, "its call was given the ten cents that were left of the day"
    assert night.start() == 4
    assert len(api.requests) == 2
