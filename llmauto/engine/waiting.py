"""Waits for a usage limit's reset, or for a service that is away; whoever looks sees until when, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmauto.engine.notices import announce_wait
from llmauto.events import WaitEnded, WaitStarted
from llmauto.rules import bounds
from llmauto.rules.decide import Wait

if TYPE_CHECKING:
    from llmauto.engine.ears import Ears
    from llmauto.engine.parts import Parts
    from llmauto.engine.recorder import Recorder

TOLD_FROM_S = 600.0
"""A longer wait is worth a notice to a person."""


class Waits:
    """The waits of one runner. A turn of a link that waits several times is told of once."""

    def __init__(self, parts: Parts, recorder: Recorder, ears: Ears) -> None:
        self._parts = parts
        self._recorder = recorder
        self._ears = ears
        self._told: tuple[int, str] | None = None

    def wait(self, step: Wait) -> None:
        """Until the wall clock says so, or as long as that was to take: whichever comes first.

        A machine that slept is on time by the wall clock; a clock that was put back does not hold
        the run up.
        """
        r, p, clock = self._recorder, self._recorder.progress, self._parts.clock
        started = self._begun(step)
        r.note(started)
        r.flush()
        self._tell(started)
        end = clock.monotonic() + step.until - clock.now()
        while not p.stop and (left := min(step.until - clock.now(), end - clock.monotonic())) > 0:
            clock.pause(min(left, clock.poll_s))
            self._ears.listen()
        r.note(WaitEnded(at=r.at(), up=r.up(), cut_short=p.stop is not None))

    def _begun(self, step: Wait) -> WaitStarted:
        r, p = self._recorder, self._recorder.progress
        last = p.visit.last if p.visit else None
        ends_at, ends_by = bounds.latest_end(self._parts.chain, p, r.at())
        return WaitStarted(
            at=r.at(), up=r.up(), round=p.round, link=step.link.name, until=step.until, why=step.why,
            outcome=last.outcome if last else "", tries=p.visit.tries if p.visit else 0,
            cost_usd=None if p.unknown_costs and not p.cost_usd else round(p.cost_usd, 6),
            unknown_costs=p.unknown_costs, ends_at=ends_at, ends_by=ends_by,
        )  # fmt: skip

    def _tell(self, started: WaitStarted) -> None:
        turn = (started.round, started.link)
        if started.until - started.at > TOLD_FROM_S and turn != self._told:
            self._told = turn
            announce_wait(self._parts, self._recorder.progress, started)
