"""What does a notice's text look like? A title, then facts, one a line, plain and within Telegram's limit."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from llmauto.rules.text import one_line, plain

LIMIT = 4096
"""UTF-16 units of one message (Bot API, `sendMessage`)."""
_LONGEST_TITLE = 200
_LONGEST_KEY = 40
_LONGEST_VALUE = 600
"""Characters: what an agent said must not push the next command out of the message."""
_LOOKED_AT = 20_000


def message_text(title: str, facts: Mapping[str, str], clean: Callable[[str], str]) -> str:
    """The message; never empty. `clean` takes secrets out."""
    lines = [one_line(_safe(title, clean), _LONGEST_TITLE) or "llmauto"]
    for key, value in facts.items():
        said = one_line(_safe(value, clean), _LONGEST_VALUE)
        if said:
            lines.append(f"{one_line(_safe(key, clean), _LONGEST_KEY)}: {said}")
    return cut("\n".join(lines), LIMIT)


def cut(text: str, units: int) -> str:
    """`text`, cut with `…` to so many UTF-16 units; never in the middle of a character."""
    raw = text.encode("utf-16-le", errors="replace")
    if len(raw) <= 2 * units:
        return text
    return raw[: 2 * (units - 1)].decode("utf-16-le", errors="ignore") + "…"


def _safe(text: str, clean: Callable[[str], str]) -> str:
    """Plain first: a colour in the middle of a secret would hide it."""
    return clean(plain(text[:_LOOKED_AT]))
