"""How are the engine's own files read and written: private, whole or not at all, and never through a link?

Folders are 0700, files 0600, under any umask. A symbolic link where one of our files or folders
belongs is refused and what it points to stays untouched. Every `OSError` becomes a `DiskError` that
names the path and what to do.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from llmauto.errors import DiskError

# What Windows does not have is 0 there: it has no such files to be careful about.
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NONBLOCK = getattr(os, "O_NONBLOCK", 0)
_SAFE = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOINHERIT", 0) | getattr(os, "O_BINARY", 0) | _NOFOLLOW
_FOLDER = getattr(os, "O_DIRECTORY", 0)

_AT_ONCE = 1 << 20
_TEMP_NAME = re.compile(r"\..+\.[0-9a-f]{8}\.tmp")
STALE_TEMP_S = 3600.0
"""A temp file this old was left by a process that was killed."""

_HINTS = {
    errno.ENOSPC: "make room on that disk, then start again: nothing of the run is lost",
    errno.EDQUOT: "your quota is used up: make room, then start again: nothing of the run is lost",
    errno.EROFS: "that file system is read-only: mount it writable, or use another home with `--home DIR`",
    errno.EACCES: "give yourself permission to write there, or use another home with `--home DIR`",
    errno.EPERM: "give yourself permission to write there, or use another home with `--home DIR`",
    errno.EMFILE: "this process has too many files open: raise `ulimit -n`",
}
_LINK_HINT = "llmauto writes nothing through links: remove the link, or name its target with `--home DIR`"


class Content(NamedTuple):
    """What stands at a path. `kind`: file · missing · link · folder · special · unreadable.

    `data` is the beginning of a file, at most as much as was asked for; `size` is its whole size.
    """

    kind: str
    data: bytes = b""
    size: int = 0


def disk_error(error: OSError, path: Path, doing: str = "write") -> DiskError:
    """`error` as a `DiskError` that names the path and what to do."""
    reason = (error.strerror or str(error) or type(error).__name__).lower()
    hint = _HINTS.get(error.errno or 0)
    if doing == "read" and error.errno in (errno.EACCES, errno.EPERM):
        hint = "give yourself permission to read it"
    return DiskError(f"cannot {doing} `{path}`: {reason}", hint=hint)


def expanded(given: str) -> Path:
    """The path that a person gave, with a leading `~` as their home."""
    try:
        return Path(given).expanduser()
    except RuntimeError:  # `~somebody` who is not known here: then it is a name like any other
        return Path(given)


@contextlib.contextmanager
def disk_errors(path: Path, doing: str = "write") -> Iterator[None]:
    """Turn any `OSError` within into a `DiskError` about `path`."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _refused(path) from error
        raise disk_error(error, path, doing) from error


def _refused(path: Path) -> DiskError:
    return DiskError(f"`{path}` is a symbolic link", hint=_LINK_HINT)


def write_atomic(path: Path, data: bytes | str, *, sync: bool = False) -> None:
    """Replace the file in one step: a reader sees the old or the new one, whole.

    With `sync` it is on the disk when this returns, name and all. A link or a file at `path` is
    replaced, never followed. Raises `DiskError`; then the old file stands as it was.
    """
    raw = data.encode("utf-8", errors="replace") if isinstance(data, str) else data
    temp = path.with_name(f".{path.name}.{temp_mark()}.tmp")
    with disk_errors(path):
        try:
            _write_new(temp, raw, sync)
            _replace(temp, path)
        except BaseException:
            with contextlib.suppress(OSError):
                temp.unlink()
            raise
        if sync:
            sync_folder(path.parent)


def temp_mark() -> str:
    """What makes the name of a temp file unique; `sweep_temp` knows it."""
    return os.urandom(4).hex()


def create_private(path: Path) -> None:
    """An empty file that was not there before. Raises `DiskError`, also where something is there."""
    with disk_errors(path):
        _write_new(path, b"", False)


def open_private(path: Path) -> int:
    """The descriptor of a file to read and write, made where it is missing. Raises `DiskError`."""
    with disk_errors(path):
        return _open_private(path, os.O_RDWR)


def _open_private(path: Path, flags: int) -> int:
    if not _NOFOLLOW and path.is_symlink():
        raise _refused(path)
    fd = os.open(path, flags | os.O_CREAT | _NONBLOCK | _SAFE, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise DiskError(f"`{path}` is not a file", hint="move it away, then start again")
        _make_private(fd)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _write_new(path: Path, raw: bytes, sync: bool) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFE, 0o600)
    try:
        _make_private(fd)
        rest = memoryview(raw)
        while rest:
            rest = rest[os.write(fd, rest) :]
        if sync:
            os.fsync(fd)
    finally:
        os.close(fd)


