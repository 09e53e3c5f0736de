"""Waits for people: a pause, and a gate's answer. The run's own time stands still meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmauto.engine.notices import announce_gate
from llmauto.events import GateAnswered, GateOpened, IdleBegan, IdleEnded
from llmauto.model import Link

if TYPE_CHECKING:
    from llmauto.engine.ears import Ears
    from llmauto.engine.parts import Parts
    from llmauto.engine.recorder import Recorder


def stand_still(parts: Parts, recorder: Recorder, ears: Ears) -> None:
    """Pause until a person says otherwise, or asks for a stop."""
    p = recorder.progress
    recorder.note(IdleBegan(at=recorder.at(), up=recorder.up(), why="pause"))
    recorder.flush()
    while p.paused and p.stop is None:
        parts.clock.pause(parts.clock.poll_s)
        ears.listen()
    recorder.note(IdleEnded(at=recorder.at(), up=recorder.up()))
    recorder.flush()


def ask_gate(parts: Parts, recorder: Recorder, ears: Ears, link: Link) -> GateAnswered | None:
    """The gate's answer, by a person or by its time-out; None where a stop comes first.

    The gate stays open over restarts: a person may answer it while no runner is there.
    """
    p, clock = recorder.progress, parts.clock
    if p.gate is None or p.gate.link != link.name:
        until = recorder.at() + link.gate_timeout_s if link.gate_timeout_s else 0.0
        recorder.note(
            GateOpened(at=recorder.at(), up=recorder.up(), round=p.round, link=link.name, until=until)
        )
        announce_gate(parts, p, link)
    gate = p.gate
    assert gate is not None
    recorder.note(IdleBegan(at=recorder.at(), up=recorder.up(), why="gate"))
    recorder.flush()
    ears.listen(at_once=True)
    while p.answer is None and p.stop is None:
        left = gate.until - clock.now() if gate.until else clock.poll_s
        if left <= 0:
            approved = link.gate_default == "approve"
            reason = f"nobody answered: `{link.gate_default or 'deny'}` is the default"
            recorder.note(
                GateAnswered(
                    at=recorder.at(), up=recorder.up(), link=link.name, approved=approved, reason=reason,
                    by="time-out",
                )
            )  # fmt: skip
            break
        clock.pause(min(left, clock.poll_s))
        ears.listen()
    recorder.note(IdleEnded(at=recorder.at(), up=recorder.up()))
    recorder.flush()
    return p.answer
