"""How one stream of the agent is kept within a bound: its first half, and the newest of the rest.

The head is one file of up to half the cap. What comes after it goes to numbered segments of a quarter
of the cap each, of which the last two are kept. A reader therefore meets only files that grow and files
that are gone, never one that is written over; and what is kept never exceeds the cap.
"""

from __future__ import annotations

import os

from .folder import APPEND, NEW, WRITE, Folder

_LEAST = 4096


def head_size(cap: int) -> int:
    """Bytes of the stream that its first file holds; at least 4 KiB."""
    return max(_LEAST, cap // 2)


def segment_size(cap: int) -> int:
    """Bytes of one numbered segment; at least 4 KiB."""
    return max(_LEAST, cap // 4)


def segment_name(stream: str, number: int) -> str:
    """The file of the `number`-th segment after the head, from 1."""
    return f"{stream}.{number:06d}"


class Spool:
    """Writes one stream into the call's folder; `total` and `dropped` count its bytes."""

    __slots__ = ("_at", "_cap", "_fd", "_folder", "_left", "_name", "dropped", "total")

    def __init__(self, folder: Folder, name: str, cap: int) -> None:
        self._folder = folder
        self._name = name
        self._cap = cap
        self._at = 0
        self._left = head_size(cap)
        self.total = 0
        self.dropped = 0
        self._fd = folder.open(name, WRITE)

    def write(self, data: memoryview) -> None:
        """Keep `data`. Raises `OSError` where there is no room; the rest of it is then counted as dropped."""
        self.total += len(data)
        try:
            while len(data):
                if not self._left:
                    self._next_segment()
                done = os.write(self._fd, data[: self._left])
                self._left -= done
                data = data[done:]
        except OSError:
            self.dropped += len(data)
            raise

    def drop(self, count: int) -> None:
        """Count bytes that are not to be kept."""
        self.total += count
        self.dropped += count

    def _next_segment(self) -> None:
        fd = self._folder.open(segment_name(self._name, self._at + 1), NEW)
        os.close(self._fd)
        self._fd = fd
        self._at += 1
        self._left = segment_size(self._cap)
        if self._at > 2:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        try:
            self._folder.remove(segment_name(self._name, self._at - 2))
        except PermissionError:  # Windows, while somebody reads it: then it stays
            return
        self.dropped += segment_size(self._cap)

    def sync(self) -> None:
        """Make what was kept survive a power cut."""
        if not self.total:
            return
        os.fsync(self._fd)
        for number in range(max(0, self._at - 1), self._at):
            self._sync_closed(segment_name(self._name, number) if number else self._name)
        if self._at > 1:
            self._sync_closed(self._name)

    def _sync_closed(self, name: str) -> None:
        fd = self._folder.open(name, APPEND)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def close(self) -> None:
        """Close; where segments were dropped, say so at the end of the first file, for people."""
        os.close(self._fd)
        if self._at > 2:
            fd = self._folder.open(self._name, APPEND)
            try:
                os.write(fd, b"\n[llmauto: truncated %d bytes]\n" % self.dropped)
            finally:
                os.close(fd)
