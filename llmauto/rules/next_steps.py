"""What should a person type next, after a run has stopped?"""

from __future__ import annotations

_GO_ON = "llmauto chain start {name}"
_HANDOFF = "llmauto chain handoff {name}"
_LOG = "llmauto chain log {name}"
_ANEW = "`chain start {name}` begins a new run"

AT_GATE = "approval of gate"
"""How the words begin that say what a run waits for at a gate."""

NEXT = {
    "stop_requested": (_GO_ON, "goes on from here"),
    "interrupted": (_GO_ON, "goes on from here"),
    "link_failed": (_LOG, "says what failed; `chain start {name}` tries again"),
    "budget": ("llmauto chain start {name} --budget USD", "goes on with more money"),
    "blocked": (_HANDOFF, "says what blocks; `chain start {name}` goes on"),
    "stalled": (_LOG, "shows the rounds; `chain start {name}` goes on"),
    "needs_human": (_HANDOFF, "says what is asked; `chain start {name}` goes on"),
    "limit_wait": (_GO_ON, "goes on when the limit has reset"),
    "no_backend": ("llmauto doctor", "says what is missing; `chain start {name}` goes on"),
    "disk": (_GO_ON, "goes on when there is room"),
}
"""By stop reason: the command, and what it does. The others are finished."""

FINISHED = (_HANDOFF, f"shows the last handoff; {_ANEW}")
NOTHING_HANDED_OVER = (_LOG, f"shows what happened; {_ANEW}")
"""As `FINISHED`, of a run that has no handoff."""
NEVER_RAN = (_GO_ON, "starts it")
RUNNING = ("llmauto chain log {name} -f", "shows what happens; `chain stop {name}` stops it")
GATE = ("llmauto chain approve {name}", "opens the gate; `chain deny {name} REASON` keeps it shut")
PAUSED = ("llmauto chain resume {name}", "goes on; `chain stop {name}` stops it")


def after(stop_reason: str, name: str, *, handoff: bool) -> tuple[str, str]:
    """The command for a run that stopped for that reason, and what it does.

    `handoff`: the run has kept one. Else the log, too, says what blocks and what is asked.
    """
    step = NEXT.get(stop_reason, FINISHED if handoff else NOTHING_HANDED_OVER)
    return filled((_LOG, step[1]) if step[0] == _HANDOFF and not handoff else step, name)


def filled(step: tuple[str, str], name: str) -> tuple[str, str]:
    """The step with the chain's name in it."""
    command, why = step
    return command.format(name=name), why.format(name=name)
