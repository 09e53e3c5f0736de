"""What is in the workdir now? An index of our own that is brought up to date, and the tree that it makes.

It begins as a copy of the person's index, so that files which have not changed since need not be read, and
is kept between checkpoints. A new one replaces it only when a checkpoint is complete: what was killed in
the middle leaves a file that nobody reads, and two runners in one workdir do not meet.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from llmauto import files
from llmauto.checkpoints.found import GITLINK, Found, Row, changes, index_lines, names, rows, sort_out
from llmauto.checkpoints.repository import CheckpointError, Side
from llmauto.errors import DiskError

_CONVERTING = frozenset({"text", "crlf", "eol", "ident", "filter", "working-tree-encoding"})
STALE_S = 3600.0
"""An index this old that nobody refers to was left by a process that was killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The last checkpoint of this scope: the file of its index, and what it was made of.

    `persons` is how the person's index looked then; `left` what was left alone.
    """

    index: str
    tree: str
    commit: str
    head: str
    left: tuple[str, ...]
    persons: tuple[int, ...]


class SideIndex:
    """One look at the workdir, from `open` to `keep` or `drop`. `own` are pathspecs of our own files."""

    def __init__(self, side: Side, own: Sequence[str]) -> None:
        self._side = side
        self._own = tuple(own)
        scope = side.repo.scope
        self.pathspec = (f":(top,literal){scope}" if scope else ":(top)", *excluded(own))
        mark = hashlib.sha256(json.dumps([scope, sorted(own)]).encode()).hexdigest()[:12]
        self._memory = side.repo.side / f"last-{mark}.json"
        self._stem = f"index-{mark}-"
        self._fresh: Path | None = None
        self.last: Kept | None = None
        self.left: dict[str, str] = {}

    # --- begin and end -----------------------------------------------------------------------

    def open(self, head: str, last: Kept | None) -> None:
        """Take up the last index, or make a new one; then what the person's git knows is known here too."""
        self.drop()
        self._side.prepare()
        self.last = last
        persons = _signature(self._side.repo.index)
        if self.last is None:
            self._begin()
        elif self.last.persons != persons:
            self._know_what_they_know()
        if self._side.repo.scope and (self.last is None or self.last.head != head):
            self._take_the_rest_from(head)

    def keep(self, *, tree: str, commit: str, head: str) -> None:
        """Remember all of it for the next time. Raises `CheckpointError`."""
        persons = _signature(self._side.repo.index)
        index = self._fresh.name if self._fresh else (self.last.index if self.last else "")
        kept = Kept(
            index=index, tree=tree, commit=commit, head=head, left=tuple(sorted(self.left)), persons=persons
        )
        if kept != self.last:
            try:
                files.write_atomic(self._memory, json.dumps(asdict(kept)))
            except DiskError as error:
                raise CheckpointError(str(error), hint=error.hint) from error
        self._fresh = None
        self._sweep(index)
        self.last = kept

    def drop(self) -> None:
        """Forget what was changed since `open`."""
        if self._fresh is not None:
            self._fresh.unlink(missing_ok=True)
            self._fresh = None

    # --- what there is -----------------------------------------------------------------------

    @property
    def file(self) -> Path:
        """The index as it is now; to be read only."""
        if self._fresh is not None:
            return self._fresh
        assert self.last is not None
        return self._side.repo.side / self.last.index

    def refresh(self, also: Iterable[str] = ()) -> str:
        """Take in what is on the disk; the name of the tree. `also` are ignored paths that count too."""
        git, index = self._side.git, self.file
        differing = git(
            "diff-files", "--raw", "-z", "--no-renames", "--no-abbrev", "--ignore-submodules=dirty", "--",
            *self.pathspec, index=index,
        )  # fmt: skip
        untracked = git("ls-files", "-o", "-z", "--exclude-standard", "--", *self.pathspec, index=index)
        untracked += b"".join(os.fsencode(path) + b"\0" for path in also)
        found = sort_out(self._side.repo.top, differing, untracked)
        self.left = found.left
        self._take_in(found)
        if self._fresh is None and self.last is not None:
            return self.last.tree
        return self.tree()

    def tree(self) -> str:
        """The tree that the index makes as it stands."""
        return self._side.git("write-tree", index=self.file).decode().strip()

    def copy(self) -> Path:
        """The index as it stands, in a file that whoever asked for it removes."""
        target = self._new()
        _copy(self.file, target)
        return target

    def put(self, entries: list[tuple[str, str, str]]) -> None:
        """Set (mode, name, path) without looking at the disk; mode "0" takes the path out."""
        if entries:
            self._update("--replace", "--index-info", stdin=index_lines(entries))

    def _take_in(self, found: Found) -> None:
        self.put([("0", self._side.repo.empty_tree, path) for path in found.gone])
        if found.kept:
            stdin = b"".join(os.fsencode(path) + b"\0" for path in found.kept)
            self._update("--add", "--replace", "--stdin", stdin=stdin)

    def _update(self, *args: str, stdin: bytes) -> None:
        self._side.git("update-index", "-z", *args, index=self._writable(), stdin=stdin)

    def _writable(self) -> Path:
        if self._fresh is None:
            source = self.file
            self._fresh = self._new()
            _copy(source, self._fresh)
        return self._fresh

    def _new(self) -> Path:
        return self._side.repo.side / f"{self._stem}{os.urandom(4).hex()}"

    # --- a new index -------------------------------------------------------------------------

    def _begin(self) -> None:
        """A copy of theirs; what is not in it with the very bytes of the disk is looked at anew."""
        repo = self._side.repo
        self._fresh = self._new()
        found: list[Row] | None = []
        if repo.index.exists():
            _copy(repo.index, self._fresh)
            found = self._rows()
        else:
            self._side.git("read-tree", "--empty", index=self._fresh)
        if found is None:  # split over two files, or of a version that is not known here: take its names
            self._fresh.unlink(missing_ok=True)
            answer = self._side.person("ls-files", "-s", "-v", "-z")
            found = list(rows(answer.out)) if answer.ok else []
            self.put([(row.mode, row.name, row.path) for row in found])
        again = {row.path for row in found if row.tag not in "HM"} | self._converted(found)
        self.put(
            [
                ("0" if self._is_own(row.path) else row.mode, row.name, row.path)
                for row in found
                if self._is_own(row.path) or row.stage != "0" or row.path in again
            ]
        )

    def _rows(self) -> list[Row] | None:
        try:
            return list(rows(self._side.git("ls-files", "-s", "-v", "-z", index=self.file)))
        except CheckpointError as error:
            if error.given_up:
                raise
            return None

    def _converted(self, found: list[Row]) -> set[str]:
        """The paths whose bytes git keeps otherwise than they are on the disk: line ends, filters."""
        their = self._side.person
        if their("config", "--get", "core.autocrlf").out.strip().lower() not in (b"", b"false"):
            return {row.path for row in found}
        stdin = b"".join(os.fsencode(row.path) + b"\0" for row in found)
        answer = their("check-attr", "-z", "-a", "--stdin", stdin=stdin)
        if not answer.ok:
            return {row.path for row in found}
        parts = names(answer.out)
        return {
            path
            for path, attribute, value in zip(parts[::3], parts[1::3], parts[2::3], strict=False)
            if attribute in _CONVERTING and value != "unset"
        }

    # --- what the person's git knows -----------------------------------------------------------

    def _know_what_they_know(self) -> None:
        """Files that they added though they are ignored; and what was a submodule and is none any more."""
        listing = self._side.git("ls-files", "-s", "-v", "-z", index=self.file)
        answer = self._side.person("ls-files", "-s", "-v", "-z", "--", *self.pathspec)
        if not answer.ok:
            return
        mine, their = set(listing.split(b"\0")), set(answer.out.split(b"\0"))
        ours = {row.path: row.mode for row in rows(b"\0".join(mine - their))}
        theirs = {row.path: row for row in rows(b"\0".join(their - mine))}
        entries = [
            (row.mode, row.name, path)
            for path, row in theirs.items()
            if (path not in ours or (ours[path] == GITLINK) != (row.mode == GITLINK))
            and not self._is_own(path)
        ]
        entries += [
            ("0", self._side.repo.empty_tree, path)
            for path, mode in ours.items()
            if mode == GITLINK and path not in theirs
        ]
        self.put(entries)

    def _take_the_rest_from(self, head: str) -> None:
        """Outside of the workdir the tree is that of HEAD."""
        repo = self._side.repo
        outside = (":(top)", f":(top,exclude,literal){repo.scope}")
        raw = self._side.git(
            "diff-index", "--cached", "--raw", "-z", "--no-renames", "--no-abbrev", head or repo.empty_tree,
            "--", *outside, index=self.file,
        )  # fmt: skip
        entries = {}
        for change in changes(raw):
            mode = "0" if change.old_mode == "000000" else change.old_mode
            entries[change.path] = (mode, change.old if mode != "0" else repo.empty_tree, change.path)
        self.put(list(entries.values()))

    def _is_own(self, path: str) -> bool:
        return any(path == own or path.startswith(f"{own}/") for own in self._own)

    # --- its memory ----------------------------------------------------------------------------

    def remembered(self) -> Kept | None:
        """The last checkpoint of this workdir, None where there is none whose index is still there."""
        data = files.read_small(self._memory, 64 << 20)
        try:
            values = json.loads(data or b"")
            kept = Kept(**{**values, "left": tuple(values["left"]), "persons": tuple(values["persons"])})
            return kept if (self._side.repo.side / kept.index).is_file() else None
        except (ValueError, TypeError, KeyError):
            return None

    def _sweep(self, used: str) -> None:
        """Remove the index that was replaced, and what killed processes left."""
        with contextlib.suppress(OSError), os.scandir(self._side.repo.side) as entries:
            for entry in entries:
                if entry.name.startswith(self._stem) and entry.name != used:
                    replaced = self.last is not None and entry.name == self.last.index
                    with contextlib.suppress(OSError):
                        if replaced or time.time() - entry.stat().st_mtime > STALE_S:
                            Path(entry.path).unlink()


def excluded(own: Sequence[str]) -> tuple[str, ...]:
    """Pathspecs that leave these paths out."""
    return tuple(f":(top,exclude,literal){path}" for path in own)


def _signature(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
        return (found.st_mtime_ns, found.st_size, found.st_ino)
    except OSError:
        return ()


def _copy(source: Path, target: Path) -> None:
    """With its time: by that git tells which entries may have changed in the tick in which it was written."""
    try:
        found = source.stat()
        with source.open("rb") as old, target.open("xb") as new:
            while block := old.read(1 << 20):
                new.write(block)
        os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
    except OSError as error:
        raise CheckpointError(f"cannot copy `{source}`: {(error.strerror or str(error)).lower()}") from error
