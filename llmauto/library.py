"""What can a Python program do with llmauto? Load chains, play them, and ask single questions.

It is the engine of the command line, with the same home, lock, journal and limits. Signals stay the
program's: a `KeyboardInterrupt` ends the call that is under way, is written down, and goes on.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmauto import assembly, running
from llmauto.authoring.incode import check_chain
from llmauto.authoring.load import load
from llmauto.clock import SystemClock
from llmauto.errors import UsageError
from llmauto.files import expanded
from llmauto.home import Home, find_home
from llmauto.journal.sqlite import SqliteJournal
from llmauto.outcomes import ENDINGS, StopReason
from llmauto.rules.text import quoted
from llmauto.settings import load_settings
from llmauto.signals import NoInterrupts

if TYPE_CHECKING:
    from llmauto.events import Event
    from llmauto.model import Chain
    from llmauto.ports import Activity, Interrupts, Reply

OnEvent = Callable[["Event | Activity"], None]
"""Is told of everything as it happens, in the thread that called. What it raises ends the run, as a stop
would, and is then raised again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """How a run ended, or was left so that it can be gone on with.

    `status` and `stop_reason` are the words of `docs/reference/exit-codes.md`, `exit_code` what the
    command line would have ended with. `cost_usd` sums the costs that are known, None where none is;
    `unknown_costs` counts the calls whose cost is not. `seconds` is the run's own time, over all its
    starts. `handoff` is the text that counts at the end, "" where there never was one.
    """

    run: str
    status: str
    stop_reason: str
    exit_code: int
    message: str
    rounds: int
    calls: int
    cost_usd: float | None
    unknown_costs: int
    seconds: float
    handoff: str

    @property
    def ok(self) -> bool:
        """Whether the exit code would be 0."""
        return self.exit_code == 0


def load_chain(path: str | Path, *, home: str | Path | None = None) -> Chain:
    """Read and check a chain file; a name is looked up in the home, and among the shipped ones.

    `home` is found as the command line finds it where it is None. What the file warns of becomes a
    Python warning. Nothing is written, and no agent is asked.

    Raises:
        ChainError: the file holds mistakes; `problems` has every one of them.
        UsageError: there is no such file or chain.
    """
    place = _home(home)
    found = place.find_chain(os.fspath(path))
    loaded = load(found, home=place, settings=load_settings(place, os.environ))
    for warning in loaded.warnings:
        warnings.warn(warning, stacklevel=2)
    return loaded.chain


def run(
    chain: Chain,
    *,
    task: str | None = None,
    inputs: Mapping[str, str] | None = None,
    on_event: OnEvent | None = None,
    home: str | Path | None = None,
    workdir: str | Path | None = None,
    fresh: bool = False,
    max_rounds: int | None = None,
    budget_usd: float | None = None,
    interrupts: Interrupts | None = None,
) -> RunResult:
    """Play a chain until its run ends: an unfinished run goes on, unless `fresh` begins a new one.

    `task`, `inputs`, `max_rounds` and `budget_usd` are what `chain start` takes; `workdir` is where the
    agents work, in place of the chain's own. `interrupts` can ask for a stop, from another thread too.

    Raises:
        ChainError: the chain cannot be played; a chain made in code is checked as a file is.
        UsageError: a folder or an input is missing, or an unfinished run has another task.
        BackendError: an agent's program is missing.
        BusyError: another runner holds the chain.
        JournalError: the journal cannot be used.
    """
    check_chain(chain)
    if workdir is not None:
        chain = replace(chain, workdir=str(_folder(workdir)))
    asked = running.Asked(
        fresh=fresh, task=task, inputs=dict(inputs or {}), rounds=max_rounds, budget=budget_usd
    )
    place = _home(home)
    settings = load_settings(place, os.environ)
    places = assembly.ready(chain, place, settings, os.environ)
    with _listening(on_event, interrupts) as listener, SqliteJournal.open(place.journal) as journal:
        stage = running.Stage(
            home=place, places=places, settings=settings, environ=os.environ, journal=journal,
            clock=SystemClock(), interrupts=listener, emit=listener, begun=lambda _: None,
            warn=lambda text: warnings.warn(text, stacklevel=2),
        )  # fmt: skip
        return _result(running.play(chain, asked, stage), journal)


