"""How do summaries and texts become rows of SQLite, and values again? Events, `eventrows` says.

Text that is no Unicode (halves of surrogate pairs) is mended on its way in.
"""

from __future__ import annotations

from binascii import crc32
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmauto.summaries import RunSummary

COLUMNS = (
    "run", "chain", "status", "stop_reason", "message", "finished", "exit_code", "started_at", "updated_at",
    "ended_at", "runtime_s", "rounds_done", "round", "link", "call", "calls", "failed_calls", "cost_usd",
    "unknown_costs", "input_tokens", "output_tokens", "wait_until", "wait_why", "workdir", "task",
    "max_rounds", "budget_usd", "runtime_limit_s", "deadline", "pid", "host",
)  # fmt: skip
"""The columns of `runs` that make a `RunSummary`, in its order. Literal: `status` need not import it."""

SELECT_RUN = f"SELECT {', '.join(COLUMNS)} FROM runs"
UPSERT_RUN = (
    f"INSERT INTO runs ({', '.join(COLUMNS)}, events) VALUES ({', '.join('?' * (len(COLUMNS) + 1))}) "
    f"ON CONFLICT (run) DO UPDATE SET {', '.join(f'{c} = excluded.{c}' for c in (*COLUMNS[1:], 'events'))}"
)

_BIGGEST = 2**63 - 1

PACK_FROM = 256
"""Bytes of UTF-8 from which on a handoff is packed: below, there is nothing to win."""

MOST_UNPACKED = 64 << 20
"""Bytes that a packed handoff may become: what claims to be more was not written by this program."""


def clean(text: str) -> str:
    """`text` with halves of surrogate pairs replaced by U+FFFD, so that it can be stored as UTF-8."""
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def bindable(value: object) -> object:
    """`value` as SQLite takes it: whole Unicode, integers of 64 bits."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, int):
        return max(-_BIGGEST, min(int(value), _BIGGEST))
    return value


def summary_row(summary: RunSummary, events: int) -> list[object]:
    """The values for `UPSERT_RUN`."""
    return [*(bindable(getattr(summary, name)) for name in COLUMNS), events]


def summary_from(row: tuple[Any, ...]) -> RunSummary:
    """The summary of a row of `SELECT_RUN`; what is NULL keeps its default."""
    from llmauto.summaries import RunSummary

    values = {name: value for name, value in zip(COLUMNS, row, strict=True) if value is not None}
    values["finished"] = bool(values.get("finished"))
    return RunSummary(**{"status": "", **values})


def handoff_row(sha: str, text: str) -> tuple[str, str | bytes, int]:
    """The row of `handoffs`: sha, text, crc of the text. Prose packs to half, so a longer one is a blob."""
    import zlib  # here, because `status` reads no handoffs

    text = clean(text)
    plain = text.encode("utf-8")
    packed = zlib.compress(plain) if len(plain) >= PACK_FROM else plain
    return clean(sha), packed if len(packed) < len(plain) else text, crc32(plain)


def handoff_from(stored: str | bytes, crc: int | None) -> str:
    """The text of a row. Raises `ValueError` where it is not what was written; a NULL crc is not checked."""
    import zlib

    if isinstance(stored, str):
        plain = stored.encode("utf-8")
    else:
        unpacking = zlib.decompressobj()
        try:
            plain = unpacking.decompress(stored, MOST_UNPACKED)
        except zlib.error as error:
            raise ValueError(f"it cannot be unpacked: {error}") from error
        if not unpacking.eof:
            raise ValueError("it is not whole")
    if crc is not None and crc != crc32(plain):
        raise ValueError("its checksum is wrong")
    return plain.decode("utf-8")
