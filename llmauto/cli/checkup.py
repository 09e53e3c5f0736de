"""What does `doctor` find out, and how does one finding look?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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


def findings(ctx: Context) -> Iterator[Finding]:
    """All findings, in the order in which they are shown. Looks, writes nothing that stays, calls no API."""
    from llmauto.cli import checkup_agents, checkup_home, checkup_machine

    for module in (checkup_machine, checkup_home, checkup_agents):
        for name, check in module.CHECKS:
            yield from _safely(ctx, name, check)


def failed(name: str, error: LlmautoError) -> Finding:
    """An error as a finding."""
    return Finding(name=name, level=Level.FAIL, message=str(error), hint=error.hint or "")


def _safely(ctx: Context, name: str, check: Check) -> Iterator[Finding]:
    """A check that cannot be made must not hide the others."""
    try:
        yield from check(ctx)
    except LlmautoError as error:
        yield failed(name, error)
    except OSError as error:
        message = f"cannot be told: {(error.strerror or str(error)).lower()}"
        yield Finding(name=name, level=Level.WARN, message=message)
