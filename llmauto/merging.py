"""How does what a run made on its own branch come into the person's? By a merge, where that is safe."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from llmauto.errors import LlmautoError
from llmauto.git import ask
from llmauto.rules.text import counted
from llmauto.worktree import GIT_MAY_TAKE_S, Worktree, commit_rest, identity


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What came of it. `into` is the person's branch, "" where HEAD is on none.

    `how`: merged · forwarded · nothing (all of it was there) · by_hand, and then `why`. `committed` files
    were put on the run's branch first; `commits` and `files` are what came over.
    """

    how: str
    into: str
    committed: int
    commits: int = 0
    files: int = 0
    why: str = ""


def merge(tree: Worktree, own: Sequence[str]) -> Merged:
    """Merge the run's branch into the branch that the person's worktree is on.

    Where that has uncommitted changes, or would be in conflict, it stays as it was. Raises `LlmautoError`.
    """
    origin = Path(tree.origin)
    if not origin.is_dir():
        raise LlmautoError(f"the repository of run {tree.run} is gone: `{tree.origin}`")
    committed = commit_rest(tree, own) if tree.top.is_dir() else 0
    tip = _rev(origin, f"refs/heads/{tree.branch}")
    if not tip:
        raise LlmautoError(f"the branch `{tree.branch}` of run {tree.run} is gone")
    into = ask(origin, "symbolic-ref", "-q", "--short", "HEAD").out.decode().strip()
    head = _rev(origin, "HEAD")
    if ask(origin, "merge-base", "--is-ancestor", tip, "HEAD").ok:
        return Merged(how="nothing", into=into, committed=committed)
    why = _hindrance(origin, into)
    if not why:
        why = _merge(origin, tree.branch)
    if why:
        return Merged(how="by_hand", into=into, committed=committed, why=why)
    after = _rev(origin, "HEAD")
    commits = ask(origin, "rev-list", "--count", f"{head}..{tip}").out.decode().strip()
    changed = ask(origin, "diff", "--name-only", "-z", head, after).out
    return Merged(
        how="forwarded" if after == tip else "merged",
        into=into,
        committed=committed,
        commits=int(commits or 0),
        files=changed.count(b"\0"),
    )


def by_hand(tree: Worktree, *, into: str) -> tuple[str, ...]:
    """The commands to type, in their order."""
    git = f"git -C {shlex.quote(tree.origin)}"
    switch = () if into else (f"{git} switch BRANCH",)
    return (*switch, f"{git} merge {shlex.quote(tree.branch)}")


def _hindrance(origin: Path, into: str) -> str:
    """Why a merge is not even tried; "" where it can be."""
    if not into:
        return "HEAD is on no branch"
    changed = ask(origin, "status", "--porcelain", "--untracked-files=no")
    if not changed.ok:
        return changed.why
    if changed.out:
        count = len(changed.out.splitlines())
        return f"`{into}` has {counted(count, 'uncommitted change')}: commit or stash first"
    return ""


def _merge(origin: Path, branch: str) -> str:
    """Merge; "" where that went well, else why not, and all is as it was."""
    answer = ask(origin, "merge", "-q", "--no-edit", branch, env=identity(origin), timeout_s=GIT_MAY_TAKE_S)
    if answer.ok:
        return ""
    conflicts = ask(origin, "diff", "--name-only", "-z", "--diff-filter=U").out.split(b"\0")
    names = [name.decode("utf-8", "replace") for name in conflicts if name]
    ask(origin, "merge", "--abort")
    if not names:
        return answer.why
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"both sides have changed {', '.join(f'`{name}`' for name in names[:3])}{more}"


def _rev(origin: Path, name: str) -> str:
    return ask(origin, "rev-parse", "-q", "--verify", f"{name}^{{commit}}").out.decode().strip()
