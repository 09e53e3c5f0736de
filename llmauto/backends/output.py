"""How is an endless output held in little memory? In lines that are bounded, shown ones too."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from llmauto.backends.base import LINE_LIMIT
from llmauto.ports import Activity

SHOWN_LIMIT = 4 * 1024 * 1024
"""Characters of activities that wait to be looked at; past that the oldest go."""

_OVERHEAD = 200
"""What an activity counts beside its text."""


class Lines:
    """Cuts a stream of bytes into lines. One over the limit comes as None: it is not held."""

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self._limit = limit
        self._open = bytearray()
        self._too_long = False

    def split(self, data: bytes) -> Iterator[bytes | None]:
        """The lines that `data` ends, without their line feeds."""
        first, *others = data.split(b"\n")
        self._hold(first)
        for part in others:
            yield self._take()
            self._hold(part)

    def rest(self) -> Iterator[bytes | None]:
        """What no line feed has ended yet."""
        if self._open or self._too_long:
            yield self._take()

    def _hold(self, part: bytes) -> None:
        if self._too_long:
            return
        if len(self._open) + len(part) > self._limit:
            self._too_long = True
            self._open = bytearray()
        else:
            self._open += part

    def _take(self) -> bytes | None:
        line = None if self._too_long else bytes(self._open)
        self._open.clear()
        self._too_long = False
        return line


class Shown:
    """Activities that wait for somebody who looks."""

    def __init__(self, limit: int = SHOWN_LIMIT) -> None:
        self._limit = limit
        self._waiting: deque[Activity] = deque()
        self._size = 0

    def add(self, activities: Sequence[Activity]) -> None:
        """Keep them, and let the oldest go where it is too much."""
        for each in activities:
            self._waiting.append(each)
            self._size += len(each.text) + _OVERHEAD
        while self._size > self._limit and len(self._waiting) > 1:
            self._size -= len(self._waiting.popleft().text) + _OVERHEAD

    def take(self) -> Sequence[Activity]:
        """All that wait."""
        taken = tuple(self._waiting)
        self._waiting.clear()
        self._size = 0
        return taken
