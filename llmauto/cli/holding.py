"""May the runs of a chain be taken away? Only while neither a runner nor a living call holds it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from llmauto.errors import BusyError

if TYPE_CHECKING:
    from llmauto.home import Home


@contextmanager
def held(home: Home, chain: str, runs: Sequence[str]) -> Iterator[None]:
    """Hold the chain as its runner would, so that none begins meanwhile. `runs` are all its runs.

    Raises `BusyError` where a runner holds it, or a call of these runs lives on without one.
    """
    from llmauto.cli.standing import lock_path
    from llmauto.locks import RunnerLock

    who = {"pid": os.getpid(), "host": socket.gethostname(), "chain": chain}
    with RunnerLock.acquire(lock_path(home, chain), who):
        for run in runs:
            call = living_call(home.calls / run)
            if call is not None:
                raise BusyError(
                    f"an agent of chain `{chain}` still works, though its runner is gone: `{call}`",
                    hint=f"`llmauto chain stop {chain} --now` ends it, "
                    f"`llmauto chain start {chain}` takes it over",
                )
        yield


def living_call(run: Path) -> Path | None:
    """The folder of a call in a run's folder whose keeper lives; None where there is none."""
    from llmauto.keeper import lock
    from llmauto.keeper.child.folder import Folder

    for call in call_folders(run):
        try:
            folder = Folder(os.fsencode(call))
        except OSError:
            continue
        try:
            if lock.is_held(folder):
                return call
        finally:
            folder.close()
    return None


def call_folders(run: Path) -> list[Path]:
    """The folders of a run's calls, in their order; none where there are none. No link is followed."""
    try:
        with os.scandir(run) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return [run / name for name in sorted(names)]
