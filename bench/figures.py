"""What is one figure, and does it hold its target?

A figure stands beside another one that was taken in the same run, in turns with it: a machine that is
slow or busy is so for both, and what is compared can be compared on any machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class By(str, Enum):
    """What of a figure its target is about."""

    ITSELF = "itself"
    RATIO = "ratio"
    """Ours by the one beside it."""
    MORE = "more"
    """Ours less the one beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table.

    `ours` and `beside` are in `unit`; `beside` is None where nothing can stand beside it, else
    `beside_what` says what was measured there. `most` or `least` bound what `by` names, `aim` is what
    we would like. `note` is a remark for people.
    """

    what: str
    ours: float
    unit: str
    beside: float | None = None
    beside_what: str = ""
    by: By = By.ITSELF
    most: float | None = None
    least: float | None = None
    aim: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours by the one beside it; None where there is none."""
        return self.ours / self.beside if self.beside else None

    @property
    def more(self) -> float | None:
        """Ours less the one beside it."""
        return None if self.beside is None else self.ours - self.beside

    @property
    def compared(self) -> float | None:
        """What the target is about."""
        return {By.ITSELF: self.ours, By.RATIO: self.ratio, By.MORE: self.more}[self.by]

    @property
    def holds(self) -> bool | None:
        """Whether the target is met; None where there is no target."""
        value = self.compared
        if value is None or (self.most is None and self.least is None):
            return None
        return (self.most is None or value <= self.most) and (self.least is None or value >= self.least)


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A family whose figures could not be taken. `failed`: something went wrong, else it cannot be here."""

    family: str
    why: str
    failed: bool = False


class NotHereError(Exception):
    """This platform does not have what the figure is read from."""
