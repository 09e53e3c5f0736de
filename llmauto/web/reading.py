"""How is the journal read for many who look? By one thread with one connection, each thing once."""

from __future__ import annotations

import asyncio
import gc
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from llmauto.cli import standing
from llmauto.cli.event_lines import event_json
from llmauto.cli.facts import run_json, standing_json
from llmauto.events import Event
from llmauto.journal.upkeep import place_of
from llmauto.sayings import saying, subject
from llmauto.views import RunView, headline, patch, whole
from llmauto.views.headline import Headline

if TYPE_CHECKING:
    from llmauto.home import Home
    from llmauto.journal.sqlite import SqliteJournal

T = TypeVar("T")
MOST_RUNS = 300
"""Runs that the list shows, the newest."""
KEPT = 6
"""Pictures of runs that stay in memory while nobody looks at them."""
LINES = 200
"""Lines of what happened that come with the whole picture."""
LOOK_S = 2.0
"""How often it is looked whether the runner lives: that asks the system for its lock."""


EMPTY_S = 0.3
"""A journal with nothing in it is opened anew after so long."""


class Picture:
    """One run as it is shown: the reducer, how far it has read, and the newest lines.

    `watched`: somebody is told of each change, and whoever tells them reads on.
    """

    def __init__(self, run: str, chain: str) -> None:
        self.run = run
        self.chain = chain
        self.view = RunView()
        self.position = 0
        self.lines: list[dict[str, Any]] = []
        self.died = False
        self.runner = False
        self.looked_at = float("-inf")
        self.watched = False

    def head(self) -> Headline:
        """The headline at this moment."""
        return headline(self.view, time.time(), died=self.died)

    def whole(self) -> dict[str, Any]:
        """All that the page begins with."""
        return whole(self.view, self.head()) | self.state() | {"lines": self.lines}

    def state(self) -> dict[str, Any]:
        """What is in no event."""
        return {"position": self.position, "runner": self.runner, "died": self.died, "now": time.time()}


