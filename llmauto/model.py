"""What a chain is: the values that a chain file becomes.

A `Chain` is complete and resolved: defaults are merged, limits are in seconds, prompts are loaded as
text. Nothing in here reads a file; `authoring` makes these values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from types import MappingProxyType

NO_ENV: Mapping[str, str] = MappingProxyType({})


def _no_env() -> Mapping[str, str]:
    return NO_ENV  # by a factory: before Python 3.12 a mapping proxy cannot be a plain default


WITHOUT_SESSIONS = frozenset({"command", "check", ""})
"""Backends whose agents have no conversation to go on with: they are sent the whole prompt again."""


class Mode(str, Enum):
    """How often the links are passed over."""

    LOOP = "loop"
    ONCE = "once"
    DEADEND = "deadend"
    CONDITIONAL = "conditional"

    @property
    def single_pass(self) -> bool:
        """True where the links are passed over once, and the run is then complete."""
        return self in (Mode.ONCE, Mode.DEADEND)


class Role(str, Enum):
    """What a link is for."""

    WORKER = "worker"
    REVIEWER = "reviewer"
    CONTROLLER = "controller"
    CHECK = "check"
    GATE = "gate"


class OnFailure(str, Enum):
    """What follows when a link has failed for good."""

    STOP = "stop"
    CONTINUE = "continue"


class OnRunnerDeath(str, Enum):
    """What a keeper does with its agent when the runner is gone."""

    FINISH = "finish"
    STOP = "stop"


class HandoffFrom(str, Enum):
    """Where a link's handoff comes from: the file it writes, or its final text."""

    FILE = "file"
    OUTPUT = "output"


class OnLimit(str, Enum):
    """What follows when the backend's usage limit is reached."""

    WAIT = "wait"
    STOP = "stop"
    FALLBACK = "fallback"


class PoolKind(str, Enum):
    """Where a pool's tasks stand."""

    FILE = "file"
    DIRECTORY = "directory"
    GITHUB_ISSUES = "github_issues"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPool:
    """A source of tasks: a Markdown checklist, a folder with one task a file, or issues."""

    kind: PoolKind
    path: str = ""
    pattern: str = "*.md"
    repo: str = ""
    labels: tuple[str, ...] = ()
    description: str = ""


def _no_pools() -> Mapping[str, TaskPool]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """Who plays a link when its own backend cannot."""

    backend: str
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakers:
    """How many of a kind in a row end a run as stalled. 0 = this breaker is off."""

    no_progress: int = 3
    failures: int = 5
    same_error: int = 3
    denials: int = 2

    @property
    def all_off(self) -> bool:
        """True where nothing would end a run that spins."""
        return not (self.no_progress or self.failures or self.same_error or self.denials)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What of the subscription's windows is kept for the person. Reserves are fractions 0–1 of a window."""

    reserve_5h: float = 0.0
    reserve_7d: float = 0.0
    overage_allowed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One agent call in a chain, with every setting resolved.

    `prompt` is the text, its placeholders not yet filled in; `prompt_source` says where it came from.
    `keeps_session` is the JSON key "continue". `timeout_s` is wall-clock seconds of one call.
    A `None` cap means no cap. Paths are absolute. `run` is the program of the backend "command" and
    of a check. `on` maps verdicts, upper-case, to the name of a link, "next", "stop" or "done".
    `gate_timeout_s` 0 waits for ever; `gate_default` is "approve" or "deny". `max_visits` None takes
    the chain's. `skip_unless_assigned`: the engine passes over this link where the
    last controller's handoff assigns somebody else.
    """

    name: str
    role: Role = Role.WORKER
    prompt: str = ""
    prompt_source: str = "inline"
    backend: str = "claude"
    model: str | None = None
    fallback_model: str | None = None
    description: str = ""
    keeps_session: bool = False
    until_full: bool = False
    telegram_update: bool = False
    permission_mode: str | None = None
    allowed_tools: tuple[str, ...] = ()
    disallowed_tools: tuple[str, ...] = ()
    timeout_s: float = 7200.0
    env: Mapping[str, str] = field(default_factory=_no_env)
    env_only: tuple[str, ...] | None = None
    workdir: str | None = None
    agent: str | None = None
    effort: str | None = None
    add_dirs: tuple[str, ...] = ()
    system_prompt: str | None = None
    settings: str | None = None
    mcp_config: str | None = None
    backend_args: tuple[str, ...] = ()
    run: tuple[str, ...] = ()
    returns: str | None = None
    on: Mapping[str, str] = field(default_factory=_no_env)
    baseline: bool = False
    failures: str | None = None
    handoff: HandoffFrom = HandoffFrom.FILE
    preamble: bool = True
    may_finish: bool = True
    skip_unless_assigned: bool = False
    max_cost_usd: float | None = None
    max_tokens: int | None = None
    max_turns: int | None = None
    gate_timeout_s: float = 0.0
    gate_default: str | None = None
    max_visits: int | None = None
    context_hint: str = ""
    task_pool: str | None = None
    tasks_per_worker: int | None = None
    review_scope: str | None = None
    on_limit: OnLimit = OnLimit.WAIT
    fallback: Fallback | None = None

    @property
    def player(self) -> str:
        """The backend that plays the link: a check's is its own, a gate has none."""
        if self.role is Role.CHECK:
            return "check"
        return "" if self.role is Role.GATE else self.backend


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """An ordered, non-empty tuple of links and the bounds of their run. A zero limit means no limit.

    `path` is the chain file, "" where it was made in code. `runtime_s` is the run's own time in
    seconds; `deadline` is aware UTC. `max_limit_wait_s` bounds one wait for a usage limit.
    `title` is what people call it. `inputs` are those that have a value; `required_inputs` names those
    that a start must give one. `max_visits` bounds the visits of one link in a round, 0 = no bound.
    """

    name: str
    links: tuple[Link, ...]
    path: str = ""
    mode: Mode = Mode.LOOP
    description: str = ""
    max_rounds: int = 0
    runtime_s: float = 0.0
    deadline: datetime | None = None
    max_consecutive_blocks: int = 5
    budget_usd: float | None = None
    budget_tokens: int | None = None
    workdir: str | None = None
    inputs: Mapping[str, str] = field(default_factory=_no_env)
    on_link_failure: OnFailure = OnFailure.CONTINUE
    breakers: Breakers = field(default_factory=Breakers)
    grace_s: float = 10.0
    start_silence_s: float = 120.0
    stall_s: float = 900.0
    on_runner_death: OnRunnerDeath = OnRunnerDeath.FINISH
    max_limit_wait_s: float = 24 * 3600.0
    max_visits: int = 3
    quota: Quota | None = None
    canary: bool = False
    isolation: str | None = None
    telegram_every_n_links: int = 0
    telegram_enabled: bool = True
    title: str = ""
    version: str = ""
    required_inputs: tuple[str, ...] = ()
    then: str | None = None
    on_end: tuple[str, ...] = ()
    notify: tuple[str, ...] = ()
    parallel_workers: int = 0
    task_pools: Mapping[str, TaskPool] = field(default_factory=_no_pools)
    selection_strategy: str | None = None

    def link(self, name: str) -> Link | None:
        """The link of that name, or None."""
        return next((link for link in self.links if link.name == name), None)

    def index(self, name: str) -> int:
        """The place of the link of that name, from 0; -1 where there is none."""
        return next((i for i, link in enumerate(self.links) if link.name == name), -1)
