"""How is a moment shown to a person? As the time of day where they are, with the date where it matters."""

from __future__ import annotations

import time


def time_of_day(at: float, *, seen_from: float, seconds: bool = False) -> str:
    """A UTC epoch time as local `14:03`, with the date where it is not on the day of `seen_from`.

    `unknown` for what is no time of any calendar.
    """
    clock = "%H:%M:%S" if seconds else "%H:%M"
    try:
        then, day = time.localtime(at), time.localtime(seen_from)
    except (OverflowError, ValueError, OSError):
        return "unknown"
    same_day = (then.tm_year, then.tm_yday) == (day.tm_year, day.tm_yday)
    return time.strftime(clock if same_day else f"%Y-%m-%d {clock}", then)


def stamp(at: float) -> str:
    """A UTC epoch time as a local one that can be read anywhere: `2026-11-24 14:03:11 +0100`."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(at))
    except (OverflowError, ValueError, OSError):
        return "unknown time"
