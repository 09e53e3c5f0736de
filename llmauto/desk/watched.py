"""Is a file still as we left it?

The content decides. A look at it is spared where size, times and inode are those of the last look and
that look came long enough after the last change: file systems keep time in ticks, and a change within
the same tick would show in none of these.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from llmauto import files
from llmauto.files import Content

_TICK_NS = 2_000_000_000
"""The coarsest tick that is about: FAT keeps times in 2 s."""

_Signature = tuple[int, int, int, int]


class WatchedFile:
    """One file that we write and that others may write too. `raw` is what we left there, or None."""

    def __init__(self, path: Path, cap: int) -> None:
        self.path = path
        self.raw: bytes | None = None
        self._cap = cap
        self._sure: _Signature | None = None
        self._left: _Signature | None = None
        self._knows_left = False
        self._seen: Content | None = None

    def expect(self, raw: bytes | None) -> None:
        """Take `raw` for what we left there, without a look."""
        self.raw = raw
        self._sure = self._left = self._seen = None
        self._knows_left = False

    def leave(self) -> None:
        """Take the file for left as it is now, be it missing: whoever writes it then has written it again."""
        self._left, self._knows_left = _signature(self.path), True

    def changed(self) -> Content | None:
        """What somebody else made of it; None where it is as we left it, or as it was at the last look.

        At most the cap and one byte more of it are read.
        """
        signature = _signature(self.path)
        if signature is not None and signature == self._sure:
            return None
        found = files.look(self.path, max(self._cap, len(self.raw or b"")) + 1)
        if self._is_ours(found):
            self._settle(signature)
            return None
        if found == self._seen:
            return None
        self._seen = found
        return found

    def written_again(self) -> bool:
        """Whether somebody has written the file since it was last left, and with the same content."""
        if self.raw is None or not self._knows_left or _signature(self.path) == self._left:
            return False
        return self._is_ours(files.look(self.path, len(self.raw) + 1))

    def publish(self, raw: bytes) -> bool:
        """Have `raw` there, in one step; True where it was written. Raises `DiskError`."""
        written = self._publish(raw)
        self.leave()
        return written

    def _publish(self, raw: bytes) -> bool:
        if raw != self.raw:
            self.raw, self._sure = raw, None
        signature = _signature(self.path)
        if signature is not None and signature == self._sure:
            return False
        found = files.look(self.path, len(raw) + 1)
        self._seen = None
        if self._is_ours(found):
            self._settle(signature)
            return False
        if found.kind == "folder":
            clear(self.path)
        files.write_atomic(self.path, raw)
        return True

    def set_aside(self) -> None:
        """Have nothing there: what stands in the way is kept beside it. Raises `DiskError`."""
        self._seen = None
        clear(self.path)

    def _is_ours(self, found: Content) -> bool:
        if self.raw is None:
            return found.kind == "missing"
        return found.kind == "file" and found.size == len(self.raw) and found.data == self.raw

    def _settle(self, signature: _Signature | None) -> None:
        """The content was just found to be ours: from now on the signature tells, if its tick is over."""
        over = signature is not None and time.time_ns() - max(signature[2:]) > _TICK_NS
        self._sure = signature if over else None


def _signature(path: Path) -> _Signature | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def clear(path: Path) -> None:
    """Have nothing at `path`: an empty folder is removed, all else moved aside. Raises `DiskError`."""
    with contextlib.suppress(OSError):
        path.rmdir()
        return
    with files.disk_errors(path, "move"):
        path.rename(path.with_name(f"{path.name}.{files.temp_mark()}.found"))
