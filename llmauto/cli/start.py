"""`chain start`: begin a run, or go on with the unfinished one, in front of the person or behind."""

from __future__ import annotations

import sys

from llmauto.authoring.load import Loaded, load
from llmauto.authoring.overrides import with_overrides
from llmauto.cli.context import Context
from llmauto.cli.given import read_given
from llmauto.errors import UsageError
from llmauto.rules.names import did_you_mean
from llmauto.rules.text import decode, quoted
from llmauto.running import Asked

LARGEST_TASK = 1024 * 1024
"""Bytes of a task that is typed or read from a file."""


def start(ctx: Context) -> int:
    """The command."""
    loaded, asked = load_asked(ctx)
    for warning in loaded.warnings:
        ctx.out.say(warning)
    if ctx.args.dry_run:
        from llmauto.cli.dryrun import dry_run

        return dry_run(ctx, loaded, asked)
    if ctx.args.bg or ctx.args.window:
        from llmauto.cli.background import launch

        # A detached console program has no window of its own on Windows, and people look for one.
        return launch(ctx, loaded.chain, window=ctx.args.window or sys.platform == "win32")
    from llmauto.cli.foreground import play

    return play(ctx, loaded, asked)


def load_asked(ctx: Context) -> tuple[Loaded, Asked]:
    """The chain that was named, and what was asked of it; all that can be wrong is said here."""
    path = ctx.home.find_chain(ctx.args.name)
    loaded = load(path, home=ctx.home, settings=ctx.settings)
    asked = Asked(
        fresh=ctx.args.fresh,
        from_link=_link(ctx.args.from_link or "", [link.name for link in loaded.chain.links]),
        task=_task(ctx.args.task, ctx.args.task_file),
        inputs=_inputs(ctx.args.inputs),
        rounds=ctx.args.rounds,
        budget=ctx.args.budget,
    )
    # Wrong names of inputs are told at once, also where the run goes on and has its own values.
    # A missing one of a new run is told before anything is made for it.
    required = loaded.chain.required_inputs
    goes_on = required and not asked.fresh and _is_unfinished(ctx, loaded.chain.name)
    with_overrides(loaded.chain, inputs=(dict.fromkeys(required, "") if goes_on else {}) | dict(asked.inputs))
    return loaded, asked


def _is_unfinished(ctx: Context, chain: str) -> bool:
    from llmauto.cli import standing

    with standing.reader(ctx.home) as journal:
        latest = journal.latest(chain)
    return latest is not None and not latest.finished


def _link(name: str, known: list[str]) -> str:
    if name and name not in known:
        hint = did_you_mean(name, known) or f"its links: {', '.join(known)}"
        raise UsageError(f"--from: there is no link {quoted(name)}", hint=hint)
    return name


def _task(text: str | None, file: str | None) -> str | None:
    return text if file is None else decode(read_given("--task-file", file, LARGEST_TASK))


def _inputs(pairs: list[str]) -> dict[str, str]:
    values = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise UsageError(f"--set {quoted(pair)}: expected `name=value`")
        values[name] = value
    return values
