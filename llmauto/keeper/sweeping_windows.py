"""On Windows a keeper leaves nobody: the system closes its job with it, and that ends all who are in it."""

from __future__ import annotations

from llmauto.keeper.child.folder import Folder


def sweep(folder: Folder) -> int:
    """Nothing is left to be ended."""
    return 0


def signal_keeper(folder: Folder, number: int) -> None:
    """There are no signals; the flag in the folder does it."""


def wake_keeper(folder: Folder) -> None:
    """Nobody stops a process here by accident."""


def kill_keeper(folder: Folder) -> None:
    """By pid alone nobody is ended: it may be another process by now."""
