"""A clock that goes as the real one does, but never waits: what it is asked to wait for is over at once."""

from __future__ import annotations

import math
import time


class HurriedClock:
    """A `Clock` for real agents in a night of waits: calls take their time, and pauses none.

    It begins at the real time, so that the resets that a real CLI names lie ahead of it. `skipped_s` is
    what was waited for.
    """

    def __init__(self) -> None:
        self.poll_s = math.inf
        self.skipped_s = 0.0

    def now(self) -> float:
        """UTC seconds since the epoch."""
        return time.time() + self.skipped_s

    def monotonic(self) -> float:
        """Seconds from some start."""
        return time.monotonic() + self.skipped_s

    def pause(self, seconds: float) -> None:
        """Be later by so many seconds."""
        assert math.isfinite(seconds), "a pause without end"
        self.skipped_s += max(0.0, seconds)
