"""Runs llmauto and kills itself at the n-th durable operation: `crash_runner.py N COUNT_FILE WORDS…`.

Counted are renames, syncs, appends to the journal, starts of keepers, hand-overs to spare ones, and locks,
each before and after. With N = 0 nothing is killed, and COUNT_FILE says how many there were.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import llmauto.keeper
from llmauto.cli import main
from llmauto.journal.sqlite import SqliteJournal
from llmauto.keeper import Nursery, spare

FATAL = int(sys.argv[1])
COUNT_FILE = Path(sys.argv[2])
_count = 0


def _point() -> None:
    global _count
    _count += 1
    if _count == FATAL:
        os.kill(os.getpid(), signal.SIGKILL)


def _counted(work: Callable[..., Any]) -> Callable[..., Any]:
    def both_sides(*args: Any, **kwargs: Any) -> Any:
        _point()
        done = work(*args, **kwargs)
        _point()
        return done

    return both_sides


for module, name in ((os, "rename"), (os, "replace"), (os, "fsync"), (fcntl, "flock")):
    setattr(module, name, _counted(getattr(module, name)))
setattr(SqliteJournal, "append", _counted(SqliteJournal.append))  # noqa: B010  mypy allows no other way
setattr(llmauto.keeper, "start", _counted(llmauto.keeper.start))  # noqa: B010
setattr(Nursery, "start", _counted(Nursery.start))  # noqa: B010
setattr(spare.Spare, "take", _counted(spare.Spare.take))  # noqa: B010

code = main(sys.argv[3:])
COUNT_FILE.write_text(str(_count), encoding="utf-8")
sys.exit(code)
