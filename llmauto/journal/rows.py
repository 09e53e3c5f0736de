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


def text_crc(text: str) -> int:
    """The checksum of a handoff."""
    return crc32(text.encode("utf-8"))
