"""How do events become rows of SQLite, and values again?

Every row carries a CRC-32 of what it says: SQLite itself would not notice a flipped bit in a text. This
stands apart from `rows` because `chain status` reads no events, and loads no JSON.
"""

from __future__ import annotations

import json
from binascii import crc32

from llmauto.events import Event, from_json, to_json
from llmauto.journal.rows import clean

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_decode = json.JSONDecoder().decode  # what `json.loads` does beside that takes half its time


def event_row(run: str, seq: int, event: Event) -> tuple[str, int, float, str, str, int]:
    """The row of `events`: run, seq, at, kind, data, crc."""
    data = clean(_encode(to_json(event)))
    return run, seq, event.at, event.kind, data, _crc(run, seq, event.kind, data)


def event_from(run: str, seq: int, kind: str, data: str, crc: int | None) -> Event | None:
    """The event of a row; None where a newer program wrote a kind that is not known here.

    Raises `ValueError` where the row is not what was written. A NULL crc is not checked: that is how a
    person mends a row by hand.
    """
    if crc is not None and crc != _crc(run, seq, kind, data):
        raise ValueError("its checksum is wrong")
    try:
        return from_json(kind, _decode(data))
    except (TypeError, AttributeError) as error:
        raise ValueError(str(error)) from error


def _crc(run: str, seq: int, kind: str, data: str) -> int:
    return crc32(f"{run}\0{seq}\0{kind}\0{data}".encode())
