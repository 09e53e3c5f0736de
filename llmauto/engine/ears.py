"""Hears what people ask of a running chain: STOP files, the command line's requests, signals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmauto.events import GateAnswered, Noted, PauseAsked, Steered, StopAsked
from llmauto.ports import EndHow, Request

if TYPE_CHECKING:
    from llmauto.engine.parts import Parts
    from llmauto.engine.recorder import Recorder

HEAR_EVERY_S = 0.5
BEAT_EVERY_S = 5.0


class Ears:
    """Listens at most twice a second, however often it is asked."""

    def __init__(self, parts: Parts, recorder: Recorder) -> None:
        self._parts = parts
        self._recorder = recorder
        self._heard_at = self._beat_at = float("-inf")

    def listen(self, *, at_once: bool = False) -> None:
        """Take in what was asked since the last time, and write it down."""
        now = self._parts.clock.monotonic()
        self._hear_signals()
        if not at_once and now - self._heard_at < HEAR_EVERY_S:
            return
        self._heard_at = now
        if now - self._beat_at >= BEAT_EVERY_S:
            self._beat_at = now
            self._parts.beat()
        self._hear_file()
        requests = self._parts.journal.take(self._recorder.progress.chain)
        for request in requests:
            self._hear(request)
        if requests:
            self._recorder.flush()

    def _hear(self, request: Request) -> None:
        at, up, text = self._recorder.at(), self._recorder.up(), request.text
        note = self._recorder.note
        if request.kind in ("stop", "stop_now"):
            self._stop(text, "command", now=request.kind == "stop_now")
        elif request.kind in ("pause", "resume"):
            note(PauseAsked(at=at, up=up, on=request.kind == "pause", reason=text))
        elif request.kind in ("steer", "steer_now", "steer_afar"):
            kind = request.kind
            note(Steered(at=at, up=up, text=text, now=kind == "steer_now", afar=kind == "steer_afar"))
        elif request.kind in ("approve", "deny"):
            self._answer(text, approved=request.kind == "approve")

    def _answer(self, reason: str, *, approved: bool) -> None:
        p, at, up = self._recorder.progress, self._recorder.at(), self._recorder.up()
        if p.gate is None or p.answer is not None:
            message = "an answer came for a gate, but no gate is open"
            self._recorder.note(Noted(at=at, up=up, code="warning", message=message, round=p.round))
            return
        self._recorder.note(GateAnswered(at=at, up=up, link=p.gate.link, approved=approved, reason=reason))

    def ends_call(self) -> EndHow | None:
        """How the running call is to be ended, None where it may go on."""
        self.listen()
        if self._parts.interrupts.level() >= 3:
            return EndHow.KILL
        p = self._recorder.progress
        steered = any(word.now for word in p.words[p.words_given :])
        return EndHow.STOP if steered or (p.stop is not None and p.stop.now) else None

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

    def _stop(self, reason: str, source: str, *, now: bool) -> None:
        stop = self._recorder.progress.stop
        if stop is not None and (stop.now or not now):
            return
        at, up = self._recorder.at(), self._recorder.up()
        self._recorder.note(StopAsked(at=at, up=up, reason=reason, source=source, now=now))
        self._recorder.flush()
