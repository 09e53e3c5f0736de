"""Where is the truth about all runs kept? In `journal.db`: SQLite, WAL, synchronous=FULL.

One append is one transaction and one sync of the write-ahead log. Readers in other processes never
hold up the writer. Nothing heavy is imported before it is needed: `chain status` reads through this.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmauto.errors import DiskError
from llmauto.journal import rows
from llmauto.journal.damage import damaged, sqlite_errors
from llmauto.journal.mark import Mark
from llmauto.journal.opening import connect_reader, connect_writer

if TYPE_CHECKING:
    from llmauto.events import Event, HandoffKept
    from llmauto.ports import KeptHandoff, Request, RunSummary

_PAGE = 500
"""Events that are read at once: a reader holds no snapshot while its caller works."""


class SqliteJournal:
    """The `Journal` of a home. One object is one connection, for the thread that made it.

    `notes` says what a person should know about how it was opened.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, notes: Sequence[str] = ()) -> None:
        self.path = path
        self.notes = tuple(notes)
        self._db = connection
        self._mark = Mark(path)
        self._seen_version = -1

    @classmethod
    def open(cls, path: Path, *, readonly: bool = False) -> SqliteJournal:
        """Open the journal. To write, it is made where it is missing; to read, it is then just empty.

        Raises `DiskError` where it cannot be opened; `JournalError` where it is damaged, has lost what
        was recorded last, or is newer than this program.
        """
        notes: list[str] = []
        connection = connect_reader(path, notes) if readonly else connect_writer(path, notes)
        return cls(path, connection, notes)

    def close(self) -> None:
        """Let go of the file; the last one to do so folds the write-ahead log into it."""
        self._db.close()
        self._mark.close()

    def __enter__(self) -> SqliteJournal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- writing ----------------------------------------------------------------------------------

    def append(
        self, events: Sequence[Event], summary: RunSummary, handoffs: Sequence[KeptHandoff] = ()
    ) -> None:
        """Keep all of it in one durable transaction."""
        run = rows.clean(summary.run)
        try:
            last = self._append(run, events, summary, handoffs)
        except DiskError:
            # What the write-ahead log holds twice may be all the room that is needed.
            self._fold_log()
            last = self._append(run, events, summary, handoffs)
        self._mark.write(run, last)

    def _append(
        self, run: str, events: Sequence[Event], summary: RunSummary, handoffs: Sequence[KeptHandoff]
    ) -> int:
        with self._transaction() as db:
            row = db.execute("SELECT events FROM runs WHERE run = ?", (run,)).fetchone()
            first = (row[0] if row else 0) + 1
            db.executemany(
                "INSERT INTO events (run, seq, at, kind, data, crc) VALUES (?, ?, ?, ?, ?, ?)",
                [rows.event_row(run, seq, event) for seq, event in enumerate(events, first)],
            )
            last = first + len(events) - 1
            db.execute(rows.UPSERT_RUN, rows.summary_row(summary, last))
            for text, sha in ((rows.clean(kept.text), rows.clean(kept.sha)) for kept in handoffs):
                db.execute("INSERT OR IGNORE INTO handoff_uses (run, sha) VALUES (?, ?)", (run, sha))
                db.execute(
                    "INSERT OR IGNORE INTO handoffs (sha, text, crc) VALUES (?, ?, ?)",
                    (sha, text, rows.text_crc(text)),
                )
            for event in events:
                self._note_use(run, event)
        return last

    def _note_use(self, run: str, event: Event) -> None:
        """A text that is kept already may be named again by another run; a paid call counts for good."""
        if event.kind == "handoff_kept":
            self._db.execute(
                "INSERT OR IGNORE INTO handoff_uses (run, sha) VALUES (?, ?)",
                (run, rows.clean(getattr(event, "sha", ""))),
            )
        elif event.kind == "call_ended":
            cost = getattr(event, "cost_usd", None)
            if cost is not None or getattr(event, "charged", True):
                self._db.execute("INSERT INTO spending (at, usd) VALUES (?, ?)", (event.at, cost))

    def ask(self, chain: str, kind: str, text: str, at: float) -> None:
        """Leave a request for the chain's runner, durably."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO requests (chain, kind, text, at) VALUES (?, ?, ?, ?)",
                (rows.clean(chain), rows.clean(kind), rows.clean(text), at),
            )

    def take(self, chain: str) -> Sequence[Request]:
        """The requests not taken yet, oldest first; they are then taken."""
        query = "SELECT id, kind, text, at FROM requests WHERE chain = ? ORDER BY id"
        with sqlite_errors(self.path):
            if self._db.execute(query, (chain,)).fetchone() is None:
                return ()
        from llmauto.ports import Request

        with self._transaction() as db:
            found = db.execute(query, (chain,)).fetchall()
            db.execute("DELETE FROM requests WHERE chain = ?", (chain,))
        return tuple(Request(id=i, chain=chain, kind=kind, text=text, at=at) for i, kind, text, at in found)

    def forget_chain(self, chain: str) -> None:
        """Remove the chain's runs with their events, requests, and the handoffs that no other run uses.

        What was spent stays known: a reset is no way around a daily budget.
        """
        with sqlite_errors(self.path):
            found = self._db.execute("SELECT run FROM runs WHERE chain = ?", (chain,)).fetchall()
        self._forget([run for (run,) in found], chain)

    def forget_runs(self, runs: Sequence[str]) -> None:
        """Remove these runs, with all that only they use."""
        self._forget(list(runs), None)

    def _forget(self, runs: list[str], chain: str | None) -> None:
        self._mark.clear()
        with self._transaction() as db:
            if chain is not None:
                db.execute("DELETE FROM requests WHERE chain = ?", (chain,))
            for run in runs:
                used = db.execute("SELECT sha FROM handoff_uses WHERE run = ?", (run,)).fetchall()
                for table in ("handoff_uses", "events", "runs"):
                    db.execute(f"DELETE FROM {table} WHERE run = ?", (run,))
                db.executemany(
                    "DELETE FROM handoffs WHERE sha = ?1 "
                    "AND NOT EXISTS (SELECT 1 FROM handoff_uses WHERE sha = ?1)",
                    used,
                )

    # --- reading ----------------------------------------------------------------------------------

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
            if len(found) < _PAGE:
                return
            after = found[-1][0]

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
        text, crc = found[0]
        if crc is not None and crc != rows.text_crc(text):
            raise damaged(self.path, f"the checksum of handoff {sha} is wrong")
        return str(text)

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

    # --- upkeep -----------------------------------------------------------------------------------

    def verify(self) -> None:
        """Look at every page. Raises `JournalError` where one is damaged. Takes 1 s for some 100 MB."""
        found = self._all("PRAGMA quick_check(1)", ())
        if found[0][0] != "ok":
            raise damaged(self.path, str(found[0][0]).splitlines()[-1])

    def back_up(self) -> Path:
        """Copy the journal to `journal.db.bak`, in one step, after a look at every page.

        Damage is never copied over the last good copy.
        """
        from llmauto.journal.migrations import back_up

        self.verify()
        target = self.path.with_name(self.path.name + ".bak")
        with sqlite_errors(self.path):
            back_up(self.path, target)
        return target

    def _fold_log(self) -> None:
        with sqlite_errors(self.path):
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with sqlite_errors(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _all(self, query: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        with sqlite_errors(self.path):
            return self._db.execute(query, values).fetchall()

    def _summaries(self, query: str, values: tuple[object, ...]) -> Sequence[RunSummary]:
        return tuple(rows.summary_from(row) for row in self._all(query, values))

    def _event(self, run: str, row: tuple[Any, ...]) -> Event | None:
        try:
            return rows.event_from(run, *row)
        except ValueError as error:
            raise damaged(self.path, f"event {row[0]} of run {run}: {error}") from error
