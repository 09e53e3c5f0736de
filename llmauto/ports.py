"""The seams of the engine: what it needs of the world, as Protocols with their contract.

Adapters inherit from nothing here; `llmauto.testing` has fakes of each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from llmauto.summaries import RunSummary as RunSummary  # a module of its own: it is all that `status` loads

if TYPE_CHECKING:  # what `chain status` need not load, since it reads summaries only
    from llmauto.events import Event
    from llmauto.model import Link
    from llmauto.outcomes import Outcome

Emit = Callable[["Event | Activity"], None]
"""Is told of everything as it happens. Raises nothing."""


class Clock(Protocol):
    """Time. `now` is UTC epoch seconds; `monotonic` never goes back and does not count suspends."""

    poll_s: float
    """The longest slice of one `pause`: how late a stop request may be seen, in seconds."""

    def now(self) -> float:
        """UTC seconds since the epoch; may jump."""

    def monotonic(self) -> float:
        """Seconds from some start; never back."""

    def pause(self, seconds: float) -> None:
        """Block for `seconds`, less where a signal wakes the process."""


# --- agents -------------------------------------------------------------------------------------


class EndHow(str, Enum):
    """How a running call is to be ended early."""

    STOP = "stop"
    """TERM, then KILL after the grace."""
    BUDGET = "budget"
    """As stop, because the call has used its cap."""
    STALL = "stall"
    """As stop, because nothing moves."""
    KILL = "kill"
    """KILL at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One thing an agent is seen doing, for people: never a base for decisions about the run.

    `kind`: text · thinking · tool · tool_result · usage · retry · limit · session · other.
    `tool` and `detail` name a tool call ("Edit", "src/a.py"). Tokens are running sums of this call.
    """

    kind: str
    text: str = ""
    tool: str = ""
    detail: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cache_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOrder:
    """One prompt for one agent, complete.

    `folder` is the call's own folder (made by the adapter); `session` is our own id for the agent's
    session ("" where none is wanted), `resume` says that it exists already. `schema` is a JSON Schema that
    the answer has to meet ("" = none). `files` are texts to put into the folder first. `budget_usd` and
    `max_tokens` are what this call may use at the most (None = no cap). Durations are seconds.
    """

    run: str
    chain: str
    round: int
    call: int
    link: Link
    prompt: str
    folder: Path
    workdir: Path
    state: Path
    handoff: Path
    session: str = ""
    resume: bool = False
    model: str | None = None
    budget_usd: float | None = None
    max_tokens: int | None = None
    grace_s: float = 10.0
    start_silence_s: float = 120.0
    stall_s: float = 900.0
    finish_alone: bool = True
    schema: str = ""
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One usage window as the CLI streams it. `used` is a fraction; `resets_at` UTC epoch seconds."""

    name: str
    used: float
    resets_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back from a call, judged by its backend.

    `text` is the agent's final text; `message` one line that says what went wrong ("" if nothing).
    `cost_usd` is this call's own cost, None where unknown; `charged` is False where certainly nothing
    was paid. `structured` is JSON text where the call asked for a schema and got it.
    """

    outcome: Outcome
    text: str = ""
    message: str = ""
    hint: str = ""
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
    seconds: float = 0.0
    exit_code: int | None = None
    reset_at: float | None = None
    denials: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    windows: tuple[Window, ...] = ()
    overage: bool = False
    structured: str | None = None


class OpenCall(Protocol):
    """A call that is under way, or was when we found it."""

    adopted: bool

    def poll(self, timeout_s: float) -> Reply | None:
        """Wait up to `timeout_s` for the end; the reply once the agent and all it started are gone."""

    def activities(self) -> Sequence[Activity]:
        """What was seen since the last time. Never blocks."""

    def end(self, how: EndHow) -> None:
        """Ask for an early end; returns at once. A later, harsher wish replaces an earlier one."""


class Agents(Protocol):
    """Starts calls, and finds those that an earlier runner left.

    `begin` raises `DiskError` where the call's folder cannot be written; all else that goes wrong
    is a `Reply` of the call. Leaves no process behind once a reply was given.
    """

    def begin(self, order: CallOrder) -> OpenCall:
        """Start the call."""

    def recover(self, order: CallOrder) -> OpenCall | None:
        """The call of that folder: finished, still running, or cut short; None where it had not begun."""


# --- journal ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptHandoff:
    """A handoff as it was kept. `text` is whole; `sha` is the hex SHA-256 of its UTF-8."""

    sha: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a person asked of a run through the command line. `kind`: stop_now, pause, steer, …

    `by` is who they are, as user@host; "" where that is not known.
    """

    id: int
    chain: str
    kind: str
    text: str = ""
    at: float = 0.0
    by: str = ""


