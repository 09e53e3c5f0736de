"""How a call of Claude Code is judged."""

from __future__ import annotations

from typing import Any

import pytest

from llmauto.model import Link
from llmauto.outcomes import Outcome
from llmauto.ports import Window
from tests.support.calls import (
    INIT,
    NOW,
    SESSION,
    claude_reply,
    complains,
    ended,
    failure,
    result,
    says,
    uses,
)


def test_a_result_without_error_flag_is_done() -> None:
    reply = claude_reply(INIT, says("Working."), result("All done."))

    assert reply.outcome is Outcome.DONE
    assert reply.text == "All done."
    assert (reply.message, reply.warnings) == ("", ())
    assert (reply.session, reply.model) == (SESSION, "claude-sonnet-5-5")
    assert reply.worked
    assert (reply.seconds, reply.exit_code, reply.turns) == (1.5, 0, 2)


def test_what_is_written_to_the_cache_is_input_and_what_is_read_from_it_is_not() -> None:
    reply = claude_reply(INIT, result())

    assert (reply.input_tokens, reply.output_tokens, reply.cache_tokens) == (35, 15, 7)


# P9: never OK without a valid final result; no hang, no traceback.

P9: dict[str, tuple[list[dict[str, Any] | bytes | None], Outcome]] = {
    "half a result": ([INIT, b'{"type":"result","is_error":false,"resu'], Outcome.BAD_OUTPUT),
    "two objects on a line": ([b'{"type":"system","subtype":"init"} {"type":"result","subtype":"success",'
                               b'"is_error":false,"result":"fine"}'], Outcome.DONE),
    "a line that never ends": ([INIT, None], Outcome.BAD_OUTPUT),
    "a line that never ends, then a result": ([INIT, None, result()], Outcome.DONE),
    "binary": ([bytes(range(256)) * 8], Outcome.BAD_OUTPUT),
    "binary around a result": ([b"\xff\xfe\x00\x80", INIT, b"\x1b[31m", result(), b"\xc3"], Outcome.DONE),
    "no result": ([INIT, says("I am at it.")], Outcome.BAD_OUTPUT),
    "nothing at all": ([], Outcome.BAD_OUTPUT),
    "two results, the last good": ([INIT, result("one"), result("two")], Outcome.DONE),
    "two results, the last bad": ([INIT, result("one"), failure("API Error: 500", 500)], Outcome.OVERLOADED),
    "a result without a stream": ([result("fine")], Outcome.DONE),
    "a result that is no text": ([INIT, result(None)], Outcome.BAD_OUTPUT),
    "a result that is a number": ([INIT, {**result(), "result": 7}], Outcome.BAD_OUTPUT),
    "types that nobody knows": ([{"type": "new"}, {"type": 7}, {"no": "type"}, b"[1, 2]", b"null", result()],
                                Outcome.DONE),
    "wrong types in every field": (
        [
            {**INIT, "session_id": 7, "model": [], "claude_code_version": {}},
            {"type": "assistant", "message": "text"},
            {"type": "assistant", "message": {"content": [7, None, {"type": []}], "usage": "x"}},
            {"type": "user", "message": {"content": {"a": 1}}},
            {"type": "rate_limit_event", "rate_limit_info": [1]},
            {"type": "system", "subtype": "api_retry", "attempt": "x", "retry_delay_ms": None},
            {**result("fine"), "usage": [], "permission_denials": [7], "num_turns": "many",
             "model_usage_since_last_result": {"m": 3}, "total_cost_usd": "free"},
        ],
        Outcome.DONE,
    ),
    "deep nesting": ([b'{"a":' * 100_000, result()], Outcome.DONE),
    "a result inside a tool's input": (
        [INIT, uses("Write", {"content": '{"type":"result","is_error":false,"result":"x"}'})],
        Outcome.BAD_OUTPUT,
    ),
    "half a line that holds a whole result": (
        [b'{"type":"assistant","message":{"type":"result","is_error":false,"result":"x"}'],
        Outcome.BAD_OUTPUT,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", P9)
def test_only_a_whole_final_result_is_success(name: str) -> None:
    events, outcome = P9[name]

    assert claude_reply(*events).outcome is outcome


def test_the_last_of_several_results_counts_and_the_costs_of_all() -> None:
    reply = claude_reply(INIT, result("one", cost=0.4), says("more"), result("two", cost=0.1))

    assert reply.text == "two"
    assert reply.cost_usd == pytest.approx(0.5)
    assert reply.input_tokens == 70


# A5: exit codes and subtypes lie both ways.


def test_exit_0_with_an_error_flag_is_a_failure() -> None:
    reply = claude_reply(INIT, failure("API Error: 529 Overloaded.", 529), end=ended(0))

    assert reply.outcome is Outcome.OVERLOADED
    assert reply.message == "API Error: 529 Overloaded."
    assert reply.text == ""


def test_an_error_text_with_exit_0_and_no_error_flag_is_a_failure() -> None:
    text = 'API Error: 529 {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'

    assert claude_reply(INIT, result(text)).outcome is Outcome.OVERLOADED


def test_an_empty_result_is_bad_output() -> None:
    assert claude_reply(INIT, result("  \n")).outcome is Outcome.BAD_OUTPUT


def test_a_command_of_the_cli_itself_has_nothing_to_say() -> None:
    event = result("", cost=0) | {"num_turns": 0}

    assert claude_reply(INIT, event, prompt="/compact").outcome is Outcome.DONE
    assert claude_reply(INIT, event, prompt="Do it.").outcome is Outcome.BAD_OUTPUT


def test_exit_1_with_a_valid_result_is_done_with_a_warning() -> None:
    reply = claude_reply(INIT, says("x"), result("All done."), end=ended(1))

    assert reply.outcome is Outcome.DONE
    assert reply.warnings == ("exit code 1, although its result is a success",)


def test_a_process_that_was_ended_after_its_result_is_done_with_a_warning() -> None:
    reply = claude_reply(INIT, says("x"), result("All done."), end=ended(143, "stop"))

    assert reply.outcome is Outcome.DONE
    assert reply.warnings == ("it had to be ended after its result was there",)


# Limits and errors, by the events of the real CLI.

LIMIT = {
    "type": "rate_limit_event",
    "rate_limit_info": {
        "status": "rejected",
        "resetsAt": 1795570818,
        "rateLimitType": "five_hour",
        "isUsingOverage": False,
        "unifiedWindows": {"five_hour": {"utilization": 1, "resetsAt": 1795570818, "status": "rejected"}},
    },
}


def test_a_usage_limit_names_its_reset_by_the_event_and_not_by_the_text() -> None:
    text = "You've hit your 5-hour limit · resets 11:05pm (UTC)"
    reply = claude_reply(INIT, LIMIT, complains(text, "rate_limit"), failure(text, 429), end=ended(1))

    assert reply.outcome is Outcome.LIMITED
    assert reply.reset_at == 1795570818
    assert (reply.charged, reply.cost_usd, reply.worked) == (False, 0.0, False)
    assert reply.windows == (Window(name="five_hour", used=1.0, resets_at=1795570818),)


def test_a_usage_limit_without_an_event_is_read_from_the_text() -> None:
    reply = claude_reply(INIT, result("You've hit your limit · resets 1am (UTC)", cost=0), end=ended(0))

    assert reply.outcome is Outcome.LIMITED
    assert reply.reset_at is not None
    assert reply.reset_at - NOW.timestamp() == 2 * 3600


def test_a_limit_that_is_printed_without_any_json_is_one_even_with_exit_0() -> None:
    reply = claude_reply(b"Claude AI usage limit reached|1795570818", end=ended(0))

    assert reply.outcome is Outcome.LIMITED
    assert reply.reset_at == 1795570818


def test_windows_are_told_with_a_good_result_too() -> None:
    info = {
        "status": "allowed",
        "resetsAt": 1795570818,
        "rateLimitType": "five_hour",
        "isUsingOverage": True,
        "unifiedWindows": {
            "five_hour": {"utilization": 0.42, "resetsAt": 1795570818},
            "seven_day": {"utilization": 0.9},
        },
    }
    reply = claude_reply(INIT, says("x"), {"type": "rate_limit_event", "rate_limit_info": info}, result())

    assert reply.outcome is Outcome.DONE
    assert reply.windows == (
        Window(name="five_hour", used=0.42, resets_at=1795570818),
        Window(name="seven_day", used=0.9),
    )
    assert reply.overage
    assert reply.reset_at is None


ERRORS: dict[str, tuple[str, str, int | None, Outcome]] = {
    "529": ("API Error: 529 overloaded error. This is a server-side issue, usually temporary — try again in "
            "a moment.", "server_error", 529, Outcome.OVERLOADED),
    "500": ("API Error: 500 Internal server error", "server_error", 500, Outcome.OVERLOADED),
    "401": ("Failed to authenticate. API Error: 401 authentication error", "authentication_failed", 401,
            Outcome.AUTH),
    "invalid key": ("Invalid API key · Fix external API key", "authentication_failed", 401, Outcome.AUTH),
    "no login": ("Not logged in · Please run /login", "", None, Outcome.AUTH),
    "no credit": ("Credit balance is too low", "billing_error", 400, Outcome.AUTH),
    "no model": ("There's an issue with the selected model (claude-x). It may not exist or you may not have "
                 "access to it.", "model_not_found", 404, Outcome.NO_MODEL),
    "429": ("API Error: Request rejected (429) · slow down", "rate_limit", 429, Outcome.LIMITED),
    "tool ids": ("API Error: 400 tool_use ids were found without tool_result blocks", "unknown", 400,
                 Outcome.SESSION_BROKEN),
    "bad request": ("API Error: 400 max_tokens: no", "invalid_request", 400, Outcome.BAD_REQUEST),
    "dropped": ("API Error: Connection dropped (ECONNRESET). Check the gateway set in ANTHROPIC_BASE_URL, "
                "then try again.", "server_error", None, Outcome.OFFLINE),
    "refused": ("API Error: Connection refused (ECONNREFUSED)", "", None, Outcome.OFFLINE),
    "unknown": ("Something that nobody has seen before", "", None, Outcome.UNKNOWN),
    "unknown but with a kind": ("Something new", "server_error", None, Outcome.OVERLOADED),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_an_api_error_is_known_by_its_events(name: str) -> None:
    text, kind, status, outcome = ERRORS[name]
    reply = claude_reply(INIT, complains(text, kind), failure(text, status), end=ended(1))

    assert reply.outcome is outcome
    assert reply.message == text[:300]
    assert (reply.worked, reply.charged, reply.cost_usd) == (False, False, 0.0)


def test_a_prompt_that_is_too_long_is_known_by_its_terminal_reason() -> None:
    event = failure("Something in words that have changed", 400) | {"terminal_reason": "prompt_too_long"}

    assert claude_reply(INIT, event, end=ended(1)).outcome is Outcome.CONTEXT_FULL


@pytest.mark.parametrize(
    ("subtype", "error", "outcome"),
    [
        ("error_max_turns", "Reached maximum number of turns (2)", Outcome.BUDGET),
        ("error_max_budget_usd", "Reached maximum budget ($0.5)", Outcome.BUDGET),
        ("error_max_structured_output_retries", "Failed to provide valid output", Outcome.BAD_OUTPUT),
    ],
)
def test_the_caps_of_the_cli_are_known_by_their_subtype(subtype: str, error: str, outcome: Outcome) -> None:
    event = result(None, is_error=True, subtype=subtype, errors=[error])
    reply = claude_reply(INIT, says("x"), event, end=ended(1))

    assert (reply.outcome, reply.message) == (outcome, error)
    assert reply.cost_usd == 0.4


def test_an_interrupt_is_judged_by_who_ended_the_call() -> None:
    event = result(None, is_error=True, subtype="error_during_execution")

    assert claude_reply(INIT, event, end=ended(0, "stop")).outcome is Outcome.STOPPED
    assert claude_reply(INIT, event, end=ended(0)).outcome is Outcome.CRASHED


def test_a_session_that_is_gone_is_broken() -> None:
    said = f"No conversation found with session ID: {SESSION}"
    event = result(None, cost=0, is_error=True, subtype="error_during_execution", errors=[said])

    assert claude_reply(event, end=ended(1), stderr=said, resume=True).outcome is Outcome.SESSION_BROKEN
    assert claude_reply(end=ended(1), stderr=said, resume=True).outcome is Outcome.SESSION_BROKEN


@pytest.mark.parametrize(
    ("stderr", "outcome"),
    [
        (f"Error: Session ID {SESSION} is already in use.\n", Outcome.SESSION_BROKEN),
        ("error: unknown option '--nonsense'\n", Outcome.BAD_REQUEST),
        ("error: option '--max-budget-usd <amount>' argument '0' is invalid.\n", Outcome.BAD_REQUEST),
        ("--agent 'nope' not found. Available agents: claude, Explore\n", Outcome.BAD_REQUEST),
        ("Error: piped stdin input exceeds 10MB. Pass large content as a file path.\n", Outcome.BAD_REQUEST),
        (
            "Error: Input must be provided either through stdin or as a prompt argument.\n",
            Outcome.BAD_REQUEST,
        ),
        ("Segmentation fault\n", Outcome.CRASHED),
        ("", Outcome.CRASHED),
    ],
)
def test_a_cli_that_does_not_begin_is_judged_by_its_stderr_and_costs_nothing(
    stderr: str, outcome: Outcome
) -> None:
    reply = claude_reply(end=ended(1), stderr=stderr)

    assert reply.outcome is outcome
    assert (reply.charged, reply.cost_usd) == (False, 0.0)


def test_root_is_told_the_ways_out() -> None:
    said = "--dangerously-skip-permissions cannot be used with root/sudo privileges for security reasons"
    reply = claude_reply(end=ended(1), stderr=said)

    assert reply.outcome is Outcome.BAD_REQUEST
    assert "IS_SANDBOX" in reply.hint


# Ends without a result

ENDS: dict[str, tuple[int | None, Outcome, str]] = {
    "timeout": (143, Outcome.TIMEOUT, "did not end within 2h00"),
    "stall": (143, Outcome.STALLED, "nothing moved for 15m00s"),
    "start_silence": (143, Outcome.STALLED, "said nothing for 2m00s after its start"),
    "stop": (143, Outcome.STOPPED, "ended as asked for"),
    "kill": (-9, Outcome.STOPPED, "killed as asked for"),
    "runner_death": (143, Outcome.STOPPED, "ended because its runner was gone"),
    "budget": (143, Outcome.BUDGET, "used its cap of 1,000 tokens"),
    "memory": (-9, Outcome.MEMORY, "needed more memory than there is"),
    "disk": (143, Outcome.DISK, "there is no room for its output"),
    "lost": (None, Outcome.LOST, "it and the process that held it were killed"),
}


@pytest.mark.parametrize("ended_by", ENDS)
def test_an_early_end_is_told_in_plain_words(ended_by: str) -> None:
    code, outcome, message = ENDS[ended_by]
    reply = claude_reply(INIT, says("At it."), end=ended(code, ended_by), max_tokens=1000)

    assert (reply.outcome, reply.message) == (outcome, message)
    assert reply.worked
    assert (reply.charged, reply.cost_usd) == (True, None)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (-11, "killed by SIGSEGV: the last line"),
        (137, "exit code 137 (SIGKILL): the last line"),
        (3, "exit code 3: the last line"),
    ],
)
def test_a_crash_is_told_with_its_signal_and_the_last_line_of_stderr(code: int, message: str) -> None:
    reply = claude_reply(INIT, end=ended(code), stderr="first\n\x1b[31mthe last line\x1b[0m\n\n")

    assert (reply.outcome, reply.message) == (Outcome.CRASHED, message)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("ENOENT: No such file or directory: 'claude'", Outcome.MISSING),
        ("EACCES: Permission denied: 'claude'", Outcome.MISSING),
        ("ENOEXEC: Exec format error: 'claude'", Outcome.MISSING),
        ("E2BIG: Argument list too long", Outcome.BAD_REQUEST),
        ("cwd: ENOENT: No such file or directory: 'x'", Outcome.BAD_REQUEST),
        ("EAGAIN: Resource temporarily unavailable", Outcome.MEMORY),
        ("EIO: Input/output error", Outcome.CRASHED),
    ],
)
def test_a_program_that_cannot_be_started_is_told_apart_from_one_that_may_not(
    error: str, outcome: Outcome
) -> None:
    reply = claude_reply(end=ended(None, "not_started", error=error))

    assert reply.outcome is outcome
    assert error in reply.message
    assert (reply.charged, reply.cost_usd) == (False, 0.0)


