"""How do events, summaries and texts become rows of SQLite, and values again?

Every event row carries a CRC-32 of what it says: SQLite itself would not notice a flipped bit in a
text. Text that is no Unicode (halves of surrogate pairs) is mended on its way in.
"""

from __future__ import annotations

import json
from binascii import crc32
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmauto.events import Event
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

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_decode = json.JSONDecoder().decode  # what `json.loads` does beside that takes half its time
_BIGGEST = 2**63 - 1


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


def event_row(run: str, seq: int, event: Event) -> tuple[str, int, float, str, str, int]:
    """The row of `events`: run, seq, at, kind, data, crc."""
    from llmauto.events import to_json

    data = clean(_encode(to_json(event)))
    return run, seq, event.at, event.kind, data, _crc(run, seq, event.kind, data)


def event_from(run: str, seq: int, kind: str, data: str, crc: int | None) -> Event | None:
    """The event of a row; None where a newer program wrote a kind that is not known here.

    Raises `ValueError` where the row is not what was written. A NULL crc is not checked: that is how a
    person mends a row by hand.
    """
    from llmauto.events import from_json

    if crc is not None and crc != _crc(run, seq, kind, data):
        raise ValueError("its checksum is wrong")
    try:
        return from_json(kind, _decode(data))
    except (TypeError, AttributeError) as error:
        raise ValueError(str(error)) from error


def text_crc(text: str) -> int:
    """The checksum of a handoff."""
    return crc32(text.encode("utf-8"))


def _crc(run: str, seq: int, kind: str, data: str) -> int:
    return crc32(f"{run}\0{seq}\0{kind}\0{data}".encode())
