"""Where does a chain stand? The journal, the lock of its runner and its last call, put together.

Looking creates nothing, ends nothing, and stands in nobody's way. It is done by `chain status`, whose
start-up time counts: nothing heavy is imported here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from llmauto.errors import UsageError
from llmauto.journal.sqlite import SqliteJournal
from llmauto.rules.names import check_name, did_you_mean
from llmauto.rules.text import quoted

if TYPE_CHECKING:
    from llmauto.home import Home
    from llmauto.locks import Holder
    from llmauto.ports import RunSummary

UNDER_WAY = ("RUNNING", "WAITING")
"""Status words under which the run's own time runs."""


class Standing(NamedTuple):
    """One chain. `path` is its file, "" where that is gone; `summary` its newest run, None before the first.

    `runner` is who holds the chain now. `living_call` is the folder of a call whose runner has died while
    its agent goes on. `stop_text` is the reason of a stop that was asked for and has not taken effect.
    `has_handoffs`: the newest run has kept one. `seen_at` is when this was looked up, UTC epoch seconds.
    """

    chain: str
    path: str
    summary: RunSummary | None
    runner: Holder | None
    living_call: Path | None
    stop_text: str | None
    has_handoffs: bool
    seen_at: float

    @property
    def died(self) -> bool:
        """The runner was killed: the journal has a run without an end, and nobody plays it."""
        return self.summary is not None and not self.summary.ended_at and self.runner is None

    @property
    def status(self) -> str:
        """The status word. A run whose runner was killed is STOPPED, whatever it was able to write."""
        if self.summary is None:
            return "READY"
        return "STOPPED" if self.died else self.summary.status

    @property
    def stop_reason(self) -> str:
        """Why the run ended, "" where it has not."""
        if self.summary is None:
            return ""
        return "interrupted" if self.died else self.summary.stop_reason

    @property
    def runtime_s(self) -> float:
        """The run's own time in seconds, up to this moment where it is under way."""
        summary = self.summary
        if summary is None:
            return 0.0
        goes_on = self.runner is not None and summary.status in UNDER_WAY
        return summary.runtime_s + (max(0.0, self.seen_at - summary.updated_at) if goes_on else 0.0)


def reader(home: Home) -> SqliteJournal:
    """The journal, to look at only: where there is none it is empty, and stays away."""
    return SqliteJournal.open(home.journal, readonly=True)


def standing(home: Home, journal: SqliteJournal, name: str) -> Standing:
    """Where the chain of that name stands.

    Raises:
        UsageError: no chain is or was called so.
    """
    path = known(home, journal, name)
    return _looked_at(home, journal, name, path, journal.latest(name))


def all_standings(home: Home, journal: SqliteJournal) -> list[Standing]:
    """The chains of this home, and all others that ever ran in it, by name."""
    summaries = {summary.chain: summary for summary in journal.chains()}
    paths = {chain.name: (str(chain.path), chain.shipped) for chain in home.list_chains()}
    own = [name for name, (_, shipped) in paths.items() if not shipped]
    return [
        _looked_at(home, journal, name, paths.get(name, ("", False))[0], summaries.get(name))
        for name in sorted({*own, *summaries}, key=str.casefold)
    ]


def known(home: Home, journal: SqliteJournal, name: str) -> str:
    """The path of the chain's file, "" where only its runs are left.

    Raises:
        UsageError: the name may not be, or no chain is or was called so.
    """
    check_name(name)
    paths = {chain.name: str(chain.path) for chain in home.list_chains()}
    if name in paths:
        return paths[name]
    if journal.latest(name) is not None:
        return ""
    raise no_such_chain(home, name, {*paths, *(summary.chain for summary in journal.chains())})


def no_such_chain(home: Home, name: str, names: Iterable[str]) -> UsageError:
    """The error for a name that no chain has."""
    hint = did_you_mean(name, sorted(names)) or f"`llmauto chain list` shows all; this home is {home.path}"
    return UsageError(f"there is no chain {quoted(name)}", hint=hint)


def runner_of(home: Home, name: str) -> Holder | None:
    """Who plays the chain now."""
    from llmauto.locks import holder

    return holder(lock_path(home, name))


def lock_path(home: Home, name: str) -> Path:
    """The lock that the chain's runner holds."""
    return home.locks / f"{name}.lock"


def living_call(home: Home, summary: RunSummary | None) -> Path | None:
    """The folder of the run's open call, if its keeper lives; whether its runner does is another question."""
    if summary is None or not summary.call:
        return None
    from llmauto.keeper import lock
    from llmauto.keeper.child.folder import Folder

    path = home.calls / summary.run / f"{summary.call:04d}-{summary.link}"
    try:
        folder = Folder(os.fsencode(path))
    except OSError:
        return None
    try:
        return path if lock.is_held(folder) else None
    finally:
        folder.close()


def stop_text(home: Home, name: str) -> str | None:
    """The reason in the chain's STOP file; None where there is none."""
    from llmauto.desk.stops import StopFile

    return StopFile(home.state / name / "STOP").text()


def _looked_at(
    home: Home, journal: SqliteJournal, name: str, path: str, summary: RunSummary | None
) -> Standing:
    summary, runner = _settled(home, journal, name, summary)
    return Standing(
        chain=name,
        path=path,
        summary=summary,
        runner=runner,
        living_call=None if runner else living_call(home, summary),
        stop_text=stop_text(home, name) if runner else None,
        has_handoffs=summary is not None and journal.has_handoffs(summary.run),
        seen_at=time.time(),
    )


def _settled(
    home: Home, journal: SqliteJournal, name: str, summary: RunSummary | None
) -> tuple[RunSummary | None, Holder | None]:
    """The newest run and its runner, as they were at one moment.

    A run that ended between the two looks would seem to have lost its runner: then both are looked at
    again, until nothing has happened in between.
    """
    runner = runner_of(home, name)
    while summary is not None and not summary.ended_at and runner is None:
        again = journal.latest(name)
        if again is not None and (again.run, again.updated_at) == (summary.run, summary.updated_at):
            break
        summary, runner = again, runner_of(home, name)
    return summary, runner
