"""What happened in a run: the events that the journal keeps and that every view is folded from.

Each event is a frozen value; `to_json` and `from_json` carry it to disk and back. A reader of an
older program meets keys and kinds that it does not know: unknown keys are dropped, an unknown kind
becomes `None`, so that a downgrade can at least look.

`at` is UTC seconds since the epoch. `up` is monotonic seconds since the runner that wrote it
started: run time is summed from `up`, so that a clock that jumps changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from types import MappingProxyType
from typing import Any, ClassVar

NOTHING: Mapping[str, str] = MappingProxyType({})


def _nothing() -> Mapping[str, str]:
    return NOTHING  # by a factory: before Python 3.12 a mapping proxy cannot be a plain default


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The base of all events."""

    kind: ClassVar[str] = ""
    at: float = 0.0
    up: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    """A run began. `settings` is the resolved chain, flattened: what a later start is compared with."""

    kind: ClassVar[str] = "run_started"
    run: str
    chain: str
    links: tuple[str, ...]
    program: str = ""
    path: str = ""
    workdir: str = ""
    task: str = ""
    inputs: Mapping[str, str] = field(default_factory=_nothing)
    settings: Mapping[str, str] = field(default_factory=_nothing)
    from_link: str = ""
    max_rounds: int = 0
    budget_usd: float | None = None
    pid: int = 0
    host: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResumed(Event):
    """A person (or a supervisor) started the unfinished run again; breakers and blocks begin at zero."""

    kind: ClassVar[str] = "run_resumed"
    links: tuple[str, ...]
    settings: Mapping[str, str] = field(default_factory=_nothing)
    changes: tuple[str, ...] = ()
    from_link: str = ""
    max_rounds: int = 0
    budget_usd: float | None = None
    pid: int = 0
    host: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStarted(Event):
    """The intent: written and synced before anything is started. `call` counts from 1 in the run.

    `session` is "" where the backend keeps none. `resumed` says that an existing session goes on;
    `why` tells why this is not the plain first attempt. `budget_usd` is what was left to spend.
    """

    kind: ClassVar[str] = "call_started"
    call: int
    round: int
    link: str
    attempt: int = 1
    backend: str = ""
    model: str = ""
    session: str = ""
    resumed: bool = False
    fallback: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded(Event):
    """A call ended. `cost_usd` is None where it is unknown; tokens are this call's own.

    `worked` says that the agent had begun to work (so its session holds something worth going on
    with). `reset_at` is the usage limit's end in UTC epoch seconds, where the CLI named it.
    """

    kind: ClassVar[str] = "call_ended"
    call: int
    round: int
    link: str
    attempt: int
    outcome: str
    seconds: float = 0.0
    message: str = ""
    session: str = ""
    model: str = ""
    worked: bool = False
    charged: bool = True
    cost_usd: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cache_tokens: int = 0
    turns: int = 0
    cli_retries: int = 0
    exit_code: int | None = None
    reset_at: float | None = None
    denials: tuple[str, ...] = ()
    adopted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSeen(Event):
    """What the CLI said of a usage window: `used` is a fraction, `resets_at` epoch seconds (0 = unknown)."""

    kind: ClassVar[str] = "window_seen"
    name: str
    used: float
    resets_at: float = 0.0
    overage: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkEnded(Event):
    """The link is over for this visit, and `goto` is the next link ("" = the round is over).

    `claims` is what a link with that right said of the run: "", ALL_DONE, STOPPED.
    `handoff` is the hash of the handoff that counts from now on ("" where none ever was).
    """

    kind: ClassVar[str] = "link_ended"
    round: int
    link: str
    outcome: str
    failed: bool = False
    goto: str = ""
    verdict: str = ""
    claims: str = ""
    handoff: str = ""
    assigned: tuple[str, ...] = ()
    controls: bool = False
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSkipped(Event):
    """The engine passed over a link, at no cost."""

    kind: ClassVar[str] = "link_skipped"
    round: int
    link: str
    goto: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundEnded(Event):
    """A round is over. `fingerprint` is tree, HEAD, handoff and tasks in one hash; "" where unknown."""

    kind: ClassVar[str] = "round_ended"
    round: int
    fingerprint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineTaken(Event):
    """The fingerprint before the first round."""

    kind: ClassVar[str] = "baseline_taken"
    fingerprint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitStarted(Event):
    """The run waits, until `until` in UTC epoch seconds, for `why`."""

    kind: ClassVar[str] = "wait_started"
    round: int
    link: str
    until: float
    why: str
    outcome: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitEnded(Event):
    """The wait is over; `cut_short` by a stop request or a steer."""

    kind: ClassVar[str] = "wait_ended"
    cut_short: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAsked(Event):
    """Somebody asked the run to stop. `source`: command, file, status.txt, signal."""

    kind: ClassVar[str] = "stop_asked"
    reason: str = ""
    source: str = "command"
    now: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffKept(Event):
    """A handoff text was kept under its hash. `passed_on` where it is the one that counts now."""

    kind: ClassVar[str] = "handoff_kept"
    round: int
    link: str
    sha: str
    size: int
    passed_on: bool = True
    source: str = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(Event):
    """Something a person should know. `code` is a stable word: tamper, stale_stop, warning, clock …"""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded(Event):
    """The run stopped; `reason` is a `StopReason`."""

    kind: ClassVar[str] = "run_ended"
    reason: str
    message: str = ""
    exit_code: int = 0


KINDS: dict[str, type[Event]] = {
    event.kind: event
    for event in (
        RunStarted, RunResumed, CallStarted, CallEnded, LinkEnded, LinkSkipped, RoundEnded, BaselineTaken,
        WaitStarted, WaitEnded, StopAsked, HandoffKept, Noted, NoticeSent, WindowSeen, RunEnded,
    )
}  # fmt: skip


def _default(spec: Field[Any]) -> Any:
    return spec.default if spec.default_factory is MISSING else spec.default_factory()


_DEFAULTS = {
    event: {f.name: _default(f) for f in fields(event)} for event in KINDS.values()
}  # what need not be written: it is what reading fills in


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
    values: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in data.items() if k in known
    }
    return event(**values)
