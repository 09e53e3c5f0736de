"""Where does a run work that shall not touch the person's files? In a git worktree and branch of its own.

Worktrees lie in `<home>/worktrees/<chain>-<run>`, a folder that git ignores; beside each stands what is known
of it. The branch is `llmauto/<chain>/<run>`, in the person's repository.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from llmauto import files
from llmauto.errors import LlmautoError, UsageError
from llmauto.git import Answer, ask, ref_part
from llmauto.rules.names import problem_with
from llmauto.rules.text import quoted

FOLDER = "worktrees"
BRANCHES = "llmauto"
GIT_MAY_TAKE_S = 600.0
"""Git writes a whole worktree, calls filters and hooks."""

LARGEST_RECORD = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Worktree:
    """The worktree of one run. `origin` is the top of the person's worktree that it was made from.

    `base` is the commit that it began with, `scope` the workdir below the top, "" where it is the top.
    """

    chain: str
    run: str
    branch: str
    base: str
    origin: str
    path: str
    scope: str

    @property
    def top(self) -> Path:
        """The top of the worktree."""
        return Path(self.path)

    @property
    def workdir(self) -> Path:
        """Where the agents work."""
        return self.top / self.scope

    def inside(self, path: Path) -> Path:
        """The place in this worktree of what lies in the person's; other paths as they are."""
        with contextlib.suppress(ValueError):
            return self.top / path.relative_to(self.origin)
        return path


def check(workdir: Path) -> tuple[str, str, str]:
    """(top, scope, HEAD) of a folder from which a worktree can be made.

    Raises:
        UsageError: it is in no repository, or there is no commit yet.
    """
    answer = ask(workdir, "rev-parse", "--show-toplevel", "--show-prefix")
    if not answer.ok:
        raise UsageError(
            f"`isolation` needs a git repository, and {quoted(str(workdir), 200)} is in none: {answer.why}",
            hint='`git init` and a first commit make it one; without `"isolation"` the chain works there',
        )
    top, prefix = (os.fsdecode(line) for line in answer.out.split(b"\n")[:2])
    head = ask(workdir, "rev-parse", "-q", "--verify", "HEAD^{commit}")
    if not head.ok:
        raise UsageError(
            f"`isolation` needs a commit to begin from, and {quoted(top, 200)} has none yet",
            hint="commit something first",
        )
    return top, prefix.rstrip("/"), head.out.decode().strip()


def create(home: Path, *, chain: str, run: str, workdir: Path) -> Worktree:
    """Make the run's worktree from HEAD of the person's, on a new branch.

    Raises `UsageError` where git cannot, `DiskError`; then nothing of it is left.
    """
    top, scope, head = check(workdir)
    root = home / FOLDER
    files.make_private_dir(root)
    if files.look(root / ".gitignore", 0).kind == "missing":
        files.write_atomic(root / ".gitignore", "*\n")
    tree = Worktree(
        chain=chain,
        run=run,
        branch=f"{BRANCHES}/{ref_part(chain)}/{ref_part(run)}",
        base=head,
        origin=top,
        path=str(root / f"{chain}-{run}"),
        scope=scope,
    )
    files.write_atomic(_record(home, tree), json.dumps(asdict(tree), indent=1))
    try:
        _add(tree, "-b", tree.branch, tree.path, head)
        tree.workdir.mkdir(parents=True, exist_ok=True)
    except BaseException:
        remove(home, tree)
        raise
    return tree


def reopen(tree: Worktree) -> None:
    """The folder is there: one that somebody removed is made again from the branch. Raises `UsageError`."""
    if not tree.top.is_dir():
        ask(Path(tree.origin), "worktree", "prune")
        _add(tree, tree.path, tree.branch)
    tree.workdir.mkdir(parents=True, exist_ok=True)


def _add(tree: Worktree, *args: str) -> None:
    answer = ask(Path(tree.origin), "worktree", "add", "-q", *args, timeout_s=GIT_MAY_TAKE_S)
    if not answer.ok:
        raise UsageError(
            f"no worktree for run {tree.run}: {answer.why}",
            hint=f"`git -C {tree.origin} worktree list` shows those there are",
        )


def of_run(home: Path, chain: str, run: str) -> Worktree | None:
    """The worktree that was made for the run, None where it works in the person's folder."""
    return _read(home / FOLDER / f"{chain}-{run}.json")


def all_of(home: Path) -> Iterator[Worktree]:
    """Every worktree of this home."""
    for path in sorted((home / FOLDER).glob("*.json")):
        tree = _read(path)
        if tree is not None:
            yield tree


def _record(home: Path, tree: Worktree) -> Path:
    return home / FOLDER / f"{tree.chain}-{tree.run}.json"


def _read(path: Path) -> Worktree | None:
    data = files.read_small(path, LARGEST_RECORD)
    try:
        tree = Worktree(**json.loads(data or b""))
    except (ValueError, TypeError):
        return None
    # What stands there is only believed of its own folder: it says what will be removed.
    named = f"{tree.chain}-{tree.run}"
    right = problem_with(tree.chain) is None and problem_with(tree.run) is None
    return tree if right and path.name == f"{named}.json" and Path(tree.path) == path.parent / named else None


