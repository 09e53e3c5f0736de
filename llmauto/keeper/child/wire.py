"""How the runner hands a call to the keeper, and how the keeper writes its few JSON values.

The order travels over the keeper's standard input, so that the agent's environment is never on disk.
Its form is NUL-separated fields behind their length, since neither arguments nor environment can hold
a NUL: reading it needs no module at all.
"""

from __future__ import annotations

import os

MAGIC = b"llmauto-keeper-1"
_DIGITS = 12
_NUMBERS = ("timeout_s", "start_silence_s", "stall_s", "grace_s")
_COUNTS = ("output_cap", "memory_cap", "finish_alone")


class BadOrderError(ValueError):
    """The order cannot be carried, or what arrived is not one."""


class Order:
    """One call as the keeper sees it: paths, arguments and environment are bytes, durations seconds.

    `secrets` are names and values of what must not be found in the spooled output.
    """

    __slots__ = (
        "argv",
        "cwd",
        "env",
        "finish_alone",
        "folder",
        "grace_s",
        "mark",
        "memory_cap",
        "output_cap",
        "secrets",
        "stall_s",
        "start_silence_s",
        "stdin",
        "timeout_s",
    )

    def __init__(self) -> None:
        self.folder = self.cwd = self.stdin = self.mark = b""
        self.argv: list[bytes] = []
        self.env: dict[bytes, bytes] = {}
        self.secrets: list[tuple[bytes, bytes]] = []
        self.timeout_s = self.start_silence_s = self.stall_s = self.grace_s = 0.0
        self.output_cap = self.memory_cap = self.finish_alone = 0


def pack(order: Order) -> bytes:
    """The order as one message. Raises `BadOrderError` where a text holds a NUL."""
    fields = [MAGIC, order.folder, order.cwd, order.stdin, order.mark]
    fields += [repr(float(getattr(order, name))).encode() for name in _NUMBERS]
    fields += [b"%d" % getattr(order, name) for name in _COUNTS]
    fields += [b"%d" % len(order.argv), *order.argv]
    fields += [b"%d" % len(order.secrets)]
    fields += [name + b"=" + value for name, value in (*order.secrets, *order.env.items())]
    if not order.argv:
        raise BadOrderError("there is no program to be run")
    if any(b"\0" in field for field in fields):
        raise BadOrderError("an argument, a path or an environment variable holds a NUL character")
    if any(b"=" in name or not name for name in order.env):
        raise BadOrderError("the name of an environment variable is empty or holds a `=`")
    body = b"\0".join(fields)
    return b"%0*d" % (_DIGITS, len(body)) + body


def unpack(body: bytes) -> Order:
    """The message without its length. Raises `BadOrderError`."""
    fields = body.split(b"\0")
    head = 5 + len(_NUMBERS) + len(_COUNTS)
    if len(fields) <= head or fields[0] != MAGIC:
        raise BadOrderError("this is not an order for a keeper")
    order = Order()
    order.folder, order.cwd, order.stdin, order.mark = fields[1:5]
    try:
        for name, text in zip(_NUMBERS + _COUNTS, fields[5:head]):  # noqa: B905 (lengths are equal)
            setattr(order, name, float(text) if name in _NUMBERS else int(text))
        count = int(fields[head])
    except ValueError as error:
        raise BadOrderError("an order for a keeper holds a number that is none") from error
    order.argv = fields[head + 1 : head + 1 + count]
    if len(order.argv) != count or not count:
        raise BadOrderError("an order for a keeper was cut")
    _unpack_pairs(order, fields[head + 1 + count :])
    return order


def _unpack_pairs(order: Order, fields: list[bytes]) -> None:
    if not fields or not fields[0].isdigit() or len(fields) <= int(fields[0]):
        raise BadOrderError("an order for a keeper was cut")
    count = int(fields[0])
    for at, entry in enumerate(fields[1:]):
        name, _, value = entry.partition(b"=")
        if at < count:
            order.secrets.append((name, value))
        else:
            order.env[name] = value


def read_order(fd: int) -> Order:
    """Read one order from a pipe, and not a byte more. Raises `BadOrderError`, also at an early end."""
    return unpack(_read_exactly(fd, _length(_read_exactly(fd, _DIGITS))))


def _length(digits: bytes) -> int:
    if not digits.isdigit():
        raise BadOrderError("this is not an order for a keeper")
    return int(digits)


def _read_exactly(fd: int, count: int) -> bytes:
    parts: list[bytes] = []
    while count:
        part = os.read(fd, min(count, 1 << 20))
        if not part:
            raise BadOrderError("the runner ended before its order was complete")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def to_json(values: dict[str, str | int | float | bool | None]) -> bytes:
    """A flat JSON object in ASCII; the json module would cost a third of the keeper's start-up."""
    return b"{" + b", ".join(_text(key) + b": " + _value(value) for key, value in values.items()) + b"}\n"


def _value(value: str | int | float | bool | None) -> bytes:
    if value is None:
        return b"null"
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, str):
        return _text(value)
    return repr(value).encode()


def _text(text: str) -> bytes:
    out = []
    for char in text:
        code = ord(char)
        if 32 <= code < 127 and char not in '"\\':
            out.append(char)
        elif code < 0x10000:
            out.append(f"\\u{code:04x}")
        else:
            code -= 0x10000
            out.append(f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}")
    return b'"' + "".join(out).encode() + b'"'