def _result(played: running.Played, journal: SqliteJournal) -> RunResult:
    p, ended = played.progress, played.ended
    return RunResult(
        run=p.run,
        status=ENDINGS[StopReason(ended.reason)].status.value,
        stop_reason=ended.reason,
        exit_code=ended.exit_code,
        message=ended.message,
        rounds=p.rounds_done,
        calls=p.calls,
        cost_usd=None if p.unknown_costs and not p.cost_usd else p.cost_usd,
        unknown_costs=p.unknown_costs,
        seconds=p.runtime_s,
        handoff=(journal.handoff(p.handoff) or "") if p.handoff else "",
    )


def pipe(
    prompt: str,
    *,
    model: str | None = None,
    backend: str = "claude",
    fallback_model: str | None = None,
    system: str | None = None,
    schema: Mapping[str, Any] | None = None,
    session: str | None = None,
    permission_mode: str | None = None,
    allowed_tools: Sequence[str] | None = None,
    timeout_s: float | None = None,
    max_cost_usd: float | None = None,
    on_event: OnEvent | None = None,
    home: str | Path | None = None,
    workdir: str | Path | None = None,
    interrupts: Interrupts | None = None,
) -> Reply:
    """Ask one thing. The answer is `text` where `outcome` is `done`; else `message` says what went wrong.

    What is None comes from the home's settings. `schema` is a JSON Schema that the answer has to meet: it
    is then JSON text in `structured`. `session` goes on with that of an earlier reply. The agent works in
    `workdir`, the current folder where it is None. A call that fails is no exception, but a `Reply`.

    Raises:
        UsageError: the prompt is empty or too large, or something else in the question cannot be.
        JournalError: the call cannot be written down; none was made then.
    """
    import json

    from llmauto.piping import ask
    from llmauto.piping.leftovers import settle
    from llmauto.piping.setup import Wanted, held_in, means_for, question_for

    place, folder = _home(home), _folder(workdir or Path())
    settings = load_settings(place, os.environ)
    wanted = Wanted(
        backend=backend, model=model, fallback_model=fallback_model, system=system,
        schema=json.dumps(schema) if schema is not None else "", session=session or "",
        permission_mode=permission_mode, timeout_s=timeout_s, max_cost_usd=max_cost_usd,
        allowed_tools=None if allowed_tools is None else tuple(allowed_tools),
    )  # fmt: skip
    question = question_for(prompt, wanted, settings, folder)
    with _listening(on_event, interrupts) as listener, SqliteJournal.open(place.journal) as journal:
        means = means_for(
            place, settings, os.environ, journal, SystemClock(),
            interrupts=listener, emit=listener, workdir=folder,
        )  # fmt: skip
        settle(means, held_in(place))
        return ask(question, means)


class _Listener:
    """Hands events to the caller's function. Where that raises, it asks for a stop: the engine knows nothing
    of exceptions that are not its own.
    """

    def __init__(self, on_event: OnEvent | None, interrupts: Interrupts | None) -> None:
        self._on_event = on_event
        self._interrupts = interrupts or NoInterrupts()
        self.error: Exception | None = None

    def __call__(self, item: Event | Activity) -> None:
        if self._on_event is None or self.error is not None:
            return
        try:
            self._on_event(item)
        except Exception as error:  # noqa: BLE001  whatever it is, it is raised again after the end
            self.error = error

    def level(self) -> int:
        level = self._interrupts.level()
        return max(level, 2) if self.error is not None else level


@contextmanager
def _listening(on_event: OnEvent | None, interrupts: Interrupts | None) -> Iterator[_Listener]:
    listener = _Listener(on_event, interrupts)
    yield listener
    if listener.error is not None:
        raise listener.error


def _home(given: str | Path | None) -> Home:
    return find_home(Path.cwd(), os.environ, Path(given) if given is not None else None)


def _folder(given: str | Path) -> Path:
    folder = expanded(str(given)).resolve()
    if not folder.is_dir():
        found = "is not a folder" if folder.exists() else "does not exist"
        raise UsageError(f"the workdir {quoted(str(folder), 200)} {found}")
    return folder
