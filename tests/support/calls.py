"""Calls to hand to a backend: an order with every value filled in, and how its process ended."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from llmauto.backends.base import Reader
from llmauto.backends.claude_stream import ClaudeReader
from llmauto.keeper.values import Ended
from llmauto.model import Link
from llmauto.ports import CallOrder, Reply

NOW = datetime(2026, 11, 24, 23, 0, tzinfo=timezone.utc)
SESSION = "88bc2424-1de7-42ea-8a0f-c3687bd94f1d"


def order(root: Path = Path("/home-of-test"), link: Link | None = None, **changes: Any) -> CallOrder:
    """An order for the first call of a run; `changes` replace its fields."""
    values: dict[str, Any] = {
        "run": "r1",
        "chain": "c",
        "round": 1,
        "call": 1,
        "link": link or Link(name="worker"),
        "prompt": "Do it.",
        "folder": root / "calls" / "r1" / "0001-worker",
        "workdir": root,
        "state": root / "state" / "c",
        "handoff": root / "state" / "c" / "handoff.md",
        "session": SESSION,
    }
    return CallOrder(**{**values, **changes})


def ended(exit_code: int | None = 0, ended_by: str = "exit", **changes: Any) -> Ended:
    """An end; by itself and well unless it is said otherwise."""
    return Ended(exit_code=exit_code, ended_by=ended_by, seconds=1.5, **changes)


Event = dict[str, Any] | bytes | None
"""An event, a line as it is, or a line that is too long."""


def lines_of(*events: Event) -> list[bytes | None]:
    """Events as lines."""
    return [json.dumps(event).encode() if isinstance(event, dict) else event for event in events]


def read(reader: Reader, lines: Iterable[bytes | None], end: Ended, stderr: str = "") -> Reply:
    """Feed all lines, then judge."""
    for line in lines:
        reader.feed(line)
    return reader.finish(end, stderr.encode(), NOW)


def claude_reply(*events: Event, end: Ended | None = None, stderr: str = "", **changes: Any) -> Reply:
    """What the claude backend makes of these events."""
    return read(ClaudeReader(order(**changes)), lines_of(*events), end or ended(), stderr)


# The events of 2.1.331, cut down to the fields that tell something.

INIT: dict[str, Any] = {
    "type": "system",
    "subtype": "init",
    "session_id": SESSION,
    "model": "claude-sonnet-5-5",
    "claude_code_version": "2.1.331",
}


def says(text: str, **changes: Any) -> dict[str, Any]:
    """The model says something."""
    return _assistant([{"type": "text", "text": text}], **changes)


def uses(tool: str, given: dict[str, Any], call: str = "toolu_1", **changes: Any) -> dict[str, Any]:
    """The model calls a tool."""
    return _assistant([{"type": "tool_use", "id": call, "name": tool, "input": given}], **changes)


def _assistant(content: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    message = {
        "id": "msg_1",
        "role": "assistant",
        "model": "claude-sonnet-5-5",
        "content": content,
        "usage": {
            "input_tokens": 10,
            "output_tokens": 1,
            "cache_read_input_tokens": 100,
            "cache_creation_input_tokens": 20,
        },
    }
    return {
        "type": "assistant",
        "message": message,
        "parent_tool_use_id": None,
        "session_id": SESSION,
        **changes,
    }


def complains(text: str, error: str) -> dict[str, Any]:
    """The CLI tells of an API error, as a message of its own."""
    event = _assistant([{"type": "text", "text": text}], error=error)
    event["message"]["model"] = "<synthetic>"
    return event


def result(text: str | None = "All done.", *, cost: float | None = 0.4, **changes: Any) -> dict[str, Any]:
    """The final event of a call; an error where `is_error=True` is among the changes."""
    event: dict[str, Any] = {
        "type": "result",
        "subtype": "success",
        "is_error": False,
        "num_turns": 2,
        "session_id": SESSION,
        "total_cost_usd": cost,
        "terminal_reason": "completed",
        "api_error_status": None,
        "usage": {
            "input_tokens": 30,
            "output_tokens": 15,
            "cache_read_input_tokens": 7,
            "cache_creation_input_tokens": 5,
        },
        "permission_denials": [],
    }
    if text is not None:
        event["result"] = text
    if cost is not None:
        event["model_usage_since_last_result"] = {
            "claude-sonnet-5-5": {
                "inputTokens": 30,
                "outputTokens": 15,
                "cacheReadInputTokens": 7,
                "cacheCreationInputTokens": 5,
                "costUSD": cost,
            }
        }
    return {**event, **changes}


def failure(text: str, status: int | None, **changes: Any) -> dict[str, Any]:
    """The final event of a call that an API error ended: `subtype` says success all the same."""
    return result(
        text,
        cost=0,
        is_error=True,
        api_error_status=status,
        terminal_reason="api_error",
        model_usage_since_last_result={},
        **changes,
    )
