"""Every error llmauto raises on purpose, and the exit code each one becomes.

    LlmautoError             1
    ├── UsageError           2   a wrong command line, name, input or prompt: nothing was started
    │   └── ChainError       2   a chain file is missing, unreadable or invalid
    ├── BusyError           75   another runner holds the chain
    ├── JournalError         1   the journal is damaged, newer than this program, or cannot be written
    │   └── DiskError        1   no room, read-only, or no permission: the run is paused
    ├── BackendError         7   an agent's program is missing or cannot be used
    └── CallError            1   a single call (`pipe`) ended in another outcome than `done`

Exit code 2 is also argparse's for a wrong command line; 130 is Ctrl-C.
How a *run* ends is no error: see `outcomes.StopReason`.
"""

from __future__ import annotations

from typing import ClassVar


class LlmautoError(Exception):
    """Base class: `str(error)` says what is wrong, `hint` what to do about it."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(LlmautoError):
    """A wrong command line, name, input or prompt; nothing was started."""

    exit_code = 2


class ChainError(UsageError):
    """A chain file is missing, unreadable or invalid.

    `problems` holds every mistake that was found, in the order of the file; `str(error)` is the
    mistakes one a line.
    """

    def __init__(self, message: str, *, hint: str | None = None, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.problems = problems or (message,)


class BusyError(LlmautoError):
    """Another runner holds the chain."""

    exit_code = 75


class JournalError(LlmautoError):
    """The journal is damaged, newer than this program, or cannot be written."""


class DiskError(JournalError):
    """There is no room, the file system is read-only, or permission is missing."""


class BackendError(LlmautoError):
    """An agent's program is missing or cannot be used."""

    exit_code = 7


class CallError(LlmautoError):
    """A single call ended in another outcome than `done`."""
