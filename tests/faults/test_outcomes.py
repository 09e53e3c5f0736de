"""Rows A1–A10 and the table of outcomes: through the whole command line, with money read from outside."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from llmauto import events as ev
from llmauto.cli import main
from llmauto.testing.clock import START
from tests.support.nights import WORKER, Night

pytestmark = pytest.mark.faults

Step = dict[str, Any]
DONE: list[Step] = [{"say": "done", "cost": 0.1}]


@pytest.fixture
def night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Night:
    return Night(tmp_path, monkeypatch)


LIMITS = [
    (f"Claude AI usage limit reached|{int(START) + 7200}", "09 10:53"),
    ("Claude usage limit reached. Your limit will reset at 3pm (America/Santiago).", "09 18:00"),
    ("You've hit your limit · resets 1pm (Europe/Lisbon)", "09 12:00"),
    ("You've hit your session limit - resets 11:20am (Europe/Zurich)", "09 09:20"),
    ("You've hit your weekly limit · resets Oct 10, 7am (Europe/Zurich)", "10 05:00"),
    ("You've hit your limit ∙ resets 15:00 (Europe/Berlin)", "09 13:00"),
    ("You've hit your limit • resets 3 PM (UTC)", "09 15:00"),
    ("You've hit your limit · resets Oct 10 at 4am (America/Recife)", "10 07:00"),
    ("You've hit your limit · resets 10 Oct, 07:00 (Europe/Berlin)", "10 05:00"),
    ("You've hit your 5-hour limit · resets 11:05pm (UTC)", "09 23:05"),
    ("5-hour limit reached ∙ resets 3pm (UTC)", "09 15:00"),
    ("API Error: Rate limit reached", ""),
    ("API Error: Request rejected (429) · This may be a temporary limit", ""),
    ("You've hit your usage limit. Upgrade to Pro (https://example.com) or try again in 17 hours 14 minutes.",
     "10 02:07"),
    ("ERROR: You've hit your usage limit. Upgrade or try again at 7:58 PM.", "09 19:58"),
    ("ERROR: You've hit your usage limit. Try again at 7:58\u202fPM.", "09 19:58"),
    ("You've hit your usage limit. Try again at Oct 10th, 2025 7:38 AM.", "10 07:38"),
    ("You've hit your usage limit. Try again at 10 de out. de 2025, 04:52.", "10 04:52"),
    ("You've hit your usage limit. Try again at 10 oct. 2025 à 04:52.", "10 04:52"),
    ("You've hit your usage limit. Try again at 10. Okt. 2025, 04:52.", "10 04:52"),
    ("You've hit your usage limit. Try again at 10.10.2025, 04:52.", "10 04:52"),
    ("You've hit your usage limit. Try again at 2025年10月10日 4:52.", "10 04:52"),
    ('{"type":"usage_limit_reached","resets_at":1760007200,"resets_in_seconds":7200}', "09 10:53"),
    ('{"type":"usage_limit_reached","resets_at":null,"resets_in_seconds":7200}', "09 10:53"),
    ("429 RESOURCE_EXHAUSTED: QuotaFailure, RetryInfo", ""),
    ('429 RESOURCE_EXHAUSTED {"details":[{"@type":"RetryInfo","retryDelay":"7200s"}]}', "09 10:53"),
]  # fmt: skip
"""Texts, and the day and time of day in UTC that they name; "" where they name none.

