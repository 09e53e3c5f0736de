"""Which requests are let through to the routes at all? What is wrong is refused before any routing.

In this order: 421 for a foreign Host, 403 for a foreign Origin (and for none, where something is to be
done), 415 for a body that is no JSON, 413 for a large one, 401 without a key.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from llmauto.web.keys import Keys

LARGEST_BODY = 300 * 1024
"""Bytes of a request's body."""
PUBLIC = ("/", "/api/login")
"""What needs no key: the page itself, which holds no data, and the way in. Beside it the page's own files."""
PUBLIC_FOLDER = "/static/"

HEADERS = {
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; object-src 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Hosts:
    """Under which names and addresses the page may be asked for: `Host` headers, without their port.

    A name that an attacker lets point to this machine is none of them. With `any_address` every IP address
    is one: an address cannot be made to point elsewhere.
    """

    def __init__(self, names: Iterable[str], port: int, *, any_address: bool = False) -> None:
        self._names = {name.lower() for name in names}
        self._port = port
        self._any_address = any_address

    def allow(self, host: str) -> bool:
        """Whether that `Host` is one of ours, with our port."""
        name, port = _split(host)
        if port != self._port or not name:
            return False
        return name in self._names or (self._any_address and _is_address(name))

    def allow_origin(self, origin: str) -> bool:
        """Whether that `Origin` is the page's own."""
        scheme, found, host = origin.partition("://")
        return scheme == "http" and bool(found) and "/" not in host and self.allow(host)


def _split(host: str) -> tuple[str, int]:
    text = host.strip().lower()
    name, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        name, port = text, "80"
    return name.strip("[]"), int(port) if port.isascii() and port.isdecimal() else -1


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Guard:
    """Stands before the routes."""

    def __init__(self, app: App, keys: Keys, hosts: Hosts) -> None:
        self._app = app
        self._keys = keys
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no websockets here
            await send({"type": "websocket.close", "code": 1008})
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await _refuse(send, *refusal)
            return
        await self._app(scope, _bounded(receive), _with_headers(send))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        given = _headers(scope)
        if len(given.get("host", [])) != 1 or not self._hosts.allow(given["host"][0]):
            return 421, "this page is not served under that name"
        reads = scope["method"] in ("GET", "HEAD")
        if (wrong := self._foreign(scope, given, reads=reads)) is not None:
            return wrong
        if not reads:
            kind = given.get("content-type", [""])[0].partition(";")[0].strip().lower()
            if kind != "application/json":
                return 415, "the body has to be JSON"
            length = given.get("content-length", ["x"])[0]
            if not length.isdecimal():
                return 411, "the body's length has to be given"
            if int(length) > LARGEST_BODY:
                return 413, f"the body may have {LARGEST_BODY} bytes"
        path = scope["path"]
        if path in PUBLIC or path.startswith(PUBLIC_FOLDER):
            return None
        keys = given.get("authorization", [])
        if len(keys) != 1 or not self._keys.allows(keys[0]):
            return 401, "log in first"
        return None

    def _foreign(self, scope: Scope, given: dict[str, list[str]], *, reads: bool) -> tuple[int, str] | None:
        origins = given.get("origin", [])
        if any(not self._hosts.allow_origin(origin) for origin in origins):
            return 403, "another page's request"
        if not reads and len(origins) != 1:
            return 403, "a request without its origin"
        sites = given.get("sec-fetch-site", ["none"])
        if scope["path"] != "/" and any(site not in ("same-origin", "none") for site in sites):
            return 403, "another page's request"
        return None


def _headers(scope: Scope) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


def _bounded(receive: Receive) -> Receive:
    taken = 0

    async def bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        return message if taken <= LARGEST_BODY else {"type": "http.disconnect"}

    return bounded


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            ours = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            names = {name for name, _ in ours}
            message["headers"] = [*((n, v) for n, v in message["headers"] if n.lower() not in names), *ours]
        await send(message)

    return sent


async def _refuse(send: Send, status: int, why: str) -> None:
    body = json.dumps({"error": why}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    tell = _with_headers(send)
    await tell({"type": "http.response.start", "status": status, "headers": headers})
    await tell({"type": "http.response.body", "body": body})
