"""How a call ends and how a run ends: one typed word each.

What is *done* about an outcome stands in `rules.table`; here are the words only.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Outcome(str, Enum):
    """How one call ended. Each call ends in exactly one."""

    DONE = "done"
    SKIPPED = "skipped"
    BLOCKED = "blocked"
    NEEDS_HUMAN = "needs_human"
    DENIED = "denied"
    LIMITED = "limited"
    OVERLOADED = "overloaded"
    OFFLINE = "offline"
    AUTH = "auth"
    BAD_REQUEST = "bad_request"
    NO_MODEL = "no_model"
    CONTEXT_FULL = "context_full"
    SESSION_BROKEN = "session_broken"
    TIMEOUT = "timeout"
    STALLED = "stalled"
    CRASHED = "crashed"
    MISSING = "missing"
    BAD_OUTPUT = "bad_output"
    BUDGET = "budget"
    DISK = "disk"
    MEMORY = "memory"
    LOST = "lost"
    STOPPED = "stopped"
    UNKNOWN = "unknown"


class Status(str, Enum):
    """The word in `state/<chain>/status.txt`."""

    READY = "READY"
    RUNNING = "RUNNING"
    WAITING = "WAITING"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"
    BLOCKED = "BLOCKED"
    FAILED = "FAILED"
    COMPLETED = "COMPLETED"
    ALL_DONE = "ALL_DONE"


class StopReason(str, Enum):
    """Why a run ended. `ENDINGS` says what each means for status, exit code and the next start."""

    ALL_DONE = "all_done"
    COMPLETED = "completed"
    MAX_ROUNDS = "max_rounds"
    RUNTIME = "runtime"
    DEADLINE = "deadline"
    STOP_REQUESTED = "stop_requested"
    LINK_FAILED = "link_failed"
    BUDGET = "budget"
    BLOCKED = "blocked"
    STALLED = "stalled"
    NEEDS_HUMAN = "needs_human"
    LIMIT_WAIT = "limit_wait"
    NO_BACKEND = "no_backend"
    DISK = "disk"
    INTERRUPTED = "interrupted"


class Ending(NamedTuple):
    """What a stop reason means. A finished run is not gone on with: the next start is a new run."""

    status: Status
    exit_code: int
    finished: bool


ENDINGS: dict[StopReason, Ending] = {
    StopReason.ALL_DONE: Ending(Status.ALL_DONE, 0, True),
    StopReason.COMPLETED: Ending(Status.COMPLETED, 0, True),
    StopReason.MAX_ROUNDS: Ending(Status.STOPPED, 0, True),
    StopReason.RUNTIME: Ending(Status.STOPPED, 0, True),
    StopReason.DEADLINE: Ending(Status.STOPPED, 0, True),
    StopReason.STOP_REQUESTED: Ending(Status.STOPPED, 3, False),
    StopReason.LINK_FAILED: Ending(Status.FAILED, 1, False),
    StopReason.BUDGET: Ending(Status.STOPPED, 4, False),
    StopReason.BLOCKED: Ending(Status.BLOCKED, 5, False),
    StopReason.STALLED: Ending(Status.BLOCKED, 5, False),
    StopReason.NEEDS_HUMAN: Ending(Status.BLOCKED, 5, False),
    StopReason.LIMIT_WAIT: Ending(Status.STOPPED, 6, False),
    StopReason.NO_BACKEND: Ending(Status.FAILED, 7, False),
    StopReason.DISK: Ending(Status.PAUSED, 1, False),
    StopReason.INTERRUPTED: Ending(Status.STOPPED, 130, False),
}
"""The contract's table "How a run ends" (section 2). A finished run whose last round had a link that
failed for good exits 1 instead of 0."""


def exit_code_of(reason: StopReason, *, failed_in_last_round: bool = False) -> int:
    """The process exit code for a run that ended for `reason`."""
    ending = ENDINGS[reason]
    return 1 if ending.finished and failed_in_last_round else ending.exit_code
