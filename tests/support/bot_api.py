"""A Telegram Bot API on loopback that answers by a script: failures, hangs, redirects, garbage."""

from __future__ import annotations

import contextlib
import json
import ssl
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, cast

OK = b'{"ok": true, "result": {"message_id": 7}}'


@dataclass(frozen=True)
class Says:
    """An answer."""

    status: int = 200
    body: bytes = OK
    headers: tuple[tuple[str, str], ...] = ()


def fails(status: int, description: str = "", **parameters: int) -> Says:
    """The API's own words for a failure."""
    data = {"ok": False, "error_code": status, "description": description, "parameters": parameters}
    return Says(status, json.dumps(data).encode())


@dataclass(frozen=True)
class Sends:
    """Raw bytes in place of an answer, one piece after the other with `pause_s` between; then the end."""

    pieces: tuple[bytes, ...]
    pause_s: float = 0.0


class Hangs:
    """No answer at all."""


Play = Says | Sends | Hangs


@dataclass(frozen=True)
class Request:
    """What came in."""

    path: str
    body: dict[str, Any]
    headers: dict[str, str]

    @property
    def text(self) -> str:
        """The message."""
        return str(self.body["text"])


class BotApi:
    """The server. `plays` are used one for each request, the last again and again; none is `Says()`."""

    def __init__(self, *plays: Play, tls: ssl.SSLContext | None = None) -> None:
        self.plays = list(plays)
        self.requests: list[Request] = []
        self.mistakes: list[str] = []
        self.closing = threading.Event()
        self.came = threading.Event()
        self._lock = threading.Lock()
        self._server = _Server(self)
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self.port = int(self._server.server_address[1])
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"

    def __enter__(self) -> BotApi:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)
        assert not self.mistakes

    def next_play(self, request: Request) -> Play:
        """Record the request and choose its answer."""
        with self._lock:
            self.requests.append(request)
            self.came.set()
            return self.plays[min(len(self.requests), len(self.plays)) - 1] if self.plays else Says()

    @property
    def texts(self) -> list[str]:
        """The messages that came in."""
        return [request.text for request in self.requests]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, api: BotApi) -> None:
        self.api = api
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: object) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):  # a client that goes is a part of the play
            self.api.mistakes.append(repr(error))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def api(self) -> BotApi:
        return cast("_Server", self.server).api

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr."""

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        play = self.api.next_play(Request(self.path, json.loads(raw), dict(self.headers.items())))
        with contextlib.suppress(OSError):
            self._answer(play)

    def _answer(self, play: Play) -> None:
        self.close_connection = True
        if isinstance(play, Hangs):
            self.api.closing.wait(10)
        elif isinstance(play, Sends):
            for piece in play.pieces:
                self.wfile.write(piece)
                self.wfile.flush()
                if self.api.closing.wait(play.pause_s):
                    return
        else:
            self.send_response(play.status)
            for name, value in (("content-length", str(len(play.body))), *play.headers):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(play.body)


Wait = Callable[[threading.Event, float], bool]


class Waits:
    """A `Wait` that takes no time; `asked` has what was asked for."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    def __call__(self, bell: threading.Event, seconds: float) -> bool:
        self.asked.append(seconds)
        return bell.is_set()
