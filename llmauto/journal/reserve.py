"""How does a run say its last word on a full disk? With room that the journal keeps, and gives up for that.

A disk that an agent has filled to its last byte has no place for "paused, because the disk is full": whoever
looks would be told that the runner had died. As the keeper does for its result, something is written ahead.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from llmauto import files
from llmauto.errors import DiskError

SIZE = 128 << 10
"""Bytes: two commits of some ten pages each, and the files that show the status."""


def keep(journal: Path) -> None:
    """Keep room beside the journal, unless little more than that is left for everything else."""
    path = _place(journal)
    if files.look(path, 0).size == SIZE or (files.free_bytes(path.parent) or 0) < 2 * SIZE:
        return
    try:
        fd = files.open_private(path)
        try:
            os.write(fd, os.urandom(SIZE))  # what is all zeros takes no room on some disks
        finally:
            os.close(fd)
    except (OSError, DiskError):
        give_up(journal)


def give_up(journal: Path) -> None:
    """Let others have the room; the next to open the journal keeps it again."""
    with contextlib.suppress(OSError):
        _place(journal).unlink()


def _place(journal: Path) -> Path:
    return journal.with_name(journal.name + "-reserve")
