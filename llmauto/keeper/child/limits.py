"""Whether a call has passed one of its limits of time: in all, before its first word, or in silence.

Silence is looked into only while it lasts, a few times per limit, so that an agent that speaks costs
nothing. Time through which the machine slept counts for no limit.
"""

from __future__ import annotations

from .clock import ActiveClock
from .watch import Activity
from .wire import Order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

TICK_S = 0.25
"""Seconds between two looks at the stop flag and the limits."""
_SLICES = 8
"""So many times per stall limit a silent tree is looked at."""


class Limits:
    """The limits of one call. `used` gives a tree's processor seconds and pids; `changed` says whether
    files were changed within so many seconds.
    """

    __slots__ = (
        "_activity",
        "_changed",
        "_clock",
        "_has_spoken",
        "_last_output",
        "_last_sign",
        "_next_sample",
        "_order",
        "_used",
    )

    def __init__(
        self,
        order: Order,
        now: float,
        used: Callable[[], tuple[float, set[int]]],
        changed: Callable[[float], bool],
    ) -> None:
        self._order = order
        self._used = used
        self._changed = changed
        self._clock = ActiveClock(now)
        self._has_spoken = False
        self._last_output = self._last_sign = self._next_sample = 0.0
        self._activity: Activity | None = None

    @property
    def suspended_s(self) -> float:
        """Seconds through which the machine slept."""
        return self._clock.hidden_s

    def heard(self, now: float) -> None:
        """The agent has written something."""
        self._has_spoken = True
        self._last_output = self._clock.look(now)

    def passed(self, now: float) -> str:
        """The limit that is passed: timeout, start_silence or stall; "" while none is."""
        lived = self._clock.look(now)
        order = self._order
        if lived >= order.timeout_s > 0:
            return "timeout"
        if not self._has_spoken and lived >= order.start_silence_s > 0:
            return "start_silence"
        return "stall" if order.stall_s > 0 and self._is_stalled(lived) else ""

    def _is_stalled(self, lived: float) -> bool:
        slice_s = max(TICK_S, self._order.stall_s / _SLICES)
        if lived - self._last_output < slice_s:
            self._activity = None
            return False
        if self._activity is None or lived >= self._next_sample:
            self._next_sample = lived + slice_s
            self._sample(lived)
        quiet = lived - max(self._last_sign, self._last_output)
        if quiet < self._order.stall_s:
            return False
        if self._changed(quiet):
            self._last_sign = lived
            return False
        return True

    def _sample(self, lived: float) -> None:
        cpu_s, pids = self._used()
        if self._activity is None:
            self._activity = Activity(lived, cpu_s, pids)
        elif self._activity.moved(lived, cpu_s, pids):
            self._last_sign = lived
