"""What happened in a run: the events that the journal keeps and that every view is folded from.

Each event is a frozen value; `to_json` and `from_json` carry it to disk and back. A reader of an
older program meets keys and kinds that it does not know: unknown keys are dropped, an unknown kind
becomes `None`, so that a downgrade can at least look.

`at` is UTC seconds since the epoch. `up` is monotonic seconds since the runner that wrote it
started: run time is summed from `up`, so that a clock that jumps changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import Any

from llmauto.events.base import (
    Event,
)
from llmauto.events.calls import (
    CallEnded,
    CallStarted,
    CanaryEnded,
    CheckBaseline,
    Checkpointed,
    HandoffKept,
    LinkEnded,
    LinkSkipped,
    Reviewed,
    WindowSeen,
)
from llmauto.events.people import (
    GateAnswered,
    GateOpened,
    IdleBegan,
    IdleEnded,
    Noted,
    NoticeSent,
    PauseAsked,
    Steered,
    StopAsked,
)
from llmauto.events.runs import (
    BaselineTaken,
    RoundEnded,
    RunEnded,
    RunResumed,
    RunStarted,
    WaitEnded,
    WaitStarted,
)

__all__ = [
    "KINDS",
    "BaselineTaken",
    "CallEnded",
    "CallStarted",
    "CanaryEnded",
    "CheckBaseline",
    "Checkpointed",
    "Event",
    "GateAnswered",
    "GateOpened",
    "HandoffKept",
    "IdleBegan",
    "IdleEnded",
    "LinkEnded",
    "LinkSkipped",
    "Noted",
    "NoticeSent",
    "PauseAsked",
    "Reviewed",
    "RoundEnded",
    "RunEnded",
    "RunResumed",
    "RunStarted",
    "Steered",
    "StopAsked",
    "WaitEnded",
    "WaitStarted",
    "WindowSeen",
    "from_json",
    "to_json",
]

KINDS: dict[str, type[Event]] = {
    event.kind: event
    for event in (
        RunStarted, RunResumed, CallStarted, CallEnded, LinkEnded, LinkSkipped, RoundEnded, BaselineTaken,
        WaitStarted, WaitEnded, StopAsked, HandoffKept, Noted, NoticeSent, WindowSeen, RunEnded, PauseAsked,
        IdleBegan, IdleEnded, Steered, GateOpened, GateAnswered, CheckBaseline, CanaryEnded, Reviewed,
        Checkpointed,
    )
}  # fmt: skip


def _default(spec: Field[Any]) -> Any:
    return spec.default if spec.default_factory is MISSING else spec.default_factory()


_DEFAULTS = {
    event: {f.name: _default(f) for f in fields(event)} for event in KINDS.values()
}  # what need not be written: it is what reading fills in

_TUPLES = {
    event: tuple(f.name for f in fields(event) if str(f.type).startswith("tuple")) for event in KINDS.values()
}  # JSON has lists only; to look at every value of every event would take as long as all the rest


def to_json(event: Event) -> dict[str, Any]:
    """The event as JSON values; fields at their default are left out."""
    out: dict[str, Any] = {}
    for name, default in _DEFAULTS[type(event)].items():
        value = getattr(event, name)
        if value != default:
            out[name] = dict(value) if isinstance(value, Mapping) else value
    return out


def from_json(kind: str, data: Mapping[str, Any]) -> Event | None:
    """The event of that kind, or None where this program does not know the kind."""
    event = KINDS.get(kind)
    if event is None:
        return None
    known = _DEFAULTS[event]
    values = dict(data) if data.keys() <= known.keys() else {k: v for k, v in data.items() if k in known}
    for name in _TUPLES[event]:
        if name in values and isinstance(values[name], list):
            values[name] = tuple(values[name])
    return event(**values)
