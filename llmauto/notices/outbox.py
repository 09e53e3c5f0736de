"""How does a notice get out without anybody waiting for it?

One thread takes notices one after the other and tries again where that may help. It lives as long as
there is something to send. Each notice ends once: delivered, or given up, with the reason.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WAITS_S = (1.0, 5.0, 25.0)
"""Seconds before the second, third and fourth try."""
LONGEST_WAIT_S = 60.0
"""What the other side may ask us to wait; more, and the notice is given up."""
ROOM = 50
"""Notices that may wait; one more, and the oldest is given up."""
LONGEST_CLOSE_S = 10.0
_KEPT_RESULTS = 1000

Wait = Callable[[threading.Event, float], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """How one try went: `again` where another may help, after at least `after_s` seconds."""

    delivered: bool
    why: str = ""
    again: bool = False
    after_s: float = 0.0


Deliver = Callable[[str, float], Tried]
"""Try to deliver a text within so many seconds. Raises nothing that it can foresee."""


class _Notice:
    __slots__ = ("over", "pause_s", "text", "title", "tries", "why")

    def __init__(self, title: str, text: str) -> None:
        self.title = title
        self.text = text
        self.tries = 0
        self.pause_s = 0.0
        self.why = ""
        self.over = False


class Outbox:
    """Sends texts over one channel. `try_s` is how long one try may take."""

    def __init__(
        self,
        channel: str,
        deliver: Deliver,
        *,
        try_s: float = 10.0,
        wait: Wait = threading.Event.wait,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._channel = channel
        self._deliver = deliver
        self._try_s = try_s
        self._wait = wait
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._waiting: deque[_Notice] = deque()
        self._current: _Notice | None = None
        self._worker: threading.Thread | None = None
        self._ended: deque[tuple[str, bool, str]] = deque(maxlen=_KEPT_RESULTS)
        self._hurry = threading.Event()
        self._never = threading.Event()
        self._ends_at: float | None = None  # of the monotonic clock, once the outbox is being closed
        self._quiet_until = 0.0  # of the monotonic clock: the other side asked for peace

    def put(self, title: str, text: str) -> None:
        """Hand a text over; `title` is what its result calls it. Returns at once."""
        notice = _Notice(title, text)
        with self._changed:
            if self._ends_at is not None:
                self._end(notice, "the run was over")
                return
            if len(self._waiting) >= ROOM:
                self._end(self._waiting.popleft(), "too many were waiting")
            self._waiting.append(notice)
            if self._worker is None:
                self._start()

    def results(self) -> Sequence[tuple[str, bool, str]]:
        """(channel, delivered, detail) of what has ended since the last time."""
        with self._changed:
            results = list(self._ended)
            self._ended.clear()
        return results

    def close(self, timeout_s: float) -> None:
        """Let what is waiting go out, the newest first; what is not out after `timeout_s` is given up."""
        timeout_s = max(0.0, min(timeout_s, LONGEST_CLOSE_S))
        with self._changed:
            if self._ends_at is None:
                self._ends_at = self._monotonic() + timeout_s
                self._hurry.set()
            self._changed.wait_for(lambda: self._worker is None, min(timeout_s, self._left()))
            for notice in (self._current, *self._waiting):
                if notice is not None:
                    self._end(notice, notice.why or "no answer came before the run was over")
            self._waiting.clear()

    # --- the worker; `_changed` is held where a name says nothing else ----------------------------

    def _start(self) -> None:
        worker = threading.Thread(target=self._work, name=f"notices-{self._channel}", daemon=True)
        try:
            worker.start()
        except RuntimeError:  # the system gives us no more threads
            self._end(self._waiting.pop(), "no thread could be started")
        else:
            self._worker = worker

    def _end(self, notice: _Notice, why: str = "") -> None:
        """Say how a notice ended, once; without a reason it was delivered."""
        if not notice.over:
            notice.over = True
            detail = f"{notice.title}: {why}" if why else notice.title
            self._ended.append((self._channel, not why, detail))

    def _work(self) -> None:
        while True:
            with self._changed:
                self._current = notice = self._next()
                if notice is None:
                    self._worker = None
                    self._changed.notify_all()
                    return
            self._send(notice)

    def _next(self) -> _Notice | None:
        if not self._waiting:
            return None
        # At the end of a run there may be no time for all, and the last one says how it ended.
        return self._waiting.popleft() if self._ends_at is None else self._waiting.pop()

    def _send(self, notice: _Notice) -> None:
        """Try until the notice is delivered or given up, or has to give way to others. Unlocked."""
        while not notice.over:
            if not self._pause(notice):
                return
            tried = self._try(notice)
            with self._changed:
                self._judge(notice, tried)

    def _try(self, notice: _Notice) -> Tried:
        try:
            return self._deliver(notice.text, min(self._try_s, self._left()))
        except Exception as error:  # noqa: BLE001  the outermost edge of the thread; its text may hold a secret
            return Tried(delivered=False, why=f"an unforeseen {type(error).__name__}")

    def _judge(self, notice: _Notice, tried: Tried) -> None:
        notice.tries += 1
        notice.why = tried.why
        if tried.delivered:
            self._end(notice)
        elif not tried.again or tried.after_s > LONGEST_WAIT_S:
            self._end(notice, tried.why or "it was not taken")
        elif notice.tries > len(WAITS_S):
            self._end(notice, f"{tried.why}, {notice.tries} tries")
        else:
            notice.pause_s = WAITS_S[notice.tries - 1]
            self._quiet_until = max(self._quiet_until, self._monotonic() + tried.after_s)

    def _pause(self, notice: _Notice) -> bool:
        """Wait for the time of the next try; False where the notice has to give way. Unlocked."""
        pause_s = max(notice.pause_s, self._quiet_until - self._monotonic())
        if pause_s <= 0:
            return True
        if self._ends_at is None:
            if not self._wait(self._hurry, pause_s):
                return True
            with self._changed:
                notice.pause_s = 0.0
                self._waiting.appendleft(notice)
            return False
        if pause_s >= self._left():
            with self._changed:
                self._end(notice, f"{notice.why or 'others are not taken'}, and no time is left to wait")
            return False
        self._wait(self._never, pause_s)
        return True

    def _left(self) -> float:
        """Seconds until all has to be over."""
        return float("inf") if self._ends_at is None else max(0.0, self._ends_at - self._monotonic())
