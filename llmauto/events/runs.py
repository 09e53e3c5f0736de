"""What happens to a run as a whole?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from llmauto.events.base import Event, nothing


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
    inputs: Mapping[str, str] = field(default_factory=nothing)
    settings: Mapping[str, str] = field(default_factory=nothing)
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
    settings: Mapping[str, str] = field(default_factory=nothing)
    changes: tuple[str, ...] = ()
    from_link: str = ""
    max_rounds: int = 0
    budget_usd: float | None = None
    pid: int = 0
    host: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineTaken(Event):
    """The fingerprint before the first round."""

    kind: ClassVar[str] = "baseline_taken"
    fingerprint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundEnded(Event):
    """A round is over. `fingerprint` is tree, HEAD, handoff and tasks in one hash; "" where unknown."""

    kind: ClassVar[str] = "round_ended"
    round: int
    fingerprint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitStarted(Event):
    """The run waits, until `until` in UTC epoch seconds, for `why`.

    `tries` counts the requests of this turn of the link, the CLI's own retries among them. `cost_usd` is
    what is known of the run's cost so far, null where nothing is. `ends_at` is when a bound of time,
    `ends_by`, ends the run at the latest, in UTC epoch seconds; 0 where none does.
    """

    kind: ClassVar[str] = "wait_started"
    round: int
    link: str
    until: float
    why: str
    outcome: str = ""
    tries: int = 0
    cost_usd: float | None = None
    unknown_costs: int = 0
    ends_at: float = 0.0
    ends_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitEnded(Event):
    """The wait is over; `cut_short` by a stop request or a steer."""

    kind: ClassVar[str] = "wait_ended"
    cut_short: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded(Event):
    """The run stopped; `reason` is a `StopReason`."""

    kind: ClassVar[str] = "run_ended"
    reason: str
    message: str = ""
    exit_code: int = 0
