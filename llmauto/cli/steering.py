"""`chain pause|resume|steer|approve|deny`: what a person says to a run, and what will come of it."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from llmauto.cli import standing
from llmauto.cli.context import Context
from llmauto.cli.requests import leave, this_person
from llmauto.errors import UsageError
from llmauto.model import WITHOUT_SESSIONS
from llmauto.rules.names import check_name
from llmauto.rules.text import decode, human_bytes

if TYPE_CHECKING:
    from llmauto.events import CallStarted
    from llmauto.journal.sqlite import SqliteJournal
    from llmauto.ports import RunSummary

LARGEST_TEXT = 256 * 1024
"""Bytes of what is said to an agent; it is a part of its prompt."""


def pause(ctx: Context) -> int:
    """Let the run stand still before its next call."""
    found = _running(ctx, "pause")
    name, summary = found.chain, found.summary
    if found.status == "PAUSED":
        ctx.out.line(f"chain `{name}` is paused already; `llmauto chain resume {name}` goes on")
        return 0
    if leave(ctx, name, "pause", " ".join(ctx.args.reason)):
        link = f"after its link `{summary.link}`" if summary is not None and summary.call else ""
        ctx.out.line(f"chain `{name}` pauses {link or 'before its next call'}, and its clock with it")
        ctx.out.line(f"`llmauto chain resume {name}` goes on, `llmauto chain stop {name}` stops it")
    return 0


def resume(ctx: Context) -> int:
    """Let a paused run go on."""
    found = _running(ctx, "resume")
    if leave(ctx, found.chain, "resume", ""):
        paused = found.status == "PAUSED"
        ctx.out.line(
            f"chain `{found.chain}` goes on"
            if paused
            else f"chain `{found.chain}` was not standing still; a pause that was asked for is taken back"
        )
    return 0


def steer(ctx: Context) -> int:
    """Say something to the next agent; with `--now` to the one that is at work."""
    text = _text(ctx)
    found = _running(ctx, "steer")
    call = _open_call(ctx, found.summary)
    if leave(ctx, found.chain, "steer_now" if ctx.args.now else "steer", text):
        ctx.out.line(_what_comes(found, call, now=ctx.args.now))
    return 0


def approve(ctx: Context) -> int:
    """Open the gate."""
    return _answer(ctx, "approve")


def deny(ctx: Context) -> int:
    """Keep the gate shut."""
    return _answer(ctx, "deny")


# --- what is asked --------------------------------------------------------------------------------


def _running(ctx: Context, what: str) -> standing.Standing:
    """The chain and its runner. Raises `UsageError` where nobody would hear it."""
    name = check_name(ctx.args.name)
    with standing.reader(ctx.home) as journal:
        found = standing.standing(ctx.home, journal, name)
    if found.runner is None:
        unfinished = found.summary is not None and not found.summary.finished
        then = "goes on with its unfinished run" if unfinished else "begins a run"
        raise UsageError(
            f"chain `{name}` is not running: there is nothing to {what}",
            hint=f"`llmauto chain start {name}` {then}",
        )
    return found


def _text(ctx: Context) -> str:
    words = list(ctx.args.text)
    text = _from_stdin() if words == ["-"] else " ".join(words)
    if not text.strip():
        raise UsageError("there is nothing to say: the text is empty")
    if "\0" in text:
        raise UsageError("the text holds a NUL byte: it is no text")
    size = len(text.encode("utf-8", "replace"))
    if size > LARGEST_TEXT:
        raise UsageError(
            f"the text has {human_bytes(size)}, at most {human_bytes(LARGEST_TEXT)} can be said",
            hint="put it into a file of the project, and name that file",
        )
    return text.strip()


def _from_stdin() -> str:
    from llmauto.cli.stdin import read_all
    from llmauto.clock import SystemClock

    return decode(read_all(sys.stdin.fileno(), SystemClock(), patient=True) or b"")


def _open_call(ctx: Context, summary: RunSummary | None) -> CallStarted | None:
    """The call that is under way."""
    if summary is None or not summary.call:
        return None
    from llmauto.events import CallStarted

    with standing.reader(ctx.home) as journal:
        for event in reversed(journal.tail(summary.run, 200)):
            if isinstance(event, CallStarted):
                return event if event.call == summary.call else None
    return None


def _what_comes(found: standing.Standing, call: CallStarted | None, *, now: bool) -> str:
    name = found.chain
    if call is None:
        when = "when it goes on" if found.status in ("WAITING", "PAUSED") else "in a moment"
        return f"chain `{name}` makes no call now: the next agent is told, {when}"
    if call.backend == "check":
        return f"link `{call.link}` is a check, which nobody can talk to: the next agent is told"
    if call.baseline:
        return f"link `{call.link}` makes a trial call before round 1: the next agent is told"
    if not now:
        return f"the next agent is told, once link `{call.link}` is over; `--now` tells this one"
    how = "is sent its prompt again" if call.backend in WITHOUT_SESSIONS else "goes on in its session"
    return f"the call of link `{call.link}` is ended; its agent {how}, and is told"


# --- gates ----------------------------------------------------------------------------------------


def _answer(ctx: Context, kind: str) -> int:
    name, reason = check_name(ctx.args.name), " ".join(ctx.args.reason)
    with standing.reader(ctx.home) as journal:
        found = standing.standing(ctx.home, journal, name)
        gate, routes = _open_gate(journal, found.summary)
    if not gate:
        raise UsageError(
            f"no gate of chain `{name}` is open: there is nothing to {kind}",
            hint=f"`llmauto chain status {name}` says where it stands",
        )
    with ctx.journal as writer:
        writer.ask(name, kind, reason, time.time(), this_person())
    done = "approved" if kind == "approve" else "denied"
    told = ", and the next agent is told why" if reason else ""
    if found.runner is None:
        ctx.out.line(f"gate `{gate}` is {done} as soon as somebody starts the chain: nobody plays it now")
        ctx.out.line(f"`llmauto chain start {name}` goes on")
    else:
        ctx.out.line(f"gate `{gate}` is {done}: {_what_follows(kind, routes, name)}{told}")
    return 0


def _open_gate(journal: SqliteJournal, summary: RunSummary | None) -> tuple[str, str]:
    """(the gate that waits for an answer, its routes as flattened); two empty texts where none does."""
    if summary is None or summary.finished:
        return "", ""
    from llmauto.rules.advance import fold

    progress = fold(journal.events(summary.run))
    if progress.gate is None or progress.answer is not None:
        return "", ""
    link = progress.gate.link
    return link, progress.settings.get(f"links.{link}.on", "")


def _what_follows(kind: str, routes: str, name: str) -> str:
    taken = dict(route.partition("=")[::2] for route in routes.split(", ") if route)
    target = taken.get("APPROVED" if kind == "approve" else "DENIED", taken.get("*", ""))
    if not target and kind == "deny":
        return f"the run ends as blocked, and `llmauto chain start {name}` asks again"
    ends = {"done": "the run ends, all done", "stop": "the run stops"}
    on = "the run goes on" if target in ("", "next") else f"the run goes on at link `{target}`"
    return ends.get(target, on)
