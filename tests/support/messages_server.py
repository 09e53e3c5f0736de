"""How the scripted Messages API speaks HTTP: a thread per connection, answers that break off or hang."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import sys
import threading
from collections.abc import Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol, cast

from tests.support import messages_wire as wire
from tests.support.messages_request import Request
from tests.support.messages_script import Drop, Fail, Hang, Turn, Usage

_POLL_S = 0.02  # how soon a hanging answer notices that the client went
_PAUSE_S = 0.05  # so that the client has read what was sent before its connection goes


class Director(Protocol):
    """What the server asks: which turn a request gets, and whether the play is over."""

    closing: threading.Event
    mistakes: list[str]

    def answer(self, method: str, path: str, headers: Mapping[str, str], raw: bytes) -> tuple[Request, Turn]:
        """Record a request to `/v1/messages` and choose its turn."""

    def stray(self, method: str, path: str, headers: Mapping[str, str], raw: bytes) -> None:
        """Record any other request."""


class Server(ThreadingHTTPServer):
    """Listens on a port of 127.0.0.1, 0 for a free one."""

    daemon_threads = True

    def __init__(self, director: Director, port: int = 0) -> None:
        self.director = director
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: Any, client_address: object) -> None:
        """Keep what the server itself did wrong; a client that goes in mid-answer is part of the play."""
        error = sys.exc_info()[1]
        if isinstance(error, ConnectionError):
            return
        self.director.mistakes.append(repr(error))
        with contextlib.suppress(OSError):  # a 400 ends the CLI at once; silence it would retry for minutes
            request.sendall(b"HTTP/1.1 400 Mistake In The Script\r\nconnection: close\r\n\r\n")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    number = 0

    @property
    def director(self) -> Director:
        return cast("Server", self.server).director

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr."""

    def do_HEAD(self) -> None:
        self._other()

    def do_GET(self) -> None:
        self._other()

    def do_POST(self) -> None:
        if self._route() != "/v1/messages":
            self._other()
            return
        request, turn = self.director.answer("POST", self.path, dict(self.headers.items()), self._body())
        self.number = request.number
        with contextlib.suppress(ConnectionError):
            self._play(request, turn)

    def _other(self) -> None:
        raw = self._body()
        self.director.stray(self.command, self.path, dict(self.headers.items()), raw)
        if self._route() == "/v1/messages/count_tokens":
            self._json(200, {"input_tokens": len(raw) // 4}, {})
        elif self.command == "HEAD":
            self._json(200, {}, {})
        else:
            self._json(404, Fail(404, f"no {self.path} here").error(), {})

    def _play(self, request: Request, turn: Turn) -> None:
        if isinstance(turn, Hang) and turn.after is None:
            turn = turn.then if self._hold(turn.until) else Drop()
        if isinstance(turn, Fail):
            self._fail(turn)
        elif isinstance(turn, (Drop, Hang)):
            self._begin_and_stop(request, turn)
        elif request.stream:
            self._begin_stream(turn.headers)
            self._events(wire.events(turn, number=request.number, model=request.model))
            self._chunk(b"")
        else:
            whole = wire.message(turn, number=request.number, model=request.model)
            self._json(200, whole, turn.headers)

    def _begin_and_stop(self, request: Request, turn: Drop | Hang) -> None:
        """An answer that stops in the middle, and goes on only where a hanging one is let go."""
        if turn.after is None:
            self._hang_up()
            return
        self._begin_stream({})
        self._events(wire.opening(Usage(), number=request.number, model=request.model))
        self._events(wire.text_so_far(turn.after))
        if isinstance(turn, Drop):
            self.director.closing.wait(_PAUSE_S)
            self._hang_up()
            return
        if not self._hold(turn.until):
            self._hang_up()
            return
        self._events([{"type": "content_block_stop", "index": 0}])
        self._events(wire.closing(Usage(), "end_turn"))
        self._chunk(b"")

    def _hold(self, until: threading.Event | None) -> bool:
        """Wait in silence: True where `until` was set, False where the client went or the server closes."""
        while not self.director.closing.is_set() and not self._client_went():
            if until is not None and until.is_set():
                return True
            self.director.closing.wait(_POLL_S)
        return False

    def _client_went(self) -> bool:
        readable, _, _ = select.select([self.connection], [], [], 0)
        return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _fail(self, turn: Fail) -> None:
        if turn.body is None:
            self._json(turn.status, turn.error(), turn.headers)
        else:
            self._whole(turn.status, turn.body.encode("utf-8"), turn.headers)

    def _json(self, status: int, value: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        self._whole(status, json.dumps(value).encode(), {"content-type": "application/json", **headers})

    def _whole(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self._head(status, {**headers, "content-length": str(len(body))})
        if self.command != "HEAD":
            self.wfile.write(body)

    def _begin_stream(self, headers: Mapping[str, str]) -> None:
        self._head(200, {**headers, "content-type": "text/event-stream", "transfer-encoding": "chunked"})

    def _events(self, events: Iterable[wire.Event]) -> None:
        for event in events:
            self._chunk(wire.sse(event))

    def _chunk(self, data: bytes) -> None:
        """One piece of a chunked body; an empty one ends it."""
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"request-id": f"req_{self.number:04}", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _route(self) -> str:
        return self.path.partition("?")[0]

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length") or 0))
