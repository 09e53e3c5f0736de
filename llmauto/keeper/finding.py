"""Finds the call of a folder after its runner's death: finished, still living, or lost."""

from __future__ import annotations

import os
from pathlib import Path

from llmauto.keeper import lock, records
from llmauto.keeper.child.folder import Folder
from llmauto.keeper.following import KeptCall, sweep


def find(folder: Path) -> KeptCall | None:
    """The call of that folder, None where it is lost.

    The lock decides whether its keeper lives, never a pid. What a dead keeper left behind is ended
    before None is returned, so that a new attempt never works beside the old one.
    """
    try:
        place = Folder(os.fsencode(folder))
    except OSError:
        return None
    try:
        if lock.is_held(place):
            return KeptCall(folder)
        ended = records.result(place)
        if ended is not None:  # a guard has written "lost", and swept
            return KeptCall(folder, ended=ended) if ended.ended_by != "lost" else None
        sweep(place)
        return None
    finally:
        place.close()
