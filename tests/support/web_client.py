"""Speaks with the page's server in this process, as ASGI: no port, no network."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from llmauto.web.app import Page

HOST = "127.0.0.1:8765"
ORIGIN = f"http://{HOST}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back. Header names are lower-case; of a stream, `body` is its beginning."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Client:
    """A browser's requests, or those of somebody who only looks like one."""

    def __init__(self, page: Page, key: str = "") -> None:
        self._page = page
        self._key = key

    def get(self, path: str, **headers: str) -> Answer:
        """A GET."""
        return self.request("GET", path, headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        """A POST of JSON from the page itself, but for what `headers` say."""
        whole = {"origin": ORIGIN, "content-type": "application/json", **headers}
        return self.request("POST", path, whole, json.dumps({} if body is None else body).encode())

    def request(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        """Any request. A header of "" is left out; `_` in its name is `-`."""
        given = {"host": HOST, "content-length": str(len(body)), **(headers or {})}
        if self._key:
            given.setdefault("authorization", f"Bearer {self._key}")
        return asyncio.run(self._ask(method, path, {k.replace("_", "-"): v for k, v in given.items()}, body))

    async def _ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        path, _, query = path.partition("?")
        scope: MutableMapping[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "scheme": "http",
            "headers": [(k.encode(), v.encode("latin-1")) for k, v in headers.items() if v],
            "root_path": "",
            "server": ("127.0.0.1", 8765),
            "client": ("127.0.0.1", 1),
        }
        sent: list[MutableMapping[str, Any]] = []
        seen_some = asyncio.Event()
        first = True

        async def receive() -> MutableMapping[str, Any]:
            nonlocal first
            if first:
                first = False
                return {"type": "http.request", "body": body, "more_body": False}
            await seen_some.wait()
            return {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)
            if message["type"] == "http.response.body":
                seen_some.set()

        await asyncio.wait_for(self._page.app(scope, receive, send), 20)
        head = sent[0]
        return Answer(
            status=head["status"],
            headers={k.decode().lower(): v.decode() for k, v in head["headers"]},
            body=b"".join(one.get("body", b"") for one in sent[1:]),
        )
