"""How the real CLI tells one failure from another; the adapter's outcomes stand on these words."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.support.claude_scenes import resets_at
from tests.support.claude_stage import Played

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.name != "posix", reason="signals and named pipes are used"),
]

Play = Callable[[str], Played]


def failure(played: Played) -> tuple[int, bool, int | None, str | None]:
    """What tells one API error from another: exit code, flag, status, and the word in the assistant event."""
    result, said = played.run.result, played.run.of("assistant")[-1]
    return played.run.exit_code, result["is_error"], result["api_error_status"], said.get("error")


# Limits and overload


@pytest.mark.parametrize(
    ("name", "window", "text"),
    [
        ("usage_limit_5h", "five_hour", "You've hit your 5-hour limit · resets "),
        ("usage_limit_7d", "seven_day", "You've hit your weekly limit · resets "),
    ],
)
def test_a_subscribers_limit_comes_with_the_time_of_its_end(
    played: Play, name: str, window: str, text: str
) -> None:
    scene = played(name)
    info = scene.run.of("rate_limit_event")[0]["rate_limit_info"]
    assert (info["status"], info["rateLimitType"]) == ("rejected", window)
    assert resets_at() - info["resetsAt"] in (0, 3600)
    assert failure(scene) == (1, True, 429, "rate_limit")
    assert scene.run.result["api_error"] == "usage_limit_reached"
    assert scene.run.result["result"].startswith(text)


def test_a_subscribers_limit_is_not_retried(played: Play) -> None:
    assert len(played("usage_limit_5h").requests) == 1


def test_the_windows_of_the_plan_are_told_on_success_too(played: Play) -> None:
    run = played("within_the_plan").run
    info = run.of("rate_limit_event")[0]["rate_limit_info"]
    assert (info["status"], info["isUsingOverage"]) == ("allowed", False)
    used = {name: window["utilization"] for name, window in info["unifiedWindows"].items()}
    assert used == {"five_hour": 0.42, "seven_day": 0.9}
    assert run.result["is_error"] is False


def test_use_beyond_the_plan_is_a_success_with_a_rejected_window(played: Play) -> None:
    run = played("beyond_the_plan").run
    info = run.of("rate_limit_event")[0]["rate_limit_info"]
    assert (info["status"], info["isUsingOverage"], info["overageStatus"]) == ("rejected", True, "allowed")
    assert (run.exit_code, run.result["is_error"]) == (0, False)


def test_with_an_api_key_the_plans_headers_mean_nothing_and_429_is_retried(played: Play) -> None:
    scene = played("usage_limit_with_an_api_key")
    assert len(scene.requests) == 2
    assert scene.run.of("rate_limit_event") == ()
    assert failure(scene) == (1, True, 429, "rate_limit")


def test_429_with_a_long_retry_after_is_not_retried(played: Play) -> None:
    scene = played("rate_limited_for_an_hour")
    assert len(scene.requests) == 1
    assert failure(scene) == (1, True, 429, "rate_limit")


@pytest.mark.parametrize(("name", "requests"), [("overloaded", 1), ("overloaded_retried", 3)])
def test_the_clis_own_retries_are_as_many_as_the_environment_says(
    played: Play, name: str, requests: int
) -> None:
    scene = played(name)
    assert len(scene.requests) == requests
    assert len(scene.run.of("system", "api_retry")) == requests - 1
    assert failure(scene) == (1, True, 529, "server_error")


def test_a_retry_that_helps_leaves_a_plain_success(played: Play) -> None:
    run = played("overloaded_then_fine").run
    assert run.of("system", "api_retry")[0]["error_status"] == 529
    assert (run.exit_code, run.result["is_error"], run.result["result"]) == (0, False, "Done after all.")


# Errors


@pytest.mark.parametrize(
    ("name", "status", "word", "requests"),
    [
        ("rate_limited", 429, "rate_limit", 1),
        ("server_error", 500, "server_error", 1),
        ("auth_failed", 401, "authentication_failed", 1),
        ("forbidden", 403, "authentication_failed", 1),
        ("not_logged_in", None, "authentication_failed", 0),
        ("no_credit", 400, "billing_error", 1),
        ("no_model", 404, "model_not_found", 2),
        ("prompt_too_long", 400, "invalid_request", 1),
        ("prompt_over_context", None, "invalid_request", 0),
        ("bad_request", 400, "unknown", 6),
        ("broken_history", 400, "invalid_request", 6),
        ("dropped", None, "server_error", 1),
        ("dropped_midway", None, "server_error", 2),
        ("dropped_midway_retried", None, "server_error", 3),
        ("connection_refused", None, "server_error", 0),
        ("not_json", None, "unknown", 2),
    ],
)
def test_an_error_is_told_by_flag_status_and_word_while_the_subtype_says_success(
    played: Play, name: str, status: int | None, word: str, requests: int
) -> None:
    scene = played(name)
    assert failure(scene) == (1, True, status, word)
    assert scene.run.result["subtype"] == "success"
    assert len(scene.requests) == requests


@pytest.mark.parametrize("name", ["dropped", "dropped_midway", "connection_refused"])
def test_a_lost_connection_is_named_in_api_error(played: Play, name: str) -> None:
    assert played(name).run.result["api_error"] == "connection_failed"


@pytest.mark.parametrize(
    ("name", "reason"), [("prompt_too_long", "prompt_too_long"), ("prompt_over_context", "blocking_limit")]
)
def test_a_prompt_that_is_too_long_says_so_whoever_found_out(played: Play, name: str, reason: str) -> None:
    result = played(name).run.result
    assert result["result"].startswith("Prompt is too long")
    assert result["terminal_reason"] == reason


def test_a_history_that_the_service_refuses_is_named_in_api_error(played: Play) -> None:
    assert played("broken_history").run.result["api_error"] == "tool_history_mismatch"
