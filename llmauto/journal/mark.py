"""Has the journal kept what was last recorded in it?

SQLite cannot tell that its `-wal` file was deleted, or that a whole journal was: it would go on from
an older state, and paid links would be repeated. So the last append is noted in a small file beside
it. The note is written after the commit and is never synced: it may lag behind, but never ahead.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from llmauto import files
from llmauto.errors import DiskError

Noted = tuple[str, int]
"""A run, and how many events it had after its last append."""

_SIZE = 256


class Mark:
    """The file `journal.db-mark`. It only ever helps: what goes wrong with it is passed over."""

    def __init__(self, journal: Path) -> None:
        self.path = journal.with_name(journal.name + "-mark")
        self._fd: int | None = None

    def read(self) -> Noted | None:
        """The last append; None where nothing is noted."""
        words = (files.read_small(self.path, _SIZE) or b"").decode("utf-8", errors="replace").split()
        if len(words) != 2 or not words[0].isdigit():
            return None
        return words[1], int(words[0])

    def write(self, run: str, seq: int) -> None:
        """Note an append that is committed."""
        with contextlib.suppress(OSError, DiskError):
            if self._fd is None:
                self._fd = files.open_private(self.path)
            os.lseek(self._fd, 0, os.SEEK_SET)
            os.write(self._fd, f"{seq} {run}\n".encode().ljust(_SIZE))

    def clear(self) -> None:
        """Nothing is noted: runs are about to be forgotten."""
        self.close()
        with contextlib.suppress(OSError):
            self.path.unlink()

    def close(self) -> None:
        """Let go of the file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
