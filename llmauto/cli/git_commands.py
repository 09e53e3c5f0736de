"""`chain diff`, `chain rewind`, `chain merge`: what agents changed, taking it back, and taking it over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from llmauto.cli import standing
from llmauto.cli.context import Context
from llmauto.cli.holding import held
from llmauto.errors import LlmautoError, UsageError
from llmauto.events import Checkpointed
from llmauto.rules import spans
from llmauto.rules.names import check_name
from llmauto.rules.text import counted, quoted

if TYPE_CHECKING:
    from llmauto.checkpoints import GitCheckpoints
    from llmauto.checkpoints.rewinding import Plan, Rewind
    from llmauto.ports import RunSummary
    from llmauto.worktree import Worktree

MOST_SHOWN = 20
"""Files that are named before a rewind; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """A run with its checkpoints, oldest first; `all_runs` of the chain, newest first."""

    chain: str
    summary: RunSummary
    marks: Sequence[Checkpointed]
    all_runs: Sequence[str]


# --- diff -----------------------------------------------------------------------------------------


def diff(ctx: Context) -> int:
    """What the run, one of its rounds, or a link has changed in the workdir."""
    from llmauto.cli.diffing import show

    args, run = ctx.args, _run(ctx)
    if args.link is not None:
        check_name(args.link, "link")
    checkpoints = _checkpoints(ctx, run)
    span = spans.span(run.marks, args.round, args.link)
    if span is None:
        raise _no_checkpoint(run, args.round, args.link)
    return show(ctx, run.chain, run.summary.run, checkpoints, span)


# --- rewind ---------------------------------------------------------------------------------------


def rewind(ctx: Context) -> int:
    """Put the workdir's files back to what they were before a round, or before a link in it."""
    from llmauto.checkpoints.rewinding import Rewind

    wanted = spans.target(ctx.args.target)
    if wanted is None and ctx.args.target != spans.UNDO:
        raise UsageError(
            f"expected `ROUND`, `ROUND:LINK` or `undo`, found {quoted(ctx.args.target)}",
            hint="`chain rewind NAME 2:worker` goes back to before the worker's work in round 2",
        )
    run = _run(ctx)
    with held(ctx.home, run.chain, run.all_runs):
        one = Rewind(_checkpoints(ctx, run))
        commit, where = _commit(run, one, wanted)
        plan = one.plan(commit)
        try:
            if plan.nothing:
                ctx.out.line(f"nothing to put back: the files are as they were {where}")
                _say_left(ctx, plan)
                return 0
            _show_plan(ctx, run, plan, where)
            if not _agreed(ctx, run, plan):
                ctx.out.say("nothing was changed")
                return 0
            _apply(run, one, plan)
        finally:
            one.forget()
    _say_done(ctx, run, plan, where, wanted)
    return 0


def _commit(run: _Run, one: Rewind, wanted: tuple[int, str | None] | None) -> tuple[str, str]:
    """The commit to go back to, and in words when that was."""
    if wanted is None:
        commit = one.undo(run.summary.run)
        if commit is None:
            raise UsageError(
                f"there is no rewind of run {run.summary.run} to undo",
                hint=f"`llmauto chain rewind {run.chain} ROUND[:LINK]` makes one",
            )
        return commit, "before the last rewind"
    mark = spans.before(run.marks, *wanted)
    if mark is None:
        raise _no_checkpoint(run, *wanted)
    return mark.commit, f"before round {mark.round}" + (f", link {mark.link}" if wanted[1] else "")


def _show_plan(ctx: Context, run: _Run, plan: Plan, where: str) -> None:
    out = ctx.out
    out.say(f"{run.summary.workdir}: back to {where}")
    lines = [("A" if c.old_mode == "000000" else "M", "green", c.path) for c in plan.written]
    lines += [("D", "red", c.path) for c in plan.removed]
    for letter, colour, path in lines[:MOST_SHOWN]:
        out.say_styled(f"  {out.style(letter, colour, stream=out.stderr)} {quoted(path, 200).strip('`')}")
    if len(lines) > MOST_SHOWN:
        out.say(f"  … and {len(lines) - MOST_SHOWN} more")
    _say_left(ctx, plan)


def _say_left(ctx: Context, plan: Plan) -> None:
    if plan.left:
        shown = ", ".join(quoted(path, 80) for path in plan.left[:3])
        more = f" and {len(plan.left) - 3} more" if len(plan.left) > 3 else ""
        ctx.out.note(f"left as they are, since checkpoints do not keep them: {shown}{more}")


def _agreed(ctx: Context, run: _Run, plan: Plan) -> bool:
    if ctx.args.yes:
        return True
    import sys

    from llmauto.cli.ask import Asker

    way_out = f"`llmauto chain rewind {run.chain} {ctx.args.target} --yes` does not ask"
    asker = Asker(ctx.out, sys.stdin, way_out)
    if not asker.at_terminal:
        raise UsageError("`chain rewind` asks first, and there is no terminal", hint=way_out)
    return asker.yes(f"{_will(plan)}?", default=False)


def _apply(run: _Run, one: Rewind, plan: Plan) -> None:
    from llmauto.checkpoints import CheckpointError

    try:
        one.apply(plan, run.summary.run)
    except CheckpointError as error:
        hint = f"`llmauto chain rewind {run.chain} undo` puts back what was there"
        raise LlmautoError(f"the rewind was not completed: {error}", hint=hint) from error


