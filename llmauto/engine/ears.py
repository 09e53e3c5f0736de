"""Hears what people ask of a running chain: STOP files, the command line's requests, signals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmauto.events import GateAnswered, Noted, PauseAsked, Steered, StopAsked
from llmauto.ports import EndHow, Request
from llmauto.rules.gaps import Look, leap

if TYPE_CHECKING:
    from llmauto.engine.parts import Parts
    from llmauto.engine.recorder import Recorder

HEAR_EVERY_S = 0.5
BEAT_EVERY_S = 5.0
FOR_ONE_RUNNER = ("stop", "stop_now", "pause", "resume")
"""What is asked of the runner that is there; an answer or a word waits for the next one."""


class Ears:
    """Listens at most twice a second, however often it is asked."""

    def __init__(self, parts: Parts, recorder: Recorder) -> None:
        self._parts = parts
        self._recorder = recorder
        self._heard_at = self._beat_at = float("-inf")
        self._heard_before = False
        self._last = Look(parts.clock.now(), parts.clock.monotonic())

    def listen(self, *, at_once: bool = False) -> None:
        """Take in what was asked since the last time, and write it down."""
        now = self._parts.clock.monotonic()
        self._hear_signals()
        if not at_once and now - self._heard_at < HEAR_EVERY_S:
            return
        self._heard_at = now
        self._mind_the_gap(now)
        if now - self._beat_at >= BEAT_EVERY_S:
            self._beat_at = now
            self._parts.beat()
        self._hear_file()
        requests = self._parts.journal.asked(self._recorder.progress.chain)
        for request in requests:
            self._recorder.heard(request.id)
            self._hear(request)
        if requests:
            self._recorder.flush()
        self._heard_before = True

    def _mind_the_gap(self, now: float) -> None:
        before, self._last = self._last, Look(self._parts.clock.now(), now)
        found = leap(before, self._last, self._parts.clock.poll_s)
        if found is not None:
            self._remark(found[1], code=found[0])
            self._recorder.flush()

    def _hear(self, request: Request) -> None:
        at, up, text, by = self._recorder.at(), self._recorder.up(), request.text, request.by
        note, kind = self._recorder.note, request.kind
        if self._is_stale(request):
            self._remark(f"`chain {kind}` was asked before this start: it no longer counts")
        elif kind in ("stop", "stop_now"):
            self._stop(text, "command", now=kind == "stop_now", by=by)
        elif kind in ("pause", "resume"):
            note(PauseAsked(at=at, up=up, on=kind == "pause", reason=text, by=by))
        elif kind in ("steer", "steer_now", "steer_afar"):
            note(Steered(at=at, up=up, text=text, now=kind == "steer_now", afar=kind == "steer_afar", by=by))
        elif kind in ("approve", "deny"):
            self._answer(text, by, approved=kind == "approve")

    def _is_stale(self, request: Request) -> bool:
        """Whether it was meant for an earlier runner that died before it heard it.

        A start by a person overrides a stop and a pause; words and a gate's answer are for the run. What
        comes once we listen is for us, whatever the machine's clock was set to meanwhile.
        """
        if self._heard_before:
            return False
        p = self._recorder.progress
        begun = p.begun_at if request.kind in ("stop", "stop_now", "pause", "resume") else p.started_at
        return request.at < begun

    def _answer(self, reason: str, by: str, *, approved: bool) -> None:
        p, at, up = self._recorder.progress, self._recorder.at(), self._recorder.up()
        if p.gate is None or p.answer is not None:
            self._remark("an answer came for a gate, but no gate is open")
            return
        self._recorder.note(
            GateAnswered(
                at=at, up=up, link=p.gate.link, approved=approved, reason=reason, by=by or "person"
            )
        )  # fmt: skip

    def _remark(self, message: str, code: str = "warning") -> None:
        r = self._recorder
        r.note(Noted(at=r.at(), up=r.up(), code=code, message=message, round=r.progress.round))

    def ends_call(self) -> EndHow | None:
        """How the running call is to be ended, None where it may go on."""
        self.listen()
        if self._parts.interrupts.level() >= 3:
            return EndHow.KILL
        p = self._recorder.progress
        steered = self._agent_listens() and any(word.now for word in p.words[p.words_given :])
        return EndHow.STOP if steered or (p.stop is not None and p.stop.now) else None

    def _agent_listens(self) -> bool:
        """Whether the call's agent could be told a person's words: a check, or a call before round 1, not."""
        visit = self._recorder.progress.visit
        opened = visit.open if visit is not None else None
        return opened is not None and opened.backend != "check" and not opened.baseline

    def _hear_signals(self) -> None:
        level = self._parts.interrupts.level()
        stop = self._recorder.progress.stop
        if level == 1 and stop is None:
            self._stop("interrupted", "signal", now=False)
        elif level >= 2 and not (stop is not None and stop.now):
            self._stop("interrupted", "signal", now=True)

    def _hear_file(self) -> None:
        if self._recorder.progress.stop is None and (text := self._parts.desk.stop_text()) is not None:
            self._stop(text, "file", now=False)

    def _stop(self, reason: str, source: str, *, now: bool, by: str = "") -> None:
        stop = self._recorder.progress.stop
        if stop is not None and (stop.now or not now):
            return
        at, up = self._recorder.at(), self._recorder.up()
        self._recorder.note(StopAsked(at=at, up=up, reason=reason, source=source, now=now, by=by))
        self._recorder.flush()