def _make_private(fd: int) -> None:
    if sys.platform != "win32":
        os.fchmod(fd, 0o600)


def _replace(source: Path, target: Path) -> None:
    """Rename; on Windows a reader that has the target open for an instant is waited for."""
    if sys.platform == "win32":
        from threading import Event

        for _ in range(20):
            with contextlib.suppress(PermissionError):
                source.replace(target)
                return
            Event().wait(0.02)
    source.replace(target)


def sync_folder(path: Path) -> None:
    """Put the names in a folder on the disk. Windows does that by itself."""
    if sys.platform == "win32":
        return
    fd = os.open(path, os.O_RDONLY | _FOLDER | _SAFE)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_private_dir(path: Path, *, root: Path | None = None) -> None:
    """Make the folder (and those above it) if it is not there, and private in any case.

    What is checked and made private lies below `root`; without `root` that is `path` alone; folders
    above that are only made where they are missing. A link or a file among these raises `DiskError`.
    """
    below = [] if root is None else [p for p in path.parents if root in p.parents]
    with disk_errors(path, "make the folder"):
        known = path.parent.exists()  # then all above it are there
        above = [] if known else [p for p in path.parents if p not in below and not p.exists()]
    for folder in (*reversed(above), *reversed(below), path):
        _one_private_dir(folder)


def _one_private_dir(path: Path) -> None:
    with disk_errors(path, "make the folder"):
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            raise _refused(path)
        if not stat.S_ISDIR(found.st_mode):
            raise DiskError(f"`{path}` is not a folder", hint="move that file away, then start again")
        if sys.platform != "win32" and found.st_mode & 0o777 != 0o700:
            path.chmod(0o700)


def open_private_append(path: Path) -> IO[bytes]:
    """The file, open to write at its end, unbuffered: one `write` is one line for every reader."""
    with disk_errors(path):
        return os.fdopen(_open_private(path, os.O_WRONLY | os.O_APPEND), "ab", buffering=0)


def open_to_read(path: Path) -> IO[bytes]:
    """The regular file, open to read; a link is not followed. Raises `OSError`."""
    fd = os.open(path, os.O_RDONLY | _NONBLOCK | _SAFE)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "not a file", str(path))
    return os.fdopen(fd, "rb")


def look(path: Path, limit: int) -> Content:
    """What stands at `path`, with at most `limit` bytes of it. Never follows a link, never blocks."""
    try:
        if not _NOFOLLOW and path.is_symlink():
            return Content("link")
        fd = os.open(path, os.O_RDONLY | _NONBLOCK | _SAFE)
    except OSError:
        return Content(_kind(path))
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            return Content("folder" if stat.S_ISDIR(found.st_mode) else "special")
        return Content("file", _read(fd, limit), found.st_size)
    except OSError:
        return Content("unreadable")
    finally:
        os.close(fd)


def _read(fd: int, limit: int) -> bytes:
    parts = []
    while limit > 0 and (part := os.read(fd, min(limit, _AT_ONCE))):
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)


def _kind(path: Path) -> str:
    """Why a path cannot be opened to read."""
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "missing"
    except OSError:
        return "unreadable"
    if stat.S_ISLNK(mode):
        return "link"
    if stat.S_ISDIR(mode):
        return "folder"
    return "unreadable" if stat.S_ISREG(mode) else "special"


def read_small(path: Path, limit: int) -> bytes | None:
    """At most `limit` bytes of a regular file; None where there is none, or something else stands there.

    `look` tells these apart.
    """
    found = look(path, limit)
    return found.data if found.kind == "file" else None


def sweep_temp(folder: Path, now: float) -> None:
    """Remove the temp files that killed processes left in a folder. `now` is UTC epoch seconds."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _TEMP_NAME.fullmatch(entry.name):
                with contextlib.suppress(OSError):
                    if now - entry.stat(follow_symlinks=False).st_mtime > STALE_TEMP_S:
                        Path(entry.path).unlink()


def free_bytes(path: Path) -> int | None:
    """What this user may still write on the disk that holds `path`, which need not exist yet.

    None where the system does not say.
    """
    for folder in (path, *path.parents):
        try:
            if sys.platform == "win32":
                from shutil import disk_usage  # heavy: it loads the compressors

                return disk_usage(folder).free
            found = os.statvfs(folder)
            return found.f_bavail * found.f_frsize
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return None
    return None
