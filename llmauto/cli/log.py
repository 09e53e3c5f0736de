"""`chain log`: what happened, one line per event; with `-f` as it happens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from llmauto.cli import standing
from llmauto.cli.context import Context
from llmauto.cli.event_lines import People, print_json
from llmauto.clock import SystemClock
from llmauto.errors import UsageError
from llmauto.events import Event, RunEnded
from llmauto.rules.names import did_you_mean
from llmauto.rules.text import quoted

if TYPE_CHECKING:
    from llmauto.journal.sqlite import SqliteJournal
    from llmauto.ports import Clock, RunSummary

POLL_S = 0.5
INTERRUPTED = 130


def log(ctx: Context) -> int:
    """The command. Ctrl-C ends a follow as it ends `tail -f`."""
    follower = Follower(ctx, ctx.args.name, SystemClock())
    try:
        return follower.show(ctx.args.count, run=ctx.args.run, follow=ctx.args.follow)
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        follower.close()


class Follower:
    """Prints a chain's events, and goes on printing while its run is on."""

    def __init__(self, ctx: Context, chain: str, clock: Clock) -> None:
        self._out = ctx.out
        self._home = ctx.home
        self._as_json: bool = ctx.args.json
        self._chain = chain
        self._clock = clock
        self._people = People(ctx.out)
        self._journal = standing.reader(ctx.home)
        self._run = ""
        self._after = 0

    def close(self) -> None:
        """Let go of the journal."""
        self._journal.close()

    def show(self, count: int, *, run: str | None, follow: bool) -> int:
        """Print the last `count` events of the run (the newest one without `run`), then follow it."""
        standing.known(self._home, self._journal, self._chain)
        journal, chain = self._journal, self._chain
        summary = journal.latest(chain) if run is None else run_of(journal, chain, run)
        if summary is not None:
            self._run, self._after = summary.run, max(journal.count(summary.run) - count, 0)
            self._print()
        elif not follow:
            self._out.say(f"chain `{chain}` has not run yet")
        if not follow:
            return 0
        if run is not None and summary is not None and summary.ended_at:
            self._out.say(f"run {run} has ended: nothing more will come")
            return 0
        return self._follow()

    def _follow(self) -> int:
        """Until the run ends that is on; where none is, until the next one does."""
        on = standing.runner_of(self._home, self._chain) is not None
        if not on:
            self._out.say(f"no run of `{self._chain}` is on: waiting for the next one, Ctrl-C ends this")
        while True:
            # In this order: what a runner wrote before it let go has then been printed.
            lives = standing.runner_of(self._home, self._chain) is not None
            summary = self._newest()
            news = self._print() if summary is not None else ()
            on = on or lives or bool(news)
            if summary is not None and summary.ended_at and any(isinstance(e, RunEnded) for e in news):
                return self._over(f"run {self._run} has ended: `llmauto chain status {self._chain}` says how")
            if on and not lives:
                ended = summary is None or summary.ended_at
                died = f"the runner has died: `llmauto chain start {self._chain}` goes on"
                return self._over("the run has ended" if ended else died)
            self._clock.pause(POLL_S)

    def _over(self, text: str) -> int:
        self._out.say(text)
        return 0

    def _newest(self) -> RunSummary | None:
        """The chain's newest run; of another one than before, all events are new."""
        if not self._run:
            # There was no run, perhaps not even a journal, which a reader does not see come into being.
            self._journal.close()
            self._journal = standing.reader(self._home)
        newest = self._journal.latest(self._chain)
        if newest is not None and newest.run != self._run:
            self._run, self._after = newest.run, 0
        return newest

    def _print(self) -> Sequence[Event]:
        """The run's events that were not printed yet, which are returned."""
        before = self._journal.count(self._run)
        events = list(self._journal.events(self._run, self._after))
        # Kinds of a newer program are left out: then there are fewer than were counted.
        self._after = max(before, self._after + len(events))
        if self._as_json:
            print_json(self._out, events, self._run)
        else:
            self._people.show(events, self._clock.now())
        return events


def run_of(journal: SqliteJournal, chain: str, run: str) -> RunSummary:
    """That run of the chain.

    Raises:
        UsageError: the chain has no such run.
    """
    summary = journal.run(run)
    if summary is not None and summary.chain == chain:
        return summary
    hint = did_you_mean(run, [each.run for each in journal.runs(chain, 100)])
    raise UsageError(
        f"chain `{chain}` has no run {quoted(run)}", hint=hint or f"`llmauto chain runs {chain}` lists them"
    )