class Journal(Protocol):
    """The truth on disk.

    Every method may raise `JournalError`; writes raise `DiskError` when there is no room. A run is
    named by `RunSummary.run`, which is unique in the home.
    """

    def append(
        self,
        events: Sequence[Event],
        summary: RunSummary,
        handoffs: Sequence[KeptHandoff] = (),
        heard: Sequence[int] = (),
    ) -> None:
        """Keep all of it in one durable transaction: when this returns, a power cut loses nothing of it.

        `heard` are the ids of requests that these events answer: they are then gone. Raises `BusyError`
        where another process has added to the run since it was read or written here.
        """

    def make_room(self) -> None:
        """There was no room: give up what was kept for the end of the run. Raises nothing."""

    def events(self, run: str, after: int = 0) -> Iterable[Event]:
        """The run's events in order, from the `after`-th on."""

    def latest(self, chain: str) -> RunSummary | None:
        """The newest run of the chain, None where there was none since the last reset."""

    def runs(self, chain: str | None = None, limit: int | None = None) -> Sequence[RunSummary]:
        """Newest first."""

    def chains(self) -> Sequence[RunSummary]:
        """The newest run of each chain."""

    def handoff(self, sha: str) -> str | None:
        """The text that was kept under that hash."""

    def ask(self, chain: str, kind: str, text: str, at: float, by: str = "") -> None:
        """Leave a request for the chain's runner, durably. `kind` is one word."""

    def asked(self, chain: str) -> Sequence[Request]:
        """The requests not heard yet, oldest first; they stay until `append` has what came of them."""

    def spent_since(self, at: float) -> tuple[float, int]:
        """Known dollars of all calls of this home that ended after `at`, and the number of unknown ones."""


# --- the state folder ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """What the state folder is to show."""

    status: str
    rounds_done: int
    started_at: float
    handoff: str | None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    """What was found in the state folder that we did not write there.

    `handoff` is a new handoff text, None where it is as we left it; `handoff_again`: somebody wrote the very
    same text once more. `handoff_problem` says why what is
    there cannot be one (deleted, empty, binary); the next `publish` puts the last good one back, or moves
    what is there aside, `handoff_aside`, where there is none.
    `status_word` is the first word of a status.txt that somebody wrote, upper-case; "" if none.
    `stop` is the text of a STOP file, None where there is none. `tampered` names files that were put
    right. `oversize` is the path where a handoff that was cut is kept whole. `handoff_at` is when the
    new handoff was written: UTC epoch seconds by its file, 0.0 where there is none.
    """

    handoff: str | None = None
    handoff_again: bool = False
    handoff_problem: str = ""
    handoff_aside: bool = False
    status_word: str = ""
    stop: str | None = None
    tampered: tuple[str, ...] = ()
    oversize: str = ""
    handoff_at: float = 0.0


class Desk(Protocol):
    """A chain's state folder: the agents' view of the run, and their way to speak back."""

    folder: Path

    def expect(self, mirror: Mirror) -> None:
        """Say what the journal says should be there, without writing it.

        Called once, before the first `collect` of a process: what differs from it was written by
        somebody else, also by an agent whose runner has died.
        """

    def publish(self, mirror: Mirror) -> None:
        """Write what differs, each file in one step. Raises `DiskError`."""

    def collect(self) -> Inbox:
        """Take in what was written since the last `publish`; a STOP file is taken away."""

    def stop_text(self) -> str | None:
        """The text of a STOP file, without taking it; cheap enough for twice a second."""

    def keep_link_handoff(self, link: str, text: str) -> None:
        """Write `handoff_<link>.md`."""


class Watcher(Protocol):
    """Looks at the workdir, and only looks."""

    def fingerprint(self) -> str:
        """One hash over the tree without llmauto's own files; "" where it cannot be told. Bounded in time."""


class Interrupts(Protocol):
    """Signals that this process got."""

    def level(self) -> int:
        """0 none · 1 stop after the link · 2 stop now · 3 kill at once."""


class Notifier(Protocol):
    """Sends a notice, some time soon; never blocks for long and raises nothing."""

    def send(self, title: str, facts: Mapping[str, str]) -> None:
        """Hand the notice over."""

    def results(self) -> Sequence[tuple[str, bool, str]]:
        """(channel, delivered, detail) of notices that have ended since the last time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The workdir as it was: a git commit, and the ref of ours that holds it."""

    commit: str
    ref: str


class Checkpoints(Protocol):
    """Keeps the workdir, untracked files too, and touches nothing of the person's repository."""

    def take(self, run: str, call: int, link: str, when: str) -> Checkpoint | None:
        """Keep it `before` or `after` a link's call; None where it cannot be. Within 20 s, raises nothing."""

    def remarks(self) -> Sequence[str]:
        """What a person should know of it since the last time: each thing is told once."""
