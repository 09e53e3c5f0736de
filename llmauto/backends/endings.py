"""What does the end of a process mean by itself, before anything that it printed is believed?"""

from __future__ import annotations

import signal
from typing import NamedTuple

from llmauto.keeper.values import Ended
from llmauto.outcomes import Outcome
from llmauto.ports import CallOrder
from llmauto.rules.text import decode, human_duration, one_line

MESSAGE_LIMIT = 300
"""Characters of a reply's message."""

_OUTCOMES = {
    "timeout": Outcome.TIMEOUT,
    "start_silence": Outcome.STALLED,
    "stall": Outcome.STALLED,
    "stop": Outcome.STOPPED,
    "kill": Outcome.STOPPED,
    "runner_death": Outcome.STOPPED,
    "budget": Outcome.BUDGET,
    "memory": Outcome.MEMORY,
    "disk": Outcome.DISK,
    "not_started": Outcome.MISSING,
    "lost": Outcome.LOST,
}

_NOISE = ("ignoring ", "warning", "(node:", "debugger ")


class Judgement(NamedTuple):
    """An outcome, one line that says why, and what to do about it."""

    outcome: Outcome
    message: str
    hint: str = ""


def early_end(ended: Ended, order: CallOrder) -> Judgement | None:
    """What it means that the process did not end by itself; None where it did."""
    if ended.ended_by == "exit":
        return None
    if ended.ended_by == "not_started":
        return _not_started(ended)
    outcome = _OUTCOMES.get(ended.ended_by, Outcome.UNKNOWN)
    return Judgement(outcome, one_line(_why(ended, order), MESSAGE_LIMIT), _HINTS.get(ended.ended_by, ""))


def _why(ended: Ended, order: CallOrder) -> str:
    says = {
        "timeout": f"did not end within {human_duration(order.link.timeout_s)}",
        "start_silence": f"said nothing for {human_duration(order.start_silence_s)} after its start",
        "stall": f"nothing moved for {human_duration(order.stall_s)}",
        "stop": "ended as asked for",
        "kill": "killed as asked for",
        "runner_death": "ended because its runner was gone",
        "budget": f"used its cap of {order.max_tokens:,} tokens" if order.max_tokens else "used its cap",
        "memory": "needed more memory than there is",
        "disk": "there is no room for its output",
        "lost": "it and the process that held it were killed",
    }
    why = says.get(ended.ended_by, f"ended by {ended.ended_by}")
    return f"{why}: {ended.error}" if ended.error else why


_HINTS = {
    "timeout": "raise `timeout_seconds` of the link, or give it less to do at once",
    "start_silence": "raise `start_silence_seconds` if the program needs that long to begin",
    "stall": "raise `stall_seconds` if it works that long in silence",
    "budget": "raise `max_tokens` or the budget",
    "disk": "make room on that disk, then start again: nothing of the run is lost",
}


_NO_PROGRAM = ("ENOENT", "EACCES", "EPERM", "ENOEXEC", "ENOTDIR", "ELOOP", "ETXTBSY")
_NO_ROOM = ("ENOMEM", "EAGAIN")
_NOT_POSSIBLE = ("E2BIG", "EINVAL", "cwd", "ENAMETOOLONG")


def _not_started(ended: Ended) -> Judgement:
    """The keeper begins the error with the name of the errno, or with "cwd: "."""
    error = ended.error or "the system did not say why"
    message = f"could not be started: {error}"
    if error.startswith("ENOEXEC"):
        message += "; a script names its interpreter in its first line, as in `#!/bin/sh`"
    if error.startswith(_NOT_POSSIBLE):
        return Judgement(Outcome.BAD_REQUEST, message)
    if error.startswith(_NO_ROOM):
        return Judgement(Outcome.MEMORY, message)
    if error.startswith(_NO_PROGRAM):
        return Judgement(Outcome.MISSING, message, "`llmauto doctor` says what is missing")
    return Judgement(Outcome.CRASHED, message)


def exit_says(code: int | None, stderr_tail: bytes) -> str:
    """How a process ended by itself, with the last thing that it said on stderr: one line."""
    last = last_line(stderr_tail)
    return one_line(f"{_code(code)}: {last}" if last else _code(code), MESSAGE_LIMIT)


def _code(code: int | None) -> str:
    if code is None:
        return "ended with an unknown exit code"
    number = -code if code < 0 else code - 128 if 128 < code < 192 else 0
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"exit code {code}"
    return f"killed by {name}" if code < 0 else f"exit code {code} ({name})"


def last_line(stderr_tail: bytes) -> str:
    """The last line that says something; warnings only where there is nothing else."""
    lines = [line for line in (one_line(each, 1000) for each in decode(stderr_tail).splitlines()) if line]
    telling = [line for line in lines if not line.lower().startswith(_NOISE)]
    return (telling or lines or [""])[-1]
