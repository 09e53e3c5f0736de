"""Agents that play a script: for tests of chains, and for rehearsals. No process, no money.

A script gives each link its plays in turn; the last one is played again for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from llmauto.outcomes import Outcome
from llmauto.ports import Activity, CallOrder, EndHow, OpenCall, Reply
from llmauto.testing.clock import FakeClock


class Writes(Protocol):
    """A state folder that an agent can write to (`testing.desk.MemoryDesk`)."""

    def write(self, name: str, text: str) -> None:
        """Write a file, as an agent would."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """What one call does. `files` are written into the state folder at its end; `does` runs then too."""

    reply: Reply = field(
        default_factory=lambda: Reply(outcome=Outcome.DONE, text="done", worked=True, cost_usd=0.0)
    )
    seconds: float = 60.0
    files: Mapping[str, str] = field(default_factory=dict)
    does: Callable[[CallOrder], None] | None = None


def says(text: str = "done", *, cost: float = 0.0, handoff: str | None = None, seconds: float = 60.0) -> Play:
    """A call that ends well."""
    reply = Reply(outcome=Outcome.DONE, text=text, worked=True, cost_usd=cost, seconds=seconds)
    return Play(reply=reply, seconds=seconds, files={} if handoff is None else {"handoff.md": handoff})


def ends(
    outcome: Outcome, message: str = "", *, worked: bool = False, cost: float | None = 0.0,
    reset_at: float | None = None, seconds: float = 60.0,
) -> Play:  # fmt: skip
    """A call that ends in that outcome."""
    reply = Reply(
        outcome=outcome, message=message, worked=worked, cost_usd=cost, reset_at=reset_at, seconds=seconds
    )
    return Play(reply=reply, seconds=seconds)


class ScriptedAgents:
    """The `Agents` of a script. `orders` holds every call that was begun, in order: the ledger."""

    def __init__(self, clock: FakeClock, desk: Writes, script: Mapping[str, Sequence[Play]]) -> None:
        self._clock = clock
        self._desk = desk
        self._script = script
        self._played: dict[str, int] = {}
        self.orders: list[CallOrder] = []

    def begin(self, order: CallOrder) -> OpenCall:
        """Play the link's next play."""
        self.orders.append(order)
        plays = self._script[order.link.name if order.link.name in self._script else "*"]
        turn = self._played.get(order.link.name, 0)
        self._played[order.link.name] = turn + 1
        return ScriptedCall(self._clock, self._desk, order, plays[min(turn, len(plays) - 1)])

    def recover(self, order: CallOrder) -> OpenCall | None:
        """Scripted calls do not outlive their runner."""
        return None


class ScriptedCall:
    """A call that plays one play: it takes no time but the clock's."""

    adopted = False

    def __init__(self, clock: FakeClock, desk: Writes, order: CallOrder, play: Play) -> None:
        self._clock, self._desk, self._order, self._play = clock, desk, order, play
        self._ended: EndHow | None = None

    def poll(self, timeout_s: float) -> Reply | None:
        """The reply; the clock has moved on, and the files are written."""
        self._clock.advance(self._play.seconds)
        for name, text in self._play.files.items():
            self._desk.write(name, text)
        if self._play.does is not None:
            self._play.does(self._order)
        return self._play.reply

    def activities(self) -> Sequence[Activity]:
        """Nothing is seen."""
        return ()

    def end(self, how: EndHow) -> None:
        """It ends anyway."""
        self._ended = how
