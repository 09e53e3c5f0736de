"""How is the server of the page put together?"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from llmauto.errors import LlmautoError
from llmauto.home import Home
from llmauto.web.api import Api
from llmauto.web.guard import Guard, Hosts
from llmauto.web.hub import Hub
from llmauto.web.keys import Keys
from llmauto.web.reading import Reader
from llmauto.web.shipped import Shipped


class Page:
    """The page of one home. `app` is to be served, `routes` is the app behind its guard."""

    def __init__(self, home: Home, keys: Keys, hosts: Hosts) -> None:
        self.reader = Reader(home)
        self.hub = Hub(self.reader)
        self.api = Api(self.reader, self.hub, keys, Shipped())
        self.routes = Starlette(
            routes=list(self.api.routes()),
            exception_handlers={
                HTTPException: _http_error,
                LlmautoError: _our_error,
                LookupError: _not_found,
                Exception: _fault,
            },
            lifespan=self._lifespan,
        )
        self.routes.router.redirect_slashes = False
        self.app = Guard(self.routes, keys, hosts)

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        yield
        self.hub.close()
        self.reader.close()


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    said = {404: "there is nothing of that name", 405: "that is not done this way"}
    return JSONResponse({"error": said.get(status, "this cannot be done")}, status)


async def _our_error(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error), "hint": getattr(error, "hint", None)}, 500)


async def _not_found(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "there is nothing of that name"}, 404)


async def _fault(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": f"a fault in llmauto: {type(error).__name__}"}, 500)
