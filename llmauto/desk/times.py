"""How is the start of a run written to start_time.txt, and read back, also as older programs wrote it?"""

from __future__ import annotations

from datetime import datetime, timezone


def write_time(at: float) -> str:
    """UTC epoch seconds as local ISO time with its offset: `2026-01-31T22:05:00+01:00`."""
    try:
        return datetime.fromtimestamp(at, timezone.utc).astimezone().isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return ""


def read_time(text: str) -> float | None:
    """UTC epoch seconds of an ISO time; one without an offset is local time. None where it is no time."""
    words = text.replace("\0", "").strip()
    if words[-1:] in ("Z", "z"):  # which Python 3.10 does not read
        words = words[:-1] + "+00:00"
    try:
        return datetime.fromisoformat(words).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
