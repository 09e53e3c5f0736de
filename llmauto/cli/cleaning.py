"""Which runs are old enough to go? Those beyond so many of each chain, and never one that may go on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from llmauto.cli.holding import living_call
from llmauto.cli.removing import remove, run_folder, size_of

if TYPE_CHECKING:
    from llmauto.home import Home
    from llmauto.journal.sqlite import SqliteJournal
    from llmauto.ports import RunSummary

SETTLED_S = 86_400.0
"""A run without an end that nobody wrote to for so long will not go on by itself; a call takes hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OldRuns:
    """The runs of one chain that go; `chain` is "" for `pipe`. `size` is bytes of their calls."""

    chain: str
    runs: tuple[str, ...]
    calls: tuple[Path, ...]
    size: int


def old_runs(home: Home, runs: Sequence[RunSummary], keep: int) -> list[OldRuns]:
    """What goes so that `keep` ended runs of each chain stay. `runs` are all runs, newest first."""
    by_chain: dict[str, list[RunSummary]] = {}
    for run in runs:
        by_chain.setdefault(run.chain, []).append(run)
    found = []
    for chain in sorted(by_chain):
        newest = by_chain[chain][0]
        ended = [run for run in by_chain[chain] if not _may_go_on(home, run, run is newest)]
        names = tuple(run.run for run in ended[keep:])
        if names:
            calls = tuple(folder for run in names if (folder := run_folder(home, run)) is not None)
            found.append(OldRuns(chain=chain, runs=names, calls=calls, size=size_of(calls)))
    return found


def _may_go_on(home: Home, run: RunSummary, newest: bool) -> bool:
    """A start goes on with a chain's newest run; an older one that did not end was given up for it."""
    if not run.finished and (newest or time.time() - run.updated_at < SETTLED_S):
        return True
    folder = run_folder(home, run.run)
    return folder is not None and living_call(folder) is not None


def remove_runs(journal: SqliteJournal, old: Sequence[OldRuns]) -> None:
    """Remove them, each chain's calls before its rows, so that what was cut short can be done again.

    Raises `DiskError`.
    """
    for each in old:
        remove(each.calls)
        journal.forget_runs(each.runs)
