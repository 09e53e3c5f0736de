"""How does a command ask a person? The question on stderr, the answer from stdin, and no wait without end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import IO

from llmauto.cli.output import Output
from llmauto.errors import UsageError
from llmauto.rules.names import did_you_mean
from llmauto.rules.text import decode, plain, quoted

SILENCE_S = 3.0
"""A pipe that says nothing for so long is given up: nobody is there to answer."""

LONGEST_ANSWER = 64 * 1024
"""Bytes of one line of a pipe."""


class NoAnswerError(UsageError):
    """The input ended, or there is none; nothing was done."""


class Asker:
    """Asks one thing after the other. `way_out` is the hint where nobody answers.

    Raises `NoAnswerError` at the end of the input; Ctrl-C is a `KeyboardInterrupt` as everywhere.
    """

    def __init__(self, out: Output, stdin: IO[str] | None, way_out: str) -> None:
        self._out = out
        self._stdin = stdin
        self._way_out = way_out
        self._read = b""

    @property
    def at_terminal(self) -> bool:
        """Whether a person sits there."""
        try:
            return self._stdin is not None and self._stdin.isatty()
        except ValueError:  # it was closed
            return False

    def tell(self, text: str) -> None:
        """A line between the questions."""
        self._out.say(text)

    def text(
        self, question: str, default: str = "", problem: Callable[[str], str | None] = lambda _: None
    ) -> str:
        """A line of text, `default` for an empty one; asked again while `problem` has an objection."""
        while True:
            answer = self._answer(f"{question} [{default}]" if default else question) or default
            objection = problem(answer)
            if objection is None:
                return answer
            self._out.say(f"  {objection}")

    def choice(self, question: str, choices: Sequence[tuple[str, str]], default: str) -> str:
        """One of the choices (word, explanation), by its number or its word."""
        words = [word for word, _ in choices]
        width = max(len(word) for word in words)
        for number, (word, explanation) in enumerate(choices, 1):
            self._out.say(f"  {number}  {word.ljust(width)}  {explanation}")

        def objection(answer: str) -> str | None:
            if answer in words or (answer.isdecimal() and 1 <= int(answer[:9]) <= len(words)):
                return None
            return f"{quoted(answer)} is none of these; {did_you_mean(answer, words) or 'a number will do'}"

        answer = self.text(question, default, objection)
        return answer if answer in words else words[int(answer) - 1]

    def yes(self, question: str, *, default: bool) -> bool:
        """Yes or no."""

        def objection(answer: str) -> str | None:
            known = answer.lower() in ("", "y", "yes", "n", "no")
            return None if known else f"{quoted(answer)} is neither `y` nor `n`"

        answer = self.text(f"{question} ({'Y/n' if default else 'y/N'})", "", objection)
        return answer.lower().startswith("y") if answer else default

    def _answer(self, question: str) -> str:
        prompt = f"{self._out.style('?', 'cyan', stream=self._out.stderr)} {plain(question)}: "
        print(prompt, end="", file=self._out.stderr, flush=True)
        line = ""
        try:
            line = self._line()
        finally:
            # Where the person's own Enter did not end the line of the question.
            if not (line and self.at_terminal):
                self._out.say("")
        if not line:
            raise NoAnswerError(
                "the input ended before all was answered: nothing was done", hint=self._way_out
            )
        return plain(line).strip()

    def _line(self) -> str:
        """One line with its end; "" at the end of the input."""
        if self._stdin is None:
            return ""
        try:
            piped = None if sys.platform == "win32" or self.at_terminal else self._stdin.fileno()
        except (OSError, ValueError):  # made in code, or closed
            piped = None
        try:
            return self._stdin.readline() if piped is None else self._piped_line(piped)
        except ValueError:
            return ""

    def _piped_line(self, fd: int) -> str:
        """A line from a pipe or a file, read past Python's buffer so that silence can be seen."""
        while b"\n" not in self._read and len(self._read) < LONGEST_ANSWER:
            if not _speaks(fd):
                message = f"stdin is open but silent for {SILENCE_S:.0f} s: nothing was done"
                raise NoAnswerError(message, hint=self._way_out)
            data = os.read(fd, 4096)
            if not data:
                break
            self._read += data
        line, end, self._read = self._read.partition(b"\n")
        return decode(line + end)


def _speaks(fd: int) -> bool:
    import select

    waiting = select.poll()
    waiting.register(fd, select.POLLIN)
    return bool(waiting.poll(SILENCE_S * 1000))
