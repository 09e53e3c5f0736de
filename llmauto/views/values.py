"""What does a picture of a run consist of: bars in lanes, rounds, waits, and what was said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(slots=True)
class Attempt:
    """One call. `outcome` is "" while it is open; `cost_usd` None where it is unknown.

    `charged` False: certainly nothing was paid. Times are UTC epoch seconds.
    """

    call: int
    number: int
    started_at: float
    backend: str = ""
    model: str = ""
    session: str = ""
    resumed: bool = False
    fallback: bool = False
    why: str = ""
    ended_at: float = 0.0
    outcome: str = ""
    seconds: float = 0.0
    message: str = ""
    cost_usd: float | None = None
    charged: bool = True
    tokens: int = 0
    turns: int = 0
    denials: tuple[str, ...] = ()
    adopted: bool = False


@dataclass(slots=True)
class Bar:
    """One link's turn, from its first attempt until the link is over: what one bar in a lane shows.

    `kind`: call · gate · skipped · baseline. `ended_at` 0 is: goes on. `outcome` is how the link ended, or
    its last attempt so far. `handoff_in` and `handoff_out` are hashes, `before` and `after` commits of
    checkpoints; "" where there is none.
    """

    index: int
    round: int
    link: str
    kind: str
    started_at: float
    ended_at: float = 0.0
    outcome: str = ""
    failed: bool = False
    verdict: str = ""
    claims: str = ""
    asks: str = ""
    message: str = ""
    why: str = ""
    findings: int = -1
    trend: str = ""
    cost_usd: float = 0.0
    unknown_costs: int = 0
    tokens: int = 0
    handoff_in: str = ""
    handoff_out: str = ""
    before: str = ""
    after: str = ""
    attempts: list[Attempt] = field(default_factory=list)


@dataclass(slots=True)
class Round:
    """The sums of one round. `ended_at` 0 is: not over. `seconds` are those of its calls."""

    round: int
    started_at: float
    ended_at: float = 0.0
    verdict: str = ""
    cost_usd: float = 0.0
    unknown_costs: int = 0
    calls: int = 0
    failed_calls: int = 0
    tokens: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class LinkSum:
    """The sums of one link over all rounds. `turns` counts its visits, `skipped` those passed over."""

    link: str
    turns: int = 0
    skipped: int = 0
    calls: int = 0
    failed_calls: int = 0
    failed: int = 0
    cost_usd: float = 0.0
    unknown_costs: int = 0
    tokens: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Pause:
    """The run stood still. `kind`: limit (or another outcome that is waited for) · gate · pause · stopped.

    `until` is what was announced, 0 where nothing was; `ended_at` 0 is: still.
    """

    kind: str
    started_at: float
    until: float = 0.0
    ended_at: float = 0.0
    why: str = ""
    round: int = 0
    link: str = ""


class Said(NamedTuple):
    """Something a person should see, or said. `kind`: note · warning · stop · pause · resume · steer ·
    approve · deny · notice."""

    at: float
    kind: str
    text: str
    round: int = 0
    link: str = ""


class Trouble(NamedTuple):
    """What went wrong: a call that failed, or (`final`) a link that failed for good."""

    at: float
    round: int
    link: str
    call: int
    outcome: str
    message: str
    backend: str
    final: bool
