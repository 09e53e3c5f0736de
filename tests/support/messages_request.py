"""What one request to the scripted Messages API asked: parsed once, compared by tests."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_REMINDER = re.compile(r"\s*<system-reminder>.*?</system-reminder>\s*", re.DOTALL)
_SESSION = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. Text that the CLI itself adds to messages (`<system-reminder>`) is in `messages` alone."""

    number: int
    """1 for the first request of this server."""
    at: float
    """When it came, in Unix seconds."""
    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    """With names in lower case."""
    size: int
    """Bytes of the body."""
    model: str = ""
    stream: bool = False
    system: str = field(default="", repr=False)
    messages: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    tools: tuple[str, ...] = field(default=(), repr=False)
    effort: str | None = None
    session: str | None = None
    """The CLI's session id, where it sends one."""
    prompts: tuple[str, ...] = ()
    """Each text that was sent to the model in this conversation, by a person or the CLI in their place
    ("Your previous response had no visible output …"), oldest first."""
    results: tuple[str, ...] = ()
    """What the tools answered since the last prompt, oldest first."""
    step: int = 0
    """How many turns the model has taken since the last prompt: 0 for the first."""
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def prompt(self) -> str:
        """The last prompt of the conversation, the one that is to be answered."""
        return self.prompts[-1] if self.prompts else ""

    @property
    def prompt_sha256(self) -> str:
        """Of the last prompt in UTF-8, in hexadecimal digits."""
        return hashlib.sha256(self.prompt.encode("utf-8", "surrogatepass")).hexdigest()

    def says(self, text: str) -> bool:
        """Whether the last prompt contains `text`."""
        return text in self.prompt

    def knows(self, text: str) -> bool:
        """Whether `text` is anywhere in the messages: prompts, answers, tool calls, results, CLAUDE.md."""
        return any(text in string for string in _strings(self.messages))


def parse(number: int, method: str, path: str, headers: Mapping[str, str], raw: bytes) -> Request:
    """The request as a value. A body that is not a JSON object is recorded by its size alone."""
    names = {name.lower(): value for name, value in headers.items()}
    try:
        decoded = json.loads(raw) if raw else {}
    except ValueError:
        decoded = {}
    body: dict[str, Any] = decoded if isinstance(decoded, dict) else {}
    messages = tuple(body.get("messages", ()))
    prompts, results, step = _conversation(messages)
    return Request(
        number=number,
        at=time.time(),
        method=method,
        path=path,
        headers=names,
        size=len(raw),
        model=str(body.get("model", "")),
        stream=bool(body.get("stream", False)),
        system=_text(body.get("system", "")),
        messages=messages,
        tools=tuple(str(tool.get("name", "")) for tool in body.get("tools", ())),
        effort=(body.get("output_config") or {}).get("effort"),
        session=_session(names, body),
        prompts=prompts,
        results=results,
        step=step,
        body=body,
    )


def _conversation(messages: tuple[Mapping[str, Any], ...]) -> tuple[tuple[str, ...], tuple[str, ...], int]:
    prompts: list[str] = []
    results: list[str] = []
    step = 0
    for message in messages:
        if message.get("role") == "assistant":
            step += 1
        if message.get("role") != "user":  # newer models get "system" messages in mid-conversation
            continue
        answered = [block for block in _blocks(message) if block.get("type") == "tool_result"]
        results += [_text(block.get("content", "")) for block in answered]
        # A prompt after a failed turn shares its message with the results of that turn.
        if text := _text(message.get("content", "")):
            prompts.append(text)
            results, step = [], 0
    return tuple(prompts), tuple(results), step


def _blocks(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = message.get("content", "")
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def _text(content: object) -> str:
    """The text of a string or of text blocks, without what the CLI itself put in."""
    blocks = _blocks({"content": content})
    texts = [str(block.get("text", "")) for block in blocks if block.get("type") == "text"]
    return "\n".join(own for text in texts if (own := _REMINDER.sub("", text)))


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _strings(inner)


def _session(headers: Mapping[str, str], body: Mapping[str, Any]) -> str | None:
    named = headers.get("x-claude-code-session-id", "")
    hint = named or str((body.get("metadata") or {}).get("user_id", ""))
    found = _SESSION.findall(hint)
    return found[-1] if found else None
