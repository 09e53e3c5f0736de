"""How is a chain played for real, from a home and its settings, until its run ends?

The command line and the library both come through here: the lock, the checks before the first call, the
parts, the logs, the notices. What is shown of it is theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from llmauto import __version__, assembly
from llmauto.authoring.flat import changes, flatten
from llmauto.authoring.overrides import with_overrides
from llmauto.engine import Engine, Parts
from llmauto.engine.opening import Wish, close_earlier, open_run, unfinished
from llmauto.engine.recorder import Recorder
from llmauto.files import make_private_dir
from llmauto.locks import RunnerLock
from llmauto.logs import LogWriter
from llmauto.rules.advance import fold
from llmauto.rules.progress import Progress

if TYPE_CHECKING:
    from llmauto.events import Event, RunEnded
    from llmauto.home import Home
    from llmauto.model import Chain
    from llmauto.ports import Activity, Clock, Emit, Interrupts, Journal
    from llmauto.settings import Settings

LAST_NOTICE_S = 10.0
"""What the delivery of the last notices may take after the end of a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked of this start. None = nothing said."""

    fresh: bool = False
    from_link: str = ""
    task: str | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    rounds: int | None = None
    budget: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What a run is played with, and who looks on.

    `emit` is told of everything, and raises nothing. `begun` is given the opened run before anything of
    it is played. `warn` gets sentences that a person should read.
    """

    home: Home
    settings: Settings
    environ: Mapping[str, str]
    journal: Journal
    clock: Clock
    interrupts: Interrupts
    emit: Emit
    begun: Callable[[Progress], None]
    warn: Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A run that has ended, where it then stood, and the chain with what this start changed of it."""

    chain: Chain
    ended: RunEnded
    progress: Progress


def play(chain: Chain, asked: Asked, stage: Stage) -> Played:
    """Begin a run of the chain, or go on with its unfinished one, until that ends.

    A `KeyboardInterrupt` (where signals are the caller's) ends the run as a stop would, then goes on.

    Raises:
        UsageError: a folder is missing, an input too, or another task is given for an unfinished run.
        BackendError: an agent's program is missing.
        BusyError: another runner holds the chain.
        JournalError: the journal cannot be used.
    """
    from llmauto.notices import notifier_for  # not before there is something to tell

    home = stage.home
    places = assembly.places_for(chain, home)
    assembly.check_backends(chain, places, stage.settings, stage.environ)
    for folder in (home.calls, home.state, home.logs):
        make_private_dir(folder)
    pid, host = assembly.this_process()
    notifier = notifier_for(stage.settings, stage.environ, enabled=chain.telegram_enabled)
    who = {"pid": pid, "host": host, "chain": chain.name}
    with RunnerLock.acquire(home.locks / f"{chain.name}.lock", who) as lock:
        logs = LogWriter(home.logs, chain.name, stage.warn)
        parts = assembly.assemble(
            chain, home=home, settings=stage.settings, journal=stage.journal, places=places,
            agents=assembly.agents_for(home, stage.settings, stage.clock, stage.environ),
            clock=stage.clock, interrupts=stage.interrupts, notifier=notifier,
            emit=_both(logs, stage.emit), beat=lock.beat,
        )  # fmt: skip
        try:
            return _play(parts, asked, stage, (pid, host))
        finally:
            logs.close()
            notifier.close(LAST_NOTICE_S)


def _play(parts: Parts, asked: Asked, stage: Stage, who: tuple[int, str]) -> Played:
    earlier = unfinished(parts)
    if earlier is not None and asked.fresh:
        close_earlier(parts, earlier)
    going_on = earlier if not asked.fresh else None
    rounds, budget = asked.rounds, asked.budget
    inputs = dict(asked.inputs)
    if going_on is not None:
        rounds = rounds or going_on.max_rounds or None
        budget = budget if budget is not None else going_on.budget_usd
        if going_on.started is not None:
            inputs = dict(going_on.started.inputs) | inputs
    chain = with_overrides(parts.chain, max_rounds=rounds, budget_usd=budget, inputs=inputs)
    parts = replace(parts, chain=chain)
    settings = flatten(chain)
    wish = Wish(
        from_link=asked.from_link, task=asked.task, inputs=asked.inputs,
        max_rounds=rounds or 0, budget_usd=budget, settings=settings, program=f"llmauto {__version__}",
        pid=who[0], host=who[1],
    )  # fmt: skip
    differs = changes(going_on.settings, settings) if going_on is not None else ()
    recorder = open_run(parts, wish, differs, going_on)
    stage.begun(recorder.progress)
    try:
        return Played(chain=chain, ended=Engine(parts, recorder).run(), progress=recorder.progress)
    except KeyboardInterrupt:
        _stop(parts, recorder.progress.run)
        raise


def _stop(parts: Parts, run: str) -> None:
    """End the run whose loop was left in its middle: from what the journal has, by a runner that is told to
    stop now. It finds the call that is under way, ends it, and writes all of it down.
    """
    parts = replace(parts, interrupts=_StopNow())
    Engine(parts, Recorder(parts, fold(parts.journal.events(run)))).run()


class _StopNow:
    def level(self) -> int:
        return 2


def _both(logs: Emit, show: Emit) -> Emit:
    def emit(item: Event | Activity) -> None:
        logs(item)
        show(item)

    return emit
