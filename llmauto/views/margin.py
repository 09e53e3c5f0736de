"""What stands beside the lanes of a run: when it stood still, what was said, what went wrong."""

from __future__ import annotations

from llmauto import events as ev
from llmauto.rules.progress import Progress
from llmauto.views.values import Pause, Said, Trouble

MOST_SAID = 2000
"""Remarks and errors that are kept, the newest; a run of months must not fill the memory of who looks."""


class Margin:
    """Takes in the events that make no bar. `progress` is where the run stood before the event."""

    def __init__(self) -> None:
        self.progress = Progress()
        self.pauses: list[Pause] = []
        self.said: list[Said] = []
        self.troubles: list[Trouble] = []

    # --- standing still -----------------------------------------------------------------------

    def _end_pause(self, at: float) -> None:
        if self.pauses and not self.pauses[-1].ended_at:
            self.pauses[-1].ended_at = at

    def _wait_started(self, e: ev.WaitStarted) -> None:
        kind = e.outcome or "wait"
        self.pauses.append(
            Pause(kind=kind, started_at=e.at, until=e.until, why=e.why, round=e.round, link=e.link)
        )

    def _wait_ended(self, e: ev.WaitEnded) -> None:
        self._end_pause(e.at)

    def _idle_began(self, e: ev.IdleBegan) -> None:
        gate = self.progress.gate if e.why == "gate" else None
        self.pauses.append(
            Pause(
                kind=e.why, started_at=e.at, until=gate.until if gate else 0.0, link=gate.link if gate else ""
            )
        )

    def _idle_ended(self, e: ev.IdleEnded) -> None:
        self._end_pause(e.at)

    # --- what was said ------------------------------------------------------------------------

    def _say(self, e: ev.Event, kind: str, text: str) -> None:
        self.said.append(
            Said(at=e.at, kind=kind, text=text, round=getattr(e, "round", 0), link=getattr(e, "link", ""))
        )
        if len(self.said) > MOST_SAID:
            del self.said[: MOST_SAID // 4]

    def _failed_call(self, e: ev.CallEnded, round_: int, backend: str) -> None:
        self._keep(
            Trouble(
                at=e.at,
                round=round_,
                link=e.link,
                call=e.call,
                outcome=e.outcome,
                message=e.message,
                backend=backend,
                final=False,
            )
        )

    def _stop_asked(self, e: ev.StopAsked) -> None:
        self._say(e, "stop", e.reason)

    def _pause_asked(self, e: ev.PauseAsked) -> None:
        self._say(e, "pause" if e.on else "resume", e.reason)

    def _steered(self, e: ev.Steered) -> None:
        self._say(e, "steer", e.text)

    def _noted(self, e: ev.Noted) -> None:
        self._say(e, "warning" if e.code == "warning" else "note", e.message)

    def _notice_sent(self, e: ev.NoticeSent) -> None:
        if not e.delivered:
            self._say(e, "notice", f"{e.channel}: {e.detail}")

    def _failed_for_good(self, e: ev.LinkEnded) -> None:
        self._keep(
            Trouble(
                at=e.at,
                round=e.round,
                link=e.link,
                call=0,
                outcome=e.outcome,
                message=e.message,
                backend="",
                final=True,
            )
        )

    def _keep(self, trouble: Trouble) -> None:
        self.troubles.append(trouble)
        if len(self.troubles) > MOST_SAID:
            del self.troubles[: MOST_SAID // 4]
