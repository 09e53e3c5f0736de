"""What do people ask of a run, and what are they told?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from llmauto.events.base import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAsked(Event):
    """Somebody asked the run to stop. `by` is a user@host.

    `source`: command (`chain stop --now`, the web page), file (STOP, which `chain stop` writes too),
    status.txt, signal.
    """

    kind: ClassVar[str] = "stop_asked"
    reason: str = ""
    source: str = "command"
    now: bool = False
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseAsked(Event):
    """A person asked the run to pause after the current link (`on`), or to go on again."""

    kind: ClassVar[str] = "pause_asked"
    on: bool = True
    reason: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleBegan(Event):
    """The run stands still for a person, and its own time with it. `why`: pause, gate."""

    kind: ClassVar[str] = "idle_began"
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleEnded(Event):
    """The run goes on."""

    kind: ClassVar[str] = "idle_ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Steered(Event):
    """A person's words for the next agent. `now`: the call ends, and its session goes on with them.

    `afar` says that they did not come from the keyboard: they are handed over as a file.
    """

    kind: ClassVar[str] = "steered"
    text: str
    now: bool = False
    afar: bool = False
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateOpened(Event):
    """A gate waits for a person; `until` is UTC epoch seconds, 0 = for ever."""

    kind: ClassVar[str] = "gate_opened"
    round: int
    link: str
    until: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GateAnswered(Event):
    """The gate's answer, `by` a person (as user@host, where that is known) or by its time-out."""

    kind: ClassVar[str] = "gate_answered"
    link: str
    approved: bool
    reason: str = ""
    by: str = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(Event):
    """Something a person should know. `code` is one of tamper, stale_stop, warning, suspended, clock."""

    kind: ClassVar[str] = "noted"
    code: str
    message: str
    round: int = 0
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeSent(Event):
    """A notice was handed over, or was given up."""

    kind: ClassVar[str] = "notice_sent"
    channel: str
    delivered: bool
    detail: str = ""
