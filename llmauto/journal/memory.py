"""A journal that lasts as long as its process: for rehearsals and tests.

It behaves as `SqliteJournal` does, which `testing.journal_checks` holds it to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from llmauto.journal.rows import clean
from llmauto.ports import Request

if TYPE_CHECKING:
    from llmauto.events import Event, HandoffKept
    from llmauto.ports import KeptHandoff, RunSummary


class MemoryJournal:
    """The `Journal` of a rehearsal. `notes` is always empty."""

    def __init__(self) -> None:
        self.notes: tuple[str, ...] = ()
        self._runs: dict[str, RunSummary] = {}
        self._events: dict[str, list[Event]] = {}
        self._handoffs: dict[str, str] = {}
        self._uses: dict[str, set[str]] = {}
        self._requests: list[Request] = []
        self._asked = 0
        self._spending: list[tuple[float, float | None]] = []
        self._changed = True

    def append(
        self,
        events: Sequence[Event],
        summary: RunSummary,
        handoffs: Sequence[KeptHandoff] = (),
        heard: Sequence[int] = (),
    ) -> None:
        """Keep all of it."""
        self._requests = [request for request in self._requests if request.id not in heard]
        run = summary.run
        kept = self._events.get(run)
        if kept is None:
            kept = self._events[run] = []
            self._uses[run] = set()
        kept.extend(events)
        self._runs[run] = summary
        for handoff in handoffs:
            self._uses[run].add(handoff.sha)
            self._handoffs.setdefault(handoff.sha, clean(handoff.text))
        for event in events:
            if event.kind == "handoff_kept":
                self._uses[run].add(getattr(event, "sha", ""))
            elif event.kind == "call_ended":
                cost = getattr(event, "cost_usd", None)
                if cost is not None or getattr(event, "charged", True):
                    self._spending.append((event.at, cost))

    def make_room(self) -> None:
        """Nothing is kept on a disk here."""

    def ask(self, chain: str, kind: str, text: str, at: float, by: str = "") -> None:
        """Leave a request for the chain's runner."""
        self._asked += 1
        self._requests.append(
            Request(
                id=self._asked, chain=clean(chain), kind=clean(kind), text=clean(text), at=at, by=clean(by)
            )
        )
        self._changed = True

    def asked(self, chain: str) -> Sequence[Request]:
        """The requests not heard yet, oldest first."""
        return tuple(request for request in self._requests if request.chain == chain)

    def take(self, chain: str) -> Sequence[Request]:
        """The requests not heard yet, oldest first; they are then gone."""
        taken = self.asked(chain)
        self._requests = [request for request in self._requests if request.chain != chain]
        return taken

    def forget_chain(self, chain: str) -> None:
        """Remove the chain's runs with their events, requests, and the handoffs that no other run uses."""
        self._requests = [request for request in self._requests if request.chain != chain]
        self.forget_runs([run for run, summary in self._runs.items() if summary.chain == chain])

    def forget_runs(self, runs: Sequence[str]) -> None:
        """Remove these runs, with all that only they use."""
        for run in runs:
            self._runs.pop(run, None)
            self._events.pop(run, None)
            for sha in self._uses.pop(run, set()):
                if not any(sha in used for used in self._uses.values()):
                    self._handoffs.pop(sha, None)

    def events(self, run: str, after: int = 0) -> Iterator[Event]:
        """The run's events in order, from the `after`-th on."""
        kept = self._events.get(run, [])
        yield from (_as_read(event) for event in kept[max(after, 0) :])

    def tail(self, run: str, n: int) -> Sequence[Event]:
        """The run's last `n` events, oldest first."""
        kept = self._events.get(run, [])
        return tuple(_as_read(event) for event in kept[max(len(kept) - max(n, 0), 0) :])

    def count(self, run: str) -> int:
        """How many events the run has."""
        return len(self._events.get(run, ()))

    def latest(self, chain: str) -> RunSummary | None:
        """The newest run of the chain."""
        return next((s for s in reversed(self._runs.values()) if s.chain == chain), None)

    def runs(self, chain: str | None = None, limit: int | None = None) -> Sequence[RunSummary]:
        """Newest first. `chain` None is all of them, "" the `pipe` calls."""
        found = tuple(s for s in reversed(self._runs.values()) if chain is None or s.chain == chain)
        return found if limit is None else found[: max(limit, 0)]

    def run(self, run: str) -> RunSummary | None:
        """The summary of one run."""
        return self._runs.get(run)

    def chains(self) -> Sequence[RunSummary]:
        """The newest run of each chain, by the chains' names; `pipe` calls are none."""
        newest = {summary.chain: summary for summary in self._runs.values() if summary.chain}
        return tuple(newest[chain] for chain in sorted(newest))

    def handoff(self, sha: str) -> str | None:
        """The text that was kept under that hash."""
        return self._handoffs.get(sha)

    def kept_handoffs(self, run: str) -> Sequence[HandoffKept]:
        """Which handoffs the run kept, oldest first; `handoff` gives their texts."""
        from llmauto.events import HandoffKept

        return tuple(event for event in self.events(run) if isinstance(event, HandoffKept))

    def spent_since(self, at: float) -> tuple[float, int]:
        """Known dollars of all calls that ended after `at`, and the number of unknown ones."""
        found = [usd for when, usd in self._spending if when > at]
        return float(sum(usd for usd in found if usd is not None)), found.count(None)

    def changed(self) -> bool:
        """Whether a request was left since the last time."""
        changed, self._changed = self._changed, False
        return changed

    def verify(self) -> None:
        """Nothing can be damaged here."""

    def close(self) -> None:
        """Nothing is open here."""


def _as_read(event: Event) -> Event:
    """The event as it comes back from a disk: halves of surrogate pairs do not survive."""
    if repr(event).isascii() and "\\ud" not in repr(event):
        return event
    import json

    from llmauto.events import from_json, to_json

    data = json.loads(clean(json.dumps(to_json(event), ensure_ascii=False)))
    return from_json(event.kind, data) or event
