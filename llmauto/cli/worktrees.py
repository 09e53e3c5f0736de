"""Which worktrees of runs may go? Those of finished runs whose work is merged; others only if told so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmauto import worktree
from llmauto.cli.standing import runner_of

if TYPE_CHECKING:
    from llmauto.home import Home
    from llmauto.ports import RunSummary
    from llmauto.worktree import Worktree


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """Worktrees that nothing is lost without, and those of finished runs with work that is nowhere else."""

    merged: tuple[Worktree, ...]
    unmerged: tuple[Worktree, ...]


def sort_out(home: Home, runs: Sequence[RunSummary], *, chain: str | None = None) -> Sorted:
    """The worktrees of runs that have ended for good, or that nobody knows any more.

    `runs` are those that may go on, newest first. A chain that a runner holds is passed over: it may be about
    to begin a run.
    """
    go_on = {run.run for run in runs if not run.finished and run is _newest(runs, run.chain)}
    merged: list[Worktree] = []
    unmerged: list[Worktree] = []
    for tree in worktree.all_of(home.path):
        if chain is None and runner_of(home, tree.chain) is not None:
            continue
        if chain in (None, tree.chain) and tree.run not in go_on:
            (merged if worktree.is_merged(tree, [state_in(tree)]) else unmerged).append(tree)
    return Sorted(merged=tuple(merged), unmerged=tuple(unmerged))


def _newest(runs: Sequence[RunSummary], chain: str) -> RunSummary | None:
    """A start goes on with a chain's newest run; an older one that did not end was given up for it."""
    return next((run for run in runs if run.chain == chain), None)


def remove(home: Home, trees: Iterable[Worktree]) -> None:
    """Remove them with their branches. Raises `DiskError`."""
    for tree in trees:
        worktree.remove(home.path, tree)


def state_in(tree: Worktree) -> str:
    """Where agents may have left their handoff in the worktree: that is no part of the work."""
    return f"{tree.scope}/state/{tree.chain}" if tree.scope else f"state/{tree.chain}"