def test_a_file_that_is_no_program_says_how_a_script_becomes_one() -> None:
    reply = claude_reply(end=ended(None, "not_started", error="ENOEXEC: Exec format error"))
    assert reply.message.endswith(
        "Exec format error; a script names its interpreter in its first line, as in `#!/bin/sh`"
    )


# Money

OLD_INIT = {**INIT, "claude_code_version": "2.1.197"}


def test_a_resumed_call_costs_what_it_added_and_not_the_sum_of_its_session() -> None:
    event = result(cost=0.4) | {"total_cost_usd": 2.0}

    assert claude_reply(INIT, event, resume=True).cost_usd == pytest.approx(0.4)


def test_the_old_cli_counts_one_process() -> None:
    event = result(cost=None) | {"total_cost_usd": 0.4}

    assert claude_reply(OLD_INIT, event, resume=True).cost_usd == pytest.approx(0.4)
    assert claude_reply(INIT, event).cost_usd == pytest.approx(0.4)


def test_a_cost_that_may_be_the_sessions_sum_is_unknown() -> None:
    event = result(cost=None) | {"total_cost_usd": 2.0}
    reply = claude_reply(INIT, event, resume=True)

    assert (reply.charged, reply.cost_usd) == (True, None)


def test_a_model_without_a_price_makes_the_cost_unknown() -> None:
    event = result() | {"model_usage_since_last_result": {"own": {"inputTokens": 5}}}

    assert claude_reply(INIT, event).cost_usd is None


