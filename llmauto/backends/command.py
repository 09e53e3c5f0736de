"""How is any other program a backend? Prompt on stdin, answer on stdout, exit code 0 is success.

It has no session, and no price: a command's cost counts as nothing, not as unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from llmauto.backends.base import LINE_LIMIT, SHOWN_TEXT, TEXT_LIMIT, CommandLine, Reader
from llmauto.backends.endings import Judgement, early_end, exit_says
from llmauto.backends.programs import named_program
from llmauto.errors import BackendError
from llmauto.keeper.values import Ended
from llmauto.model import Link
from llmauto.outcomes import Outcome
from llmauto.ports import Activity, CallOrder, Reply
from llmauto.rules.hints import hint_for
from llmauto.rules.limits import reset_of
from llmauto.rules.saidtext import outcome_of_text
from llmauto.rules.text import one_line


@dataclass(frozen=True, slots=True)
class Command:
    """Any program."""

    name: str = "command"
    max_prompt_bytes: int | None = None
    keeps_sessions: bool = False

    def program(
        self, link: Link, *, paths: Mapping[str, str], env: Mapping[str, str], cwd: Path
    ) -> tuple[str, ...]:
        """The link's `run`, its first word an absolute path. Raises `BackendError`."""
        if not link.run:
            raise BackendError(
                f"link `{link.name}` has no `run`",
                hint='the backend "command" needs the program to start: `"run": ["prog", "arg"]`',
            )
        word, *rest = link.run
        program = named_program(word, env={**env, **link.env}, cwd=cwd, where=f"`run` of link `{link.name}`")
        return (program, *rest)

    def bare(self, link: Link) -> tuple[str, ...]:
        """The link's `run` as it is."""
        return link.run

    def launch(self, order: CallOrder, program: Sequence[str]) -> CommandLine:
        """The program as it is, with the link's `backend_args` behind."""
        return CommandLine(argv=(*program, *order.link.backend_args))

    def reader(self, order: CallOrder) -> Reader:
        """A new reader that keeps the text."""
        return TextReader(order)

    def version_argv(self, program: Sequence[str]) -> tuple[str, ...] | None:
        """A program need not have a version."""
        return None


class TextReader:
    """Keeps what is printed: the beginning, and of a flood the end."""

    def __init__(self, order: CallOrder) -> None:
        self._order = order
        self._lines: list[str] = []
        self._size = 0
        self._lost = 0

    @property
    def tokens(self) -> int:
        """A program has no tokens."""
        return 0

    @property
    def lingers_s(self) -> float | None:
        """Only its end tells that a program is done."""
        return None

    def feed(self, line: bytes | None) -> Sequence[Activity]:
        """One line of the answer."""
        if line is None:
            self._lost += LINE_LIMIT
            return ()
        text = line.decode("utf-8", errors="replace").removesuffix("\r")
        self._lines.append(text)
        self._size += len(text) + 1
        if self._size > TEXT_LIMIT + TEXT_LIMIT // 4:
            self._shrink()
        return (Activity(kind="text", text=text[:SHOWN_TEXT]),)

    def _shrink(self) -> None:
        whole = "\n".join(self._lines)
        kept = whole[-TEXT_LIMIT:]
        self._lost += len(whole) - len(kept)
        self._lines, self._size = [kept], len(kept)

    def finish(self, ended: Ended, stderr_tail: bytes, now: datetime) -> Reply:
        """By the exit code; but a text that as a whole is a limit or an error is that."""
        self._shrink()
        text = "\n".join(self._lines).strip("\n")
        judged = self._judge(ended, text, stderr_tail)
        lost = self._lost + ended.stdout_dropped
        reset = reset_of(text, now=now, local=now.tzinfo) if judged.outcome is Outcome.LIMITED else None
        return Reply(
            outcome=judged.outcome,
            text=text,
            message=judged.message,
            hint=judged.hint,
            worked=bool(text),
            charged=False,
            cost_usd=0.0,
            seconds=ended.seconds,
            exit_code=ended.exit_code,
            reset_at=reset.timestamp() if reset else None,
            warnings=(f"of its output, {lost:,} bytes or more are not kept",) if lost else (),
        )

    def _judge(self, ended: Ended, text: str, stderr_tail: bytes) -> Judgement:
        early = early_end(ended, self._order)
        if early is not None:
            return early
        said = outcome_of_text(text)
        if said is not None:
            return Judgement(said, one_line(text, 300), hint_for(said, text, backend="command") or "")
        if ended.exit_code == 0:
            return Judgement(Outcome.DONE, "")
        return Judgement(Outcome.CRASHED, exit_says(ended.exit_code, stderr_tail))


BACKEND = Command()
