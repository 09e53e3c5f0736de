"""Rows A1–A10 and the table of outcomes: through the whole command line, with money read from outside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmauto import events as ev
from llmauto.testing.clock import START
from tests.support.nights import WORKER, Night

pytestmark = pytest.mark.faults

Step = dict[str, Any]
DONE: list[Step] = [{"say": "done", "cost": 0.1}]


@pytest.fixture
def night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Night:
    return Night(tmp_path, monkeypatch)


LIMITS = [
    f"Claude AI usage limit reached|{int(START) + 7200}",
    "Claude usage limit reached. Your limit will reset at 3pm (America/Santiago).",
    "You've hit your limit · resets 1pm (Europe/Lisbon)",
    "You've hit your session limit - resets 11:20am (Europe/Zurich)",
    "You've hit your weekly limit · resets Oct 10, 7am (Europe/Zurich)",
    "You've hit your limit ∙ resets 15:00 (Europe/Berlin)",
    "You've hit your limit • resets 3 PM (UTC)",
    "API Error: Rate limit reached",
    "You've hit your usage limit. Upgrade to Pro (https://example.com) or try again in 17 hours 14 minutes.",
    "ERROR: You've hit your usage limit. Upgrade or try again at 7:58 PM.",
    '{"type":"usage_limit_reached","resets_at":1760007200,"resets_in_seconds":7200}',
    "429 RESOURCE_EXHAUSTED: QuotaFailure, RetryInfo",
    "You've hit your 5-hour limit · resets 11:05pm (UTC)",
]


@pytest.mark.parametrize("text", LIMITS)
@pytest.mark.parametrize("code", [0, 1])
def test_a1_a_limit_text_is_waited_for_with_no_call_before_its_reset(
    night: Night, text: str, code: int
) -> None:
    night.script([{"result": {"result": text, "is_error": bool(code)}, "code": code}], DONE)
    assert night.start() == 0
    assert night.outcomes() == ["limited", "done"]
    assert len(night.calls) == 2
    assert night.waited()[0] >= 240
    assert night.clock.monotonic() >= night.waited()[0] - 1


def test_a1_the_structured_event_names_the_reset(night: Night) -> None:
    night.script(
        [{"limit": "You've hit your limit", "resets_at": START + 5 * 3600, "window": "five_hour"}], DONE
    )
    assert night.start() == 0
    assert 5 * 3600 + 50 <= night.waited()[0] <= 5 * 3600 + 125


def test_a2_a_limit_that_names_no_time_is_probed_at_most_fifteen_times_in_twelve_hours(night: Night) -> None:
    night.chain(max_limit_wait_hours=12)
    night.script(*[[{"limit": "API Error: Rate limit reached"}]] * 20)
    assert night.start() == 6
    assert night.stop_reason() == "limit_wait"
    assert len(night.calls) <= 15


def test_a_limit_beyond_the_patience_ends_at_once_and_no_start_calls_before_the_reset(night: Night) -> None:
    night.script([{"limit": "You've hit your weekly limit", "resets_at": START + 72 * 3600}], DONE)
    assert night.start() == 6
    assert night.start() == 6
    assert len(night.calls) == 1
    night.clock.advance(73 * 3600)
    assert night.start() == 0
    assert len(night.calls) == 2


def test_a3_an_overload_is_retried_with_growing_pauses_until_it_is_over(night: Night) -> None:
    night.script(*[[{"api_error": 529}]] * 3, DONE)
    assert night.start() == 0
    assert night.outcomes() == ["overloaded"] * 3 + ["done"]
    first, second, third = night.waited()
    assert first <= 5 < 10 >= second > 4
    assert third <= 20


@pytest.mark.parametrize("status", [500, 503, 529])
def test_a3_an_overload_without_end_fails_within_half_an_hour(night: Night, status: int) -> None:
    night.chain(mode="once")
    night.script(*[[{"api_error": status}]] * 40)
    assert night.start() == 1
    assert night.stop_reason() == "link_failed"
    assert night.clock.monotonic() <= 1800


def test_a3_with_a_fallback_model_the_second_call_is_the_fallbacks_in_the_same_session(night: Night) -> None:
    night.chain(links=[WORKER | {"model": "opus", "fallback_model": "sonnet"}])
    night.script([{"assistant": "I begin"}, {"api_error": 529}], DONE)
    assert night.start() == 0
    first, second = night.calls
    assert "opus" in first["argv"]
    assert "sonnet" in second["argv"]
    assert second["session"] == first["session"]
    assert night.waited() == []


@pytest.mark.parametrize(
    ("step", "outcome", "code"),
    [
        ({"api_error": 401, "text": "Invalid API key · Fix external API key"}, "auth", 7),
        ({"api_error": 403, "text": "Failed to authenticate. API Error: 403"}, "auth", 7),
        ({"api_error": 404, "text": "There's an issue with the selected model (x)"}, "no_model", 1),
        ({"api_error": 400, "text": "API Error: 400 bad"}, "bad_request", 1),
        ({"result": {"result": "Not logged in · Please run /login", "is_error": True}, "code": 1}, "auth", 7),
    ],
)
def test_a4_what_no_retry_can_mend_ends_the_run_after_one_call(
    night: Night, step: Step, outcome: str, code: int
) -> None:
    night.chain(on_link_failure="continue", max_rounds=5)
    night.script(*[[step]] * 3)
    assert night.start() == code
    assert night.outcomes() == [outcome]
    assert len(night.calls) == 1


@pytest.mark.parametrize(
    "step",
    [
        {"result": {"result": "fine", "is_error": True}},
        {"result": {"result": "API Error: 500 Internal server error"}},
        {"result": {"result": ""}},
    ],
)
def test_a5_success_is_proven_and_an_exit_code_of_zero_proves_nothing(night: Night, step: Step) -> None:
    night.script([step], DONE)
    assert night.start() == 0
    assert night.outcomes()[0] not in ("done", "skipped")
    assert night.outcomes()[-1] == "done"


def test_a5_a_valid_result_counts_also_with_exit_code_one_and_a_warning(night: Night) -> None:
    night.script([{"say": "all good", "cost": 0.1}, {"exit": 1}])
    assert night.start() == 0
    assert night.outcomes() == ["done"]
    assert any(isinstance(event, ev.Noted) for event in night.events())


@pytest.mark.parametrize(
    "text",
    ["Prompt is too long", "API Error: 400 … `tool_use` ids were found without `tool_result` blocks …"],
)
def test_a6_a_full_or_broken_session_gets_exactly_one_fresh_one(night: Night, text: str) -> None:
    night.chain(mode="once")
    night.script(*[[{"api_error": 400, "text": text}]] * 4)
    assert night.start() == 1
    first, second = night.calls
    assert first["session"] != second["session"]
    assert "--resume" not in second["argv"]


def test_a7_a_denial_that_changed_nothing_is_no_success_and_says_what_to_allow(night: Night) -> None:
    night.chain(mode="once")
    night.script([{"say": "I could not write", "denied": ["Write"]}])
    assert night.start() == 1
    assert night.outcomes() == ["denied"]
    assert any("allowed_tools" in event.message for event in night.events() if isinstance(event, ev.Noted))


def test_a8_rounds_that_change_nothing_open_the_breaker_after_exactly_three(night: Night) -> None:
    night.chain(max_rounds=20)
    assert night.start() == 5
    assert night.stop_reason() == "stalled"
    assert len(night.calls) == 3


def test_a9_money_stops_the_run_before_the_fourth_call(night: Night) -> None:
    night.chain(max_rounds=20, budget_usd=1.0)
    steps: list[list[Step]] = [
        [{"say": f"step {n}", "cost": 0.4}, {"write": f"f{n}", "text": "x"}] for n in range(9)
    ]
    night.script(*steps)
    assert night.start() == 4
    assert len(night.calls) == 3
    assert night.cost == pytest.approx(1.2)


def test_a10_all_done_in_what_an_agent_prints_ends_nothing(night: Night) -> None:
    night.chain(max_rounds=2)
    night.script(*[[{"say": "```\nALL_DONE\n```\nStatus: ALL_DONE"}]] * 2)
    assert night.start() == 0
    assert night.stop_reason() == "max_rounds"


def test_an_evening_of_eight_hours_ends_all_done_with_the_cost_that_the_ledger_says(night: Night) -> None:
    """Two limit waits, an overload, a full context, a crash, and the work goes on each time."""
    home = night.folder / "home" / "state" / "night"
    night.chain(
        max_rounds=30, runtime_hours=12, budget_usd=50, breakers={"no_progress": 0},
        links=[WORKER, {"name": "reviewer", "role": "reviewer", "prompt": "Review it.", "continue": True}],
    )  # fmt: skip
    work: list[Step] = [{"assistant": "working"}, {"say": "worked", "cost": 0.5}]
    night.script(
        worker=[
            work,
            [{"limit": "You've hit your 5-hour limit", "resets_at": START + 3 * 3600, "window": "five_hour"}],
            work,
            [{"api_error": 529}],
            work,
            [{"assistant": "halfway"}, {"signal": "KILL"}],
            work,
            [{"limit": "You've hit your 5-hour limit", "resets_at": START + 8 * 3600, "window": "five_hour"}],
            work,
        ],
        reviewer=[
            work,
            [{"api_error": 400, "text": "Prompt is too long"}],
            work,
            work,
            work,
            [{"say": "done", "cost": 0.5}, {"write": str(home / "status.txt"), "text": "ALL_DONE"}],
        ],
    )
    assert night.start() == 0
    assert night.stop_reason() == "all_done"
    assert night.clock.monotonic() >= 7.9 * 3600
    assert {"limited", "overloaded", "crashed", "context_full"} < set(night.outcomes())
    told = sum(event.cost_usd or 0 for event in night.events() if isinstance(event, ev.CallEnded))
    assert told == pytest.approx(night.cost)
