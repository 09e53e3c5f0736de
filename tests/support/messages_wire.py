"""How a model's turn looks on the wire: as one JSON message, or as the events of a stream."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.support.messages_script import Say, Usage, Use

Event = dict[str, Any]
PIECE = 16_384
"""Characters of text per event: small enough to stream, large enough that a long answer costs few events."""


def message(turn: Say | Use, *, number: int, model: str) -> Event:
    """The whole answer as one object, as a request without streaming gets it."""
    return {
        **_head(number, model),
        "content": _content(turn, number),
        "stop_reason": _stop_reason(turn),
        "usage": _usage(turn.usage),
    }


def events(turn: Say | Use, *, number: int, model: str) -> Iterator[Event]:
    """The answer as the events of a stream."""
    yield from opening(turn.usage, number=number, model=model)
    for index, block in enumerate(_content(turn, number)):
        yield from _block(index, block)
    yield from closing(turn.usage, _stop_reason(turn))


def opening(usage: Usage, *, number: int, model: str) -> Iterator[Event]:
    """The first event: as the service does, it counts one token of output only."""
    head = {**_head(number, model), "content": [], "usage": {**_usage(usage), "output_tokens": 1}}
    yield {"type": "message_start", "message": head}


def text_so_far(text: str) -> Iterator[Event]:
    """A block of text that is not ended."""
    yield from _begun(0, {"type": "text", "text": text})


def closing(usage: Usage, stop_reason: str) -> Iterator[Event]:
    """The last two events."""
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": stop_reason, "stop_sequence": None},
        "usage": {"output_tokens": usage.output},
    }
    yield {"type": "message_stop"}


def sse(event: Event) -> bytes:
    """One event in the form of server-sent events."""
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def _block(index: int, block: Mapping[str, Any]) -> Iterator[Event]:
    yield from _begun(index, block)
    yield {"type": "content_block_stop", "index": index}


def _begun(index: int, block: Mapping[str, Any]) -> Iterator[Event]:
    if block["type"] == "text":
        empty, kind, key, whole = {**block, "text": ""}, "text_delta", "text", str(block["text"])
    else:
        empty, kind, key = {**block, "input": {}}, "input_json_delta", "partial_json"
        whole = json.dumps(block["input"])
    yield {"type": "content_block_start", "index": index, "content_block": empty}
    for start in range(0, len(whole), PIECE):
        delta = {"type": kind, key: whole[start : start + PIECE]}
        yield {"type": "content_block_delta", "index": index, "delta": delta}


def _content(turn: Say | Use, number: int) -> list[Event]:
    said = turn.text if isinstance(turn, Say) else turn.say
    content: list[Event] = [{"type": "text", "text": said}] if said else []
    calls = (turn, *turn.also) if isinstance(turn, Use) else ()
    for place, call in enumerate(calls, start=1):
        content.append(
            {
                "type": "tool_use",
                "id": f"toolu_{number:04}_{place}",
                "name": call.tool,
                "input": dict(call.input),
            }
        )
    return content


def _stop_reason(turn: Say | Use) -> str:
    return turn.stop_reason if isinstance(turn, Say) else "tool_use"


def _head(number: int, model: str) -> Event:
    return {
        "id": f"msg_{number:04}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "stop_reason": None,
        "stop_sequence": None,
    }


def _usage(usage: Usage) -> Event:
    return {
        "input_tokens": usage.input,
        "output_tokens": usage.output,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation_input_tokens": usage.cache_write,
    }
