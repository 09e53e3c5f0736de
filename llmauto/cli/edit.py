"""`chain copy`, `chain delete` and `clean`: chains and runs are copied and removed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from llmauto.authoring.load import load
from llmauto.cli.context import Context
from llmauto.errors import ChainError, LlmautoError, UsageError
from llmauto.home import shown
from llmauto.rules.names import check_name
from llmauto.rules.text import counted, human_bytes

if TYPE_CHECKING:
    from llmauto.cli.cleaning import OldRuns
    from llmauto.ports import RunSummary
    from llmauto.worktree import Worktree


def copy(ctx: Context) -> int:
    """Copy a chain's file, its comments too, under another name."""
    from llmauto.cli.chainfile import check_free, moved_text
    from llmauto.cli.newfiles import NewFiles

    home, new = ctx.home, ctx.args.new
    source = home.find_chain(check_name(ctx.args.name))
    check_free(home, new)
    # What is kept out of the repository stays out of it.
    folder = source.parent if home.chains in source.parents else home.chains
    target = folder / f"{new}.json"
    with NewFiles(home) as written:
        written.write(target, moved_text(source, home, folder), "choose another name")
    try:
        load(target, home=home, settings=ctx.settings)
    except ChainError:
        ctx.out.note(f"the copy has the original's mistakes: `llmauto chain check {new}` names them")
    ctx.out.line(f"wrote {shown(target)}")
    ctx.out.line(f"  next: llmauto chain check {new}    validates it after your changes")
    return 0


def delete(ctx: Context) -> int:
    """Delete a chain with all that belongs to it; asks on a terminal."""
    from llmauto.checkpoints.forgetting import forget
    from llmauto.cli import deleting, worktrees
    from llmauto.cli.ask import Asker

    home, name = ctx.home, ctx.args.name
    what = deleting.doomed(home, name)
    runs, trees = _of_git(ctx, name)
    size = what.size
    if not ctx.args.yes:
        asker = Asker(ctx.out, sys.stdin, f"`llmauto chain delete {name} --yes` does not ask")
        if not asker.at_terminal:
            raise UsageError(
                "`chain delete` asks first, and there is no terminal",
                hint=f"`llmauto chain delete {name} --yes` does not ask",
            )
        gone = f"{counted(len(what.runs), 'run')} ({human_bytes(size)})"
        if not asker.yes(f"Delete chain {name} with {gone}?", default=False):
            ctx.out.say("nothing was deleted")
            return 0
    left = deleting.delete(home, what)
    forget(runs)
    worktrees.remove(home, trees)
    file = shown(what.file) if what.file else "no file"
    ctx.out.line(f"deleted chain {name}: {file}, {counted(len(what.runs), 'run')}, {human_bytes(size)}")
    if left:
        ctx.out.note(f"`{shown(what.state)}` stays, with what the agents keep there: {', '.join(left[:5])}")
    if (home.shipped / "chains" / f"{name}.json").exists():
        ctx.out.note(f"the shipped chain `{name}` is there again")
    return 0


def _of_git(ctx: Context, name: str) -> tuple[Sequence[RunSummary], Sequence[Worktree]]:
    """The runs of the chain, whose checkpoints go, and their worktrees.

    Raises `LlmautoError` where work in one of these is nowhere else, unless that may go too.
    """
    from llmauto.cli import worktrees
    from llmauto.cli.standing import reader

    trees = worktrees.sort_out(ctx.home, (), chain=name)
    if trees.unmerged and not ctx.args.unmerged:
        branches = ", ".join(f"`{tree.branch}`" for tree in trees.unmerged)
        raise LlmautoError(
            f"there is work of chain `{name}` that is not merged: {branches}",
            hint=f"`llmauto chain merge {name}` merges it, `--unmerged` deletes it too",
        )
    with reader(ctx.home) as journal:
        return journal.runs(name), (*trees.merged, *trees.unmerged)


def clean(ctx: Context) -> int:
    """Remove old runs of every chain, with their calls and checkpoints; and worktrees that are merged."""
    from llmauto.cli import cleaning, worktrees
    from llmauto.cli.standing import reader

    keep, dry = _keep(ctx), ctx.args.dry_run
    with reader(ctx.home) as journal:
        runs = journal.runs()
    old = cleaning.old_runs(ctx.home, runs, keep) if keep is not None else []
    trees = worktrees.sort_out(ctx.home, runs)
    gone = (*trees.merged, *(trees.unmerged if ctx.args.unmerged else ()))
    if not dry:
        _remove(ctx, runs, old)
        worktrees.remove(ctx.home, gone)
    did = "would remove" if dry else "removed"
    if old:
        _say_old(ctx, old, did)
    elif not gone:
        most = f"no chain has more than {keep} ended runs"
        ctx.out.line(f"nothing to remove: {'`keep_runs` is 0' if keep is None else most}")
    for tree in gone:
        ctx.out.line(f"{did} the worktree of run {tree.run} of chain {tree.chain}, and `{tree.branch}`")
    for tree in trees.unmerged:
        if tree not in gone:
            way = f"`llmauto chain merge {tree.chain} --run {tree.run}` merges it, `--unmerged` removes it"
            ctx.out.note(f"the worktree of run {tree.run} stays, since its work is not merged: {way}")
    return 0


def _remove(ctx: Context, runs: Sequence[RunSummary], old: Sequence[OldRuns]) -> None:
    """Remove the old ones of these runs."""
    from llmauto.checkpoints.forgetting import forget
    from llmauto.cli.cleaning import remove_runs
    from llmauto.journal.sqlite import SqliteJournal

    names = {run for each in old for run in each.runs}
    if names:
        with SqliteJournal.open(ctx.home.journal) as journal:
            remove_runs(journal, old)
        forget(run for run in runs if run.run in names)


def _say_old(ctx: Context, old: Sequence[OldRuns], did: str) -> None:
    rows = [
        (each.chain or "(pipe)", str(len(each.runs)), human_bytes(each.size), each.runs[-1], each.runs[0])
        for each in old
    ]
    ctx.out.table(("CHAIN", "RUNS", "SIZE", "OLDEST", "NEWEST"), rows)
    total = sum(len(each.runs) for each in old)
    ctx.out.line(f"{did} {counted(total, 'run')}, {human_bytes(sum(each.size for each in old))}")


def _keep(ctx: Context) -> int | None:
    """How many ended runs of each chain stay; None = all."""
    given: int | None = ctx.args.keep
    return (ctx.settings.keep_runs or None) if given is None else given