It is October 9, 2025, 08:53:20 in UTC, and the machine's zone is UTC.
"""


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("utc")
@pytest.mark.parametrize(("text", "named"), LIMITS)
@pytest.mark.parametrize("code", [0, 1])
def test_a1_a_limit_text_is_waited_for_with_no_call_before_its_reset(
    night: Night, text: str, named: str, code: int
) -> None:
    night.script([{"result": {"result": text, "is_error": bool(code)}, "code": code}], DONE)
    assert night.start() == 0
    assert night.outcomes() == ["limited", "done"]
    assert len(night.calls) == 2
    (wait,) = [event for event in night.events() if isinstance(event, ev.WaitStarted)]
    if not named:
        assert wait.until - wait.at == pytest.approx(300, abs=1)
        return
    reset = datetime.strptime(f"2025-10-{named} +0000", "%Y-%m-%d %H:%M %z").timestamp()
    assert 60 <= wait.until - reset <= 120 + 60, "a minute or two after it; texts name no seconds"
    assert night.clock.now() >= wait.until


@pytest.mark.usefixtures("utc")
def test_a1_while_it_waits_the_status_says_until_when_and_a_stop_is_heard_within_a_second(
    night: Night, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[str] = []
    stop = night.folder / "home" / "state" / "night" / "STOP"
    night.clock.poll_s = 0.5

    def look() -> None:
        capsys.readouterr()
        main(["chain", "status", "night"])
        seen.append(capsys.readouterr().out)
        stop.write_text("enough", encoding="utf-8")

    night.script([{"limit": "You've hit your limit", "resets_at": START + 7200, "window": "five_hour"}], DONE)
    night.clock.after(100, look)
    assert night.start() == 3
    assert night.clock.monotonic() <= 101
    assert len(night.calls) == 1
    assert "WAITING" in seen[0].splitlines()[0]
    assert " 10:5" in seen[0].splitlines()[0]
    assert "for the usage limit's reset" in seen[0]
    assert night.start() == 0, "the next start waits on, and goes on then"
    assert len(night.calls) == 2
    assert night.clock.now() >= START + 7200 + 60


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


def test_a2_a_limit_whose_reset_is_past_already_is_probed_in_the_same_steps(night: Night) -> None:
    night.chain(max_limit_wait_hours=12)
    night.script(*[[{"limit": f"Claude AI usage limit reached|{int(START) - 3600}"}]] * 20)
    assert night.start() == 6
    assert [round(wait / 60) for wait in night.waited()[:6]] == [5, 10, 20, 40, 60, 60]
    assert len(night.calls) <= 15


@pytest.mark.parametrize(
    "text",
    [
        'API Error: 529 {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
        "API Error: Repeated 529 Overloaded errors",
        "API Error (Request timed out.) · Retrying in 36 seconds… (attempt 7/10)",
        "API Error: 503 Service Unavailable",
        "API Error: Connection dropped (ECONNRESET)",
        "API Error: Connection refused (ECONNREFUSED)",
        "fetch failed: getaddrinfo ENOTFOUND api.example.com",
    ],
)
@pytest.mark.parametrize("code", [0, 1])
def test_a3_a_text_that_says_overload_or_no_network_is_one_whatever_the_exit_code(
    night: Night, text: str, code: int
) -> None:
    night.script([{"result": {"result": text, "is_error": bool(code)}, "code": code}], DONE)
    assert night.start() == 0
    assert night.outcomes()[0] in ("overloaded", "offline")
    assert len(night.calls) == 2
    assert night.waited()[0] <= 5


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


def test_a9_a_call_that_tells_no_cost_is_counted_and_shown_as_unknown(
    night: Night, capsys: pytest.CaptureFixture[str]
) -> None:
    night.chain(mode="once", budget_usd=1.0)
    unpriced = {"total_cost_usd": None, "model_usage_since_last_result": {"x": {"inputTokens": 5}}}
    night.script([{"result": {"result": "done", **unpriced}}])
    assert night.start() == 0
    assert "cost unknown" in capsys.readouterr().err
    assert [end.cost_usd for end in night.ends()] == [None]
    for words in (
        ["chain", "status", "night"],
        ["chain", "log", "night"],
        ["chain", "runs", "night"],
        ["status"],
    ):
        assert main(words) == 0
        said = capsys.readouterr().out
        assert "unknown" in said, words
        assert "$0" not in said, words


def test_a9_tokens_are_counted_as_they_come_and_end_the_call_that_passes_its_cap(night: Night) -> None:
    night.chain(mode="once", links=[WORKER | {"max_tokens": 50}])
    night.script([*[{"assistant": "word " * 40}] * 3, {"sleep": 60}, {"say": "done"}])
    began = time.monotonic()
    assert night.start() == 1
    assert time.monotonic() - began < 20
    (end,) = night.ends()
    assert (end.outcome, end.cost_usd) == ("budget", None)
    assert end.input_tokens + end.output_tokens >= 50


def test_a9_the_tokens_of_a_run_end_it_and_with_more_the_call_goes_on_in_its_session(night: Night) -> None:
    night.chain(mode="once", budget_tokens=50)
    night.script([*[{"assistant": "word " * 40}] * 3, {"sleep": 60}], DONE)
    assert night.start() == 4
    assert night.stop_reason() == "budget"
    night.chain(mode="once", budget_tokens=5000)
    assert night.start() == 0
    first, second = night.calls
    assert "--resume" in second["argv"]
    assert second["session"] == first["session"]


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
    """Two limit waits, an overload, a full context, a stall, a crash, and the work goes on each time."""
    home = night.folder / "home" / "state" / "night"
    night.chain(
        max_rounds=30, stall_seconds=2, grace_seconds=1, runtime_hours=12, budget_usd=50,
        breakers={"no_progress": 0},
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
            [{"assistant": "halfway"}, {"sleep": 60}],
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
            work,
            [{"say": "done", "cost": 0.5}, {"write": str(home / "status.txt"), "text": "ALL_DONE"}],
        ],
    )
    assert night.start() == 0
    assert night.stop_reason() == "all_done"
    assert night.clock.monotonic() >= 7.9 * 3600
    assert {"limited", "overloaded", "crashed", "stalled", "context_full"} < set(night.outcomes())
    told = sum(event.cost_usd or 0 for event in night.events() if isinstance(event, ev.CallEnded))
    assert told == pytest.approx(night.cost)
