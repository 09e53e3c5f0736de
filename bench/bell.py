"""How does an agent say that it has begun, so that the moment is known to a fraction of a millisecond?"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

from bench.figures import NotHereError

LONGEST_S, SLICE_S = 30.0, 0.2


class Bell:
    """A named pipe. `argv` is a program that rings it; whoever waits takes the time when it is heard."""

    def __init__(self, path: Path) -> None:
        if sys.platform == "win32":
            raise NotHereError("there are no named pipes of this kind on Windows")
        self._path = path
        os.mkfifo(path)
        # Open for writing as well, so that ringing never waits for us.
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def argv(self, then: str = "") -> tuple[str, ...]:
        """A program that rings, and then does what the shell words `then` say."""
        return ("/bin/sh", "-c", f'echo > "$0"; {then}', str(self._path))

    def heard(self, runner: subprocess.Popen[bytes] | None = None) -> float:
        """Wait until it is rung: the `time.perf_counter` of that.

        Raises `TimeoutError`, and at once where the `runner` that should see to it has failed.
        """
        until = time.monotonic() + LONGEST_S
        while time.monotonic() < until:
            ready, _, _ = select.select([self._fd], [], [], SLICE_S)
            now = time.perf_counter()
            if ready:
                os.read(self._fd, 65536)
                return now
            if runner is not None and runner.poll():
                raise RuntimeError(f"the runner ended with exit code {runner.returncode}: no agent was begun")
        raise TimeoutError(f"no agent has begun within {LONGEST_S:.0f} s")

    def __enter__(self) -> Bell:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        os.close(self._fd)