# Permissions, trust, retries


def test_refused_tools_are_named_once_each() -> None:
    denied = {"type": "system", "subtype": "permission_denied", "tool_name": "Write"}
    event = result("I could not write.") | {
        "permission_denials": [{"tool_name": "Write"}, {"tool_name": "Bash"}]
    }
    reply = claude_reply(INIT, denied, event)

    assert reply.outcome is Outcome.DONE
    assert reply.denials == ("Write", "Bash")


def test_a_workspace_that_is_not_trusted_is_a_warning() -> None:
    said = (
        "Ignoring 14 permissions.allow entries from .claude/settings.json: this workspace has not been "
        "trusted. Run Claude Code interactively here once and accept the trust dialog."
    )
    warning = claude_reply(INIT, result(), stderr=said).warnings[0]

    assert warning.startswith("Ignoring 14 permissions.allow entries")
    assert warning.endswith("start `claude` there once and accept")


def test_the_retries_of_the_cli_are_counted() -> None:
    retry = {"type": "system", "subtype": "api_retry", "attempt": 1, "max_retries": 2, "error_status": 529}

    assert claude_reply(INIT, retry, retry, says("x"), result()).cli_retries == 2


def test_half_a_surrogate_pair_does_not_reach_the_reply() -> None:
    reply = claude_reply(INIT, b'{"type":"result","is_error":false,"result":"a\\ud83d b \\ud83d\\ude00"}')

    assert reply.text == "a\ufffd b \U0001f600"


def test_a_structured_answer_is_kept_as_json() -> None:
    reply = claude_reply(INIT, result("") | {"structured_output": {"verdict": "APPROVED"}})

    assert reply.outcome is Outcome.DONE
    assert reply.structured == '{"verdict": "APPROVED"}'


def test_a_report_about_limits_is_no_limit() -> None:
    text = 'I added handling for `429` and for "You\'ve hit your limit". All tests pass.'

    assert claude_reply(INIT, says(text), result(text), link=Link(name="w")).outcome is Outcome.DONE
