"""Whatever Claude Code prints, the reader neither raises nor believes what is not there."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from llmauto.backends.claude_stream import ClaudeReader
from llmauto.outcomes import Outcome
from llmauto.ports import Reply
from tests.support.calls import ended, order, read

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)
FIELDS = (
    *("subtype", "session_id", "model", "claude_code_version", "message", "error", "parent_tool_use_id"),
    *("result", "is_error", "num_turns", "total_cost_usd", "usage", "model_usage_since_last_result"),
    *("permission_denials", "errors", "api_error_status", "terminal_reason", "structured_output"),
    *("rate_limit_info", "event", "tool_name", "attempt", "retry_delay_ms"),
)
MESSAGES = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("id", "model", "usage", "content", "type", "name", "input", "text"), VALUES)
)


def events(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    fields = dict.fromkeys(FIELDS, VALUES) | {"message": VALUES | MESSAGES}
    return st.fixed_dictionaries({"type": st.just(kind)}, optional=fields)


STREAMS = st.lists(
    st.sampled_from(["system", "assistant", "user", "rate_limit_event", "stream_event"]).flatmap(events),
    max_size=6,
)


def judged(lines: list[bytes]) -> Reply:
    return read(ClaudeReader(order()), lines, ended(0))


@settings(max_examples=60, deadline=None)
@given(STREAMS, st.none() | events("result"))
def test_values_of_any_type_in_any_field_are_survived(
    stream: list[dict[str, Any]], last: dict[str, Any] | None
) -> None:
    lines = [json.dumps(event).encode() for event in ([*stream, last] if last else stream)]
    reply = judged(lines)

    if last is None or last.get("is_error", False) is not False or not isinstance(last.get("result"), str):
        assert reply.outcome is not Outcome.DONE
    json.dumps(reply.text).encode("utf-8")
    reply.message.encode("utf-8")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=80), max_size=5))
def test_bytes_of_any_kind_are_survived(lines: list[bytes]) -> None:
    assert judged(lines).outcome is not Outcome.DONE
