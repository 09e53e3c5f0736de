"""The call's folder as both sides open it: never through a link, never readable by others.

On POSIX every name is opened relative to a folder that is held open, so that moving the folder away
loses nothing. Files are 0600 under any umask. Windows has neither and goes by path.
"""

from __future__ import annotations

import os

_SAFE = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_SAFE |= getattr(os, "O_NOINHERIT", 0) | getattr(os, "O_NONBLOCK", 0)  # a FIFO of that name blocks nobody
READ = os.O_RDONLY
WRITE = os.O_WRONLY | os.O_CREAT
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL
APPEND = os.O_WRONLY | os.O_APPEND
_BY_FD = os.open in os.supports_dir_fd
_SEVERAL_MB = 1 << 22


class Folder:
    """One call's folder. All methods raise `OSError`, except where they say otherwise."""

    __slots__ = ("_fd", "_path")

    def __init__(self, path: bytes) -> None:
        self._path = path
        self._fd: int | None = None
        if _BY_FD:
            self._fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)

    def close(self) -> None:
        """Let go of the folder."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def open(self, name: str, flags: int) -> int:
        """A file descriptor of the file `name` in this folder."""
        if self._fd is None:
            return os.open(os.path.join(self._path, os.fsencode(name)), flags | _SAFE, 0o600)  # noqa: PTH118
        fd = os.open(name, flags | _SAFE, 0o600, dir_fd=self._fd)
        if flags & os.O_CREAT:
            os.fchmod(fd, 0o600)
        return fd

    def read(self, name: str, limit: int = _SEVERAL_MB) -> bytes | None:
        """The first `limit` bytes of the file, None where it cannot be read. Raises nothing."""
        try:
            fd = self.open(name, READ)
        except OSError:
            return None
        return read_up_to(fd, limit)

    def write(self, name: str, data: bytes) -> None:
        """Replace the file in one step; not synced."""
        temporary = name + ".tmp"
        fd = self.open(temporary, WRITE | os.O_TRUNC)
        try:
            os.write(fd, data)
        finally:
            os.close(fd)
        self.rename(temporary, name)

    def rename(self, old: str, new: str) -> None:
        """Give the file a new name, in place of one that has it."""
        if self._fd is None:
            os.replace(self.path(old), self.path(new))  # noqa: PTH105
        else:
            os.rename(old, new, src_dir_fd=self._fd, dst_dir_fd=self._fd)

    def remove(self, name: str) -> None:
        """Remove the file, if it is there."""
        try:
            if self._fd is None:
                os.unlink(self.path(name))  # noqa: PTH108
            else:
                os.unlink(name, dir_fd=self._fd)
        except FileNotFoundError:
            pass

    def sync(self) -> None:
        """Make new names survive a power cut, where the system can."""
        if self._fd is not None:
            os.fsync(self._fd)

    def names(self) -> list[str]:
        """The names in the folder; none where it cannot be read. Raises nothing."""
        try:
            return os.listdir(self._path.decode() if self._fd is None else self._fd)  # noqa: PTH208
        except OSError:
            return []

    def path(self, name: str) -> bytes:
        """The whole path of `name`."""
        return os.path.join(self._path, os.fsencode(name))  # noqa: PTH118


def read_up_to(fd: int, limit: int) -> bytes | None:
    """The next `limit` bytes of the file, which is then closed; None where it cannot be read."""
    try:
        parts = []
        while limit > 0 and (part := os.read(fd, min(limit, 1 << 16))):
            parts.append(part)
            limit -= len(part)
        return b"".join(parts)
    except OSError:
        return None
    finally:
        os.close(fd)
