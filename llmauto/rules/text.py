"""How is text from outside made fit to be shown, and how are figures written for people?

Agents may print anything: colours, cursor movements, window titles, half a UTF-8 character. What
is shown of it in a terminal, a log or a notice passes through `plain` first.
"""

from __future__ import annotations

import codecs
import math
import re

# One control sequence as ECMA-48 and xterm define it, in its 7-bit (ESC) and 8-bit (C1) form.
# A string (OSC, DCS, SOS, PM, APC) is taken to its end or to the end of the line: one that is never
# closed must not hide all the text that follows it.
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
# What is left of C0 (but line feed and tab), DEL and C1, and the characters that turn the direction
# of writing, so that a line reads otherwise than it is ("trojan source").
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")

# Longest first: the mark of UTF-32-LE begins with that of UTF-16-LE.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_LEADING_MARKS = re.compile(r"(?:[\s#*_`>~|+•\ufeff\u200b-]|[0-9]{1,3}[.)](?=\s)|\[[ xX]\](?=\s))+")
_TRAILING_MARKS = "#*_`>~|- \t\r\n\xa0\u200b"


def plain(text: str) -> str:
    """`text` without anything that a terminal would obey; line feeds and tabs stay.

    Escape sequences go with what they carry, `\\r\\n` and `\\r` become line feeds, halves of
    surrogate pairs become U+FFFD (they cannot be printed as UTF-8).
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _CONTROLS.sub("", _SEQUENCE.sub("", text))
    return _SURROGATES.sub("\ufffd", text)


def one_line(text: str, limit: int) -> str:
    """`text` made plain, its white space collapsed, cut to at most `limit` characters with `…`."""
    line = " ".join(plain(text).split())
    return line if len(line) <= limit else line[: max(limit - 1, 0)].rstrip() + "…"


def visible(text: str) -> str:
    """`text` with whatever cannot be seen, line feeds too, written as an escape."""
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def quoted(text: str, limit: int = 40) -> str:
    """`text` in backticks for a message, visible, cut to `limit` characters."""
    return f"`{visible(text[:limit])}…`" if len(text) > limit else f"`{visible(text)}`"


def _escape(char: str) -> str:
    known = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return known.get(char) or f"\\u{ord(char):04x}"


def decode(data: bytes) -> str:
    """Bytes from a file or a process as text: UTF-8, or what their byte order mark says.

    Never fails: what is no text becomes U+FFFD. Windows shells write UTF-16 with a mark.
    """
    encoding = encoding_by_mark(data)
    if encoding is None:
        return data.decode("utf-8", errors="replace")
    return data.decode(encoding, errors="replace").removeprefix("\ufeff")


def encoding_by_mark(data: bytes) -> str | None:
    """The encoding that a byte order mark at the beginning of `data` names; None without one."""
    return next((name for mark, name in _BYTE_ORDER_MARKS if data.startswith(mark)), None)


def is_text(data: bytes) -> bool:
    """Whether `decode` gives `data` as it is, with nothing replaced."""
    try:
        data.decode(encoding_by_mark(data) or "utf-8")
    except UnicodeDecodeError:
        return False
    return True


def without_markdown(line: str) -> str:
    """`line` without the Markdown around it: headings, quotes, lists, boxes, emphasis, table bars.

    Marks inside the line stay.
    """
    marks = _LEADING_MARKS.match(line)
    return line[marks.end() if marks else 0 :].rstrip(_TRAILING_MARKS)


def human_bytes(count: int) -> str:
    """`count` bytes in binary units, as `512 B`, `1.5 KiB`, `256 KiB`."""
    if count < 1024:
        return f"{max(count, 0)} B"
    size, units = count / 1024, ["KiB", "MiB", "GiB", "TiB"]
    while round(size, 1) >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{size:,.1f}".removesuffix(".0") + f" {units[0]}"


def human_duration(seconds: float) -> str:
    """A length of time as `12s`, `7m03s`, `3h12` or `2d03h`, rounded down; never negative."""
    if not math.isfinite(seconds):
        return "unknown"
    whole = max(int(seconds), 0)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86_400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}"
    return f"{whole // 86_400}d{whole % 86_400 // 3600:02}h"


def utc(at: float) -> str:
    """A moment as `2026-11-24 14:03 UTC`, for what is kept and read in other places."""
    from datetime import datetime, timezone  # not for the commands that only show where a run stands

    try:
        return f"{datetime.fromtimestamp(at, timezone.utc):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError, OSError):
        return "an unknown time"


def dollars(amount: float | None) -> str:
    """US dollars as `$0.42`; an amount that is not known is `unknown`, never 0."""
    if amount is None or not math.isfinite(amount):
        return "unknown"
    if 0 < amount < 0.01:
        return "<$0.01"
    sign = "-" if round(amount, 2) < 0 else ""
    return f"{sign}${abs(amount):,.2f}"


def cost_words(usd: float, unknown: int) -> str:
    """`$1.23`, `$1.23 + 2 calls of unknown cost`, or `unknown` where nothing is known."""
    if not unknown:
        return dollars(usd)
    return f"{dollars(usd)} + {counted(unknown, 'call')} of unknown cost" if usd else "unknown"


def counted(number: int, noun: str) -> str:
    """`1 run`, `2 runs`: with a noun whose plural takes an s."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
