"""How is a person's repository looked at from the side, so that nothing of theirs is touched?

By a git folder of our own inside theirs, `<git folder>/llmauto`: it has its own index, runs no hooks,
converts no line ends and calls no filters (so every byte is kept as it is on the disk), and puts its
objects beside theirs. Of their settings it takes what says how files are to be read: `core.fileMode`,
`core.ignoreCase`, which files are ignored, and the like.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from llmauto import files
from llmauto.errors import DiskError, LlmautoError
from llmauto.git import MISSING, TIMED_OUT, Answer, ask

TAKE_WITHIN_S = 20.0
"""What one checkpoint may take in all."""

FOLDER = "llmauto"

# `!` takes back what a .gitattributes says; `-text` is what makes core.autocrlf mean nothing.
_ATTRIBUTES = "* -text !crlf !eol !ident !filter !working-tree-encoding\n"

_QUESTIONS = (
    "--show-toplevel", "--absolute-git-dir", "--show-prefix", "--git-path", "objects", "--git-path", "index",
    "--git-path", "info/exclude", "--git-path", "config", "--git-path", "config.worktree",
    "--show-object-format",
)  # fmt: skip


class CheckpointError(LlmautoError):
    """A checkpoint cannot be made or read; `given_up` where trying again would only cost time."""

    def __init__(self, message: str, *, hint: str | None = None, given_up: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.given_up = given_up


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """The repository that a workdir lies in. `scope` is the workdir below `top`, with `/`, "" at the top.

    `git_dir` is that of this worktree; `index`, `exclude` and `configs` are the person's own files.
    """

    top: Path
    scope: str
    git_dir: Path
    objects: Path
    index: Path
    exclude: Path
    configs: tuple[Path, Path]
    sha256: bool

    @property
    def side(self) -> Path:
        """Our own git folder."""
        return self.git_dir / FOLDER

    @property
    def empty_tree(self) -> str:
        """The name of the tree with nothing in it, which every repository knows."""
        if self.sha256:
            return "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"
        return "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def find(workdir: Path) -> Repository:
    """The repository of that folder. Raises `CheckpointError`, where it is in none too."""
    answer = ask(workdir, "rev-parse", *_QUESTIONS)
    if not answer.ok:
        raise failed(answer)
    lines = answer.out.split(b"\n")
    if len(lines) != 10:
        raise CheckpointError("the path of the repository has a line break", given_up=True)
    top, git_dir, prefix, *places = (os.fsdecode(line) for line in lines[:8])
    if not Path(git_dir).is_dir():
        raise CheckpointError("git is too old: 2.25 or newer is needed", given_up=True)
    objects, index, exclude, config, own_config = (workdir / place for place in places)
    if ask(workdir, "check-ignore", "-q", ".").ok:
        raise CheckpointError(f"the repository `{top}` ignores this folder", given_up=True)
    return Repository(
        top=Path(top),
        scope=prefix.rstrip("/"),
        git_dir=Path(git_dir),
        objects=objects,
        index=index,
        exclude=exclude,
        configs=(config, own_config),
        sha256=lines[8] == b"sha256",
    )


def failed(answer: Answer) -> CheckpointError:
    """What git's failure means for a person."""
    hint = None
    if "dubious ownership" in answer.said:
        hint = "the repository belongs to somebody else: `git config --global --add safe.directory PATH`"
    if answer.code == TIMED_OUT:
        hint = "a very large repository? `git_checkpoints: false` in config.json switches checkpoints off"
    return CheckpointError(answer.why, hint=hint, given_up=answer.code in (MISSING, TIMED_OUT))


class Side:
    """Runs git on the workdir with our own git folder, and on the person's own where a name is set.

    All that is run between two `start_clock` takes at most that many seconds.
    """

    def __init__(self, repo: Repository) -> None:
        self.repo = repo
        self._until = 0.0
        self._prepared = False

    def start_clock(self, seconds: float | None = None) -> None:
        """Begin to count; without a number it is what one checkpoint may take."""
        self._until = time.monotonic() + (TAKE_WITHIN_S if seconds is None else seconds)

    def git(
        self, *args: str, index: Path | None = None, stdin: bytes = b"", env: Mapping[str, str] | None = None
    ) -> bytes:
        """What git prints, with that index. Raises `CheckpointError`."""
        repo = self.repo
        around = {
            "GIT_DIR": str(repo.side),
            "GIT_WORK_TREE": str(repo.top),
            "GIT_OBJECT_DIRECTORY": str(repo.objects),
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_INDEX_FILE": str(index or repo.side / "no-index"),
        }
        answer = ask(repo.top, *args, stdin=stdin, env={**around, **(env or {})}, timeout_s=self._left())
        if not answer.ok:
            raise failed(answer)
        return answer.out

    def person(self, *args: str, stdin: bytes = b"") -> Answer:
        """The person's own repository is asked; no hook of theirs is run, no reflog written."""
        options = ("-c", f"core.hooksPath={self.repo.side / 'no-hooks'}", "-c", "core.logAllRefUpdates=false")
        return ask(self.repo.top, *options, *args, stdin=stdin, timeout_s=self._left())

    def _left(self) -> float:
        return self._until - time.monotonic()

    def prepare(self) -> None:
        """Our git folder is there, and says what theirs says today. Raises `CheckpointError`."""
        repo, side = self.repo, self.repo.side
        try:
            if not self._prepared:
                for folder in (side, side / "refs", side / "objects", side / "info"):
                    files.make_private_dir(folder)
                _put(side / "HEAD", "ref: refs/heads/none\n")
                _put(side / "config", _config(repo))
                _put(side / "info" / "attributes", _ATTRIBUTES)
                self._prepared = True
            _put(side / "info" / "exclude", files.read_small(repo.exclude, 1 << 20) or b"")
        except DiskError as error:
            raise CheckpointError(str(error), hint=error.hint) from error


def _put(path: Path, data: str | bytes) -> None:
    raw = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    if files.read_small(path, len(raw) + 1) != raw:
        files.write_atomic(path, raw)


def _config(repo: Repository) -> str:
    """Theirs first, then what must be ours whatever they say."""
    version = "1\n[extensions]\n\tobjectFormat = sha256" if repo.sha256 else "0"
    lines = [f"[core]\n\trepositoryFormatVersion = {version}", "[include]"]
    lines += [f"\tpath = {_quoted(path)}" for path in repo.configs if path.is_file()]
    nowhere = _quoted(repo.side / "no-hooks")
    lines += [
        "[core]",
        "\tbare = false\n\tautocrlf = false\n\tsafecrlf = false\n\tignoreStat = false",
        f"\thooksPath = {nowhere}\n\tattributesFile = {nowhere}",
        "\tfsmonitor = false\n\tsplitIndex = false\n\tsparseCheckout = false\n\tuntrackedCache = false",
        # One sync for all new objects rather than one each: a power cut must leave no broken object behind.
        "\tfsyncMethod = batch",
        "[index]\n\tsparse = false\n[submodule]\n\trecurse = false\n[commit]\n\tgpgSign = false",
        "[i18n]\n\tcommitEncoding = utf-8\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false",
    ]
    return "\n".join(lines) + "\n"


def _quoted(path: Path) -> str:
    text = str(path.absolute()).replace("\\", "/" if os.name == "nt" else "\\\\")
    return '"' + text.replace('"', '\\"').replace("\n", "\\n") + '"'
