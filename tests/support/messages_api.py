"""A Messages API on loopback that plays a script, for tests that drive the real agent CLI.

    with MessagesApi() as api:
        api.on(Say("hello"))                                            # whoever asks
        api.on(Use("Write", {"file_path": f, "content": "x"}), Say("done"), when="link `worker`")
        api.next(Fail(529), Fail(529))                                  # the next two requests, then as above
        api.rule(lambda request: Say("bye") if len(request.prompts) > 3 else None)
        …
        assert [request.model for request in api.requests] == […]

Which turn a request gets: first what `next` queued; then, of all that `on` and `rule` said, the latest that
matches. The turns of one `on` are played in order after each prompt of the conversation, counted by the
request itself (`Request.step`), so that links may interleave and failed requests come again; past the last
turn the model says "done". Nothing matches: a 400 that says so, kept in `unscripted`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType

from tests.support.messages_request import Request, parse
from tests.support.messages_script import Drop, Fail, Hang, Say, Turn, Usage, Use, dollars, quota, usage_limit
from tests.support.messages_server import Server

__all__ = [
    "Drop",
    "Fail",
    "Hang",
    "MessagesApi",
    "Request",
    "Say",
    "Turn",
    "Usage",
    "Use",
    "dollars",
    "quota",
    "usage_limit",
]

When = str | Callable[[Request], bool] | None
"""Which requests: those whose last prompt contains the text, those the function is true of, or all."""

Rule = Callable[[Request], "Turn | None"]


class MessagesApi:
    """The server: `on`, `next` and `rule` script it, `requests` tells what came. Safe for many threads.

    `port` is one that another server had, so that it comes back; 0 for a free one.
    """

    def __init__(self, port: int = 0) -> None:
        self._news = threading.Condition()
        self._queue: list[tuple[When, Turn]] = []
        self._rules: list[Rule] = []
        self._requests: list[Request] = []
        self._strays: list[Request] = []
        self._unscripted: list[Request] = []
        self.mistakes: list[str] = []
        """What went wrong in the server itself, a rule that raised above all. The fixture asserts none."""
        self.closing = threading.Event()
        self._server = Server(self, port)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """What `ANTHROPIC_BASE_URL` has to be."""
        return f"http://127.0.0.1:{self.port}"

    # The script

    def on(self, *turns: Turn, when: When = None) -> None:
        """Play these turns after each prompt that `when` fits."""

        def play(request: Request) -> Turn | None:
            if not _fits(when, request):
                return None
            return turns[request.step] if request.step < len(turns) else Say("done")

        self.rule(play)

    def rule(self, decide: Rule) -> None:
        """Let a function decide; it says None where it has no opinion. It runs under the server's lock."""
        with self._news:
            self._rules.append(decide)

    def next(self, *turns: Turn, when: When = None) -> None:
        """Each of these turns answers one request that `when` fits, before anything else is asked."""
        with self._news:
            self._queue += [(when, turn) for turn in turns]

    # What came

    @property
    def requests(self) -> tuple[Request, ...]:
        """All requests to `/v1/messages`, in the order in which they came."""
        with self._news:
            return tuple(self._requests)

    @property
    def strays(self) -> tuple[Request, ...]:
        """All other requests: HEAD, count_tokens, and whatever else the CLI tried."""
        with self._news:
            return tuple(self._strays)

    @property
    def unscripted(self) -> tuple[Request, ...]:
        """The requests for which the script had no turn."""
        with self._news:
            return tuple(self._unscripted)

    def requests_of(self, when: When) -> tuple[Request, ...]:
        """The requests that `when` fits."""
        return tuple(request for request in self.requests if _fits(when, request))

    def wait_for(self, count: int = 1, *, when: When = None, timeout_s: float = 20.0) -> tuple[Request, ...]:
        """Return as soon as `count` requests have come that `when` fits. AssertionError after `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        with self._news:
            while len(found := self.requests_of(when)) < count:
                if not self._news.wait(max(0.0, deadline - time.monotonic())):
                    raise AssertionError(f"{len(found)} of {count} requests came within {timeout_s} s")
        return found

    def close(self) -> None:
        """Stop listening, and end every answer that hangs."""
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> MessagesApi:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Called by the server's threads

    def answer(self, method: str, path: str, headers: Mapping[str, str], raw: bytes) -> tuple[Request, Turn]:
        """Record a request to `/v1/messages` and choose its turn."""
        with self._news:
            request = parse(len(self._requests) + 1, method, path, headers, raw)
            self._requests.append(request)
            turn = self._choose(request)
            self._news.notify_all()
        return request, turn

    def stray(self, method: str, path: str, headers: Mapping[str, str], raw: bytes) -> None:
        """Record any other request."""
        with self._news:
            self._strays.append(parse(len(self._strays) + 1, method, path, headers, raw))

    def _choose(self, request: Request) -> Turn:
        for place, (when, turn) in enumerate(self._queue):
            if _fits(when, request):
                del self._queue[place]
                return turn
        for rule in reversed(self._rules):
            if (decided := rule(request)) is not None:
                return decided
        self._unscripted.append(request)
        return Fail(400, f"the test's script has no turn for request {request.number}")


def _fits(when: When, request: Request) -> bool:
    if when is None:
        return True
    return request.says(when) if isinstance(when, str) else when(request)
