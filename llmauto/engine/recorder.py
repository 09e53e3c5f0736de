"""Writes down what happened: events into the journal, then the mirror, then whoever looks on.

Events are collected and go to disk together, before anything is started, waited for or ended: the
end of one link and the intent of the next share one commit. A crash between loses nothing, since a
finished call's result stands in its folder until it is read again.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from llmauto.events import CallStarted, Event, HandoffKept, NoticeSent
from llmauto.ports import KeptHandoff, Mirror
from llmauto.rules.advance import advance
from llmauto.rules.cleaned import cleaned
from llmauto.rules.progress import Progress
from llmauto.rules.summary import status_of, summary

if TYPE_CHECKING:
    from llmauto.engine.parts import Parts


class Recorder:
    """The one way by which a run's events come to be."""

    def __init__(self, parts: Parts, progress: Progress) -> None:
        self._parts = parts
        self._origin = parts.clock.monotonic()
        self._events: list[Event] = []
        self._handoffs: list[KeptHandoff] = []
        self._heard: list[int] = []
        self._texts: dict[str, str] = {}
        self.progress = progress

    def at(self) -> float:
        """Now, in UTC epoch seconds: every event's `at`."""
        return self._parts.clock.now()

    def up(self) -> float:
        """Monotonic seconds since this runner began with the run: every event's `up`."""
        return self._parts.clock.monotonic() - self._origin

    def note(self, event: Event) -> None:
        """Take the event in, without secrets; it is on disk after the next `flush`."""
        event = cleaned(event, self._parts.clean)
        advance(self.progress, event)
        self._events.append(event)

    def heard(self, request: int) -> None:
        """What a person asked is in the events: the next `flush` takes the request away."""
        self._heard.append(request)

    def keep_handoff(self, text: str, *, round_: int, link: str, passed_on: bool, source: str) -> str:
        """Keep the text, without secrets, under its hash, which is returned."""
        text = self._parts.clean(text)
        raw = text.encode("utf-8", "replace")
        sha = hashlib.sha256(raw).hexdigest()
        self._handoffs.append(KeptHandoff(sha=sha, text=text))
        if passed_on:
            self._texts = {sha: text}
        self.note(
            HandoffKept(
                at=self.at(), up=self.up(), round=round_, link=link, sha=sha, size=len(raw),
                passed_on=passed_on, source=source,
            )
        )  # fmt: skip
        return sha

    def flush(self) -> None:
        """Everything noted is on disk and mirrored when this returns. Raises `DiskError`."""
        if not self._events and not self._heard:
            return
        self._parts.journal.append(
            self._events, summary(self._parts.chain, self.progress), tuple(self._handoffs), self._heard
        )
        events, self._events, self._handoffs, self._heard = self._events, [], [], []
        if not self._agent_is_writing(events):
            self._parts.desk.publish(self.mirror())
        for event in events:
            self._parts.emit(event)

    def _agent_is_writing(self, events: list[Event]) -> bool:
        """While a call is under way the state folder is the agent's: what it wrote is not yet taken in."""
        visit = self.progress.visit
        under_way = visit is not None and visit.open is not None
        return under_way and not any(isinstance(event, CallStarted) for event in events)

    def note_deliveries(self) -> None:
        """Write down which notices have gone out since the last time."""
        for channel, delivered, detail in self._parts.notifier.results():
            self.note(
                NoticeSent(at=self.at(), up=self.up(), channel=channel, delivered=delivered, detail=detail)
            )
        self.flush()

    def mirror(self) -> Mirror:
        """What the state folder is to show now."""
        p = self.progress
        note = p.ended.message if p.ended else ""
        return Mirror(
            status=status_of(p).value,
            rounds_done=p.rounds_done,
            started_at=p.started_at,
            handoff=self.handoff_text(),
            note=note,
        )

    def handoff_text(self) -> str | None:
        """The handoff that counts now, None where there never was one."""
        sha = self.progress.handoff
        if not sha:
            return None
        if sha not in self._texts:
            self._texts = {sha: self._parts.journal.handoff(sha) or ""}
        return self._texts[sha]
