"""How long a call has really lived: time through which the machine slept is not counted.

The monotonic clocks of Linux and macOS stand still while the machine is suspended; that of Windows does
not, and no clock stands still while all processes are stopped. So a leap between two looks that are
due four times a second is taken for such a gap.
"""

from __future__ import annotations

GAP_S = 60.0
"""Seconds; a longer leap between two looks is a gap (fault table, T3)."""


class ActiveClock:
    """Turns readings of a monotonic clock into seconds since the start, without gaps."""

    __slots__ = ("_last", "_lived", "hidden_s")

    def __init__(self, now: float) -> None:
        self._last = now
        self._lived = 0.0
        self.hidden_s = 0.0

    def look(self, now: float) -> float:
        """The seconds lived through up to `now`. Never goes back."""
        passed = max(0.0, now - self._last)
        self._last = max(now, self._last)
        if passed > GAP_S:
            self.hidden_s += passed
        else:
            self._lived += passed
        return self._lived
