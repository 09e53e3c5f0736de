"""How is a chain played for real, from a home and its settings, until its run ends?

The command line and the library both come through here: the lock, the checks before the first call, the
parts, the logs, the notices. What is shown of it is theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from llmauto import __version__, assembly, worktree
from llmauto.authoring.flat import changes, flatten
from llmauto.authoring.overrides import with_overrides
from llmauto.awake import kept_awake
from llmauto.engine import Engine, Parts, Places
from llmauto.engine.opening import Wish, close_earlier, new_run_id, open_run, unfinished
from llmauto.engine.recorder import Recorder
from llmauto.errors import UsageError
from llmauto.files import free_bytes, make_private_dir
from llmauto.keeper import Nursery
from llmauto.locks import RunnerLock, holder
from llmauto.logs import LogWriter
from llmauto.presence import at_work_in
from llmauto.rules.advance import fold
from llmauto.rules.cleaned import Clean, cleaned
from llmauto.rules.progress import Progress
from llmauto.rules.text import human_bytes
from llmauto.secrecy import clean_with, known_secrets, redactor_for
from llmauto.signals import NOW

if TYPE_CHECKING:
    from llmauto.events import Event, RunEnded
    from llmauto.home import Home
    from llmauto.model import Chain
    from llmauto.notices import NoNotices
    from llmauto.notices.telegram import TelegramNotifier
    from llmauto.ports import Activity, Clock, Emit, Interrupts, Journal
    from llmauto.settings import Settings

LAST_NOTICE_S = 10.0
HURRIED_NOTICE_S = 1.0
"""What the delivery of the last notices may take after the end of a run; less where a person ended it."""

LITTLE_ROOM = 2**30
"""Bytes below which a start warns."""


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
    """What a run is played with, and who looks on. `places` come from `assembly.ready`.

    `emit` is told of everything, and raises nothing. `begun` is given the opened run before anything of
    it is played. `warn` gets sentences that a person should read. `over` is told how it ended when the
    chain is free again, before the last notices are waited for.
    """

    home: Home
    places: Places
    settings: Settings
    environ: Mapping[str, str]
    journal: Journal
    clock: Clock
    interrupts: Interrupts
    emit: Emit
    begun: Callable[[Progress], None]
    warn: Callable[[str], None]
    over: Callable[[Played], None] = lambda played: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A run that has ended, where it then stood, and the chain with what this start changed of it."""

    chain: Chain
    ended: RunEnded
    recorder: Recorder

    @property
    def progress(self) -> Progress:
        """Where the run stands."""
        return self.recorder.progress


def play(chain: Chain, asked: Asked, stage: Stage) -> Played:
    """Begin a run of the chain, or go on with its unfinished one, until that ends.

    A `KeyboardInterrupt` (where signals are the caller's) ends the run as a stop would, then goes on.

    Raises:
        UsageError: an input is missing, or another task is given for an unfinished run.
        BusyError: another runner holds the chain.
        JournalError: the journal cannot be used.
    """
    home = stage.home
    for folder in (home.calls, home.state, home.logs):
        make_private_dir(folder)
    pid, host = assembly.this_process()
    notifier = _notifier(chain, stage)
    who = {"pid": pid, "host": host, "chain": chain.name}
    shared = None if chain.isolation == "worktree" else stage.places.workdir
    with (
        RunnerLock.acquire(home.locks / f"{chain.name}.lock", who) as lock,
        at_work_in(shared) as others,
        Nursery() as nursery,
    ):
        for sentence in _concerns(chain, stage, shared, others=others):
            stage.warn(sentence)
        ground = _ground(chain, asked, stage)
        redactor = redactor_for(known_secrets(stage.environ, (stage.settings.telegram.bot_token_env,), chain))
        clean = clean_with(redactor)
        logs = LogWriter(home.logs, chain.name, stage.warn)
        parts = assembly.assemble(
            chain, home=home, settings=stage.settings, journal=stage.journal, places=ground.places,
            agents=assembly.agents_for(home, stage.settings, stage.clock, stage.environ, nursery),
            clock=stage.clock, interrupts=stage.interrupts, notifier=notifier,
            emit=_both(logs, stage.emit, clean), beat=lock.beat,
            redactor=redactor,
        )  # fmt: skip
        try:
            with kept_awake(stage.settings.keep_awake, stage.environ, f"chain {chain.name}"):
                played = _play(parts, asked, stage, ground.run, (pid, host))
        except UsageError:  # nothing was started: what was made for it goes
            if ground.made is not None:
                worktree.remove(home.path, ground.made)
            raise
        finally:
            logs.close()
    stage.over(played)
    notifier.close(HURRIED_NOTICE_S if stage.interrupts.level() >= NOW else LAST_NOTICE_S)
    played.recorder.note_deliveries()
    return played