def _say_done(ctx: Context, run: _Run, plan: Plan, where: str, wanted: tuple[int, str | None] | None) -> None:
    from llmauto import worktree

    ctx.out.line(f"{run.summary.workdir} is as it was {where}: {_did(plan)}")
    ctx.out.line(f"  undo: llmauto chain rewind {run.chain} undo{_of_run(ctx)}")
    if run.summary.finished and worktree.of_run(ctx.home.path, run.chain, run.summary.run) is not None:
        ctx.out.line(f"  next: llmauto chain merge {run.chain}{_of_run(ctx)}    brings its branch into yours")
    elif wanted is not None:
        mark = spans.before(run.marks, *wanted)
        link = mark.link if mark else ""
        ctx.out.line(f"  next: llmauto chain start {run.chain} --from {link}    goes on from there")


def _will(plan: Plan) -> str:
    parts = [f"Put {counted(len(plan.written), 'file')} back"] if plan.written else []
    if plan.removed:
        parts.append(f"{'remove' if parts else 'Remove'} {counted(len(plan.removed), 'file')}")
    return " and ".join(parts)


def _did(plan: Plan) -> str:
    return f"{counted(len(plan.written), 'file')} put back, {len(plan.removed)} removed"


def _of_run(ctx: Context) -> str:
    return f" --run {ctx.args.run}" if ctx.args.run else ""


# --- merge ----------------------------------------------------------------------------------------


def merge(ctx: Context) -> int:
    """Bring the branch of a run that worked in its own worktree into the person's branch."""
    from llmauto import merging
    from llmauto.cli.worktrees import state_in

    name = check_name(ctx.args.name)
    with standing.reader(ctx.home) as journal:
        standing.known(ctx.home, journal, name)
        runs = journal.runs(name)
    tree = _tree(ctx, name, [run.run for run in runs])
    finished = next((run.finished for run in runs if run.run == tree.run), True)
    with held(ctx.home, name, [run.run for run in runs]):
        done = merging.merge(tree, [state_in(tree)])
    if done.committed:
        ctx.out.line(f"committed what run {tree.run} had left uncommitted: {counted(done.committed, 'file')}")
    if done.how == "by_hand":
        typed = " && ".join(merging.by_hand(tree, into=done.into))
        raise LlmautoError(f"`{tree.branch}` is not merged: {done.why}", hint=f"when that is mended: {typed}")
    if done.how == "nothing":
        ctx.out.line(f"`{done.into or 'HEAD'}` has all of run {tree.run} already")
    else:
        how = "" if done.how == "merged" else " (fast-forward)"
        commits = "1 commit" if done.commits == 1 else f"{done.commits} commits"
        changed = f"{commits}, {counted(done.files, 'file')} changed"
        ctx.out.line(f"merged run {tree.run} into `{done.into}`{how}: {changed}")
    if finished:
        ctx.out.line("  next: llmauto clean    removes its worktree and branch")
    else:
        ctx.out.line(f"  next: llmauto chain start {name}    goes on in its worktree")
    return 0


def _tree(ctx: Context, name: str, runs: Sequence[str]) -> Worktree:
    from llmauto import worktree

    trees = {tree.run: tree for tree in worktree.all_of(ctx.home.path) if tree.chain == name}
    wanted: str | None = ctx.args.run or next(iter([*runs, *sorted(trees, reverse=True)]), None)
    if wanted is None:
        raise UsageError(f"chain `{name}` has not run yet: there is nothing to merge")
    if wanted in trees:
        return trees[wanted]
    others = f"there are worktrees of {', '.join(sorted(trees))}" if trees else None
    raise UsageError(
        f"run {wanted} of chain `{name}` has no worktree of its own: there is nothing to merge",
        hint=others or '`"isolation": "worktree"` in the chain gives each run one',
    )


# --- what all of them look up ---------------------------------------------------------------------


def _run(ctx: Context) -> _Run:
    from llmauto.cli.log import run_of

    name = check_name(ctx.args.name)
    with standing.reader(ctx.home) as journal:
        standing.known(ctx.home, journal, name)
        runs = journal.runs(name)
        if not runs:
            raise UsageError(
                f"chain `{name}` has not run yet", hint=f"`llmauto chain start {name}` starts it"
            )
        summary = runs[0] if ctx.args.run is None else run_of(journal, name, ctx.args.run)
        marks = [event for event in journal.events(summary.run) if isinstance(event, Checkpointed)]
    return _Run(chain=name, summary=summary, marks=marks, all_runs=[run.run for run in runs])


def _checkpoints(ctx: Context, run: _Run) -> GitCheckpoints:
    """What knows the checkpoints. Raises `UsageError` where there can be none."""
    from llmauto import assembly

    workdir = Path(run.summary.workdir)
    if not workdir.is_dir():
        raise UsageError(f"the workdir {quoted(str(workdir), 200)} of run {run.summary.run} is gone")
    checkpoints = assembly.checkpoints_for(ctx.home, run.chain, workdir)
    if checkpoints is None:
        raise UsageError(
            f"there are no checkpoints: {quoted(str(workdir), 200)} is in no git repository",
            hint="`git init` there makes it one; the next run has checkpoints",
        )
    if not run.marks and not ctx.settings.git_checkpoints:
        raise UsageError(
            "there are no checkpoints: `git_checkpoints` is off",
            hint='`"git_checkpoints": true` in config.json switches them on for the next run',
        )
    return checkpoints


def _no_checkpoint(run: _Run, round_: int | None, link: str | None) -> UsageError:
    wanted = " and ".join(
        ([f"round {round_}"] if round_ is not None else []) + ([f"link `{link}`"] if link else [])
    )
    of = f" of {wanted}" if wanted else ""
    return UsageError(
        f"run {run.summary.run} has no checkpoint{of}", hint=spans.what_there_is(run.marks, link)
    )
