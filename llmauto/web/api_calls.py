"""What can be asked about one call?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from llmauto.web.answers import missing, stream
from llmauto.web.callfiles import CallFolder, Tail
from llmauto.web.hub import encoded
from llmauto.web.reading import Picture, Reader

TAIL_S = 0.2
"""How often a call's output is looked at, while somebody watches it."""


class OfRuns:
    """What finds the run that a request names."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def _picture(self, request: Request) -> Picture | None:
        return await self._reader.do(self._reader.picture, request.path_params["run"])


class CallRoutes(OfRuns):
    """The handlers for calls."""

    async def prompt(self, request: Request) -> Response:
        """What was sent to the agent."""
        return await self._of_call(request, CallFolder.prompt)

    async def result(self, request: Request) -> Response:
        """How the call ended, and its final text."""
        return await self._of_call(request, CallFolder.result)

    async def raw(self, request: Request) -> Response:
        """What the agent printed."""
        return await self._of_call(request, CallFolder.raw)

    async def activity(self, request: Request) -> Response:
        """What the agent was seen doing, and goes on doing: a stream."""
        folder = await self._folder(request)
        return missing() if folder is None else stream(self._follow(folder))

    async def _follow(self, folder: CallFolder) -> AsyncIterator[bytes]:
        tail = await self._reader.do(Tail, folder)
        quiet = 0.0
        try:
            yield encoded("activity", await self._reader.do(tail.read))
            while True:
                await asyncio.sleep(TAIL_S)
                news = await self._reader.do(tail.read)
                quiet = 0.0 if news else quiet + TAIL_S
                if news:
                    yield encoded("activity", news)
                elif (folder.path / "result.json").exists():
                    yield encoded("over", {})
                    return
                elif quiet >= 15.0:
                    quiet = 0.0
                    yield b": alive\n\n"
        finally:
            tail.close()

    async def _of_call(self, request: Request, read: Callable[[CallFolder], dict[str, Any]]) -> Response:
        folder = await self._folder(request)
        if folder is None:
            return missing()
        try:
            return JSONResponse(await self._reader.do(read, folder))
        except OSError:
            return missing()

    async def _folder(self, request: Request) -> CallFolder | None:
        picture, call = await self._picture(request), request.path_params["call"]
        if picture is None:
            return None
        link = next((b.link for b in picture.view.bars for a in b.attempts if a.call == call), None)
        try:
            return None if link is None else CallFolder(self._reader.home, picture.run, call, link)
        except LookupError:
            return None