def _notifier(chain: Chain, stage: Stage) -> TelegramNotifier | NoNotices:
    from llmauto.notices import notifier_for  # not before there is something to tell

    notifier = notifier_for(stage.settings, stage.environ, enabled=chain.telegram_enabled)
    if notifier.problem:
        stage.warn(notifier.problem)
    return notifier


def _concerns(chain: Chain, stage: Stage, workdir: Path | None, *, others: bool) -> Iterator[str]:
    """What a person should know before the first call, though it forbids nothing."""
    home = stage.home
    for other in stage.journal.chains():
        same = other.chain != chain.name and other.workdir == str(workdir) and not other.ended_at
        if same and holder(home.locks / f"{other.chain}.lock") is not None:
            others = False
            yield f"chain `{other.chain}` works in the same folder now: {workdir}"
    if others:
        yield f"a run of another home works in the same folder now: {workdir}"
    free = free_bytes(home.path)
    if free is not None and free < LITTLE_ROOM:
        yield f"{human_bytes(free)} are free for {home.path}: a long run may need more"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """Where this start's run works. `run` is its name where that is fixed; `made` a worktree that is new."""

    places: Places
    run: str = ""
    made: worktree.Worktree | None = None


def _ground(chain: Chain, asked: Asked, stage: Stage) -> _Ground:
    """The person's folder; or the run's own worktree, made now, or that of the run that goes on."""
    home, places, latest = stage.home, stage.places, stage.journal.latest(chain.name)
    if latest is not None and not latest.finished and not asked.fresh:
        tree = worktree.of_run(home.path, chain.name, latest.run)
        if tree is None:
            return _Ground(places=places)
        worktree.reopen(tree)
        return _Ground(places=_moved(chain, places, home, tree))
    if chain.isolation != "worktree":
        return _Ground(places=places)
    run = new_run_id(stage.clock.now())
    tree = worktree.create(home.path, chain=chain.name, run=run, workdir=places.workdir)
    top = Path(tree.origin)
    left = worktree.uncommitted(top, worktree.below(top, assembly.own_files(home)))
    if left:
        changes_ = "1 uncommitted change" if len(left) == 1 else f"{len(left)} uncommitted changes"
        stage.warn(f"{changes_} in `{top}`: not part of the run, which begins from commit {tree.base[:9]}")
    return _Ground(places=_moved(chain, places, home, tree), run=run, made=tree)


def _moved(chain: Chain, places: Places, home: Home, tree: worktree.Worktree) -> Places:
    """In the worktree, where git has made no folder that holds no file of its own."""
    moved = assembly.in_worktree(places, home, tree)
    for link in chain.links:
        if link.workdir:
            moved.link_workdir(link.workdir).mkdir(parents=True, exist_ok=True)
    return moved


def _play(parts: Parts, asked: Asked, stage: Stage, run: str, who: tuple[int, str]) -> Played:
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
    settings = {key: parts.clean(value) for key, value in flatten(chain).items()}
    wish = Wish(
        from_link=asked.from_link, task=asked.task, inputs=asked.inputs,
        max_rounds=rounds or 0, budget_usd=budget, settings=settings, program=f"llmauto {__version__}",
        run=run, pid=who[0], host=who[1],
    )  # fmt: skip
    differs = changes(going_on.settings, settings) if going_on is not None else ()
    recorder = open_run(parts, wish, differs, going_on)
    stage.begun(recorder.progress)
    try:
        return Played(chain=chain, ended=Engine(parts, recorder).run(), recorder=recorder)
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


def _both(logs: Emit, show: Emit, clean: Clean) -> Emit:
    def emit(item: Event | Activity) -> None:
        item = cleaned(item, clean, typed_too=True)
        logs(item)
        show(item)

    return emit
