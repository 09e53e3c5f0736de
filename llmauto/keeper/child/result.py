"""How a call ended, as the keeper leaves it behind: durable, in one step, and also on a full disk."""

from __future__ import annotations

import os
import sys

from . import wire
from .folder import Folder

NAME = "result.json"
RESERVE = "result.json.tmp"
RESERVED_BYTES = 4096
"""The runner writes as many spaces there before the start, so that a full disk cannot take the result."""
_LIFE_FD = 1

Values = dict[str, str | int | float | bool | None]


def values(ended_by: str, *, error: str = "", survivors: int = 0, exit_code: int | None = None) -> Values:
    """The beginnings of a result; what is left out of it is zero."""
    return {"exit_code": exit_code, "ended_by": ended_by, "error": error[:1000], "survivors": survivors}


def deliver(folder: Folder, facts: Values) -> None:
    """Tell the runner, if it lives, and leave the result in the folder."""
    text = wire.to_json(facts)
    try:  # noqa: SIM105 (contextlib would cost a millisecond of every start)
        os.write(_LIFE_FD, text)  # the runner has it even where no file can be written any more
    except OSError:
        pass
    try:
        _keep(folder, text)
    except OSError as error:
        sys.stderr.write(f"the result cannot be written: {errno_text(error.errno or 0)}\n")


def is_there(folder: Folder) -> bool:
    """Whether a result was written, be it under its name or not yet."""
    return folder.read(NAME) is not None or (folder.read(RESERVE) or b"").rstrip().endswith(b"}")


def _keep(folder: Folder, text: bytes) -> None:
    fd = folder.open(RESERVE, os.O_WRONLY | os.O_CREAT)
    try:
        os.write(fd, text)
        os.ftruncate(fd, len(text))
        os.fsync(fd)
    finally:
        os.close(fd)
    folder.rename(RESERVE, NAME)
    folder.sync()


def errno_text(code: int) -> str:
    """`ENOENT: No such file or directory`."""
    import errno

    return f"{errno.errorcode.get(code, 'EUNKNOWN')}: {os.strerror(code)}"
