"""How does a notice reach a person by Telegram? By the Bot API's `sendMessage`.

The token is a part of every request's address, and of nothing that is said about it. A try that got no
answer is repeated: in rare cases the same message arrives twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from llmauto.notices.message import message_text
from llmauto.notices.outbox import LONGEST_WAIT_S, Outbox, Tried
from llmauto.rules.text import one_line, plain

if TYPE_CHECKING:
    from llmauto.notices.address import Address
    from llmauto.notices.post import Answer, Network

_LONGEST_REASON = 200
_LONGEST_TITLE = 80
_AGAIN = frozenset({408, 425, 429})
"""Answers that blame the request, and that another try may change all the same."""
_HINTS = {
    400: "is `telegram.chat_id` right, and has that person written to the bot?",
    401: "is the bot's token right?",
    403: "may the bot write to that person or group?",
    404: "is the bot's token right?",
}


class TelegramNotifier:
    """The `Notifier` over a bot. `problem` is empty: this one can send. `clean` takes secrets out."""

    problem = ""

    def __init__(self, outbox: Outbox, *, clean: Callable[[str], str]) -> None:
        self._outbox = outbox
        self._clean = clean

    def send(self, title: str, facts: Mapping[str, str]) -> None:
        """Hand the notice over; returns at once."""
        name = one_line(self._clean(plain(title[:1000])), _LONGEST_TITLE)
        self._outbox.put(name, message_text(title, facts, self._clean))

    def results(self) -> Sequence[tuple[str, bool, str]]:
        """(channel, delivered, detail) of notices that have ended since the last time."""
        return self._outbox.results()

    def close(self, timeout_s: float) -> None:
        """Let the last notices go out, within `timeout_s` and 10 s; what is not out then is given up."""
        self._outbox.close(timeout_s)


class Bot:
    """One bot writing to one chat."""

    def __init__(
        self,
        address: Address,
        token: str,
        chat_id: str,
        *,
        clean: Callable[[str], str],
        network: Network | None = None,
    ) -> None:
        self._address = address
        self._path = f"/bot{quote(token, safe=':')}/sendMessage"
        self._chat_id = chat_id
        self._clean = clean
        self._network = network

    def deliver(self, text: str, timeout_s: float) -> Tried:
        """Try once, within `timeout_s`."""
        from llmauto.notices.post import (
            PostError,
            post,
        )  # http, ssl: in the worker, when there is something to send

        message = {
            "chat_id": self._chat_id,
            "text": text,
            # An agent may have put an address into the text: nobody is to fetch it unasked.
            "link_preview_options": {"is_disabled": True},
        }
        body = json.dumps(message).encode("ascii")
        try:
            answer = post(self._address, self._path, body, timeout_s=timeout_s, network=self._network)
        except PostError as error:
            return Tried(delivered=False, why=str(error), again=True)
        return read_answer(answer, self._clean)


def token_problem(token: str) -> str:
    """What speaks against a bot's token, without telling it; "" for nothing."""
    if not all("!" <= char <= "~" for char in token) or any(char in "/\\?#%" for char in token):
        return "something that is no bot's token"
    return "" if len(token) <= 512 else "something that is far too long for a bot's token"


def read_answer(answer: Answer, clean: Callable[[str], str]) -> Tried:
    """What the answer says about the message. Its words are from outside: bounded, plain, and clean."""
    data = _object(answer.body)
    status = answer.status
    if 300 <= status < 400:
        return Tried(delivered=False, why=f"a redirect ({status}), which is not followed")
    if 200 <= status < 300:
        if data.get("ok") is True:
            return Tried(delivered=True)
        if not isinstance(data.get("error_code"), int):
            return Tried(delivered=False, why="the answer is not one of the Bot API", again=True)
        status = data["error_code"]
    parameters = data.get("parameters")
    parameters = parameters if isinstance(parameters, dict) else {}
    after_s = _seconds(parameters.get("retry_after", answer.retry_after)) if status == 429 else 0.0
    again = status in _AGAIN or status >= 500
    return Tried(
        delivered=False, why=_why(status, data, parameters, after_s, clean), again=again, after_s=after_s
    )


def _why(
    status: int,
    data: Mapping[str, Any],
    parameters: Mapping[str, Any],
    after_s: float,
    clean: Callable[[str], str],
) -> str:
    said = data.get("description")
    words = one_line(clean(plain(said)), _LONGEST_REASON) if isinstance(said, str) else ""
    moved = parameters.get("migrate_to_chat_id")
    if isinstance(moved, int):
        hint = f"the group has become another: set `telegram.chat_id` to {moved}"
    elif after_s > LONGEST_WAIT_S:
        hint = f"it asks for {after_s:.0f} s of peace"
    else:
        hint = _HINTS.get(status, "")
    return f"HTTP {status}" + (f": {words}" if words else "") + (f" ({hint})" if hint else "")


def _object(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _seconds(value: object) -> float:
    """Seconds to wait; 0 where the answer names none that can be read."""
    text = str(value).strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0.0
