"""Which JSON objects stand on a line of output? Those that do, whatever else is on it.

CLIs print half lines when they are killed, two objects on a line, colour codes before the first one,
and bytes that are no text. None of that may raise, or hide an object that is whole.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

Object = dict[str, Any]

_DECODER = json.JSONDecoder()
_BLANK = " \t\r\n\x00\ufeff"
_PER_LINE = 1000
"""Objects of one line that are looked at."""


class Line(NamedTuple):
    """The objects of a line in their order, and the text that is none."""

    objects: list[Object]
    loose: str


def read_line(raw: bytes) -> Line:
    """What stands on the line. Of an object that is cut off, nothing is believed."""
    text = raw.decode("utf-8", errors="replace").strip(_BLANK)
    objects: list[Object] = []
    place = start = 0
    loose = ""
    while len(objects) < _PER_LINE:
        start = text.find("{", place)
        if start < 0:
            break
        loose += text[place:start]
        try:
            value, place = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            place = start
            break
        objects.append(value)
    return Line(objects, (loose + text[place:]).strip(_BLANK + "[],"))


def text_of(value: object, limit: int) -> str:
    """A JSON string that can be stored and printed as UTF-8; "" where it is no string."""
    if not isinstance(value, str):
        return ""
    cut = value[:limit]
    # JSON can spell half a surrogate pair; a whole pair spelled in halves is joined.
    return cut if cut.isascii() else cut.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def number_of(value: object) -> float | None:
    """A finite JSON number that is not negative, else None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value < 1e15 else None


def count_of(value: object) -> int:
    """A count as JSON has it; 0 where it is none."""
    return int(number_of(value) or 0)


def object_of(value: object) -> Object:
    """A JSON object; an empty one where it is none."""
    return value if isinstance(value, dict) else {}


def list_of(value: object) -> list[Any]:
    """A JSON array; an empty one where it is none."""
    return value if isinstance(value, list) else []
