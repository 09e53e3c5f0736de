"""What time is it, and how does the program wait without missing a signal?

The wait is a `poll` on a pipe that `wake` writes to: it runs on the monotonic clock (a lock's
time-out does not on every Python), and a signal handler may end it safely at any moment.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import time

LONGEST_PAUSE_S = 86_400.0
"""One pause at the most: `poll` takes milliseconds as a C int."""

if sys.platform == "win32":
    import threading

    class _Bell:
        """For Windows, where `select` takes sockets only, and a lock's time-out is monotonic."""

        def __init__(self) -> None:
            self._lock = threading.Lock()
            self._lock.acquire()

        def wait(self, seconds: float) -> None:
            self._lock.acquire(timeout=seconds)

        def ring(self) -> None:
            with contextlib.suppress(RuntimeError):  # it has rung, and nobody waited yet
                self._lock.release()

else:

    class _Bell:
        def __init__(self) -> None:
            self._read, self._write = os.pipe()
            os.set_blocking(self._read, False)
            os.set_blocking(self._write, False)
            self._poll = select.poll()
            self._poll.register(self._read, select.POLLIN)

        def wait(self, seconds: float) -> None:
            if self._poll.poll(seconds * 1000):
                with contextlib.suppress(BlockingIOError):
                    os.read(self._read, 4096)

        def ring(self) -> None:
            with contextlib.suppress(OSError):  # a full pipe rings already
                os.write(self._write, b"!")

        def __del__(self) -> None:
            for fd in (self._read, self._write):
                with contextlib.suppress(OSError):
                    os.close(fd)


class SystemClock:
    """The `Clock` of this machine.

    `monotonic` does not count suspends on Linux and macOS; on Windows it may.
    """

    def __init__(self, poll_s: float = 0.5) -> None:
        self.poll_s = poll_s
        self._bell = _Bell()

    def now(self) -> float:
        """UTC seconds since the epoch; may jump."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds from some start; never back."""
        return time.monotonic()

    def pause(self, seconds: float) -> None:
        """Block for `seconds`, or until somebody calls `wake`; a `wake` beforehand counts once."""
        if seconds > 0:
            self._bell.wait(min(seconds, LONGEST_PAUSE_S))

    def wake(self) -> None:
        """End the pause that is on, or else the next one. Safe in a signal handler and in any thread."""
        self._bell.ring()
