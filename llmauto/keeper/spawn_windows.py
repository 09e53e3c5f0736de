"""Puts a keeper to work on Windows: two pipes, no window, a process group of its own.

Written from the documentation of the Windows API; it was not run on Windows by its authors.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from llmauto.keeper.following import Link

PROGRAM = Path(__file__).with_name("run_keeper.py")
_KEPT_VARIABLES = ("SYSTEMROOT", "PATH", "TEMP", "TMP")
"""Windows itself, and some Pythons, do not start without."""
_BEGIN_S = 30.0

if sys.platform == "win32":
    import os
    import subprocess
    import threading

    class WindowsLink(Link):
        """A child with pipes for its order and its last words, which a thread reads."""

        def __init__(self, child: subprocess.Popen[bytes]) -> None:
            super().__init__()
            self._child = child
            self._gone = threading.Event()
            self._held = threading.Event()
            threading.Thread(target=self._read, daemon=True).start()

        def _read(self) -> None:
            assert self._child.stdout is not None
            for line in self._child.stdout:
                if line == b"held\n":
                    self._held.set()
                else:
                    self.said += line
            self._child.wait()
            self._held.set()
            self._gone.set()

        def wait_for_lock(self) -> None:
            """Until the keeper holds the call's lock, or has ended without."""
            self._held.wait(_BEGIN_S)

        def has_hung_up(self, wait_s: float) -> bool:
            """Wait up to `wait_s` seconds for the keeper's end."""
            return self._gone.wait(wait_s)

        def tell(self, how: str) -> None:
            """Wake the keeper with a wish; it may be ending already."""
            assert self._child.stdin is not None
            with contextlib.suppress(OSError):
                self._child.stdin.write(how.encode() + b"\n")
                self._child.stdin.flush()

        def kill(self) -> None:
            """End the keeper; the system then ends all that is in its job."""
            with contextlib.suppress(OSError):
                self._child.kill()

        def close(self) -> None:
            """Let go of the keeper."""
            assert self._child.stdin is not None
            with contextlib.suppress(OSError):
                self._child.stdin.close()

    def spawn(folder: Path, message: bytes) -> Link:
        """Start the keeper and hand it its order. Raises `OSError`."""
        flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
        with (folder / "keeper.log").open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-I", "-S", str(PROGRAM), str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ},
                creationflags=flags,
            )
        assert child.stdin is not None
        with contextlib.suppress(OSError):
            child.stdin.write(message)
            child.stdin.flush()
        link = WindowsLink(child)
        link.wait_for_lock()
        return link
