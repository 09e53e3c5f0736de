"""How is the journal's file opened: private, in WAL mode, checked, and never made anew over a loss?"""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

from llmauto import files
from llmauto.errors import DiskError, JournalError
from llmauto.journal.damage import lost, sqlite_errors
from llmauto.journal.mark import Mark, Noted
from llmauto.journal.migrations import FORMAT, format_of, migrate

BUSY_S = 10.0
"""How long a writer waits for another writer; a commit takes milliseconds."""
CHECKPOINT_PAGES = 64
"""256 KiB: SQLite's own 4 MiB would fill a small disk with what is about to be copied anyway."""


def connect_writer(path: Path, notes: list[str]) -> sqlite3.Connection:
    """A connection that may write; the file is made where none was. `notes` gets words for people."""
    marked = Mark(path).read()  # before the journal: an append meanwhile only makes the journal newer
    new = not path.exists()
    if marked and new:
        raise lost(path, *marked)
    if new and not path.parent.exists():
        files.make_private_dir(path.parent)
    _make_file(path)
    with sqlite_errors(path):
        connection = _connect(path, "rw")
        try:
            _use_wal(connection, path, notes)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            connection.execute(f"PRAGMA journal_size_limit = {1 << 20}")  # what a large handoff left behind
            connection.execute("PRAGMA cell_size_check = ON")
            migrate(connection, path)
            if new:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            _check_mark(connection, path, marked)
        except BaseException:
            connection.close()
            raise
    return connection


def connect_reader(path: Path, notes: list[str]) -> sqlite3.Connection:
    """A connection that only reads; an empty journal where no file is."""
    marked = Mark(path).read()
    if not path.exists():
        if marked:
            raise lost(path, *marked)
        return _empty()
    _check_file(path)
    with sqlite_errors(path):
        connection = _open_reader(path)
        try:
            found = format_of(connection, path)
            if found != FORMAT:
                connection.close()
                # Just being made by another process: nothing is in it. Older: it has to become new first.
                return connect_writer(path, notes) if found else _empty()
            _check_mark(connection, path, marked)
        except BaseException:
            connection.close()
            raise
    return connection


def _empty() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, Path("journal"))
    return connection


def _make_file(path: Path) -> None:
    """Make the file private before SQLite makes it public.

    An existing one is never opened here: to close it again would drop the locks that SQLite holds on it
    in this process.
    """
    try:
        mode = path.lstat().st_mode
    except OSError:
        try:
            files.create_private(path)
        except DiskError:
            if not path.exists():  # else another process was faster
                raise
        return
    _check_file(path)
    if sys.platform != "win32" and mode & 0o077:
        with files.disk_errors(path, "make private"):
            path.chmod(0o600)


def _check_file(path: Path) -> None:
    if path.is_symlink():
        raise DiskError(
            f"`{path}` is a symbolic link",
            hint="llmauto writes nothing through links: move the journal here, or use `--home DIR`",
        )
    if not path.is_file():
        raise JournalError(f"`{path}` is not a file", hint="move it away, then start again")


def _open_reader(path: Path) -> sqlite3.Connection:
    connection = _connect(path, "ro")
    try:
        connection.execute("PRAGMA user_version")
    except sqlite3.OperationalError:
        # A read-only or full disk has no room for the reader's own files. With nothing in the `-wal` there
        # is nothing that could be missed by doing without them.
        log = files.look(path.with_name(path.name + "-wal"), 0)
        if log.size or log.kind not in ("missing", "file"):
            raise
        connection.close()
        connection = _connect(path, "ro&immutable=1")
    return connection


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    name = str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    if sys.platform == "win32":
        name = "/" + name.replace("\\", "/")
    return sqlite3.connect(f"file:{name}?mode={mode}", uri=True, timeout=BUSY_S, isolation_level=None)


def _use_wal(connection: sqlite3.Connection, path: Path, notes: list[str]) -> None:
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    if mode == "wal":
        return
    # Two processes that make the journal at the same moment: the change to WAL does not wait for locks,
    # so it is made behind one that does.
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("COMMIT")
    for _ in range(50):
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            break
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("COMMIT")
    if mode != "wal":
        connection.execute("PRAGMA journal_mode = TRUNCATE")
        notes.append(
            f"the disk that holds `{path}` does not allow SQLite's WAL mode: the journal is kept in "
            "TRUNCATE mode, where readers and the writer wait for each other"
        )


def _check_mark(connection: sqlite3.Connection, path: Path, marked: Noted | None) -> None:
    if marked is None:
        return
    row = connection.execute("SELECT events FROM runs WHERE run = ?", (marked[0],)).fetchone()
    if (row is None or row[0] < marked[1]) and Mark(path).read() == marked:  # else they were forgotten
        raise lost(path, *marked)
