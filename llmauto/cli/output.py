"""How does the program speak? Results on stdout, all else on stderr, readable without colour."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import IO, Any

from llmauto.cli.called import NAME, as_called, line_as_called
from llmauto.errors import ChainError, LlmautoError
from llmauto.rules.text import plain

STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}


class Output:
    """The two streams of a command, with colour where a person can see it.

    `called` is how the person called us: the commands that they are told to type begin with it.
    """

    def __init__(
        self, stdout: IO[str], stderr: IO[str], environ: Mapping[str, str], *, called: str = NAME
    ) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self.called = called
        self._environ = environ
        for stream in (stdout, stderr):
            # A console of another code page, or `LC_ALL=C`, must not crash on a character it lacks.
            with contextlib.suppress(AttributeError, ValueError, OSError):
                stream.reconfigure(errors="replace")  # type: ignore[attr-defined]

    def colours(self, stream: IO[str]) -> bool:
        """Whether that stream gets colour: a terminal, and nobody said no."""
        if self._environ.get("NO_COLOR") or self._environ.get("TERM") == "dumb":
            return False
        return stream.isatty()

    def style(self, text: str, *names: str, stream: IO[str] | None = None) -> str:
        """The text in those styles, or as it is where the stream has no colours."""
        if not self.colours(stream or self.stdout):
            return text
        codes = ";".join(STYLES[name] for name in names)
        return f"\x1b[{codes}m{text}\x1b[0m"

    def line(self, text: str = "") -> None:
        """One line of the result."""
        print(line_as_called(text, self.called), file=self.stdout)

    def agent_text(self, text: str) -> None:
        """Text that an agent wrote: harmless for a terminal."""
        print(plain(text), file=self.stdout)

    def json(self, value: Any) -> None:
        """The result as JSON, in one document."""
        import json

        print(json.dumps(value, ensure_ascii=False, indent=2), file=self.stdout)

    def say(self, text: str) -> None:
        """One line for the person, beside the result."""
        print(as_called(plain(text), self.called), file=self.stderr, flush=True)

    def note(self, text: str) -> None:
        """A warning."""
        label = self.style("warning:", "yellow", stream=self.stderr)
        self.say_styled(f"{label} {plain(self._clean(text))}")

    def say_styled(self, text: str) -> None:
        """One line with styles of ours in it: agents' text in it was made plain before."""
        print(as_called(text, self.called), file=self.stderr, flush=True)

    def error(self, error: LlmautoError) -> None:
        """What is wrong, then what to do."""
        label = self.style("error:", "red", "bold", stream=self.stderr)
        text = plain(self._clean(str(error)))
        # The mistakes of a chain file carry their own place and `error:`.
        placed = isinstance(error, ChainError) and ": error: " in text
        self.say_styled(text if placed else f"{label} {text}")
        if error.hint:
            hint = plain(self._clean(error.hint))
            self.say_styled(f"{self.style('hint:', 'cyan', stream=self.stderr)} {hint}")

    def crash(self, error: Exception, *, debug: bool) -> None:
        """A fault of ours."""
        label = self.style("error:", "red", "bold", stream=self.stderr)
        what = f"a fault in llmauto: {type(error).__name__}: {plain(self._clean(str(error)))}"
        self.say_styled(f"{label} {what}")
        if debug:
            self.traceback(error)
            return
        self.say_styled("hint: `--debug` shows where; runs and journals are as they were at the last event")

    def traceback(self, error: BaseException) -> None:
        """Where an error arose, for `--debug`."""
        from traceback import format_exception

        self.say(self._clean("".join(format_exception(error))).rstrip("\n"))

    def _clean(self, text: str) -> str:
        """Without the secrets of the environment: an exception may hold a whole token."""
        from llmauto.secrecy import clean_with, known_secrets, redactor_for

        return clean_with(redactor_for(known_secrets(self._environ)))(text)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Aligned columns; the last one may be as long as it likes."""
        cells = [[plain(cell).replace("\n", " ") for cell in row] for row in rows]
        widths = [max(len(row[i]) for row in (list(head), *cells)) for i in range(len(head))]
        self.line(self.style(_aligned(head, widths), "dim"))
        for row in cells:
            self.line(_aligned(row, widths))


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
