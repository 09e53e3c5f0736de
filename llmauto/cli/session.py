"""`chain open`: a person goes on in a link's own session, interactively, in its workdir."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from llmauto.cli import standing
from llmauto.cli.context import Context
from llmauto.errors import BackendError, BusyError, ChainError, LlmautoError, UsageError
from llmauto.events import CallEnded, CallStarted, Event, RunResumed, RunStarted
from llmauto.model import Link
from llmauto.rules.names import check_name, did_you_mean
from llmauto.rules.text import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from llmauto.journal.sqlite import SqliteJournal

RESUMES = ("claude",)
"""Backends whose sessions a person can go on with: `<program> --resume <session>`."""
LOOK_BACK = 20
"""Runs that are looked through for a session, newest first."""


class Found(NamedTuple):
    """A link's last session. `workdir` is where its agent worked."""

    session: str
    backend: str
    workdir: str


def open_session(ctx: Context) -> int:
    """The command: the program takes this process over, or on Windows its exit code is ours."""
    name, link = check_name(ctx.args.name), check_name(ctx.args.link, "link")
    with standing.reader(ctx.home) as journal:
        found_chain = standing.standing(ctx.home, journal, name)
        found = last_session(journal, name, link)
    _refuse_busy(found_chain, link)
    if found.backend not in RESUMES:
        raise LlmautoError(
            f"link `{link}` is played by `{found.backend}`, whose sessions cannot be opened",
            hint=f"`llmauto chain handoff {name} --link {link}` shows what it left",
        )
    workdir = Path(found.workdir)
    if not workdir.is_dir():
        raise LlmautoError(f"the workdir {quoted(found.workdir, 200)} of link `{link}` is gone")
    env = _environment(ctx, name, link)
    argv = [*_program(ctx, found.backend, link, workdir), "--resume", found.session]
    ctx.out.say(f"{name} {link}: session {found.session} in {workdir}")
    ctx.out.stdout.flush()
    return _become(argv, workdir, env)


def last_session(journal: SqliteJournal, chain: str, link: str) -> Found:
    """The link's session of the newest run that has one.

    Raises:
        UsageError: no link of these runs is called so.
        LlmautoError: the link has no session yet.
    """
    links: set[str] = set()
    for run in journal.runs(chain, LOOK_BACK):
        found = _session_of_run(journal.events(run.run), link, run.workdir, links)
        if found is not None:
            return found
    if links and link not in links:
        hint = did_you_mean(link, sorted(links)) or f"its links: {', '.join(sorted(links))}"
        raise UsageError(f"chain `{chain}` has no link {quoted(link)}", hint=hint)
    no_session = f"link `{link}` of chain `{chain}` has no session yet"
    hint = f"`llmauto chain start {chain}` runs it"
    raise LlmautoError(no_session if links else f"chain `{chain}` has not run yet", hint=hint)


def _session_of_run(events: Iterable[Event], link: str, workdir: str, links: set[str]) -> Found | None:
    """The link's last session in these events; `links` gets the names of all links that they tell of.

    Before an agent has begun to work there is a session's id, and no session.
    """
    found: Found | None = None
    place, started = workdir, None
    for event in events:
        if isinstance(event, (RunStarted, RunResumed)):
            links.update(event.links)
            place = event.settings.get(f"links.{link}.workdir") or workdir
        elif isinstance(event, CallStarted) and event.link == link:
            started = event
            if event.resumed:
                found = Found(event.session, event.backend, place)
        elif isinstance(event, CallEnded) and event.link == link and started is not None:
            if event.worked:
                found = Found(event.session or started.session, started.backend, place)
            started = None
    return Found(started.session, started.backend, place) if started is not None else found


def _refuse_busy(found: standing.Standing, link: str) -> None:
    """Two who write into one session at once would tear it apart."""
    at_work = found.summary is not None and found.summary.call and found.summary.link == link
    if at_work and (found.runner is not None or found.living_call is not None):
        raise BusyError(
            f"link `{link}` is at work in its session",
            hint=f"wait for the link's end (`llmauto chain log {found.chain} -f`), or `llmauto chain stop "
            f"{found.chain} --now`",
        )


def _program(ctx: Context, backend: str, link: str, workdir: Path) -> tuple[str, ...]:
    from llmauto.backends import load_backend

    return load_backend(backend).program(
        Link(name=link, backend=backend), paths=ctx.settings.backend_paths, env=ctx.environ, cwd=workdir
    )


def _environment(ctx: Context, name: str, link: str) -> Mapping[str, str]:
    """The person's own, without the marks of an agent, and with the link's `env`: it may name a login.

    A chain that cannot be read any more has none.
    """
    from llmauto.authoring.load import load
    from llmauto.backends.environment import MARKS

    env = {key: value for key, value in ctx.environ.items() if key not in MARKS}
    try:
        chain = load(ctx.home.find_chain(name), home=ctx.home, settings=ctx.settings).chain
    except (ChainError, UsageError) as error:
        why = str(error).splitlines()[0]
        ctx.out.note(f"without the link's `env`, since the chain cannot be read: {why}")
        return env
    known = chain.link(link)
    return env | dict(known.env if known is not None else {})


def _become(argv: list[str], workdir: Path, env: Mapping[str, str]) -> int:
    try:
        if sys.platform == "win32":
            import subprocess

            return subprocess.call(argv, cwd=workdir, env=env)
        os.chdir(workdir)
        os.execve(argv[0], argv, env)
    except OSError as error:
        raise BackendError(f"cannot start `{argv[0]}`: {(error.strerror or str(error)).lower()}") from error
