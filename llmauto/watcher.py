"""Has anything in the workdir changed, and what? Snapshots of its tree, compared by content.

Where there is git: HEAD, its status, and the content of what differs from it, so that a change which
is taken back counts as none. Elsewhere: sizes and times of up to 20,000 files (contract, section 6).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from llmauto.git import git, inside_repository

MOST_FILES = 20_000
MOST_DIRTY_FILES = 2_000
MOST_DIRTY_BYTES = 64 * 1024 * 1024
"""What differs from HEAD is hashed by content up to here; beyond, its size and time stand for it."""


_HOME = ("journal.db", "calls")
"""What stands in every home in which something has run."""
_BY_RUNS = ("state", "logs", "calls", "worktrees")
"""What runs write in a home, beside the journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A tree at one moment: `head` is git's, "" elsewhere; `files` maps what may differ to a mark of it.

    `complete` is False where there were too many files to look at.
    """

    head: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    complete: bool = True


class TreeWatcher:
    """The `Watcher` of one workdir. `own` are llmauto's own files and folders: they never count.

    An own one that holds the whole workdir is left aside: a worktree of a run's own lies in the home.
    Nor does what the runs of another home write count, wherever that lies below the workdir.
    """

    def __init__(self, workdir: Path, own: Iterable[Path] = ()) -> None:
        self._workdir = workdir
        self._own = tuple(str(path) for path in own if path not in (workdir, *workdir.parents))
        self._has_git: bool | None = None

    def fingerprint(self) -> str:
        """One hash over the tree; "" where it has too many files or cannot be read."""
        found = self.snapshot()
        if not found.complete:
            return ""
        rows = [found.head, *(f"{path}\t{mark}" for path, mark in sorted(found.files.items()))]
        return hashlib.sha256("\0".join(rows).encode("utf-8", "surrogateescape")).hexdigest()[:20]

    def snapshot(self) -> Snapshot:
        """The tree as it is now."""
        if self._has_git is None:
            self._has_git = inside_repository(self._workdir)
        return (self._by_git() if self._has_git else None) or self._by_files()

    def changed(self, before: Snapshot, after: Snapshot) -> int | None:
        """How many files differ between two snapshots; None where that cannot be told."""
        if not (before.complete and after.complete):
            return None
        paths = {p for p in {*before.files, *after.files} if before.files.get(p) != after.files.get(p)}
        if before.head != after.head:
            names = git(self._workdir, "diff", "--name-only", "-z", before.head, after.head)
            if names is None:
                return None
            paths |= {os.fsdecode(name) for name in names.split(b"\0") if name}
        return len(paths)

    def _by_git(self) -> Snapshot | None:
        """Three short questions to git; None where it does not answer them."""
        status = git(self._workdir, "status", "--porcelain=v1", "-z", "--untracked-files=all", "--", ".")
        top = git(self._workdir, "rev-parse", "--show-toplevel")
        if status is None or top is None:
            return None
        head = git(self._workdir, "rev-parse", "-q", "--verify", "HEAD") or b""
        root = Path(os.fsdecode(top.rstrip(b"\n")))
        files: dict[str, str] = {}
        left = MOST_DIRTY_BYTES
        for place, (mark, name) in enumerate(_entries(status)):
            path = root / os.fsdecode(name)
            if not (self._is_own(str(path)) or _in_a_home(path, root)):
                content, size = _mark(path, left if place < MOST_DIRTY_FILES else 0)
                files[os.fsdecode(name)] = f"{mark} {content}"
                left -= size
        return Snapshot(head=head.decode().strip(), files=files)

    def _by_files(self) -> Snapshot:
        files: dict[str, str] = {}
        for path, mark in self._walk(str(self._workdir)):
            if len(files) >= MOST_FILES:
                return Snapshot(complete=False)
            files[path] = mark
        return Snapshot(files=files)

    def _walk(self, folder: str) -> Iterator[tuple[str, str]]:
        """Each file below the folder with its size and time; no link is followed."""
        pending = [folder]
        while pending:
            try:
                entries = list(os.scandir(pending.pop()))
            except OSError:
                continue
            is_home = {entry.name for entry in entries}.issuperset(_HOME)
            for entry in entries:
                if self._is_own(entry.path) or entry.name in (".git", "__pycache__"):
                    continue
                if is_home and _by_runs(entry.name):
                    continue
                try:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                        continue
                    found = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                yield entry.path, f"{found.st_size} {found.st_mtime_ns}"

    def _is_own(self, path: str) -> bool:
        return any(path == own or path.startswith(own + os.sep) for own in self._own)


def _by_runs(name: str) -> bool:
    return name in _BY_RUNS or name.startswith("journal.db")


def _in_a_home(path: Path, top: Path) -> bool:
    """Whether the path, which lies below `top`, is something that the runs of a home in between write."""
    folder = top
    for name in path.relative_to(top).parts:
        if _by_runs(name) and all(os.path.lexists(folder / mark) for mark in _HOME):
            return True
        folder = folder / name
    return False


def _entries(status: bytes) -> Iterator[tuple[str, bytes]]:
    """(mark, name) of each entry of `git status -z`; the old name of a rename is an entry of its own."""
    for entry in status.split(b"\0"):
        if len(entry) > 3 and entry[2:3] == b" ":
            yield entry[:2].decode("ascii", "replace"), entry[3:]
        elif entry:
            yield "from", entry


def _mark(path: Path, left: int) -> tuple[str, int]:
    """What stands for a file's content, and the bytes read: a hash where `left` allows it."""
    try:
        found = path.lstat()
        if path.is_file() and not path.is_symlink() and found.st_size <= left:
            data = path.read_bytes()
            return hashlib.sha256(data).hexdigest(), len(data)
        return f"{found.st_size} {found.st_mtime_ns}", 0
    except OSError:
        return "gone", 0
