"""How does what happens reach everybody who looks? Read once, folded once, encoded once, handed to all."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from llmauto.errors import LlmautoError
from llmauto.web.reading import Picture, Reader

POLL_S = 0.05
"""How often the journal is asked whether anything was written, while somebody looks."""
OVERVIEW_S = 1.0
"""The list of runs is made anew at most so often."""
LOOK_S = 1.0
"""How often the journal itself is asked where its files look the same."""
ALIVE_S = 15.0
"""A stream that has nothing to say gives a sign of life."""
WAITING = 256
"""Messages that wait for one who looks; whoever is further behind gets the whole anew."""


def encoded(kind: str, value: Any) -> bytes:
    """One message of a stream of server-sent events."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return f"event: {kind}\ndata: {text}\n\n".encode("utf-8", "replace")


class Viewer:
    """One open stream."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes] = asyncio.Queue(WAITING)
        self.behind = False

    def put(self, message: bytes) -> None:
        """Hand a message over, without waiting."""
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            self.behind = True


class Hub:
    """Streams of runs and of the overview. Nothing is read while nobody looks."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._runs: dict[str, tuple[Picture, set[Viewer]]] = {}
        self._home: set[Viewer] = set()
        self._task: asyncio.Task[None] | None = None
        self._over = False
        self._stale = True
        self._told_at = float("-inf")
        self._touched: object = None
        self._looked_at = float("-inf")
        self._wholes: dict[str, tuple[int, bytes]] = {}

    def close(self) -> None:
        """End all streams."""
        self._over = True
        if self._task is not None:
            self._task.cancel()

    # --- streams ----------------------------------------------------------------------------------

    async def run(self, run: str) -> AsyncIterator[bytes]:
        """The run, whole, then what happens in it. Ends where the run is not known."""
        viewer = Viewer()
        while not self._over:
            first = await self._join(run, viewer)
            if first is None:
                yield encoded("gone", {})
                return
            try:
                yield first
                async for message in self._messages(viewer):
                    yield message
            finally:
                self._leave(run, viewer)

    async def overview(self) -> AsyncIterator[bytes]:
        """The list of runs, whenever it has changed."""
        viewer = Viewer()
        self._home.add(viewer)
        self._begin()
        try:
            yield encoded("overview", await self._reader.do(self._reader.overview))
            while not self._over:
                async for message in self._messages(viewer):
                    yield message
                viewer.behind = False
        finally:
            self._home.discard(viewer)

    async def _messages(self, viewer: Viewer) -> AsyncIterator[bytes]:
        while not self._over and not viewer.behind:
            try:
                yield await asyncio.wait_for(viewer.queue.get(), ALIVE_S)
            except asyncio.TimeoutError:
                yield b": alive\n\n"

    async def _join(self, run: str, viewer: Viewer) -> bytes | None:
        viewer.behind = False
        viewer.queue = asyncio.Queue(WAITING)
        known = self._runs.get(run)
        if known is None:
            picture = await self._reader.do(self._reader.picture, run)
            if picture is None:
                return None
            known = self._runs.setdefault(run, (picture, set()))
            known[0].watched = True
        # In this order: what happens from now on is in the queue, what was before in the whole.
        known[1].add(viewer)
        message = await self._reader.do(self._whole, known[0])
        self._begin()
        return message

    def _whole(self, picture: Picture) -> bytes:
        """The whole as a message; of those who come at the same time it is made once."""
        kept = self._wholes.get(picture.run)
        if kept is None or kept[0] != picture.position:
            kept = (picture.position, encoded("whole", picture.whole()))
            self._wholes = {picture.run: kept}
        return kept[1]

    def _leave(self, run: str, viewer: Viewer) -> None:
        known = self._runs.get(run)
        if known is not None:
            known[1].discard(viewer)
            if not known[1]:
                known[0].watched = False
                del self._runs[run]
                self._wholes.pop(run, None)

    # --- the one who reads ------------------------------------------------------------------------

    def _begin(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        while not self._over and (self._runs or self._home):
            with suppress(LlmautoError, OSError):  # the next look may find it in order
                await self._look()
            await asyncio.sleep(POLL_S)

    async def _look(self) -> None:
        touched, now = self._reader.touched(), time.monotonic()
        if touched == self._touched and now - self._looked_at < LOOK_S:
            return
        self._touched, self._looked_at = touched, now
        changed = await self._reader.do(self._reader.changed)
        self._stale |= changed
        for run, (picture, viewers) in list(self._runs.items()):
            if changed or time.monotonic() - picture.looked_at > 2.0:
                await self._tell(run, picture, viewers)
        if self._home and time.monotonic() - self._told_at > (OVERVIEW_S if self._stale else 5.0):
            self._stale, self._told_at = False, time.monotonic()
            message = encoded("overview", await self._reader.do(self._reader.overview))
            for viewer in self._home:
                viewer.put(message)

    async def _tell(self, run: str, picture: Picture, viewers: set[Viewer]) -> None:
        try:
            message = await self._reader.do(self._news, picture)
        except LookupError:
            message = encoded("gone", {})
        if message is not None:
            for viewer in list(viewers):
                viewer.put(message)

    def _news(self, picture: Picture) -> bytes | None:
        news = self._reader.news(picture)
        return None if news is None else encoded("patch", news)
