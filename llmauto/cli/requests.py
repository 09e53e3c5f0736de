"""How does a command ask something of a chain's runner, so that neither a crash nor a race loses or
misplaces it?
"""

from __future__ import annotations

import time

from llmauto.cli import standing
from llmauto.cli.context import Context

FOR_RUNNERS = ("stop_now", "pause", "resume", "steer", "steer_now")
"""Requests that are for the runner that is there; a gate's answer waits for the next one."""


def leave(ctx: Context, name: str, kind: str, text: str) -> bool:
    """Leave the request, durably, with the name of the person.

    False where the runner has gone meanwhile: then nothing is left behind for the next one, and the
    person is told.
    """
    with ctx.journal as journal:
        journal.ask(name, kind, text, time.time(), this_person())
        if standing.runner_of(ctx.home, name) is not None:
            return True
        for other in journal.take(name):
            if other.kind not in FOR_RUNNERS:
                journal.ask(name, other.kind, other.text, other.at, other.by)
    ctx.out.line(f"the run of chain `{name}` has just ended by itself")
    return False


def this_person() -> str:
    """`user@host`, as well as this system knows it."""
    import getpass
    import socket

    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # a user id without a name, as in a container
        user = "somebody"
    return f"{user}@{socket.gethostname()}"