class Reader:
    """Reads the home in a thread of its own. Every method but `do` and `close` is for that thread alone."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._journal: SqliteJournal | None = None
        self._place: object = None
        self._empty_since: float | None = None
        self._files = (home.journal, home.journal.with_name(home.journal.name + "-wal"))
        self._pictures: OrderedDict[str, Picture] = OrderedDict()

    async def do(self, work: Callable[..., T], *values: Any) -> T:
        """Let the thread do it."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *values)

    def close(self) -> None:
        """Let go of the journal."""
        self._thread.submit(self._close).result()
        self._thread.shutdown()

    def _close(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    @property
    def journal(self) -> SqliteJournal:
        """The journal as it stands: made since, or put back since, it is opened anew."""
        place = place_of(self.home.journal)
        if self._journal is None or place != self._place or self._is_stale():
            self._close()
            self._journal = standing.reader(self.home)
            # One with nothing in it may be none yet: a reader of a file that is just being made sees no file.
            self._empty_since = time.monotonic() if not self._journal.runs(limit=1) else None
            self._place = place
            self._pictures.clear()
        return self._journal

    def _is_stale(self) -> bool:
        return self._empty_since is not None and time.monotonic() - self._empty_since > EMPTY_S

    def touched(self) -> tuple[object, ...]:
        """How the journal's files look: cheap, from any thread. The same twice: nothing was written."""
        found: list[object] = []
        for path in self._files:
            try:
                status = path.stat()
            except OSError:
                found.append(None)
            else:
                found.append((status.st_ino, status.st_size, status.st_mtime_ns))
        return tuple(found)

    def changed(self) -> bool:
        """Whether anything was written since the last time."""
        return self.journal.changed()

    # --- the home ---------------------------------------------------------------------------------

    def overview(self) -> dict[str, Any]:
        """All chains with where they stand, and the newest runs."""
        journal = self.journal
        chains = standing.all_standings(self.home, journal)
        died = {one.summary.run for one in chains if one.died and one.summary is not None}
        runs = []
        for run in journal.runs(limit=MOST_RUNS):
            if run.chain:
                values = run_json(run)
                if run.run in died:
                    values |= {
                        "status": "STOPPED",
                        "stop_reason": "interrupted",
                        "message": "the runner has died",
                    }
                runs.append(values)
        return {
            "home": str(self.home.path),
            "now": time.time(),
            "chains": [standing_json(one) for one in chains],
            "runs": runs,
        }

    # --- a run ------------------------------------------------------------------------------------

    def picture(self, run: str) -> Picture | None:
        """The run, up to date; None where there is none."""
        journal = self.journal
        found = self._pictures.get(run)
        if found is None:
            summary = journal.run(run)
            if summary is None and self._empty_since is not None:
                self._empty_since = float("-inf")
                summary = self.journal.run(run)
            if summary is None:
                return None
            found = self._pictures[run] = Picture(run, summary.chain)
            while len(self._pictures) > KEPT:
                self._pictures.popitem(last=False)
        self._pictures.move_to_end(run)
        if not found.watched:  # else what has changed would be missing in what is told next
            self._read_on(found)
            found.view.clear_changes()
            self.look(found)
        return found

    def whole(self, run: str) -> dict[str, Any] | None:
        """All that the page begins with."""
        found = self.picture(run)
        return None if found is None else found.whole()

    def news(self, picture: Picture) -> dict[str, Any] | None:
        """What has happened in the run since the last time; None where nothing has.

        Raises `LookupError` where the run was forgotten.
        """
        view = picture.view
        said, errors = len(view.said), len(view.troubles)
        lines = self._read_on(picture)
        looked = self.look(picture)
        if lines is None and not looked:
            return None
        # Where the oldest were let go of, the newest are told again: better twice than not.
        said, errors = min(said, len(view.said)), min(errors, len(view.troubles))
        made = patch(view, picture.head(), said_from=said, errors_from=errors)
        view.clear_changes()
        return made | picture.state() | {"lines": lines or []}

    def _read_on(self, picture: Picture) -> list[dict[str, Any]] | None:
        """Take in what was written since; the lines about it, None where nothing was."""
        journal = self.journal
        count = journal.count(picture.run)
        if count < picture.position:
            raise LookupError(picture.run)
        if count == picture.position:
            return None
        newest: deque[Event] = deque(maxlen=LINES)
        read = 0
        with _no_collections():
            for event in journal.events(picture.run, picture.position):
                picture.view.feed(event)
                newest.append(event)
                read += 1
        picture.position = max(count, picture.position + read)
        lines = [one for event in newest if (one := line(event))["said"]]
        picture.lines = [*picture.lines, *lines][-LINES:]
        return lines

    def look(self, picture: Picture) -> bool:
        """See whether somebody plays the run; True where that has changed."""
        now = time.monotonic()
        if now - picture.looked_at < LOOK_S:
            return False
        picture.looked_at = now
        before = picture.runner, picture.died
        newest = self.journal.latest(picture.chain)
        is_newest = newest is not None and newest.run == picture.run
        picture.runner = is_newest and standing.runner_of(self.home, picture.chain) is not None
        ended = picture.view.progress.ended is not None
        picture.died = not ended and not picture.runner
        return before != (picture.runner, picture.died)

    def events(self, run: str, after: int, limit: int) -> list[dict[str, Any]]:
        """Events as they are kept, from the `after`-th on."""
        found = []
        for at, event in enumerate(self.journal.events(run, after)):
            if at == limit:
                break
            found.append(event_json(event, run) | {"n": after + at + 1})
        return found


@contextmanager
def _no_collections() -> Iterator[None]:
    """Of 100,000 events that are read, the collector of rings would look at each again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def line(event: Event) -> dict[str, Any]:
    """What happened, in words."""
    return {"at": event.at, "kind": event.kind, "about": subject(event), "said": saying(event)}
