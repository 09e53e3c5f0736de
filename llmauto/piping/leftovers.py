"""What did earlier pipes leave behind: calls whose process was killed, and sessions to go on with?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from llmauto import events as ev
from llmauto.errors import BusyError, UsageError
from llmauto.model import Link
from llmauto.outcomes import Outcome, Status
from llmauto.piping.asking import order_for
from llmauto.piping.book import Notebook
from llmauto.piping.values import LINK, Means, Question
from llmauto.ports import Journal, Reply
from llmauto.rules.advance import fold

LOOKED_AT = 50
"""Runs that are looked at for calls without an end: the killed process was one of the last."""
SEARCHED = 500
"""Runs that are looked through for a session."""

_NEVER_BEGAN = Reply(outcome=Outcome.LOST, message="the call had not begun", charged=False, cost_usd=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A session that an earlier pipe had, and the model that it asked for ("" = the backend's own)."""

    session: str
    model: str = ""


def settle(means: Means, held: Callable[[str], bool]) -> None:
    """Write down how the calls of killed processes ended, so that what they cost is counted.

    `held` tells whether a run is under way. A call that its keeper is still ending is left for later.
    """
    quiet = replace(means, emit=lambda _: None)
    for run in means.journal.runs("", LOOKED_AT):
        if run.status != Status.RUNNING.value or held(run.run):
            continue
        try:
            with means.hold(run.run):
                _settle(run.run, Path(run.workdir), quiet)
        except BusyError:
            continue  # another process settles it


def _settle(run: str, workdir: Path, means: Means) -> None:
    progress = fold(means.journal.events(run))
    started = progress.visit.open if progress.visit is not None else None
    if progress.ended is not None:
        return
    book = Notebook(means, progress)
    reply = _NEVER_BEGAN
    if started is not None:
        link = Link(name=LINK, backend=started.backend, model=started.model or None)
        question = Question(prompt="", link=link, workdir=workdir)
        call = means.agents.recover(order_for(question, means, started, run, ""))
        found = _NEVER_BEGAN if call is None else call.poll(0)
        if found is None:
            return
        book.ended(found)
        reply = found
    book.finish(replace(reply, outcome=Outcome.STOPPED, message="its process was killed"))


def last_session(journal: Journal, workdir: Path, backend: str, held: Callable[[str], bool]) -> Earlier:
    """The session of the last pipe in that folder.

    Raises:
        UsageError: there is none.
        BusyError: another pipe goes on with it at this moment.
    """
    in_use = set()
    for run in journal.runs("", SEARCHED):
        if run.workdir != str(workdir):
            continue
        started, ended = _calls(journal, run.run)
        if not started or started[0].backend != backend:
            continue
        if held(run.run):
            in_use |= {call.session for call in started}
        elif ended is not None and ended.session:
            if ended.session in in_use:
                raise BusyError(
                    "another `pipe` is going on with that session right now",
                    hint="wait for its answer, or leave `--continue` out to begin a new one",
                )
            return Earlier(session=ended.session, model=started[0].model)
    raise UsageError(
        f"no earlier `pipe` with a session of `{backend}` in {workdir}",
        hint="leave `--continue` out: this call then begins a session, and the next one can go on with it",
    )


def _calls(journal: Journal, run: str) -> tuple[list[ev.CallStarted], ev.CallEnded | None]:
    """The run's calls as they were begun, and how the last one ended."""
    started: list[ev.CallStarted] = []
    ended: ev.CallEnded | None = None
    for event in journal.events(run):
        if isinstance(event, ev.CallStarted):
            started.append(event)
        elif isinstance(event, ev.CallEnded):
            ended = event
    return started, ended