# --- what is in it ----------------------------------------------------------------------------------


def uncommitted(folder: Path, own: Sequence[str] = ()) -> list[str]:
    """The paths that differ from the last commit, untracked ones too. `own` are paths from the top."""
    outside = [f":(top,exclude,literal){path}" for path in own]
    answer = ask(folder, "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all",
                 "--", ":(top)", *outside)  # fmt: skip
    if not answer.ok:
        raise LlmautoError(f"git cannot say what is in {quoted(str(folder), 200)}: {answer.why}")
    return [os.fsdecode(entry[3:]) for entry in answer.out.split(b"\0") if entry]


def below(top: Path, own: Sequence[Path]) -> list[str]:
    """The paths from `top` of those of these files that lie in it."""
    found = []
    for path in own:
        with contextlib.suppress(ValueError):
            found.append(path.relative_to(top).as_posix())
    return [path for path in found if path != "."]


def commit_rest(tree: Worktree, own: Sequence[str]) -> int:
    """Commit on the run's branch what the agents left uncommitted; how many files that were.

    Repositories inside are left alone. No hook is run. Raises `LlmautoError` where the worktree is on another
    branch, or in the middle of a merge.
    """
    on = ask(tree.top, "symbolic-ref", "-q", "--short", "HEAD").out.decode().strip()
    if on != tree.branch:
        where = f"on `{on}`" if on else "on no branch, or in the middle of a rebase"
        raise LlmautoError(
            f"the worktree of run {tree.run} is {where}, not on `{tree.branch}`",
            hint=f"`git -C {tree.path} switch {tree.branch}`, or merge by hand what the agents made there",
        )
    if ask(tree.top, "ls-files", "-u").out:
        raise LlmautoError(
            f"the worktree of run {tree.run} is in the middle of a merge",
            hint=f"`git -C {tree.path} status` shows it; finish it there, then try again",
        )
    paths = [path for path in uncommitted(tree.top, own) if not _is_repository(tree.top / path)]
    if not paths:
        return 0
    outside = [f":(top,exclude,literal){path}" for path in own]
    outside += [f":(top,exclude,literal){path}" for path in _repositories(tree.top)]
    _must(ask(tree.top, "add", "-A", "--", ":(top)", *outside, timeout_s=GIT_MAY_TAKE_S))
    subject = f"llmauto: what run {tree.run} of chain {tree.chain} left uncommitted"
    _must(
        ask(tree.top, "commit", "-q", "--no-verify", "--no-gpg-sign", "-m", subject,
            env=identity(tree.top), timeout_s=GIT_MAY_TAKE_S)
    )  # fmt: skip
    return len(paths)


def _is_repository(path: Path) -> bool:
    return (path / ".git").exists()


def _repositories(top: Path) -> list[str]:
    """Untracked repositories inside, wherever they are."""
    listing = ask(top, "ls-files", "-o", "-z", "--exclude-standard").out
    return [os.fsdecode(name).rstrip("/") for name in listing.split(b"\0") if name.endswith(b"/")]


def identity(folder: Path) -> dict[str, str]:
    """The environment of a commit: ours where the person has told git no name."""
    if ask(folder, "var", "GIT_COMMITTER_IDENT").ok:
        return {}
    return {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "llmauto"), ("EMAIL", "llmauto@localhost"))
    }


def _must(answer: Answer) -> None:
    if not answer.ok:
        raise LlmautoError(f"git failed: {answer.why}")


# --- its end ------------------------------------------------------------------------------------------


def is_merged(tree: Worktree, own: Sequence[str]) -> bool:
    """Whether nothing is lost without it: all is committed, and in another branch, here or remote."""
    try:
        if tree.top.is_dir() and uncommitted(tree.top, own):
            return False
    except LlmautoError:
        return False
    origin = Path(tree.origin)
    tip = ask(origin, "rev-parse", "-q", "--verify", f"refs/heads/{tree.branch}")
    if not tip.ok:
        return tip.code == 1 and not tree.top.is_dir()
    holders = ask(
        origin, "for-each-ref", f"--contains={tip.out.decode().strip()}", "--format=%(refname)",
        "refs/heads", "refs/remotes",
    ).out.decode()  # fmt: skip
    return any(not ref.startswith(f"refs/heads/{BRANCHES}/") for ref in holders.split())


def remove(home: Path, tree: Worktree) -> None:
    """Remove the worktree, its branch and what is known of it, whatever is in them. Raises `DiskError`."""
    origin = Path(tree.origin)
    ask(origin, "worktree", "remove", "--force", "--force", tree.path, timeout_s=GIT_MAY_TAKE_S)
    with files.disk_errors(tree.top, "remove"):
        if tree.top.is_dir() and not tree.top.is_symlink():
            shutil.rmtree(tree.top)
    ask(origin, "worktree", "prune")
    ask(origin, "branch", "-q", "-D", tree.branch)
    with files.disk_errors(_record(home, tree), "remove"):
        _record(home, tree).unlink(missing_ok=True)
