"""The keeper: a small process that holds one agent process, and what starts, follows and adopts it.

`start` begins a call in its folder, `find` looks for one that an earlier runner began; both give a
`KeptCall` to follow it by. A `Nursery` does both for one call after the other, and has the next keeper
ready. The names are loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmauto.keeper.finding import find
    from llmauto.keeper.following import KeptCall
    from llmauto.keeper.nursery import Nursery
    from llmauto.keeper.starting import start
    from llmauto.keeper.values import Ended, Launch

__all__ = ["Ended", "KeptCall", "Launch", "Nursery", "find", "start"]

_HOMES = {
    "Ended": "values",
    "Launch": "values",
    "KeptCall": "following",
    "Nursery": "nursery",
    "find": "finding",
    "start": "starting",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"llmauto.keeper.{_HOMES[name]}"), name)
