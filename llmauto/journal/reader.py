"""What does the journal tell? Everything that only reads it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmauto.journal import rows
from llmauto.journal.damage import damaged, sqlite_errors

if TYPE_CHECKING:
    from llmauto.events import Event, HandoffKept
    from llmauto.ports import RunSummary

_PAGE = 500
"""Events that are read at once: a reader holds no snapshot while its caller works."""


class JournalReader:
    """The reading half of `SqliteJournal`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._db = connection
        self._seen_version = -1
        self._known: dict[str, int] = {}  # how many events a run had when it was last read or written here

    def events(self, run: str, after: int = 0) -> Iterator[Event]:
        """The run's events in order, from the `after`-th on; kinds of a newer program are left out."""
        while True:
            found = self._all(
                "SELECT seq, kind, data, crc FROM events WHERE run = ? AND seq > ? ORDER BY seq LIMIT ?",
                (run, after, _PAGE),
            )
            for row in found:
                event = self._event(run, row)
                if event is not None:
                    yield event
            after = found[-1][0] if found else after
            if len(found) < _PAGE:
                self._known[run] = after
                return

    def tail(self, run: str, n: int) -> Sequence[Event]:
        """The run's last `n` events, oldest first."""
        found = self._all(
            "SELECT seq, kind, data, crc FROM events WHERE run = ? ORDER BY seq DESC LIMIT ?",
            (run, max(n, 0)),
        )
        return tuple(event for row in reversed(found) if (event := self._event(run, row)) is not None)

    def count(self, run: str) -> int:
        """How many events the run has: what `after` is counted in."""
        found = self._all("SELECT events FROM runs WHERE run = ?", (run,))
        return int(found[0][0]) if found else 0

    def latest(self, chain: str) -> RunSummary | None:
        """The newest run of the chain."""
        found = self.runs(chain, 1)
        return found[0] if found else None

    def runs(self, chain: str | None = None, limit: int | None = None) -> Sequence[RunSummary]:
        """Newest first. `chain` None is all of them, "" the `pipe` calls."""
        where = "" if chain is None else " WHERE chain = ?"
        values: tuple[object, ...] = () if chain is None else (chain,)
        query = f"{rows.SELECT_RUN}{where} ORDER BY no DESC LIMIT ?"
        return self._summaries(query, (*values, -1 if limit is None else limit))

    def run(self, run: str) -> RunSummary | None:
        """The summary of one run."""
        found = self._summaries(f"{rows.SELECT_RUN} WHERE run = ?", (run,))
        return found[0] if found else None

    def chains(self) -> Sequence[RunSummary]:
        """The newest run of each chain, by the chains' names; `pipe` calls are none."""
        query = f"{rows.SELECT_RUN} WHERE no IN (SELECT max(no) FROM runs GROUP BY chain) AND chain <> ''"
        return self._summaries(f"{query} ORDER BY chain", ())

    def handoff(self, sha: str) -> str | None:
        """The text that was kept under that hash."""
        found = self._all("SELECT text, crc FROM handoffs WHERE sha = ?", (sha,))
        if not found:
            return None
        try:
            return rows.handoff_from(*found[0])
        except ValueError as error:
            raise damaged(self.path, f"handoff {sha}: {error}") from error

    def has_handoffs(self, run: str) -> bool:
        """Whether the run has kept any."""
        return bool(self._all("SELECT 1 FROM handoff_uses WHERE run = ? LIMIT 1", (run,)))

    def kept_handoffs(self, run: str) -> Sequence[HandoffKept]:
        """Which handoffs the run kept, oldest first; `handoff` gives their texts."""
        from llmauto.events import HandoffKept

        found = self._all(
            "SELECT seq, kind, data, crc FROM events WHERE run = ? AND kind = ? ORDER BY seq",
            (run, HandoffKept.kind),
        )
        events = (self._event(run, row) for row in found)
        return tuple(event for event in events if isinstance(event, HandoffKept))

    def spent_since(self, at: float) -> tuple[float, int]:
        """Known dollars of all calls of this home that ended after `at`, and the number of unknown ones."""
        query = "SELECT total(usd), count(*) - count(usd) FROM spending WHERE at > ?"
        known, unknown = self._all(query, (at,))[0]
        return float(known), int(unknown)

    def changed(self) -> bool:
        """Whether another process wrote since the last time; cheap enough to ask twice a second."""
        version = int(self._all("PRAGMA data_version", ())[0][0])
        if version == self._seen_version:
            return False
        self._seen_version = version
        return True

    def verify(self) -> None:
        """Look at every page; 25 MB take 20 ms. Raises `JournalError` where one is damaged."""
        found = self._all("PRAGMA quick_check(1)", ())
        if found[0][0] != "ok":
            raise damaged(self.path, str(found[0][0]).splitlines()[-1])

    def _all(self, query: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        with sqlite_errors(self.path):
            return self._db.execute(query, values).fetchall()

    def _summaries(self, query: str, values: tuple[object, ...]) -> Sequence[RunSummary]:
        return tuple(rows.summary_from(row) for row in self._all(query, values))

    def _event(self, run: str, row: tuple[Any, ...]) -> Event | None:
        from llmauto.journal import eventrows

        try:
            return eventrows.event_from(run, *row)
        except ValueError as error:
            raise damaged(self.path, f"event {row[0]} of run {run}: {error}") from error
