"""`chain stop` and `chain reset`: end a run, or forget all runs of a chain."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from llmauto import files
from llmauto.cli import standing
from llmauto.cli.context import Context
from llmauto.cli.holding import held
from llmauto.cli.removing import remove, run_folder
from llmauto.cli.requests import leave
from llmauto.outcomes import Status
from llmauto.rules.names import check_name
from llmauto.rules.text import human_duration, one_line

if TYPE_CHECKING:
    from llmauto.home import Home
    from llmauto.ports import RunSummary

SLACK_S = 3.0
"""Seconds past its grace that a call without a runner is waited for; its keeper ends it well before."""


# --- stop -----------------------------------------------------------------------------------------


def stop(ctx: Context) -> int:
    """Ask the chain's runner for a stop; where it has died and its call lives, see to that one."""
    name, reason = check_name(ctx.args.name), " ".join(ctx.args.reason)
    with standing.reader(ctx.home) as journal:
        found = standing.standing(ctx.home, journal, name)
    if found.runner is not None:
        (_stop_now if ctx.args.now else _stop_after_link)(ctx, found, reason)
    elif found.living_call is None:
        ctx.out.line(f"chain `{name}` is not running: there is nothing to stop")
    elif ctx.args.now:
        _end_call(ctx, found.living_call)
    else:
        ctx.out.line(f"the runner of chain `{name}` has died, its call goes on alone and starts no other")
        ctx.out.line(f"`llmauto chain stop {name} --now` ends it, `llmauto chain start {name}` takes it over")
    return 0


def _stop_after_link(ctx: Context, found: standing.Standing, reason: str) -> None:
    name, folder = found.chain, ctx.home.state / found.chain
    if found.stop_text is not None:
        said = f": {one_line(found.stop_text, 200)}" if found.stop_text else ""
        ctx.out.line(f"a stop of chain `{name}` was asked for already{said}")
        return
    files.make_private_dir(folder, root=ctx.home.path)
    path = folder / "STOP"
    files.write_atomic(path, f"{reason}\n" if reason else "")
    if standing.runner_of(ctx.home, name) is None:
        # The run ended by itself meanwhile: what nobody will read must not wait for the next one.
        with contextlib.suppress(OSError):
            path.unlink()
        ctx.out.line(f"the run of chain `{name}` has just ended by itself")
        return
    link = f" `{found.summary.link}`" if found.summary is not None and found.summary.link else ""
    ctx.out.line(f"chain `{name}` stops after its link{link}; `--now` ends the call as well")


def _stop_now(ctx: Context, found: standing.Standing, reason: str) -> None:
    if leave(ctx, found.chain, "stop_now", reason):
        ctx.out.line(f"chain `{found.chain}` stops now: its call gets its grace to end, then it is killed")


def _end_call(ctx: Context, folder: Path) -> None:
    """End the call that a dead runner left, and see it dead."""
    from llmauto.keeper import find, records
    from llmauto.keeper.child.folder import Folder

    call = find(folder)
    if call is None:
        ctx.out.line(f"the call {folder.name} is over")
        return
    place = Folder(os.fsencode(folder))
    try:
        grace_s = records.bounds(place).grace_s
    finally:
        place.close()
    began = time.monotonic()
    call.end("stop")
    ended = call.poll(grace_s + SLACK_S)
    call.close()
    took = human_duration(time.monotonic() - began)
    if ended is None:
        ctx.out.note(f"the call {folder.name} has not ended after {took}: `llmauto chain status` shows it")
        return
    ctx.out.line(f"the call {folder.name} was ended after {took}; its runner had died before")


# --- reset ----------------------------------------------------------------------------------------


def reset(ctx: Context) -> int:
    """Forget the chain's runs and put its state back to READY, round 0. What agents keep there stays.

    Raises:
        BusyError: a runner or a living call holds the chain.
    """
    from llmauto.checkpoints.forgetting import forget

    home, name = ctx.home, check_name(ctx.args.name)
    runs = _known_runs(home, name)
    if not runs and files.look(home.state / name, 0).kind != "folder":
        ctx.out.line(f"chain `{name}` has not run yet: there is nothing to reset")
        return 0
    with held(home, name, [run.run for run in runs]):
        runs = _known_runs(home, name)  # again: now nobody adds to them
        # In this order a reset that was cut short is simply made again, and nothing is half forgotten: the
        # journal puts the files right, and a call's folder that nobody knows harms nobody.
        _reset_files(home, name, runs)
        if home.journal.exists():
            with ctx.journal as journal:
                journal.forget_chain(name)
        remove(folder for run in runs if (folder := run_folder(home, run.run)) is not None)
        forget(runs)
    forgotten = "1 run is" if len(runs) == 1 else f"{len(runs)} runs are"
    ctx.out.line(f"chain `{name}` is back to round 0; {forgotten} forgotten")
    return 0


def _known_runs(home: Home, name: str) -> Sequence[RunSummary]:
    """The chain's runs, newest first; none where there is no journal.

    Raises `UsageError` where no chain is or was called so.
    """
    has_state = files.look(home.state / name, 0).kind == "folder"
    if home.journal.exists():
        with standing.reader(home) as journal:
            if not has_state:
                standing.known(home, journal, name)
            return journal.runs(name)
    names = {chain.name for chain in home.list_chains()}
    if name not in names and not has_state:
        raise standing.no_such_chain(home, name, names)
    return ()


def _reset_files(home: Home, name: str, runs: Sequence[RunSummary]) -> None:
    """Back to READY and round 0, as scripts and old prompts read it."""
    from llmauto.desk import StateDesk, reset_folder
    from llmauto.ports import Mirror

    folder = home.state / name
    links, last = _links_and_handoff(home, runs)
    if runs and runs[0].workdir:
        _remove_copy(Path(runs[0].workdir) / "state" / name, folder, last)
    if files.look(folder, 0).kind != "folder":
        return
    reset_folder(folder, links)
    StateDesk(home.path, name).publish(
        Mirror(status=Status.READY.value, rounds_done=0, started_at=0.0, handoff=None)
    )


def _links_and_handoff(home: Home, runs: Sequence[RunSummary]) -> tuple[set[str], str]:
    """The links that handoffs were kept of, and the hash of the last one that counted."""
    if not runs:
        return set(), ""
    with standing.reader(home) as journal:
        kept = [e for run in reversed(runs) for e in journal.kept_handoffs(run.run)]
    last = next((e.sha for e in reversed(kept) if e.passed_on), "")
    return {e.link for e in kept if e.link}, last


def _remove_copy(second: Path, folder: Path, sha: str) -> None:
    """The handoff's copy in the workdir, where it was kept for agents: it would be the next run's first one.

    Only where it is that copy to the letter: in a person's project nothing else is touched.
    """
    if not sha or second.resolve() == folder.resolve():
        return
    path = second / "handoff.md"
    data = files.read_small(path, 1 << 20)
    if data is not None and hashlib.sha256(data).hexdigest() == sha:
        with contextlib.suppress(OSError):
            path.unlink()
