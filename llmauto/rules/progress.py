"""Where does a run stand? The state that its events lead to.

`Progress` is the one mutable value of the rules, for speed: a night is folded in milliseconds. Its
only mutator is `rules.advance`; everyone else just looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from llmauto import events as ev
from llmauto.rules.table import Pool


@dataclass(slots=True)
class Visit:
    """One link's turn: from its first attempt until the link is over.

    `tries` counts what was asked of the service, the CLI's own retries too.
    `used` counts the attempts that ended in each pool since a person last started the run;
    `transient_s` is what overload and lost network have cost of their half hour so far. `waited`
    says that the pause after the last attempt is served, `renewed` that a person has started the run
    again since: whatever ended it, this link is tried again.
    """

    round: int
    link: str
    attempts: int = 0
    tries: int = 0
    used: dict[Pool, int] = field(default_factory=dict)
    transient_s: float = 0.0
    limited_since: float = 0.0
    session: str = ""
    resumed: bool = False
    worked: bool = False
    fallback: bool = False
    baseline: bool = False
    waited: bool = False
    renewed: bool = False
    open: ev.CallStarted | None = None
    last: ev.CallEnded | None = None


@dataclass(slots=True)
class Progress:
    """The state of one run."""

    run: str = ""
    chain: str = ""
    started: ev.RunStarted | None = None
    links: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    started_at: float = 0.0
    begun_at: float = 0.0
    updated_at: float = 0.0
    pid: int = 0
    host: str = ""
    max_rounds: int = 0
    budget_usd: float | None = None

    rounds_done: int = 0
    round_open: bool = False
    next_link: str = ""
    visit: Visit | None = None
    visits: dict[str, int] = field(default_factory=dict)
    assigned: tuple[str, ...] = ()
    sessions: dict[str, str] = field(default_factory=dict)
    handoff: str = ""
    has_handoffs: bool = False
    verdict: str = ""

    calls: int = 0
    failed_calls: int = 0
    links_over: int = 0
    cost_usd: float = 0.0
    unknown_costs: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    earlier_s: float = 0.0
    up_s: float = 0.0
    idle_s: float = 0.0
    idle_from: float | None = None

    blocks: int = 0
    failures: int = 0
    same_errors: int = 0
    last_error: str = ""
    denied_rounds: int = 0
    stale_rounds: int = 0
    seen: set[str] = field(default_factory=set)
    round_denied: bool = False
    round_failed: bool = False
    round_failed_before: bool = False
    round_away: bool = False
    last_round_failed: bool = False

    paused: bool = False
    pause: ev.PauseAsked | None = None
    gate: ev.GateOpened | None = None
    answer: ev.GateAnswered | None = None
    words: list[ev.Steered] = field(default_factory=list)
    words_given: int = 0
    canary: ev.CanaryEnded | None = None
    baselines: dict[str, frozenset[str]] = field(default_factory=dict)
    reviews: dict[str, list[frozenset[str]]] = field(default_factory=dict)
    windows: dict[str, ev.WindowSeen] = field(default_factory=dict)

    last_over: ev.LinkEnded | None = None
    wait: ev.WaitStarted | None = None
    stop: ev.StopAsked | None = None
    ended: ev.RunEnded | None = None

    @property
    def runtime_s(self) -> float:
        """The run's own time in seconds, over all its starts; standing still for a person does not count."""
        idle = self.up_s - self.idle_from if self.idle_from is not None else 0.0
        return max(0.0, self.earlier_s + self.up_s - self.idle_s - idle)

    @property
    def round(self) -> int:
        """The round that is being played, from 1."""
        return self.rounds_done + 1

    @property
    def failed_in_last_round(self) -> bool:
        """Whether a link of the last round that played anything failed for good."""
        return self.round_failed or (not self.round_open and self.last_round_failed)
