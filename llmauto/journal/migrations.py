"""Which tables does the journal have, and how does an older file become one of today?

A journal carries its format as SQLite's `user_version`. Each migration leads from one format to the
next, all of them in one transaction, after a copy was put aside. Migrations take nothing away that an
older program names: a runner of it that is under way goes on writing what it knows.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from llmauto.errors import JournalError

APPLICATION_ID = 0x6C6C6D61
"""`llma`: how the file says that it is ours."""

_FORMAT_1 = (
    """CREATE TABLE runs (
        no INTEGER PRIMARY KEY,
        run TEXT NOT NULL UNIQUE, chain TEXT NOT NULL, status TEXT, stop_reason TEXT, message TEXT,
        finished INTEGER, exit_code INTEGER, started_at REAL, updated_at REAL, ended_at REAL, runtime_s REAL,
        rounds_done INTEGER, round INTEGER, link TEXT, call INTEGER, calls INTEGER, failed_calls INTEGER,
        cost_usd REAL, unknown_costs INTEGER, input_tokens INTEGER, output_tokens INTEGER,
        wait_until REAL, wait_why TEXT, workdir TEXT, task TEXT, max_rounds INTEGER, budget_usd REAL,
        pid INTEGER, host TEXT,
        events INTEGER NOT NULL)""",
    "CREATE INDEX runs_of_chain ON runs (chain, no)",
    """CREATE TABLE events (
        run TEXT NOT NULL, seq INTEGER NOT NULL, at REAL, kind TEXT NOT NULL, data TEXT NOT NULL, crc INTEGER,
        PRIMARY KEY (run, seq)) WITHOUT ROWID""",
    "CREATE TABLE handoffs (sha TEXT NOT NULL UNIQUE, text TEXT NOT NULL, crc INTEGER)",
    "CREATE TABLE handoff_uses (run TEXT NOT NULL, sha TEXT NOT NULL, PRIMARY KEY (run, sha)) WITHOUT ROWID",
    "CREATE INDEX uses_of_handoff ON handoff_uses (sha)",
    "CREATE TABLE requests (id INTEGER PRIMARY KEY, chain TEXT NOT NULL, kind TEXT, text TEXT, at REAL)",
    # What was paid stays when runs are forgotten: a reset is no way around a daily budget.
    "CREATE TABLE spending (at REAL, usd REAL)",
    "CREATE INDEX spending_by_time ON spending (at, usd)",
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID",
    f"PRAGMA application_id = {APPLICATION_ID}",
)

_FORMAT_2 = (
    "ALTER TABLE runs ADD COLUMN runtime_limit_s REAL",
    "ALTER TABLE runs ADD COLUMN deadline REAL",
)

# Since format 3 a longer handoff is a packed blob, and runs are forgotten without this index: it took as
# much room as what it pointed to.
_FORMAT_3 = ("DROP INDEX uses_of_handoff",)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FORMAT_1, _FORMAT_2, _FORMAT_3)
"""The statements that lead from format `index` to format `index + 1`."""

FORMAT = len(MIGRATIONS)
"""The format that this program writes."""


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the journal to today's format. Raises `JournalError` where it is newer, or not ours.

    Safe against other processes that do the same, and against being killed at any moment.
    """
    if format_of(connection, path) == FORMAT:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        found = format_of(connection, path)  # again: another process may have been faster
        if found:
            back_up(path, path.with_name(f"{path.name}.format-{found}.bak"))
        for statements in MIGRATIONS[found:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def format_of(connection: sqlite3.Connection, path: Path) -> int:
    """The format of the file; 0 for an empty one. Raises `JournalError` where it is newer, or not ours."""
    found = int(connection.execute("PRAGMA user_version").fetchone()[0])
    empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if empty and found == 0:
        return 0
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise JournalError(
            f"`{path}` is a database, but no journal of llmauto",
            hint="move it away, or use another home with `--home DIR`",
        )
    if found > FORMAT:
        raise JournalError(
            f"`{path}` was written by a newer llmauto: its format is {found}, this one reads up to {FORMAT}",
            hint=_way_back(path),
        )
    return found


def _way_back(path: Path) -> str:
    for number in range(FORMAT, 0, -1):
        copy = path.with_name(f"{path.name}.format-{number}.bak")
        if copy.exists():
            return (
                f"update llmauto; or go back to the copy from before the update: move `{path.name}*` away, "
                f"then rename `{copy}` to `{path.name}` (runs made since then are not in it)"
            )
    return "update llmauto, or use another home with `--home DIR`"


def back_up(path: Path, target: Path) -> None:
    """Copy the journal as it is committed to `target`, in one step, durably."""
    from llmauto import files

    temp = target.with_name(f"{target.name}.{files.temp_mark()}.tmp")
    files.create_private(temp)
    try:
        source, copy = sqlite3.connect(path), sqlite3.connect(temp)
        try:
            source.backup(copy)
        finally:
            copy.close()
            source.close()
        with files.disk_errors(target, "back up the journal to"):
            temp.replace(target)
            files.sync_folder(target.parent)
    finally:
        for left in (temp, *(temp.with_name(temp.name + end) for end in ("-wal", "-shm", "-journal"))):
            left.unlink(missing_ok=True)
