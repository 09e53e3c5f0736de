"""What people see of Claude Code at work, and what counts against its caps meanwhile."""

from __future__ import annotations

import json
from typing import Any

from llmauto.backends.claude_stream import ClaudeReader
from llmauto.model import Link
from llmauto.ports import Activity
from tests.support.calls import INIT, SESSION, complains, lines_of, order, result, says, uses


def seen(*events: dict[str, Any] | bytes, link: Link | None = None) -> list[Activity]:
    reader = ClaudeReader(order(link=link))
    return [each for line in lines_of(*events) for each in reader.feed(line) if each.kind != "usage"]


def test_a_call_begins_with_its_session_and_model() -> None:
    assert seen(INIT) == [Activity(kind="session", text=SESSION, detail="claude-sonnet-5-5")]


def test_texts_and_thoughts_are_shown() -> None:
    thought = says("x")
    thought["message"]["content"] = [{"type": "thinking", "thinking": "Hm."}]

    assert seen(says("Hello."), thought) == [
        Activity(kind="text", text="Hello."),
        Activity(kind="thinking", text="Hm."),
    ]


def test_a_file_is_shown_relative_to_the_workdir_and_a_command_by_its_first_line() -> None:
    shown = seen(
        uses("Edit", {"file_path": "/home-of-test/src/a.py", "old_string": "x"}),
        uses("Read", {"file_path": "/etc/hosts"}),
        uses("Bash", {"command": "ls -la\necho hi", "description": "List"}),
        uses("Grep", {"pattern": "def x", "path": "/home-of-test"}),
        uses("TodoWrite", {"todos": []}),
    )

    assert [(each.tool, each.detail) for each in shown] == [
        ("Edit", "src/a.py"),
        ("Read", "/etc/hosts"),
        ("Bash", "ls -la"),
        ("Grep", "def x"),
        ("TodoWrite", ""),
    ]


def test_a_tool_result_says_which_tool_and_whether_it_failed() -> None:
    def back(**more: Any) -> dict[str, Any]:
        block = {"type": "tool_result", "tool_use_id": "toolu_1", **more}
        return {"type": "user", "message": {"content": [block]}}

    fine = seen(uses("Bash", {"command": "ls"}), back(content="a.txt\nb.txt", is_error=False))
    failed = seen(
        uses("Bash", {"command": "ls"}), back(content=[{"type": "text", "text": "No"}], is_error=True)
    )

    assert fine[1] == Activity(kind="tool_result", tool="Bash", text="a.txt")
    assert failed[1] == Activity(kind="tool_result", tool="Bash", text="No", detail="error")


def test_a_retry_of_the_cli_is_shown_with_its_reason() -> None:
    event = {
        "type": "system",
        "subtype": "api_retry",
        "attempt": 1,
        "max_retries": 2,
        "retry_delay_ms": 576,
        "error_status": 529,
        "error": "overloaded",
    }

    assert seen(event) == [
        Activity(kind="retry", text="attempt 1 of 2 failed (529 overloaded), again in 0.6 s")
    ]


def test_a_limit_is_shown_only_where_it_is_near() -> None:
    def limit(status: str) -> dict[str, Any]:
        return {
            "type": "rate_limit_event",
            "rate_limit_info": {"status": status, "rateLimitType": "five_hour"},
        }

    assert seen(limit("allowed")) == []
    near = "usage limit (five hour): nearly reached"
    assert seen(limit("allowed_warning")) == [Activity(kind="limit", text=near)]


def test_an_error_of_the_api_is_no_text_of_the_agent() -> None:
    assert seen(complains("API Error: 529", "server_error")) == []


def test_with_partial_messages_the_pieces_are_the_text() -> None:
    piece = {
        "type": "stream_event",
        "event": {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Hel"}},
        "parent_tool_use_id": None,
    }
    link = Link(name="w", backend_args=("--include-partial-messages",))

    assert [each.text for each in seen(piece, says("Hello."), link=link)] == ["Hel"]
    assert [each.text for each in seen(piece, says("Hello."))] == ["Hello."]


def test_tokens_count_once_per_message_and_are_put_right_by_the_result() -> None:
    reader = ClaudeReader(order())
    for line in lines_of(says("x" * 400), uses("Bash", {"command": "y"})):
        reader.feed(line)
    guessed = reader.tokens

    reader.feed(lines_of(result())[0])

    # input 10, cache write 20, output 1, and about a quarter of the characters; then the result's own sums.
    assert 30 + 100 <= guessed <= 30 + 130
    assert reader.tokens == 35 + 15


def test_usage_is_told_as_a_running_sum() -> None:
    reader = ClaudeReader(order())
    last = reader.feed(lines_of(says("Hello."))[0])[-1]

    assert (last.kind, last.input_tokens, last.cache_tokens) == ("usage", 30, 100)


def test_the_process_may_linger_a_little_after_its_result_and_not_before() -> None:
    reader = ClaudeReader(order())
    reader.feed(lines_of(says("x"))[0])
    before = reader.lingers_s
    reader.feed(lines_of(result())[0])
    after = reader.lingers_s
    reader.feed(lines_of(says("and on it goes"))[0])

    assert (before, after, reader.lingers_s) == (None, 2.0, None)


def test_a_link_that_waits_for_background_tasks_may_linger_longer() -> None:
    env = {"CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "0", "CLAUDE_CODE_PRINT_BG_WAIT_CEILING_MS": "60000"}
    reader = ClaudeReader(order(link=Link(name="w", env=env)))
    reader.feed(lines_of(result())[0])

    assert reader.lingers_s == 62.0


def test_terminal_escapes_of_a_tool_call_are_not_shown() -> None:
    shown = seen(uses("Bash", {"command": "printf '\x1b]0;title\x07'"}))

    assert "\x1b" not in json.dumps(shown[0].detail)
    assert "\x1b" not in shown[0].detail
