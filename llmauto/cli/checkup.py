"""How does one finding of `doctor` look?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from llmauto.cli.context import Context
from llmauto.errors import LlmautoError


class Level(str, Enum):
    """How a check came out. `FAIL` makes the exit code 1."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of `doctor`. `hint` says what to do, "" where there is nothing to do."""

    name: str
    level: Level = Level.OK
    message: str
    hint: str = ""


Check = Callable[[Context], Iterable[Finding]]


def failed(name: str, error: LlmautoError) -> Finding:
    """An error as a finding."""
    return Finding(name=name, level=Level.FAIL, message=str(error), hint=error.hint or "")
