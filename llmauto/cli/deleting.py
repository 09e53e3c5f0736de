"""What belongs to a chain, and goes with it when it is deleted? Its file, runs, calls, logs and state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from llmauto import files
from llmauto.cli.holding import held
from llmauto.cli.removing import log_files, remove, run_folder, size_of
from llmauto.cli.standing import no_such_chain, reader
from llmauto.desk import reset_folder
from llmauto.errors import UsageError
from llmauto.events import RunStarted
from llmauto.home import ChainFile, Home, shown
from llmauto.rules.names import check_name
from llmauto.rules.text import quoted

if TYPE_CHECKING:
    from llmauto.journal.sqlite import SqliteJournal
    from llmauto.ports import RunSummary

_LARGEST_HANDOFF = 1 << 20
_AT_THE_BEGINNING = 5
"""Events of a run among which the one with its links stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doomed:
    """A chain and what goes with it. `file` is None where only runs or state are left of it."""

    name: str
    file: Path | None
    runs: tuple[str, ...]
    links: tuple[str, ...]
    calls: tuple[Path, ...]
    logs: tuple[Path, ...]
    copies: tuple[Path, ...]
    """The handoff where it was kept in the workdir too: it would be the first one of a chain of that name."""
    state: Path

    @property
    def size(self) -> int:
        """Bytes of calls and logs."""
        return size_of((*self.calls, *self.logs))


def doomed(home: Home, name: str) -> Doomed:
    """What a person wants to be rid of.

    Raises:
        UsageError: there is nothing of that name, or it is shipped with llmauto.
    """
    check_name(name)
    chains = home.list_chains()
    file = _own_file(home, name, chains)
    with reader(home) as journal:
        summaries = journal.runs(name)
        runs = tuple(run.run for run in summaries)
        ran = {run.chain for run in journal.chains()}
        links = _links(journal, runs)
        copies = _copies(home, journal, summaries[:1])
    state = home.state / name
    others = {*ran, *(chain.name for chain in chains)} - {name}
    if file is None and not runs and files.look(state, 0).kind != "folder":
        raise no_such_chain(home, name, others)
    return Doomed(
        name=name,
        file=file,
        runs=runs,
        links=links,
        calls=tuple(folder for run in runs if (folder := run_folder(home, run)) is not None),
        logs=tuple(log_files(home, name, links, others)),
        copies=copies,
        state=state,
    )


def delete(home: Home, what: Doomed) -> tuple[str, ...]:
    """Remove it; the chain's file last, so that what was cut short can be done again.

    Returns the names of what stays in the state folder: it is the agents'. Raises `BusyError` where a
    runner or a living call holds the chain, `DiskError`.
    """
    from llmauto.journal.sqlite import SqliteJournal

    with held(home, what.name, what.runs):
        what = doomed(home, what.name)  # again: now nobody adds to it
        remove((*what.copies, *what.calls))
        if home.journal.exists():
            with SqliteJournal.open(home.journal) as journal:
                journal.forget_chain(what.name)
        reset_folder(what.state, what.links)
        remove(what.logs)
        if what.file is not None:
            remove((what.file,))
    return _left(what.state)


def _own_file(home: Home, name: str, chains: tuple[ChainFile, ...]) -> Path | None:
    found = next((chain for chain in chains if chain.name == name), None)
    if found is None:
        return None
    if found.shipped or _came_with_the_checkout(home, found.path):
        hint = f"`llmauto chain reset {name}` forgets its runs"
        if not found.shipped:
            hint += f"; `git rm {shown(found.path)}` removes the file"
        raise UsageError(f"the chain {quoted(name)} is shipped with llmauto: it stays", hint=hint)
    return found.path


def _came_with_the_checkout(home: Home, path: Path) -> bool:
    """Where the home is the checkout, the chains that git knows are the shipped ones."""
    from llmauto.git import git

    if home.path != home.shipped.resolve():
        return False
    return git(home.path, "ls-files", "--error-unmatch", "--", str(path)) is not None


def _links(journal: SqliteJournal, runs: tuple[str, ...]) -> tuple[str, ...]:
    """The links that the runs had: their logs and handoffs are called after them."""
    found: dict[str, None] = {}
    for run in runs:
        for event in islice(journal.events(run), _AT_THE_BEGINNING):
            if isinstance(event, RunStarted):
                found.update(dict.fromkeys(event.links))
    return tuple(found)


def _copies(home: Home, journal: SqliteJournal, newest: Sequence[RunSummary]) -> tuple[Path, ...]:
    """Only what is such a copy to the letter: in a person's project nothing else is touched."""
    found = []
    for run in newest:
        path = Path(run.workdir) / "state" / run.chain / "handoff.md"
        kept = [each.sha for each in journal.kept_handoffs(run.run) if each.passed_on]
        if run.workdir and kept and path.parent.resolve() != (home.state / run.chain).resolve():
            data = files.read_small(path, _LARGEST_HANDOFF)
            if data is not None and sha256(data).hexdigest() == kept[-1]:
                found.append(path)
    return tuple(found)


def _left(state: Path) -> tuple[str, ...]:
    try:
        return tuple(sorted(path.name for path in state.iterdir()))
    except OSError:
        return ()
