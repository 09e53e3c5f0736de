"""How are the workdir's files put back to a checkpoint? Only those that differ, byte by byte.

Git itself writes them, with our own index (see `index`): it looks at all of them before it changes the
first, follows no links, and takes away folders that become empty. HEAD, the branch and the person's index
stay as they are. The present state is kept first, so a rewind can itself be taken back.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from llmauto.checkpoints.found import GITLINK, Change, changes, names
from llmauto.checkpoints.keeping import LEFT_OUT, REFS, GitCheckpoints, Look
from llmauto.checkpoints.repository import CheckpointError
from llmauto.git import ref_part

REWIND_WITHIN_S = 600.0
UNDO = "undo-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a rewind to `commit` would do, from the top of the repository.

    `written` exist then and differ now, `removed` did not exist then; `left` differ too, or may, and stay as
    they are: too large to be kept, repositories of their own.
    """

    commit: str
    look: Look
    written: tuple[Change, ...]
    removed: tuple[Change, ...]
    left: tuple[str, ...]

    @property
    def nothing(self) -> bool:
        """The files are already as they were."""
        return not (self.written or self.removed)


class Rewind:
    """Rewinds one workdir. `plan`, then `apply` or `forget`; whoever calls sees to it that no agent works."""

    def __init__(self, checkpoints: GitCheckpoints) -> None:
        self._kept = checkpoints

    def plan(self, commit: str) -> Plan:
        """What is to be done so that the files are as in that commit. Raises `CheckpointError`."""
        kept = self._kept
        kept.side.start_clock(REWIND_WITHIN_S)
        left_then = left_out(self._message(commit))
        look = kept.look(within_s=REWIND_WITHIN_S)
        found = self._differences(look, commit)
        # An ignored file that was no such file then would be overwritten: the way back needs it kept as well.
        hidden = [c.path for c in found if c.old_mode == "000000" and _is_there(kept.side.repo.top / c.path)]
        if hidden:
            look = kept.look(also=hidden, within_s=REWIND_WITHIN_S)
            found = self._differences(look, commit)
        left = {*left_then, *look.left}
        stay = {c.path for c in found if GITLINK in (c.old_mode, c.new_mode) or _is_left(c.path, left)}
        stay |= self._ignored_then(commit, [c for c in found if c.path not in stay])
        done = [c for c in found if c.path not in stay]
        return Plan(
            commit=commit,
            look=look,
            written=tuple(c for c in done if c.new_mode != "000000"),
            removed=tuple(c for c in done if c.new_mode == "000000"),
            left=tuple(sorted(stay)),
        )

    def forget(self) -> None:
        """The plan is not carried out."""
        self._kept.forget_look()

    def apply(self, plan: Plan, run: str) -> str:
        """Do it; the ref that holds what was there before. Raises `CheckpointError`."""
        side, index = self._kept.side, self._kept.index
        side.start_clock(REWIND_WITHIN_S)
        ref = f"{REFS}/{ref_part(run)}/{UNDO}{self._undos(run) + 1:04d}"
        self._kept.commit(plan.look, ref, f"llmauto: run {run}, before a rewind")
        private = _private(side.repo.top, plan.written)
        before = index.copy()
        try:
            index.put([("0", c.old, c.path) for c in plan.removed])
            index.put([(c.new_mode, c.new, c.path) for c in plan.written])
            side.git("read-tree", "-m", "-u", plan.look.tree, index.tree(), index=before)
        finally:
            before.unlink(missing_ok=True)
            index.drop()
        _make_private(side.repo.top, private)
        return ref

    def undo(self, run: str) -> str | None:
        """The commit of what was there before the last rewind of the run, None where there was none."""
        self._kept.side.start_clock()
        number = self._undos(run)
        if not number:
            return None
        ref = f"{REFS}/{ref_part(run)}/{UNDO}{number:04d}"
        return self._kept.side.person("rev-parse", ref).out.decode().strip() or None

    def _undos(self, run: str) -> int:
        """The number of the last one."""
        listing = self._kept.side.person(
            "for-each-ref", "--format=%(refname)", f"{REFS}/{ref_part(run)}/{UNDO}*"
        ).out
        numbers = [line.rpartition("-")[2] for line in listing.decode().split()]
        return max((int(number) for number in numbers if number.isdecimal()), default=0)

    def _message(self, commit: str) -> str:
        said = self._kept.side.person("cat-file", "commit", commit)
        if not said.ok:
            raise CheckpointError(
                f"the checkpoint {commit[:12]} is gone: {said.why}",
                hint="refs below `refs/llmauto/` keep checkpoints; somebody removed them",
            )
        return said.out.decode("utf-8", "replace")

    def _differences(self, look: Look, commit: str) -> list[Change]:
        return list(
            changes(
                self._kept.side.git(
                    "diff-tree", "-r", "--raw", "-z", "--no-renames", "--no-abbrev", look.tree, commit,
                    "--", *self._kept.index.pathspec,
                )
            )
        )  # fmt: skip

    def _ignored_then(self, commit: str, found: Sequence[Change]) -> set[str]:
        """Of the files that are not in the checkpoint: those that were ignored then (and perhaps there)."""
        gone = [c.path for c in found if c.new_mode == "000000"]
        rules = [c for c in found if c.path.rpartition("/")[2] == ".gitignore"]
        if not gone or not rules:
            return set()
        side = self._kept.side
        listing = side.git("ls-tree", "-r", "-z", "--name-only", commit)
        then = [path for path in names(listing) if path.rpartition("/")[2] == ".gitignore"]
        with tempfile.TemporaryDirectory(prefix="llmauto-") as folder:
            for path in then:
                target = Path(folder) / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(side.git("cat-file", "blob", f"{commit}:{path}"))
            stdin = b"".join(os.fsencode(path) + b"\0" for path in gone)
            try:
                said = side.git(
                    "check-ignore", "-z", "--stdin", "--no-index", stdin=stdin, env={"GIT_WORK_TREE": folder}
                )
            except CheckpointError:  # exit code 1: none is
                return set()
        return set(names(said))


def left_out(message: str) -> tuple[str, ...]:
    """What a checkpoint's commit says that it left alone."""
    for line in message.splitlines():
        if line.startswith(LEFT_OUT):
            with contextlib.suppress(ValueError):
                return tuple(json.loads(line.removeprefix(LEFT_OUT)))
    return ()


def _is_there(path: Path) -> bool:
    """Also where it is a link that leads nowhere."""
    return os.path.lexists(path) and not (path.is_dir() and not path.is_symlink())


def _is_left(path: str, left: Iterable[str]) -> bool:
    return any(path == one or (one.endswith("/") and path.startswith(one)) for one in left)


def _private(top: Path, written: Iterable[Change]) -> dict[str, int]:
    """The rights of files that are closed to others: git would make them anew, and open."""
    found = {}
    for change in written:
        with contextlib.suppress(OSError):
            status = (top / change.path).lstat()
            if stat.S_ISREG(status.st_mode) and change.new_mode.startswith("100") and os.name == "posix":
                found[change.path] = stat.S_IMODE(status.st_mode)
    return found


def _make_private(top: Path, rights: dict[str, int]) -> None:
    """Give them back what they had, but for the right to be run, which git has set."""
    for path, mode in rights.items():
        with contextlib.suppress(OSError):
            file = top / path
            now = stat.S_IMODE(file.lstat().st_mode)
            wanted = mode & 0o666 | ((mode & 0o444) >> 2 if now & 0o100 else 0)
            if stat.S_ISREG(file.lstat().st_mode) and wanted != now:
                file.chmod(wanted)
