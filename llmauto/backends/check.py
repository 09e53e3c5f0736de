"""How is a check run? As the command it is: any exit code is an answer, and both streams are its output."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from llmauto.backends.base import Reader
from llmauto.backends.command import Command, TextReader
from llmauto.keeper.values import Ended
from llmauto.outcomes import Outcome
from llmauto.ports import CallOrder, Reply


@dataclass(frozen=True, slots=True)
class Check(Command):
    """The program of a link with the role `check`."""

    name: str = "check"

    def reader(self, order: CallOrder) -> Reader:
        """A new reader that keeps what is printed."""
        return CheckReader(order)


class CheckReader(TextReader):
    """As a command's, but a program that ended by itself has answered, whatever its exit code."""

    def finish(self, ended: Ended, stderr_tail: bytes, now: datetime) -> Reply:
        """The output of both streams; the exit code is judged by the engine."""
        reply = super().finish(ended, stderr_tail, now)
        if ended.ended_by != "exit" or ended.exit_code is None or ended.exit_code < 0:
            return reply
        said = stderr_tail.decode("utf-8", errors="replace").strip("\n")
        text = "\n".join(part for part in (reply.text, said) if part)
        return replace(reply, outcome=Outcome.DONE, text=text, message="", hint="", reset_at=None)


BACKEND = Check()
