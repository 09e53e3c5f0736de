"""How is the workdir kept before and after a link? As a commit under a ref of our own, and nothing else."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from llmauto.checkpoints.found import LARGEST_FILE
from llmauto.checkpoints.index import SideIndex
from llmauto.checkpoints.repository import CheckpointError, Side, failed, find
from llmauto.git import Answer, ref_part
from llmauto.ports import Checkpoint
from llmauto.rules.text import human_bytes, one_line, quoted

REFS = "refs/llmauto"
LEFT_OUT = "left-out: "
_ME = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "llmauto"), ("EMAIL", "llmauto@localhost"))
}
_MOST_NAMES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The workdir at one moment: its tree, HEAD then ("" where there was none), and what was left alone."""

    tree: str
    head: str
    left: tuple[str, ...]


class GitCheckpoints:
    """The `Checkpoints` of one workdir. `own` are llmauto's own files and folders: they are left out.

    The commit's tree is that of HEAD with the workdir's part as it is on the disk, byte by byte: tracked
    and untracked files, not the ignored ones. Left alone are files larger than 100 MiB, what cannot be
    read, and repositories inside the workdir; the commit's message names them.
    """

    def __init__(self, workdir: Path, own: Iterable[Path] = ()) -> None:
        self._workdir = workdir
        self._own = tuple(own)
        self._side: Side | None = None
        self._index: SideIndex | None = None
        self._given_up = False
        self._said: set[str] = set()
        self._remarks: list[str] = []
        self.problem = ""
        """Why the last `take` gave None; "" where it did not."""

    # --- the port ----------------------------------------------------------------------------

    def take(self, run: str, call: int, link: str, when: str) -> Checkpoint | None:
        """Keep the workdir; None where that cannot be done, and `remarks` says why. Raises nothing."""
        if self._given_up:
            return None
        try:
            kept = self.keep(
                f"{REFS}/{ref_part(run)}/{call:04d}-{ref_part(link)}-{when}",
                f"llmauto: run {run}, call {call}, link {link}, {when}",
            )
        except (CheckpointError, OSError) as error:
            self._given_up = isinstance(error, CheckpointError) and error.given_up
            self.problem = str(error)
            hint = f" ({error.hint})" if isinstance(error, CheckpointError) and error.hint else ""
            self._remark(f"no checkpoint of the workdir: {error}{hint}")
            return None
        self.problem = ""
        return kept

    def remarks(self) -> Sequence[str]:
        """What a person should know that was not told yet; each thing is told once."""
        told, self._remarks = self._remarks, []
        return told

    # --- the same for commands, which want to hear what is wrong -------------------------------

    @property
    def side(self) -> Side:
        """How git is asked. Raises `CheckpointError` where the workdir is in no repository."""
        if self._side is None:
            self._side = Side(find(self._workdir))
        return self._side

    @property
    def index(self) -> SideIndex:
        """The index of this workdir. Raises `CheckpointError`."""
        if self._index is None:
            self._index = SideIndex(self.side, self._own_below(self.side.repo.top))
        return self._index

    def keep(self, ref: str, subject: str) -> Checkpoint:
        """Keep the workdir under that ref. Raises `CheckpointError`."""
        return self.commit(self.look(), ref, subject)

    def look(self, also: Iterable[str] = (), *, within_s: float | None = None) -> Look:
        """What the workdir is now; `also` are ignored files that count too. Raises `CheckpointError`.

        `commit` or `forget_look` must follow. All of it takes at most `within_s`, 20 s where none is given.
        """
        self.side.start_clock(within_s)
        try:
            return self._look(also, anew=False)
        except CheckpointError as error:
            if error.given_up:
                raise
            # What we remember may be gone: an object that was pruned, an index that another runner replaced.
            return self._look(also, anew=True)

    def _look(self, also: Iterable[str], *, anew: bool) -> Look:
        try:
            last = None if anew else self.index.remembered()
            head, is_there = self._head(last.commit if last else "")
            self.index.open(head, last if is_there else None)
            tree = self.index.refresh(also)
        except CheckpointError:
            self.forget_look()
            raise
        self._remark_left(self.index.left)
        return Look(tree=tree, head=head, left=tuple(sorted(self.index.left)))

    def forget_look(self) -> None:
        """What `look` found is not kept."""
        if self._index is not None:
            self._index.drop()

    def commit(self, look: Look, ref: str, subject: str) -> Checkpoint:
        """Keep what was just looked at. Where nothing has changed since the last time, that commit again."""
        last = self.index.last
        commit = ""
        if last is not None and (last.tree, last.head, last.left) == (look.tree, look.head, look.left):
            commit = last.commit
        if not (commit and self._point(ref, commit).ok):
            commit = self._commit(look, subject)
            answer = self._point(ref, commit)
            if not answer.ok:
                self.forget_look()
                raise CheckpointError(answer.why)
        self.index.keep(tree=look.tree, commit=commit, head=look.head)
        return Checkpoint(commit=commit, ref=ref)

    def _commit(self, look: Look, subject: str) -> str:
        body = f"\n{LEFT_OUT}{json.dumps(look.left)}\n" if look.left else ""
        parent = ("-p", look.head) if look.head else ()
        message = f"{one_line(subject, 200)}\n{body}".encode()
        said = self.side.git("commit-tree", look.tree, *parent, "-F", "-", stdin=message, env=_ME)
        return said.decode().strip()

    def _point(self, ref: str, commit: str) -> Answer:
        return self.side.person("update-ref", "--no-deref", ref, commit)

    def _head(self, last: str) -> tuple[str, bool]:
        """The commit that HEAD is, "" before the first one; and whether the commit `last` is still there."""
        said = self.side.person("cat-file", "--batch-check", stdin=f"HEAD^{{commit}}\n{last}\n".encode())
        if not said.ok:
            raise failed(said)
        head, commit = (line.split() for line in said.out.splitlines()[:2])
        return (head[0].decode() if head[1:2] == [b"commit"] else ""), commit[1:2] == [b"commit"]

    # --- what is left out, and said ------------------------------------------------------------

    def _own_below(self, top: Path) -> tuple[str, ...]:
        """Our own files as paths from `top`. One that holds the whole workdir is none: it would hide all."""
        found = []
        root, workdir = top.resolve(), self._workdir.resolve()
        for path in self._own:
            place = path.parent.resolve() / path.name
            if place == workdir or place in workdir.parents:
                continue
            with contextlib.suppress(ValueError):
                found.append(place.relative_to(root).as_posix())
        return tuple(sorted(set(found)))

    def _remark_left(self, left: dict[str, str]) -> None:
        by_word: dict[str, list[str]] = {}
        for path, word in sorted(left.items()):
            if path not in self._said:
                self._said.add(path)
                by_word.setdefault(word, []).append(path)
        for word, paths in by_word.items():
            shown = ", ".join(quoted(path, 80) for path in paths[:_MOST_NAMES])
            more = f" and {len(paths) - _MOST_NAMES} more" if len(paths) > _MOST_NAMES else ""
            self._remark(f"checkpoints leave out {shown}{more}: {_WHY[word]}")

    def _remark(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._remarks.append(text)


_WHY = {
    "large": f"larger than {human_bytes(LARGEST_FILE)}",
    "repository": "a repository of its own",
    "special": "neither a file nor a link",
    "unreadable": "it cannot be read",
}
