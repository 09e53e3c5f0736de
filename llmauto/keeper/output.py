"""What the agent wrote, read back from the call's folder: while it grows, and whole once it is done."""

from __future__ import annotations

import os
from collections.abc import Iterator

from llmauto.keeper.child.folder import READ, Folder
from llmauto.keeper.child.spool import head_size, segment_name, segment_size

LINE_LIMIT = 16 * 2**20
"""Bytes of a line; a longer one is none that a CLI means to be read (fault table, default numbers)."""
_CHUNK = 2**20


class Gap:
    """Stands in the stream where bytes were dropped."""


GAP = Gap()


class Reader:
    """Reads one stream in order, from its first file on through its numbered segments."""

    def __init__(self, folder: Folder, stream: str, cap: int) -> None:
        self._folder = folder
        self._stream = stream
        self._cap = cap
        self._at = 0
        self._offset = 0
        self._fd = -1

    def read(self, limit: int = _CHUNK) -> bytes | Gap:
        """The next bytes, `GAP` once where some were dropped, b"" where there are no more for now."""
        size = segment_size(self._cap) if self._at else head_size(self._cap)
        if self._offset >= size:
            self.close()
            self._at, self._offset = self._at + 1, 0
            size = segment_size(self._cap)
        if self._fd < 0:
            try:
                self._fd = self._folder.open(self._name(), READ)
            except OSError:
                return self._skip()
        try:
            data = os.read(self._fd, min(limit, size - self._offset))
        except OSError:
            return b""
        self._offset += len(data)
        return data

    def _name(self) -> str:
        return segment_name(self._stream, self._at) if self._at else self._stream

    def _skip(self) -> bytes | Gap:
        later = [number for number in segments(self._folder, self._stream) if number > self._at > 0]
        if not later:
            return b""
        self._at = min(later)
        return GAP

    def close(self) -> None:
        """Let go of the open file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def segments(folder: Folder, stream: str) -> list[int]:
    """The numbers of the segments that are kept, in order."""
    ends = [name[len(stream) + 1 :] for name in folder.names() if name.startswith(stream + ".")]
    return sorted(int(end) for end in ends if end.isascii() and end.isdigit())


def kept_bytes(folder: Folder, stream: str, cap: int) -> int:
    """How many bytes of the stream are in the folder."""
    total = 0
    for number in [0, *segments(folder, stream)]:
        try:
            fd = folder.open(segment_name(stream, number) if number else stream, READ)
        except OSError:
            continue
        total += min(os.fstat(fd).st_size, segment_size(cap) if number else head_size(cap))
        os.close(fd)
    return total


def lines(folder: Folder, stream: str, cap: int) -> Iterator[bytes]:
    """All kept lines without their ends.

    A line over `LINE_LIMIT` comes as an empty one. Where bytes were dropped, what is left of the two lines
    at the edges of the gap is dropped too, and one empty line stands for all of it.
    """
    reader = Reader(folder, stream, cap)
    cutter = _Cutter()
    try:
        while True:
            data = reader.read()
            if isinstance(data, Gap):
                cutter.gap()
            elif data:
                yield from cutter.feed(data)
            else:
                yield from cutter.rest()
                return
    finally:
        reader.close()


class _Cutter:
    """Cuts chunks into lines."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._spoilt = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        first, *others = data.split(b"\n")
        self._add(first)
        for part in others:
            yield self._take()
            self._add(part)

    def gap(self) -> None:
        self._parts, self._size, self._spoilt = [], 0, True

    def rest(self) -> Iterator[bytes]:
        if self._size or self._spoilt:
            yield self._take()

    def _add(self, part: bytes) -> None:
        if self._spoilt or not part:
            return
        self._size += len(part)
        if self._size > LINE_LIMIT:
            self._parts, self._spoilt = [], True
        else:
            self._parts.append(part)

    def _take(self) -> bytes:
        line = b"" if self._spoilt else b"".join(self._parts)
        self._parts, self._size, self._spoilt = [], 0, False
        return line.removesuffix(b"\r")


def tail(folder: Folder, stream: str, cap: int, limit: int) -> bytes:
    """The last `limit` bytes that were kept."""
    kept = b""
    for number in [*reversed(segments(folder, stream)), 0]:
        name = segment_name(stream, number) if number else stream
        size = segment_size(cap) if number else head_size(cap)
        kept = _end(folder, name, size, limit - len(kept)) + kept
        if len(kept) >= limit:
            break
    return kept


def _end(folder: Folder, name: str, size: int, limit: int) -> bytes:
    try:
        fd = folder.open(name, READ)
    except OSError:
        return b""
    try:
        length = min(size, os.fstat(fd).st_size)
        os.lseek(fd, max(0, length - limit), os.SEEK_SET)
        return os.read(fd, min(limit, length))
    except OSError:
        return b""
    finally:
        os.close(fd)
