"""What does an error of SQLite mean for a person, and what is the way out?

Nothing is ever mended or begun anew in silence: the journal is what was paid for.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llmauto.errors import DiskError, JournalError

# By text: the codes are only there from Python 3.11 on, and the texts are part of SQLite's interface.
_DISK = {
    "database or disk is full": (
        "no space left on the disk",
        "make room, then start again: what was recorded is intact",
    ),
    "attempt to write a readonly database": (
        "it is read-only",
        "give yourself permission to write there, or use another home with `--home DIR`",
    ),
    "disk i/o error": ("the disk reports an error", "look at the disk, then start again"),
    "unable to open database file": (
        "it cannot be opened",
        "give yourself permission to write in that folder, or use another home with `--home DIR`",
    ),
}


@contextmanager
def sqlite_errors(path: Path) -> Iterator[None]:
    """Turn any error of SQLite within into a `JournalError` about the journal at `path`."""
    try:
        yield
    except sqlite3.Error as error:
        raise translate(error, path) from error


def translate(error: sqlite3.Error, path: Path) -> JournalError:
    """The error as a person should read it."""
    text = str(error).lower()
    for known, (what, hint) in _DISK.items():
        if known in text:
            return DiskError(f"cannot use the journal `{path}`: {what}", hint=hint)
    if "locked" in text or "busy" in text:
        return JournalError(
            f"the journal `{path}` is locked by another program",
            hint="close the tool that has it open for writing, then try again",
        )
    return damaged(path, str(error))


def damaged(path: Path, what: str) -> JournalError:
    """The error for a journal whose content is not what was written."""
    return JournalError(f"the journal `{path}` is damaged: {what}", hint=way_out(path))


def lost(path: Path, run: str, seq: int) -> JournalError:
    """The error for a journal that lacks what was last recorded in it."""
    missing = "" if path.exists() else " (the file itself is gone)"
    return JournalError(
        f"the journal `{path}` has lost what was last recorded: event {seq} of run {run}{missing}",
        hint=f"put `{path.name}` and `{path.name}-wal` back as they were; {way_out(path)}; to go on with "
        f"what is there, remove `{path.name}-mark`: links that were paid for may then be repeated",
    )


def way_out(path: Path) -> str:
    """What a person can do about a damaged journal: the newest copy, and what can be saved of it."""
    save = f"save what can be read with `sqlite3 {path} .recover | sqlite3 mended.db`"
    away = f"move `{path.name}` and what is called `{path.name}-…` away"
    copies = sorted(path.parent.glob(f"{path.name}*.bak"), key=lambda copy: copy.stat().st_mtime)
    if not copies:
        return f"{save}, {away}, then rename `mended.db` to `{path.name}`"
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(copies[-1].stat().st_mtime))
    return f"there is a copy from {made}: {away}, then `cp {copies[-1]} {path}`; or {save}"
