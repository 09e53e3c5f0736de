"""A clock that only moves when it is told to, so that a night passes in a millisecond."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable

START = 1_760_000_000.0
"""2025-10-09 08:53:20 UTC: where a `FakeClock` begins, so that tests may name dates."""


class FakeClock:
    """A `Clock` whose pauses take no time.

    `pause` and `advance` move both clocks, `jump_wall` only the time of day. `after` plans something
    that happens "meanwhile": a file that appears during a wait, an agent that ends. It ends the pause
    that it falls into, as a signal would. `pauses` lists the pauses that were asked for, in seconds.
    """

    def __init__(self, start: float = START, poll_s: float = math.inf) -> None:
        self.poll_s = poll_s
        self.pauses: list[float] = []
        self._wall = start
        self._up = 0.0
        self._planned: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._woken = False

    def now(self) -> float:
        """UTC seconds since the epoch."""
        return self._wall

    def monotonic(self) -> float:
        """Seconds since this clock was made."""
        return self._up

    def pause(self, seconds: float) -> None:
        """Move on by `seconds`, or to the first thing planned within them."""
        if seconds <= 0:
            return
        self.pauses.append(seconds)
        if self._woken:
            self._woken = False
            return
        end = self._up + seconds
        if not self._planned or self._planned[0][0] > end:
            if math.isinf(end):
                raise AssertionError("a pause without end: nothing is planned that could end it")
            self._move(end)
            return
        self._move(max(self._planned[0][0], self._up))
        self._happen()
        self._woken = False

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass, with all that is planned within them."""
        end = self._up + seconds
        while self._planned and self._planned[0][0] <= end:
            self._move(max(self._planned[0][0], self._up))
            self._happen()
        self._move(max(end, self._up))

    def jump_wall(self, seconds: float) -> None:
        """Set the time of day on (or back) by `seconds`; the monotonic clock does not notice."""
        self._wall += seconds

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        """Plan `do` for `seconds` from now."""
        self._count += 1
        heapq.heappush(self._planned, (self._up + seconds, self._count, do))

    def wake(self) -> None:
        """End the pause that is on, or else the next one."""
        self._woken = True

    def _move(self, up: float) -> None:
        self._wall += up - self._up
        self._up = up

    def _happen(self) -> None:
        while self._planned and self._planned[0][0] <= self._up:
            heapq.heappop(self._planned)[2]()
