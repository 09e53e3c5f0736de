"""Where is the truth about all runs kept? In `journal.db`: SQLite, WAL, synchronous=FULL.

One append is one transaction and one sync of the write-ahead log. Readers in other processes never
hold up the writer. Nothing heavy is imported before it is needed: `chain status` reads through this.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from llmauto.errors import BusyError, DiskError, JournalError
from llmauto.journal import reserve, rows
from llmauto.journal.damage import sqlite_errors
from llmauto.journal.mark import Mark, Noted
from llmauto.journal.opening import connect_reader, connect_writer
from llmauto.journal.reader import JournalReader
from llmauto.journal.upkeep import back_up, backup_is_due, place_of, put_back

if TYPE_CHECKING:
    from llmauto.events import Event
    from llmauto.ports import KeptHandoff, Request, RunSummary

VERIFY_UP_TO = 64 << 20
"""Bytes of a journal that is looked through whenever it is opened to write: that takes up to 50 ms."""


class SqliteJournal(JournalReader):
    """The `Journal` of a home. One object is one connection, for the thread that made it.

    `notes` says what a person should know about how it was opened.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, notes: Sequence[str] = ()) -> None:
        super().__init__(path, connection)
        self.notes = tuple(notes)
        self._mark = Mark(path)
        self._writes = False
        self._place = place_of(path)
        self._last: Noted | None = None

    @classmethod
    def open(cls, path: Path, *, readonly: bool = False) -> SqliteJournal:
        """Open the journal. To write, it is made where it is missing; to read, it is then just empty.

        Raises `DiskError` where it cannot be opened; `JournalError` where it is damaged, has lost what
        was recorded last, or is newer than this program.
        """
        notes: list[str] = []
        if readonly:
            return cls(path, connect_reader(path, notes), notes)
        journal = cls(path, connect_writer(path, notes), notes)
        journal._writes = True
        reserve.keep(path)
        try:
            if path.stat().st_size <= VERIFY_UP_TO:
                journal.verify()
                journal._back_up_if_due()
        except BaseException:
            journal.close()
            raise
        return journal

    def close(self) -> None:
        """Let go of the file; the last one to do so folds the write-ahead log into it."""
        self._back_up_if_due()
        self._writes = False
        self._db.close()
        self._mark.close()

    def back_up(self) -> Path:
        """Copy the journal to `journal.db.bak`, in one step. Damage is never copied over a good copy."""
        self.verify()
        return back_up(self.path)

    def _back_up_if_due(self) -> None:
        """Once a day, if anything happened. That it fails is no reason not to work."""
        with suppress(OSError, JournalError):
            if self._writes and backup_is_due(self.path) and self.runs(limit=1):
                self.back_up()

    def __enter__(self) -> SqliteJournal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- writing ----------------------------------------------------------------------------------

    def append(
        self,
        events: Sequence[Event],
        summary: RunSummary,
        handoffs: Sequence[KeptHandoff] = (),
        heard: Sequence[int] = (),
    ) -> None:
        """Keep all of it in one durable transaction. Raises `BusyError` where another process has added to
        the run since this one read it or wrote to it: of two runners that each hold a lock, since somebody
        removed the file, one goes on.
        """
        run = rows.clean(summary.run)
        if place_of(self.path) != self._place:
            events = [*events, self._put_back(summary.updated_at)]
        try:
            last = self._append(run, events, summary, handoffs, heard)
        except DiskError:
            # What the write-ahead log holds twice may be all the room that is needed.
            self._fold_log()
            last = self._append(run, events, summary, handoffs, heard)
        self._last, self._known[run] = (run, last), last
        self._mark.write(run, last)

    def make_room(self) -> None:
        """Give up the room that was kept for the end of a run on a full disk."""
        reserve.give_up(self.path)

    def _append(
        self,
        run: str,
        events: Sequence[Event],
        summary: RunSummary,
        handoffs: Sequence[KeptHandoff],
        heard: Sequence[int],
    ) -> int:
        from llmauto.journal import eventrows

        with self._transaction() as db:
            known = db.execute("SELECT events FROM runs WHERE run = ?", (run,)).fetchone()
            count = known[0] if known else 0
            if self._known.get(run, count) != count:
                raise _overtaken(run)
            first = count + 1
            db.executemany(
                "INSERT INTO events (run, seq, at, kind, data, crc) VALUES (?, ?, ?, ?, ?, ?)",
                [eventrows.event_row(run, seq, event) for seq, event in enumerate(events, first)],
            )
            last = first + len(events) - 1
            db.execute(rows.UPSERT_RUN, rows.summary_row(summary, last))
            for row in (rows.handoff_row(kept.sha, kept.text) for kept in handoffs):
                db.execute("INSERT OR IGNORE INTO handoff_uses (run, sha) VALUES (?, ?)", (run, row[0]))
                db.execute("INSERT OR IGNORE INTO handoffs (sha, text, crc) VALUES (?, ?, ?)", row)
            for event in events:
                self._note_use(run, event)
            db.executemany("DELETE FROM requests WHERE id = ?", [(number,) for number in heard])
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

    def ask(self, chain: str, kind: str, text: str, at: float, by: str = "") -> None:
        """Leave a request for the chain's runner, durably."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO requests (chain, kind, text, at) VALUES (?, ?, ?, ?)",
                (rows.clean(chain), rows.clean(f"{kind} {by}".rstrip()), rows.clean(text), at),
            )

    def asked(self, chain: str) -> Sequence[Request]:
        """The requests not heard yet, oldest first."""
        query = "SELECT id, kind, text, at FROM requests WHERE chain = ? ORDER BY id"
        with sqlite_errors(self.path):
            found = self._db.execute(query, (chain,)).fetchall()
        if not found:
            return ()
        from llmauto.ports import Request

        asked = []
        for id_, words, text, at in found:
            kind, _, by = words.partition(" ")  # one column for both: an older journal has no other
            asked.append(Request(id=id_, chain=chain, kind=kind, text=text, at=at, by=by))
        return tuple(asked)

    def take(self, chain: str) -> Sequence[Request]:
        """The requests not heard yet, oldest first; they are then gone."""
        with self._transaction() as db:
            taken = self.asked(chain)
            db.executemany("DELETE FROM requests WHERE id = ?", [(request.id,) for request in taken])
        return taken

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
        self._last = None
        with self._transaction() as db:
            if chain is not None:
                db.execute("DELETE FROM requests WHERE chain = ?", (chain,))
            for table in ("handoff_uses", "events", "runs"):
                db.executemany(f"DELETE FROM {table} WHERE run = ?", [(run,) for run in runs])
            db.execute("DELETE FROM handoffs WHERE sha NOT IN (SELECT sha FROM handoff_uses)")

    # --- upkeep -----------------------------------------------------------------------------------

    def _put_back(self, at: float) -> Event:
        from llmauto.events import Noted

        self._db = put_back(self._db, self.path, self._last)
        self._place, self._seen_version = place_of(self.path), -1
        message = f"{self.path.name}: removed or replaced by somebody else, put back"
        return Noted(at=at, code="tamper", message=message)

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


def _overtaken(run: str) -> BusyError:
    return BusyError(
        f"run {run} is gone on with by another runner, or was reset: this one ends",
        hint="`llmauto chain status` shows who runs the chain",
    )
