"""What do all answers of the server have in common?"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse


def stream(messages: AsyncIterator[bytes]) -> StreamingResponse:
    """Server-sent events."""
    return StreamingResponse(messages, media_type="text/event-stream", headers={"x-accel-buffering": "no"})


def missing() -> JSONResponse:
    """There is no such thing: 404."""
    return JSONResponse({"error": "there is nothing of that name"}, 404)


def number(request: Request, name: str) -> int | None:
    """A number of the query, 0 where it is not given, None where it is none."""
    text = request.query_params.get(name, "0")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


async def body_of(request: Request) -> dict[str, Any] | None:
    """The body's JSON object; None where it is none."""
    try:
        value = json.loads(await request.body())
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
