"""How is the journal kept safe from accidents: a daily copy, and put back where somebody removed it?"""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

from llmauto import files
from llmauto.errors import JournalError
from llmauto.journal import migrations
from llmauto.journal.damage import sqlite_errors
from llmauto.journal.mark import Noted
from llmauto.journal.opening import connect_writer

BACKUP_EVERY_S = 86_400.0

Place = tuple[int, int]


def back_up(path: Path) -> Path:
    """Copy the journal to `journal.db.bak`, in one step. Raises `JournalError`."""
    target = path.with_name(path.name + ".bak")
    with sqlite_errors(path):
        migrations.back_up(path, target)
    return target


def backup_is_due(path: Path) -> bool:
    """Whether the last copy is older than a day, or there is none."""
    try:
        made = path.with_name(path.name + ".bak").stat().st_mtime
    except OSError:
        return True
    return not 0 <= time.time() - made < BACKUP_EVERY_S


def place_of(path: Path) -> Place | None:
    """Which file stands at `path`; None where there is none."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def put_back(connection: sqlite3.Connection, path: Path, last: Noted | None) -> sqlite3.Connection:
    """The journal was removed or replaced while it was open: have what is still open in its place again.

    Where another process of ours did that already (what stands there has our `last` append), it is
    left. Anything else that stands there is moved aside. Returns the connection to go on with.
    """
    while True:
        if place_of(path) is not None:
            fresh = _ours(path, last)
            if fresh is not None:
                connection.close()
                return fresh
            with files.disk_errors(path):
                path.rename(path.with_name(f"{path.name}.{files.temp_mark()}.found"))
        if _copy_to(connection, path):
            connection.close()
            return connect_writer(path, [])


def _ours(path: Path, last: Noted | None) -> sqlite3.Connection | None:
    try:
        fresh = connect_writer(path, [])
    except JournalError:
        return None
    if last is None:
        return fresh
    row = fresh.execute("SELECT events FROM runs WHERE run = ?", (last[0],)).fetchone()
    if row is not None and row[0] >= last[1]:
        return fresh
    fresh.close()
    return None


def _copy_to(connection: sqlite3.Connection, path: Path) -> bool:
    """Write what is open to `path`; False where another process was faster."""
    if not path.parent.is_dir():
        files.make_private_dir(path.parent)
    temp = path.with_name(f"{path.name}.{files.temp_mark()}.tmp")
    files.create_private(temp)
    try:
        with sqlite_errors(path):
            copy = sqlite3.connect(temp)
            try:
                connection.backup(copy)
            finally:
                copy.close()
        with files.disk_errors(path):
            for end in ("-wal", "-shm"):  # of the file that is gone: they would be taken for the new one's
                path.with_name(path.name + end).unlink(missing_ok=True)
            return _link(temp, path)
    finally:
        temp.unlink(missing_ok=True)


def _link(temp: Path, path: Path) -> bool:
    try:
        os.link(temp, path)
    except FileExistsError:
        return False
    except OSError:  # a disk without hard links
        temp.rename(path)
    files.sync_folder(path.parent)
    return True
