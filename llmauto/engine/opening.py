"""Opens a run: a new one, or the unfinished one at the very link it stopped at."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmauto import events as ev
from llmauto.engine.leaving import end_open_call, is_left_behind
from llmauto.engine.recorder import Recorder
from llmauto.errors import UsageError
from llmauto.outcomes import StopReason
from llmauto.ports import Mirror, RunSummary
from llmauto.rules.advance import fold
from llmauto.rules.judge import handoff_note
from llmauto.rules.progress import Progress

if TYPE_CHECKING:
    from llmauto.engine.parts import Parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the person who starts a chain asks for. Empty or None = nothing said.

    `settings` is the resolved chain, flattened, and `changes` says what differs from the run's. `run` is
    what a new run is to be called, "" for a name that is made for it.
    """

    from_link: str = ""
    task: str | None = None
    inputs: Mapping[str, str] | None = None
    max_rounds: int = 0
    budget_usd: float | None = None
    settings: Mapping[str, str]
    run: str = ""
    program: str = ""
    pid: int = 0
    host: str = ""


def unfinished(parts: Parts) -> Progress | None:
    """The chain's run that can be gone on with, None where the next start is a new one."""
    latest = parts.journal.latest(parts.chain.name)
    if latest is None or latest.finished:
        return None
    return fold(parts.journal.events(latest.run))


def open_run(parts: Parts, wish: Wish, changes: tuple[str, ...], earlier: Progress | None) -> Recorder:
    """Begin the run, or go on with `earlier`; what was found in the state folder is taken in."""
    if earlier is not None:
        recorder = Recorder(parts, earlier)
        expected: Mirror | None = recorder.mirror()
        since = earlier.updated_at
        _check_same_work(wish, earlier)
        if is_left_behind(parts, recorder, wish.from_link):
            end_open_call(parts, recorder)
        recorder.note(_resumed(recorder, parts, wish, changes))
    else:
        recorder = Recorder(parts, Progress())
        expected, since = _left_by(parts.journal.latest(parts.chain.name)), 0.0
        recorder.note(_started(recorder, parts, wish))
    _take_in(parts, recorder, expected, since)
    recorder.flush()
    return recorder


def close_earlier(parts: Parts, earlier: Progress) -> None:
    """A fresh run is wanted: end the unfinished one, and first the call that may still live."""
    recorder = Recorder(parts, earlier)
    end_open_call(parts, recorder)
    message = "a fresh run was begun instead"
    reason = StopReason.STOP_REQUESTED
    recorder.note(
        ev.RunEnded(at=recorder.at(), up=recorder.up(), reason=reason.value, message=message, exit_code=3)
    )
    recorder.flush()


def new_run_id(now: float) -> str:
    """A name that sorts by time and is unique in the home: UTC time and four random hex digits."""
    return time.strftime("%Y%m%d-%H%M%S", time.gmtime(now)) + "-" + secrets.token_hex(2)


def _started(recorder: Recorder, parts: Parts, wish: Wish) -> ev.RunStarted:
    chain, at = parts.chain, recorder.at()
    return ev.RunStarted(
        at=at,
        up=recorder.up(),
        run=wish.run or new_run_id(at),
        chain=chain.name,
        links=tuple(link.name for link in chain.links),
        program=wish.program,
        path=chain.path,
        workdir=str(parts.places.workdir),
        task=wish.task or "",
        inputs=wish.inputs or {},
        settings=wish.settings,
        from_link=wish.from_link,
        max_rounds=wish.max_rounds,
        budget_usd=wish.budget_usd,
        pid=wish.pid,
        host=wish.host,
    )


def _resumed(recorder: Recorder, parts: Parts, wish: Wish, changes: tuple[str, ...]) -> ev.RunResumed:
    return ev.RunResumed(
        at=recorder.at(),
        up=recorder.up(),
        links=tuple(link.name for link in parts.chain.links),
        settings=wish.settings,
        changes=changes,
        from_link=wish.from_link,
        max_rounds=wish.max_rounds,
        budget_usd=wish.budget_usd,
        pid=wish.pid,
        host=wish.host,
    )


def _check_same_work(wish: Wish, earlier: Progress) -> None:
    started = earlier.started
    if started is None:
        return
    hint = "`--fresh` begins a new run; without `--task` and `--set` this one goes on"
    if wish.task is not None and wish.task != started.task:
        raise UsageError(f"run {earlier.run} is unfinished and has another task", hint=hint)
    for name, value in (wish.inputs or {}).items():
        if started.inputs.get(name) != value:
            raise UsageError(f"run {earlier.run} is unfinished and has another input `{name}`", hint=hint)


def _left_by(latest: RunSummary | None) -> Mirror | None:
    """What the chain's last run left in the state folder; its handoff is the new run's first one."""
    if latest is None:
        return None
    return Mirror(
        status=latest.status, rounds_done=latest.rounds_done, started_at=latest.started_at, handoff=None
    )


def _take_in(parts: Parts, recorder: Recorder, expected: Mirror | None, since: float) -> None:
    """What stands in the state folder at the start: a person's handoff counts, an old STOP does not.

    While a call is open its agent may have written: that is then the call's, and settled with it. A
    handoff that is not newer than the run's last event (`since`, UTC epoch seconds) is none of a
    person's: the runner died between the journal and the mirror. Where the clock was set back since then,
    times tell nothing, and whatever is there counts.
    """
    p = recorder.progress
    if expected is not None:
        parts.desk.expect(expected)
    if p.visit is not None and p.visit.open is not None:
        return
    inbox = parts.desk.collect()
    at, up = recorder.at(), recorder.up()
    if inbox.handoff is not None and ((inbox.handoff_at or since + 1) > since or at < since):
        recorder.keep_handoff(inbox.handoff, round_=p.round, link="", passed_on=True, source="person")
    if inbox.stop is not None:
        message = "a STOP file older than this start was removed"
        recorder.note(ev.Noted(at=at, up=up, code="stale_stop", message=message))
    if inbox.handoff_problem:
        recorder.note(ev.Noted(at=at, up=up, code="handoff", message=handoff_note(inbox)))
    for name in inbox.tampered:
        message = f"{name}: changed by somebody else, put right"
        recorder.note(ev.Noted(at=at, up=up, code="tamper", message=message))
