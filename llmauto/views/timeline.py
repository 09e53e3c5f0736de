"""Where on a line does a moment stand? In proportion; but where nothing is done, time takes little room."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

GAP = 0.05
"""The most room that one stretch without work takes, as a part of all work."""


class Timeline:
    """Maps UTC epoch seconds to places from 0 to `width`. `breaks` are the stretches that were shortened."""

    def __init__(self, spans: Iterable[tuple[float, float]], width: float) -> None:
        busy = _merged(spans) or [(0.0, 1.0)]
        work = sum(end - begin for begin, end in busy) or 1.0
        most = max(GAP * work, 1.0)
        self.breaks: list[tuple[float, float]] = []
        self._times, self._places = [busy[0][0]], [0.0]
        for at, (begin, end) in enumerate(busy):
            if at:
                gap = begin - busy[at - 1][1]
                self._to(begin, min(gap, most))
                if gap > most:
                    self.breaks.append((busy[at - 1][1], begin))
            self._to(end, end - begin)
        self.width = width
        self._factor = width / (self._places[-1] or 1.0)

    def _to(self, time: float, room: float) -> None:
        self._times.append(time)
        self._places.append(self._places[-1] + room)

    def at(self, time: float) -> float:
        """The place of a moment; what lies outside is at the ends."""
        times, places = self._times, self._places
        i = bisect_right(times, time)
        if i == 0:
            return 0.0
        if i == len(times):
            return self.width
        length = times[i] - times[i - 1]
        part = (time - times[i - 1]) / length if length else 0.0
        return (places[i - 1] + part * (places[i] - places[i - 1])) * self._factor


def _merged(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    merged: list[tuple[float, float]] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((begin, max(end, begin)))
    return merged
