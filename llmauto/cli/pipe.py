"""`pipe`: one prompt, the answer on stdout."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmauto.cli.given import read_given
from llmauto.cli.pipe_prompt import gather
from llmauto.cli.pipe_view import PipeView, write_exactly
from llmauto.clock import SystemClock
from llmauto.errors import CallError, DiskError
from llmauto.keeper.child.prctl import close_to_others
from llmauto.outcomes import Outcome, exit_code_of
from llmauto.piping import Question, ask
from llmauto.piping.leftovers import Earlier, last_session, settle
from llmauto.piping.setup import Wanted, checked_backend, checked_schema, held_in, means_for, question_for
from llmauto.rules.single import stop_reason_of
from llmauto.rules.text import dollars, human_duration, quoted
from llmauto.signals import SignalInterrupts

if TYPE_CHECKING:
    from llmauto.cli.context import Context
    from llmauto.ports import Reply

_ANOTHER_HOME = "each call is written down first: use a home that can be written, with `--home DIR`"
_LARGEST_SCHEMA_FILE = 1024 * 1024


def pipe(ctx: Context) -> int:
    """The command."""
    try:
        return _pipe(ctx)
    except DiskError as error:
        # What a call costs has to be written down somewhere: without that none is made.
        raise error if error.hint else DiskError(str(error), hint=_ANOTHER_HOME) from None


def _pipe(ctx: Context) -> int:
    clock = SystemClock()
    workdir = Path.cwd().resolve()
    streams = ctx.out.stdout.isatty() and not (ctx.args.json or ctx.args.schema)
    wanted = _wanted(ctx, workdir, pieces=streams)
    question = question_for(gather(ctx, clock, workdir), wanted, ctx.settings, workdir)
    tells = not ctx.args.quiet and ctx.out.stderr.isatty()
    pieces = "--include-partial-messages" in question.link.backend_args
    view = PipeView(ctx.out, streams=streams, pieces=pieces, tells=tells)
    reply = _ask(ctx, question, clock, view)
    if reply.outcome is Outcome.DONE:
        _answer(ctx, reply, view, tells=tells)
    else:
        _failure(ctx, reply, view, clock.now())
    return exit_code_of(stop_reason_of(reply.outcome))


def _wanted(ctx: Context, workdir: Path, *, pieces: bool) -> Wanted:
    """What the options ask for. Everything in them is checked before stdin is waited for."""
    args = ctx.args
    backend = checked_backend(args.backend or "claude")
    earlier = _earlier(ctx, workdir, backend) if args.go_on else None
    return Wanted(
        backend=backend,
        model=args.model or (earlier.model if earlier is not None else None),
        fallback_model=args.fallback,
        system=args.system,
        schema=_schema(args.schema, backend) if args.schema else "",
        timeout_s=args.timeout,
        session=earlier.session if earlier is not None else "",
        pieces=pieces,
    )


def _earlier(ctx: Context, workdir: Path, backend: str) -> Earlier:
    from llmauto.journal.sqlite import SqliteJournal

    with SqliteJournal.open(ctx.home.journal, readonly=True) as journal:
        return last_session(journal, workdir, backend, held_in(ctx.home))


def _schema(name: str, backend: str) -> str:
    from llmauto.rules.text import decode

    text = decode(read_given("--schema", name, _LARGEST_SCHEMA_FILE))
    return checked_schema(text, backend, f"--schema {quoted(name, 200)}")


def _ask(ctx: Context, question: Question, clock: SystemClock, view: PipeView) -> Reply:
    interrupts = SignalInterrupts(clock.wake, ignore_hangup=False, say=_say_in_handler, after_link=False)
    means = means_for(
        ctx.home, ctx.settings, ctx.environ, ctx.journal, clock,
        interrupts=interrupts, emit=view, workdir=question.workdir,
    )  # fmt: skip
    settle(means, held_in(ctx.home))
    interrupts.install()
    close_to_others()
    return ask(question, means)


def _say_in_handler(text: str) -> None:
    """A signal handler may interrupt a print: it writes past Python's buffers."""
    with contextlib.suppress(OSError):  # nobody is there to read it
        os.write(2, f"\n{text}\n".encode())


def _answer(ctx: Context, reply: Reply, view: PipeView, *, tells: bool) -> None:
    if ctx.args.json:
        write_exactly(ctx.out, _json(reply))
    else:
        view.finish(reply.structured if reply.structured is not None else reply.text)
    if not ctx.args.quiet:
        for warning in _warnings(reply):
            ctx.out.note(warning)
    if tells:
        parts = [reply.model, human_duration(reply.seconds), f"≈{dollars(reply.cost_usd)}"]
        line = " · ".join(part for part in parts if part)
        ctx.out.say_styled(ctx.out.style(f"  {line}", "dim", stream=ctx.out.stderr))


def _warnings(reply: Reply) -> list[str]:
    found = list(reply.warnings)
    if reply.denials:
        tools = ", ".join(reply.denials)
        found.append(f"refused: {tools}; `default_allowed_tools` in config.json allows it")
    return found


def _failure(ctx: Context, reply: Reply, view: PipeView, now: float) -> None:
    """Why there is no answer, and what the agent said all the same: on stderr, since it is none."""
    view.close()
    if ctx.args.json:
        write_exactly(ctx.out, _json(reply))
    elif reply.text.strip() and not (view.streams or ctx.args.quiet):
        ctx.out.say(reply.text.rstrip("\n"))
    said = reply.message or "there is no answer"
    ctx.out.error(CallError(f"{reply.outcome.value}: {said}", hint=_hint(reply, now) or None))


def _hint(reply: Reply, now: float) -> str:
    if reply.outcome is Outcome.LIMITED and reply.reset_at is not None and reply.reset_at > now:
        from llmauto.localtime import time_of_day

        at = time_of_day(reply.reset_at, seen_from=now)
        wait = human_duration(reply.reset_at - now)
        return f"the limit resets at {at}, in {wait}: ask again then, or another model with `--model`"
    return _HINTS.get(reply.outcome, "") or reply.hint


_HINTS = {
    Outcome.TIMEOUT: "give it more time with `--timeout S`, or less to do",
    Outcome.SESSION_BROKEN: "leave `--continue` out: that begins a new session",
    Outcome.CONTEXT_FULL: "shorten the prompt, or leave `--continue` out: that begins a new session",
    Outcome.NO_MODEL: "name another one with `--model`, or a second one with `--fallback`",
    Outcome.OVERLOADED: "ask again in a while, or name a second model with `--fallback`",
    Outcome.LIMITED: "ask again later, or another model with `--model`",
    Outcome.DENIED: "allow it in `default_allowed_tools` of config.json, or set `default_permission_mode`",
}
"""What a pipe's own options mend, where the backend's hint speaks of links."""


def _json(reply: Reply) -> str:
    """The keys are documented in `docs/reference/commands.md`, and stable."""
    value: dict[str, Any] = {
        "text": reply.structured if reply.structured is not None else reply.text,
        "outcome": reply.outcome.value,
        "message": reply.message or None,
        "session": reply.session or None,
        "model": reply.model or None,
        "usage": {
            "input": reply.input_tokens,
            "output": reply.output_tokens,
            "cache": reply.cache_tokens,
        },
        "cost_usd": None if reply.cost_usd is None else round(reply.cost_usd, 6),
        "ms": round(reply.seconds * 1000),
        "structured": None if reply.structured is None else json.loads(reply.structured),
    }
    return json.dumps(value, ensure_ascii=False, indent=2)
