"""How are calls, logs and folders of runs removed: all of it, never through a link, and counted?"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from llmauto import files
from llmauto.rules.names import problem_with

if TYPE_CHECKING:
    from llmauto.home import Home


def run_folder(home: Home, run: str) -> Path | None:
    """The folder of a run's calls; None where there is none, or the journal names one that cannot be."""
    if problem_with(run) is not None:
        return None
    folder = home.calls / run
    return folder if files.look(folder, 0).kind == "folder" else None


def size_of(paths: Iterable[Path]) -> int:
    """Bytes of these files, and of all files in these folders. No link is followed."""
    return sum(_size(path) for path in paths)


def _size(path: Path) -> int:
    total, pending = 0, [path]
    while pending:
        here = pending.pop()
        try:
            found = here.lstat()
            if files.look(here, 0).kind == "folder":
                with os.scandir(here) as entries:
                    pending += [Path(entry.path) for entry in entries]
            else:
                total += found.st_size
        except OSError:  # it went away meanwhile
            continue
    return total


def remove(paths: Iterable[Path]) -> None:
    """Remove these files and folders. What is gone already is no error. Raises `DiskError`."""
    from shutil import rmtree

    for path in paths:
        with files.disk_errors(path, "remove"):
            if files.look(path, 0).kind == "folder":
                rmtree(path)
            else:
                path.unlink(missing_ok=True)


def log_files(home: Home, chain: str, links: Sequence[str], others: Iterable[str]) -> list[Path]:
    """A chain's logs and those of its links, older parts too.

    `others` are the names of all other chains: `a_b.log` is that of the chain `a_b`, should there be one.
    """
    names = {chain, *(f"{chain}_{link}" for link in links)} - set(others)
    endings = (".log", ".out", *(f".log.{number}" for number in range(1, 10)))
    found = [home.logs / f"{name}{ending}" for name in sorted(names) for ending in endings]
    return [path for path in found if path.is_symlink() or path.exists()]
