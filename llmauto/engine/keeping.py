"""Keeps the workdir before and after each agent link, so that it can be compared and taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmauto.events import Checkpointed, Noted
from llmauto.model import Link, Role

if TYPE_CHECKING:
    from llmauto.engine.parts import Parts
    from llmauto.engine.recorder import Recorder


def keep(parts: Parts, recorder: Recorder, link: Link, call: int, when: str) -> None:
    """Take a checkpoint `before` or `after` that call of the link, where there is git; it fails no run."""
    if parts.checkpoints is None or link.role in (Role.CHECK, Role.GATE):
        return
    p = recorder.progress
    kept = parts.checkpoints.take(p.run, call, link.name, when)
    at, up = recorder.at(), recorder.up()
    round_ = p.last_over.round if when == "after" and p.last_over is not None else p.round
    if kept is not None:
        recorder.note(
            Checkpointed(
                at=at, up=up, round=round_, link=link.name, when=when, commit=kept.commit, ref=kept.ref
            )
        )
    for remark in parts.checkpoints.remarks():
        recorder.note(Noted(at=at, up=up, code="checkpoint", message=remark, round=round_, link=link.name))
