"""What is a backend? A pure half that says what to start, and a pure half that judges what came back.

What lies between the two, the process, belongs to the keeper. Backends inherit from nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from llmauto.keeper.values import Ended
from llmauto.model import NO_ENV, Link
from llmauto.ports import Activity, CallOrder, Reply

LINE_LIMIT = 16 * 1024 * 1024
"""Bytes of one line of output (fault table, default numbers); a longer line is passed over, and counted."""

SHOWN_TEXT = 64 * 1024
"""Characters of one activity's text."""

TEXT_LIMIT = 4 * 1024 * 1024
"""Characters of a final text that are kept."""


def _none() -> Mapping[str, str]:
    return NO_ENV


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine:
    """What is to be started. `env` comes on top of the call's environment, below the link's `env`.

    `files` are to be written into the call's folder first: what must not stand in `argv`.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=_none)
    files: Mapping[str, str] = field(default_factory=_none)


class Reader(Protocol):
    """Reads one call's output as it comes, and judges it at the end. Holds a bounded amount of it.

    `tokens` is what counts against the call's cap so far. `lingers_s` is how long the process may
    stay after its final result, None while there is no final result. Where only an exit code tells
    the end, it is always None.
    """

    @property
    def tokens(self) -> int:
        """Tokens so far."""

    @property
    def lingers_s(self) -> float | None:
        """Seconds, once there is a final result."""

    def feed(self, line: bytes | None) -> Sequence[Activity]:
        """Take one line, without its line feed; None stands for one over `LINE_LIMIT`.

        Raises nothing, whatever the line is.
        """

    def finish(self, ended: Ended, stderr_tail: bytes, now: datetime) -> Reply:
        """The judgement. `now` is aware and in the local time zone: limits name local times."""


class Backend(Protocol):
    """An agent's CLI. `max_prompt_bytes` is the largest prompt it takes, None = any."""

    name: str
    max_prompt_bytes: int | None
    keeps_sessions: bool

    def program(
        self, link: Link, *, paths: Mapping[str, str], env: Mapping[str, str], cwd: Path
    ) -> tuple[str, ...]:
        """What to start, as the beginning of an argv, its first word an absolute path.

        `paths` are the config's `backends.<name>.path`; `env` is the person's whole environment.
        Raises `BackendError` where there is no such program.
        """

    def bare(self, link: Link) -> tuple[str, ...]:
        """The same by its name alone, whether or not there is such a program: for a dry run."""

    def launch(self, order: CallOrder, program: Sequence[str]) -> CommandLine:
        """The command line of that call. Nothing of the prompt is in it."""

    def reader(self, order: CallOrder) -> Reader:
        """A new reader for that call's output."""

    def version_argv(self, program: Sequence[str]) -> tuple[str, ...] | None:
        """The command that prints a version, for `doctor`; None where there is no such thing."""
