"""What happens to a link and its calls?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from llmauto.events.base import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStarted(Event):
    """The intent: written and synced before anything is started. `call` counts from 1 in the run.

    `session` is "" where the backend keeps none. `resumed` says that an existing session goes on;
    `baseline`: a call before round 1 that only finds out what a check says, or that an agent can work.
    `why` tells why this is not the plain first attempt.
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
    baseline: bool = False
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
class LinkEnded(Event):
    """The link is over for this visit, and `goto` is the next link ("" = the round is over).

    `claims` is what the link, or the route from its verdict, says of the run: "", ALL_DONE, STOPPED,
    BLOCKED; `asks` is a question to a person that ends it.
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
    asks: str = ""
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
class WindowSeen(Event):
    """What the CLI said of a usage window: `used` is a fraction, `resets_at` epoch seconds (0 = unknown)."""

    kind: ClassVar[str] = "window_seen"
    name: str
    used: float
    resets_at: float = 0.0
    overage: bool = False


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
class CheckBaseline(Event):
    """What a check found before round 1: only what fails beyond that counts."""

    kind: ClassVar[str] = "check_baseline"
    link: str
    failing: tuple[str, ...] = ()
    exit_code: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryEnded(Event):
    """The cheap call before round 1 has proved that its link can work, or has not."""

    kind: ClassVar[str] = "canary_ended"
    link: str
    passed: bool
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed(Event):
    """A structured review: `findings` are ids of what is open; `trend` says where they are going.

    `trend`: first, converging, stagnant, diverging.
    """

    kind: ClassVar[str] = "reviewed"
    round: int
    link: str
    verdict: str
    findings: tuple[str, ...] = ()
    trend: str = "first"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpointed(Event):
    """The workdir was kept as a git commit under a ref of ours. `when`: before, after."""

    kind: ClassVar[str] = "checkpointed"
    round: int
    link: str
    when: str
    commit: str
    ref: str = ""
