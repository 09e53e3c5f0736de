"""Which backend needs no model, no key and no money? A scripted agent that plays a link's role.

It runs as a real process, writes real files and handoffs, and says that it is a demo.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from llmauto.backends.base import TEXT_LIMIT, CommandLine, Reader
from llmauto.backends.endings import Judgement, early_end, exit_says
from llmauto.backends.jsonlines import read_line, text_of
from llmauto.errors import BackendError
from llmauto.keeper.values import Ended
from llmauto.model import Link
from llmauto.outcomes import Outcome
from llmauto.ports import Activity, CallOrder, Reply

_SCRIPT = Path(__file__).with_name("demo_agent.py")


@dataclass(frozen=True, slots=True)
class Demo:
    """The scripted agent."""

    name: str = "demo"
    max_prompt_bytes: int | None = None
    keeps_sessions: bool = True

    def program(
        self, link: Link, *, paths: Mapping[str, str], env: Mapping[str, str], cwd: Path
    ) -> tuple[str, ...]:
        """This Python, bare: nothing of the person's environment or site-packages is loaded."""
        if not sys.executable:
            raise BackendError("the demo needs a Python to run", hint="start llmauto as `python -m llmauto`")
        return (sys.executable, "-I", "-S", str(_SCRIPT))

    def bare(self, link: Link) -> tuple[str, ...]:
        """The script by the name of a Python that has no path of its own."""
        return ("python3", "-I", "-S", str(_SCRIPT))

    def launch(self, order: CallOrder, program: Sequence[str]) -> CommandLine:
        """The script with the role that it plays, where it writes, and the form of its answer."""
        form = ("structured",) if order.schema else ()
        return CommandLine(argv=(*program, order.link.role.value, str(order.state), *form))

    def reader(self, order: CallOrder) -> Reader:
        """A new reader of the script's lines."""
        return DemoReader(order)

    def version_argv(self, program: Sequence[str]) -> tuple[str, ...] | None:
        """It is as old as llmauto itself."""
        return None


class DemoReader:
    """Reads the few kinds of lines that the script prints."""

    def __init__(self, order: CallOrder) -> None:
        self._order = order
        self._worked = False
        self._result: str | None = None
        self._structured: str | None = None

    @property
    def tokens(self) -> int:
        """There is no model."""
        return 0

    @property
    def lingers_s(self) -> float | None:
        """It ends by itself, at once."""
        return None if self._result is None else 2.0

    def feed(self, line: bytes | None) -> Sequence[Activity]:
        """One line: a text, a tool call, or the result."""
        shown = []
        for event in read_line(line or b"").objects:
            kind = event.get("type")
            if kind == "result":
                self._result = text_of(event.get("text"), TEXT_LIMIT)
                if "structured" in event:
                    self._structured = text_of(event["structured"], TEXT_LIMIT)
            elif kind in ("text", "tool"):
                self._worked = True
                shown.append(
                    Activity(
                        kind=kind,
                        text=text_of(event.get("text"), TEXT_LIMIT),
                        tool=text_of(event.get("tool"), 100),
                        detail=text_of(event.get("detail"), 1000),
                    )
                )
        return shown

    def finish(self, ended: Ended, stderr_tail: bytes, now: datetime) -> Reply:
        """Done where there is a result and the exit code is 0. Nothing is ever charged."""
        judged = self._judge(ended, stderr_tail)
        return Reply(
            outcome=judged.outcome,
            text=self._result or "",
            message=judged.message,
            hint=judged.hint,
            session=self._order.session,
            model="demo",
            worked=self._worked,
            charged=False,
            cost_usd=0.0,
            turns=1,
            seconds=ended.seconds,
            exit_code=ended.exit_code,
            structured=self._structured,
        )

    def _judge(self, ended: Ended, stderr_tail: bytes) -> Judgement:
        early = early_end(ended, self._order)
        if self._result and (early is not None or ended.exit_code == 0):
            return Judgement(Outcome.DONE, "")
        if early is not None:
            return early
        if ended.exit_code != 0:
            return Judgement(Outcome.CRASHED, exit_says(ended.exit_code, stderr_tail))
        return Judgement(Outcome.BAD_OUTPUT, "it ended without a result")


BACKEND = Demo()
