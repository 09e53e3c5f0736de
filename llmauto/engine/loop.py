"""The loop: decide, do it, write down what happened, until the run ends."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from llmauto import events as ev
from llmauto.engine import calls
from llmauto.engine.ears import Ears
from llmauto.engine.keeping import keep
from llmauto.engine.notices import announce_end, announce_link
from llmauto.engine.parts import Parts
from llmauto.engine.people import ask_gate, stand_still
from llmauto.engine.recorder import Recorder
from llmauto.engine.settle import Settler
from llmauto.engine.waiting import Waits
from llmauto.errors import DiskError
from llmauto.outcomes import StopReason, exit_code_of
from llmauto.ports import CallOrder, EndHow, Reply
from llmauto.rules import decide as rules
from llmauto.rules.bounds import Spent
from llmauto.rules.progress import Progress

CANNOT_DENY = ("command", "demo", "check")
"""Backends that refuse no tools: for them the tree need not be looked at before each call."""


class Engine:
    """Plays one run of a chain from where `progress` stands to its end.

    The run has been opened (its `RunStarted` or `RunResumed` is noted in the recorder); this process
    holds the chain's lock.
    """

    def __init__(self, parts: Parts, recorder: Recorder) -> None:
        self._parts = parts
        self._recorder = recorder
        self._ears = Ears(parts, recorder)
        self._settler = Settler(parts, recorder)
        self._do: dict[type[rules.Step], Callable[[Any], None]] = {
            rules.PlayLink: self._play,
            rules.Recover: self._recover,
            rules.SkipLink: self._skip,
            rules.FailLink: self._fail,
            rules.EndRound: self._end_round,
            rules.Wait: Waits(parts, recorder, self._ears).wait,
            rules.Pause: lambda step: stand_still(self._parts, self._recorder, self._ears),
            rules.AskGate: self._ask_gate,
        }

    @property
    def progress(self) -> Progress:
        """Where the run stands."""
        return self._recorder.progress

    def run(self) -> ev.RunEnded:
        """Play until the run ends; how it ended is in the journal, in the mirror, and returned."""
        try:
            self._take_baseline()
            while True:
                self._ears.listen()
                step = rules.decide(
                    self._parts.chain, self.progress, self._recorder.at(), self._spent_today()
                )
                if isinstance(step, rules.Finish):
                    return self._finish(step.reason, step.message)
                self._do[type(step)](step)
        except DiskError as error:
            return self._end_without_disk(error)

    # --- the steps ---------------------------------------------------------------------------

    def _play(self, step: rules.PlayLink) -> None:
        tree = "" if step.link.player in CANNOT_DENY else self._parts.watcher.fingerprint()
        if step.attempt == 1 and not step.baseline:
            keep(self._parts, self._recorder, step.link, self.progress.calls + 1, "before")
        order, call = calls.begin(self._parts, self._recorder, step, self._spent_today())
        try:
            reply = calls.follow(self._parts, self._ears, call)
        except DiskError:
            call.end(EndHow.STOP)
            call.poll(self._parts.chain.grace_s + 1)
            raise
        self._settle(order, step.attempt, reply, adopted=False, tree_before=tree)

    def _recover(self, step: rules.Recover) -> None:
        """An earlier runner began this call: adopt it, use its result, or give it up as lost."""
        order = calls.order_for(self._parts, self._recorder, step.link, "", self._spent_today())
        call = self._parts.agents.recover(order)
        reply = calls.NEVER_BEGAN if call is None else calls.follow(self._parts, self._ears, call)
        self._settle(order, step.visit.attempts, reply, adopted=call is not None, tree_before="")

    def _settle(
        self, order: CallOrder, attempt: int, reply: Reply, *, adopted: bool, tree_before: str
    ) -> None:
        self._settler.settle(order, attempt, reply, adopted=adopted, tree_before=tree_before)
        self._after_link()

    def _ask_gate(self, step: rules.AskGate) -> None:
        answer = ask_gate(self._parts, self._recorder, self._ears, step.link)
        if answer is not None:
            self._settler.end_gate(step.link, answer)
            self._after_link()

    def _skip(self, step: rules.SkipLink) -> None:
        r = self._recorder
        r.note(
            ev.LinkSkipped(
                at=r.at(),
                up=r.up(),
                round=r.progress.round,
                link=step.link.name,
                goto=step.goto,
                why=step.why,
            )
        )

    def _fail(self, step: rules.FailLink) -> None:
        self._settler.fail_link(step)
        self._after_link()

    def _after_link(self) -> None:
        """Tell of the link that is over, where one is."""
        over = self.progress.last_over
        link = self._parts.chain.link(over.link) if over is not None else None
        if over is not None and link is not None:
            keep(self._parts, self._recorder, link, self.progress.calls, "after")
            announce_link(self._parts, self.progress, link, over)

    def _end_round(self, step: rules.EndRound) -> None:
        r = self._recorder
        r.note(ev.RoundEnded(at=r.at(), up=r.up(), round=step.round, fingerprint=self._fingerprint()))

    # --- the ends ----------------------------------------------------------------------------

    def _finish(self, reason: StopReason, message: str) -> ev.RunEnded:
        r, p = self._recorder, self.progress
        self._parts.desk.collect()
        self._recorder.note_deliveries()
        code = exit_code_of(reason, failed_in_last_round=p.failed_in_last_round)
        ended = ev.RunEnded(at=r.at(), up=r.up(), reason=reason.value, message=message, exit_code=code)
        r.note(ended)
        r.flush()
        announce_end(self._parts, p, ended)
        return ended

    def _end_without_disk(self, error: DiskError) -> ev.RunEnded:
        """There is room for this end, if nobody takes it first; the next start goes on in any case."""
        self._parts.journal.make_room()
        try:
            return self._finish(StopReason.DISK, str(error))
        except DiskError:
            ended = ev.RunEnded(
                at=self._recorder.at(), reason=StopReason.DISK.value, message=str(error), exit_code=1
            )
            self._parts.emit(ended)
            return ended

    # --- what the steps look at ------------------------------------------------------------------

    def _take_baseline(self) -> None:
        """What the tree was before round 1, so that a first round which changes nothing counts as that."""
        if not self.progress.seen and not self.progress.round_open:
            r = self._recorder
            r.note(ev.BaselineTaken(at=r.at(), up=r.up(), fingerprint=self._fingerprint()))

    def _fingerprint(self) -> str:
        tree = self._parts.watcher.fingerprint()
        return hashlib.sha256(f"{tree}\n{self.progress.handoff}".encode()).hexdigest()[:20]

    def _spent_today(self) -> Spent | None:
        cap = self._parts.daily_cap_usd
        if cap is None:
            return None
        self._recorder.flush()  # the journal sums what it has: the last call has to be in it
        return Spent(today_usd=self._parts.journal.spent_since(self._parts.day_start())[0], daily_cap_usd=cap)
