"""What can be asked of the page's server? Its routes: reading changes nothing, and what acts is a POST."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from llmauto.cli.stats import day_of
from llmauto.rules.names import problem_with
from llmauto.views import Stats
from llmauto.views.jsonform import bars_json, round_json
from llmauto.views.values import Bar
from llmauto.web import asking, diffs
from llmauto.web.answers import body_of, missing, number, stream
from llmauto.web.api_calls import CallRoutes
from llmauto.web.hub import Hub
from llmauto.web.keys import Keys
from llmauto.web.reading import Picture, Reader
from llmauto.web.shipped import Shipped

Handler = Callable[[Request], Awaitable[Response]]
MOST_EVENTS = 1000
MOST_BARS = 2000
STATS_RUNS = 500


class Api(CallRoutes):
    """The handlers. `Api.routes` is all that there is."""

    def __init__(self, reader: Reader, hub: Hub, keys: Keys, shipped: Shipped) -> None:
        super().__init__(reader)
        self._hub = hub
        self._keys = keys
        self._shipped = shipped

    def routes(self) -> list[Route]:
        """All routes."""
        run, bar, call = "/api/runs/{run}", "/bars/{bar:int}", "/calls/{call:int}"
        reads: dict[str, Handler] = {
            "/": self.page,
            "/static/{name}": self.static,
            "/api/overview": self.overview,
            "/api/overview/stream": self.overview_stream,
            "/api/stats": self.stats,
            run: self.run,
            f"{run}/stream": self.run_stream,
            f"{run}/events": self.events,
            f"{run}/bars": self.bars,
            f"{run}{bar}/handoff": self.handoff,
            f"{run}{bar}/diff": self.bar_diff,
            f"{run}/rounds/{{round:int}}/diff": self.round_diff,
            f"{run}/compare": self.compare,
            f"{run}{call}/prompt": self.prompt,
            f"{run}{call}/result": self.result,
            f"{run}{call}/raw": self.raw,
            f"{run}{call}/activity": self.activity,
        }
        acts: dict[str, Handler] = {
            "/api/login": self.login,
            "/api/logout": self.logout,
            "/api/chains/{chain}/ask": self.ask,
        }
        return [
            *(Route(path, handler, methods=["GET"]) for path, handler in reads.items()),
            *(Route(path, handler, methods=["POST"]) for path, handler in acts.items()),
        ]

    # --- the page and its way in -------------------------------------------------------------------

    async def page(self, request: Request) -> Response:
        """The page itself; it holds no data."""
        return self._file("index.html")

    async def static(self, request: Request) -> Response:
        """A file of the page."""
        return self._file(request.path_params["name"])

    def _file(self, name: str) -> Response:
        found = self._shipped.files.get(name)
        if found is None:
            return missing()
        return Response(found.data, media_type=found.media_type)

    async def login(self, request: Request) -> Response:
        """A session for the token or a one-time code."""
        body = await body_of(request)
        key = body.get("key") if body is not None else None
        session = self._keys.open_session(key, time.monotonic()) if isinstance(key, str) else None
        if session is None:
            return JSONResponse({"error": "this key does not count, or not any more"}, 401)
        return JSONResponse({"session": session})

    async def logout(self, request: Request) -> Response:
        """The session ends."""
        self._keys.close_session(request.headers.get("authorization", "").partition(" ")[2].strip())
        return JSONResponse({})

    # --- the home ----------------------------------------------------------------------------------

    async def overview(self, request: Request) -> Response:
        """All chains and the newest runs."""
        return JSONResponse(await self._reader.do(self._reader.overview))

    async def overview_stream(self, request: Request) -> Response:
        """The same, whenever it has changed."""
        return stream(self._hub.overview())

    async def stats(self, request: Request) -> Response:
        """The figures over the newest runs, of one chain or all."""
        return JSONResponse(await self._reader.do(self._stats, request.query_params.get("chain") or None))

    def _stats(self, chain: str | None) -> dict[str, Any]:
        found = Stats(day_of)
        for summary in self._reader.journal.runs(chain, STATS_RUNS):
            if summary.chain and (picture := self._reader.picture(summary.run)) is not None:
                found.add(picture.view)
        return {"chain": chain, **found.to_json()}

    async def ask(self, request: Request) -> Response:
        """Stop, pause, resume, steer, approve, deny."""
        chain, body = request.path_params["chain"], await body_of(request)
        if problem_with(chain) is not None:
            return missing()
        if body is None:
            return JSONResponse({"error": "the body is no JSON object"}, 400)
        given = (body.get("kind"), body.get("text", ""))
        answer = await self._reader.do(asking.ask, self._reader.home, chain, *given)
        key = "said" if answer.status == 200 else "error"
        return JSONResponse({key: answer.said}, answer.status)

    # --- a run -------------------------------------------------------------------------------------

    async def run(self, request: Request) -> Response:
        """The run, whole."""
        found = await self._reader.do(self._reader.whole, request.path_params["run"])
        return missing() if found is None else JSONResponse(found)

    async def run_stream(self, request: Request) -> Response:
        """The run, whole, and then what happens in it."""
        return stream(self._hub.run(request.path_params["run"]))

    async def events(self, request: Request) -> Response:
        """Events as they are kept."""
        after = number(request, "after")
        if after is None or await self._picture(request) is None:
            return missing()
        run = request.path_params["run"]
        found = await self._reader.do(self._reader.events, run, after, MOST_EVENTS)
        return JSONResponse({"events": found})

    async def bars(self, request: Request) -> Response:
        """The bars of rounds before `before`, the newest of them."""
        picture, before = await self._picture(request), number(request, "before")
        if picture is None or before is None:
            return missing()
        bars = [bar for bar in picture.view.bars if bar.round < before][-MOST_BARS:]
        first = bars[0].round if len(bars) == MOST_BARS else 0
        rounds = [one for one in picture.view.rounds.values() if first <= one.round < before]
        return JSONResponse(
            {
                "bars_from": first,
                "bars": bars_json(bar for bar in bars if bar.round >= first),
                "rounds": [round_json(one) for one in rounds],
            }
        )

    async def handoff(self, request: Request) -> Response:
        """The handoff that a link was given and the one that it gave, and what differs."""
        found = await self._bar(request)
        if found is None:
            return missing()
        return JSONResponse(await self._reader.do(self._texts, found[1].handoff_in, found[1].handoff_out))

    def _texts(self, first: str, last: str) -> dict[str, Any]:
        journal = self._reader.journal
        before, after = ((journal.handoff(sha) or "") if sha else "" for sha in (first, last))
        same = bool(last) and first == last
        return {"before": before, "after": after, "same": same, "lines": diffs.text_diff(before, after)}

    async def bar_diff(self, request: Request) -> Response:
        """What git shows of a link's turn."""
        found = await self._bar(request)
        if found is None:
            return missing()
        picture, bar = found
        return JSONResponse(await self._reader.do(diffs.git_diff, _workdir(picture), bar.before, bar.after))

    async def round_diff(self, request: Request) -> Response:
        """What git shows of a round."""
        picture = await self._picture(request)
        if picture is None:
            return missing()
        commits = _commits(picture, request.path_params["round"])
        return JSONResponse(await self._reader.do(diffs.git_diff, _workdir(picture), *commits))

    async def compare(self, request: Request) -> Response:
        """The last handoffs and the files of two rounds."""
        picture = await self._picture(request)
        a, b = number(request, "a"), number(request, "b")
        if picture is None or a is None or b is None:
            return missing()
        link = request.query_params.get("link", "")
        shas = [_last_handoff(picture, number, link) for number in (a, b)]
        texts = await self._reader.do(self._texts, *shas)
        ends = [_commits(picture, number)[1] for number in (a, b)]
        files = await self._reader.do(diffs.git_diff, _workdir(picture), *ends)
        return JSONResponse({"handoff": texts, "files": files})

    async def _bar(self, request: Request) -> tuple[Picture, Bar] | None:
        picture, index = await self._picture(request), request.path_params["bar"]
        if picture is None or index >= len(picture.view.bars):
            return None
        return picture, picture.view.bars[index]


def _workdir(picture: Picture) -> str:
    started = picture.view.progress.started
    return started.workdir if started is not None else ""


def _commits(picture: Picture, number: int) -> tuple[str, str]:
    """The first and the last checkpoint of a round."""
    bars = [bar for bar in picture.view.bars if bar.round == number]
    first = next((bar.before or bar.after for bar in bars if bar.before or bar.after), "")
    last = next((bar.after or bar.before for bar in reversed(bars) if bar.before or bar.after), "")
    return first, last


def _last_handoff(picture: Picture, number: int, link: str) -> str:
    bars = [b for b in picture.view.bars if b.round == number and b.handoff_out and link in ("", b.link)]
    return bars[-1].handoff_out if bars else ""
