"""What does a line of Claude Code's `stream-json` say, for people now and for the judgement later?

Unknown types are passed over: every version adds some.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from llmauto.backends.base import SHOWN_TEXT
from llmauto.backends.claude_reply import judge
from llmauto.backends.claude_seen import SYNTHETIC, Seen, Tokens, usage_of, windows_of
from llmauto.backends.claude_tools import said_of_result, tool_detail
from llmauto.backends.jsonlines import Object, count_of, list_of, number_of, object_of, read_line, text_of
from llmauto.keeper.values import Ended
from llmauto.ports import Activity, CallOrder, Reply

LINGER_S = 2.0
"""Seconds that the CLI may stay after its result. It needs a few tenths to put its session away."""

_CHARS_PER_TOKEN = 4
"""The stream tells the tokens of an answer only at the end: until then they are guessed by its length."""
_NAMES_KEPT = 256


class ClaudeReader:
    """Reads one call."""

    def __init__(self, order: CallOrder) -> None:
        self._order = order
        self._seen = Seen(resumed=order.resume)
        self._open = Tokens()  # since the last result
        self._guessed = 0
        self._message = ""
        self._tool_names: dict[str, str] = {}
        self._streams = "--include-partial-messages" in order.link.backend_args
        self._linger_s = LINGER_S + _waiting_s(order)
        self._readers: dict[str, Callable[[Object], list[Activity]]] = {
            "system": self._system,
            "assistant": self._assistant,
            "user": self._user,
            "result": self._result,
            "rate_limit_event": self._limit,
            "stream_event": self._piece,
        }

    @property
    def tokens(self) -> int:
        """Input and output so far, cache reads not counted; guessed since the last result."""
        return self._seen.tokens.counted + self._open.counted

    @property
    def lingers_s(self) -> float | None:
        """How long it may stay, once a result came and nothing after it."""
        seen = self._seen
        return None if seen.final is None or seen.after_final else self._linger_s

    def feed(self, line: bytes | None) -> Sequence[Activity]:
        """One line of the stream."""
        if line is None:
            self._seen.skipped_lines += 1
            return ()
        found = read_line(line)
        if found.loose:
            self._seen.take_loose(found.loose)
        shown: list[Activity] = []
        for event in found.objects:
            reader = self._readers.get(text_of(event.get("type"), 100))
            if reader is not None:
                self._seen.began = True
                shown += reader(event)
        return shown

    def finish(self, ended: Ended, stderr_tail: bytes, now: datetime) -> Reply:
        """The judgement over all that was read."""
        if self._seen.final is None:
            self._seen.tokens.add(self._open)
        return judge(self._seen, ended, stderr_tail, self._order, now)

    def _system(self, event: Object) -> list[Activity]:
        kind = event.get("subtype")
        if kind == "init":
            return self._init(event)
        if kind == "permission_denied":
            self._seen.deny(text_of(event.get("tool_name"), 100))
        if kind == "api_retry":
            self._seen.retries += 1
            return [Activity(kind="retry", text=_retry_text(event))]
        if kind == "task_started":
            self._seen.after_final = self._seen.final is not None
        return []

    def _init(self, event: Object) -> list[Activity]:
        seen = self._seen
        again = seen.began and seen.session
        seen.session = text_of(event.get("session_id"), 200) or seen.session
        seen.model = text_of(event.get("model"), 200) or seen.model
        seen.version = text_of(event.get("claude_code_version"), 100) or seen.version
        seen.after_final = seen.final is not None  # it begins another turn
        return [] if again else [Activity(kind="session", text=seen.session, detail=seen.model)]

    def _assistant(self, event: Object) -> list[Activity]:
        message = object_of(event.get("message"))
        blocks = [object_of(block) for block in list_of(message.get("content"))]
        error = text_of(event.get("error"), 200)
        if error or message.get("model") == SYNTHETIC:
            self._seen.error_kind = error
            self._seen.error_text = " ".join(text_of(block.get("text"), 4000) for block in blocks).strip()
            return []
        self._seen.worked = True
        self._seen.error_kind = self._seen.error_text = ""
        self._seen.after_final = self._seen.final is not None
        self._count(message, blocks)
        helper = event.get("parent_tool_use_id") is not None
        shown = [each for block in blocks if (each := self._block(block, helper)) is not None]
        return [*shown, self._usage()]

    def _count(self, message: Object, blocks: Sequence[Object]) -> None:
        """A message comes in one event per block: its usage counts once, its blocks each."""
        name = text_of(message.get("id"), 200)
        if name != self._message or not name:
            self._message = name
            self._open.add(usage_of(message.get("usage")))
        said = sum(len(str(block.get(key, ""))) for block in blocks for key in ("text", "thinking", "input"))
        self._open.output += said // _CHARS_PER_TOKEN

    def _usage(self) -> Activity:
        done = self._seen.tokens
        return Activity(
            kind="usage",
            input_tokens=done.input + self._open.input,
            output_tokens=done.output + self._open.output,
            cache_tokens=done.cache + self._open.cache,
        )

    def _block(self, block: Object, helper: bool) -> Activity | None:
        kind = block.get("type")
        if kind == "text" and not (self._streams and not helper):
            text = text_of(block.get("text"), SHOWN_TEXT)
            return Activity(kind="other" if helper else "text", text=text) if text else None
        if kind == "thinking":
            text = text_of(block.get("thinking"), SHOWN_TEXT)
            return Activity(kind="thinking", text=text) if text else None
        if kind in ("tool_use", "server_tool_use"):
            name = text_of(block.get("name"), 100)
            self._remember(text_of(block.get("id"), 200), name)
            detail = tool_detail(name, object_of(block.get("input")), self._order.workdir)
            return Activity(kind="tool", tool=name, detail=detail)
        return None

    def _remember(self, call: str, tool: str) -> None:
        if len(self._tool_names) >= _NAMES_KEPT:
            del self._tool_names[next(iter(self._tool_names))]
        self._tool_names[call] = tool

    def _user(self, event: Object) -> list[Activity]:
        shown = []
        for block in map(object_of, list_of(object_of(event.get("message")).get("content"))):
            if block.get("type") == "tool_result":
                tool = self._tool_names.pop(text_of(block.get("tool_use_id"), 200), "")
                failed = block.get("is_error") is True
                text = said_of_result(block.get("content"))
                shown.append(
                    Activity(kind="tool_result", tool=tool, text=text, detail="error" if failed else "")
                )
        return shown

    def _result(self, event: Object) -> list[Activity]:
        self._seen.take_result(event)
        self._open = Tokens()
        return [self._usage()]

    def _limit(self, event: Object) -> list[Activity]:
        info = object_of(event.get("rate_limit_info"))
        seen = self._seen
        seen.rejected = info.get("status") == "rejected"
        seen.reset_at = number_of(info.get("resetsAt"))
        seen.windows = windows_of(info) or seen.windows
        seen.overage = info.get("isUsingOverage") is True
        status = text_of(info.get("status"), 100)
        if status in ("", "allowed"):
            return []
        window = text_of(info.get("rateLimitType"), 100).replace("_", " ")
        said = {"rejected": "reached", "allowed_warning": "nearly reached"}.get(status, status)
        return [Activity(kind="limit", text=f"usage limit{f' ({window})' if window else ''}: {said}")]

    def _piece(self, event: Object) -> list[Activity]:
        delta = object_of(object_of(event.get("event")).get("delta"))
        if (
            not self._streams
            or delta.get("type") != "text_delta"
            or event.get("parent_tool_use_id") is not None
        ):
            return []
        return [Activity(kind="text", text=text_of(delta.get("text"), SHOWN_TEXT))]


def _retry_text(event: Object) -> str:
    delay_s = (number_of(event.get("retry_delay_ms")) or 0.0) / 1000
    status = count_of(event.get("error_status")) or "no answer"
    return (
        f"attempt {count_of(event.get('attempt'))} of {count_of(event.get('max_retries'))} failed "
        f"({status} {text_of(event.get('error'), 200)}), again in {delay_s:.1f} s"
    )


def _waiting_s(order: CallOrder) -> float:
    """How long a link that allows background tasks wants them to be waited for, after the result."""
    ceiling = order.link.env.get("CLAUDE_CODE_PRINT_BG_WAIT_CEILING_MS", "")
    return int(ceiling) / 1000 if ceiling.isdecimal() and len(ceiling) < 10 else 0.0
