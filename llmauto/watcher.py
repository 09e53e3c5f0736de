"""Has anything in the workdir changed? One hash over its tree.

Where there is git: HEAD, its status, and the content of what differs from it, so that a change which
is taken back counts as none. Elsewhere: sizes and times of up to 20,000 files (contract, section 6).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from llmauto.git import git

MOST_FILES = 20_000
MOST_DIRTY_FILES = 2_000
MOST_DIRTY_BYTES = 64 * 1024 * 1024
"""What differs from HEAD is hashed by content up to here; beyond, its size and time stand for it."""


class TreeWatcher:
    """The `Watcher` of one workdir. `own` are llmauto's own files and folders: they never count."""

    def __init__(self, workdir: Path, own: Iterable[Path] = ()) -> None:
        self._workdir = workdir
        self._own = tuple(str(path) for path in own)
        self._has_git: bool | None = None

    def fingerprint(self) -> str:
        """One hash over the tree; "" where it has too many files or cannot be read."""
        if self._has_git is None:
            self._has_git = _inside_git(self._workdir)
        if self._has_git and (found := self._by_git()) is not None:
            return found
        return self._by_files()

    def _by_git(self) -> str | None:
        """Two questions to git; None where it does not answer them."""
        status = git(self._workdir, "status", "--porcelain=v1", "-z", "--untracked-files=all", "--", ".")
        top = git(self._workdir, "rev-parse", "--show-toplevel")
        if status is None or top is None:
            return None
        head = git(self._workdir, "rev-parse", "-q", "--verify", "HEAD") or b""
        root = Path(os.fsdecode(top.rstrip(b"\n")))
        digest = hashlib.sha256(head)
        left = MOST_DIRTY_BYTES
        for place, (mark, name) in enumerate(_entries(status)):
            path = root / os.fsdecode(name)
            if self._is_own(str(path)):
                continue
            digest.update(mark + name + b"\0")
            left -= _add_file(digest, path, left if place < MOST_DIRTY_FILES else 0)
        return digest.hexdigest()[:20]

    def _by_files(self) -> str:
        rows: list[str] = []
        for path in self._files(str(self._workdir)):
            if len(rows) >= MOST_FILES:
                return ""
            rows.append(path)
        return hashlib.sha256("\0".join(sorted(rows)).encode("utf-8", "replace")).hexdigest()[:20]

    def _files(self, folder: str) -> Iterator[str]:
        """Each file below the folder as name, size and time; no link is followed."""
        pending = [folder]
        while pending:
            try:
                entries = list(os.scandir(pending.pop()))
            except OSError:
                continue
            for entry in entries:
                if self._is_own(entry.path) or entry.name in (".git", "__pycache__"):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                    continue
                try:
                    found = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                yield f"{entry.path}\t{found.st_size}\t{found.st_mtime_ns}"

    def _is_own(self, path: str) -> bool:
        return any(path == own or path.startswith(own + os.sep) for own in self._own)


def _inside_git(workdir: Path) -> bool:
    """Without asking git: a folder that is no repository costs nothing."""
    return any((folder / ".git").exists() for folder in (workdir, *workdir.parents))


def _entries(status: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(mark, name) of each entry of `git status -z`; the second name of a rename is an entry of its own."""
    for field in status.split(b"\0"):
        if len(field) > 3 and field[2:3] == b" ":
            yield field[:2], field[3:]
        elif field:
            yield b"from", field


def _add_file(digest: hashlib._Hash, path: Path, left: int) -> int:
    """Add the file's content where `left` bytes allow it, else its size and time; the bytes read."""
    try:
        found = path.lstat()
        if path.is_file() and not path.is_symlink() and found.st_size <= left:
            data = path.read_bytes()
            digest.update(data)
            return len(data)
        digest.update(f"{found.st_size} {found.st_mtime_ns}".encode())
    except OSError:
        digest.update(b"gone")
    return 0
