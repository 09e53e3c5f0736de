"""What does a person see of a `pipe`? The answer on stdout as it comes, what the agent does dimmed on stderr.

Where stdout is no terminal it gets the final answer alone, once and exactly, when that is there.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from llmauto import events as ev
from llmauto.backends.base import TEXT_LIMIT
from llmauto.ports import Activity
from llmauto.rules.text import one_line, plain

if TYPE_CHECKING:
    from llmauto.cli.output import Output

_LONGEST = 100


class PipeView:
    """Takes events and activities as they come, and raises nothing.

    With `streams` texts are printed as they come, and with `pieces` they come in pieces. `tells` is
    whether tools and retries are shown.
    """

    def __init__(self, out: Output, *, streams: bool, pieces: bool, tells: bool) -> None:
        self._out = out
        self.streams = streams
        self._pieces = pieces
        self._tells = tells
        self._said = ""
        self._open_line = False

    def __call__(self, item: ev.Event | Activity) -> None:
        """Show what happened."""
        with contextlib.suppress(OSError):  # who read along has gone; the call goes on
            if isinstance(item, Activity):
                self._see(item)
            elif isinstance(item, ev.CallStarted) and item.attempt > 1:
                self._tell(f"once more, {item.why}" + (f", with {item.model}" if item.fallback else ""))

    def finish(self, text: str) -> None:
        """The final answer: what of it was not shown yet, and the end of its last line."""
        if self.streams and text.strip() and not self._said.strip().endswith(plain(text).strip()):
            self._end_line()
            self._print(plain(text))
        if self.streams:
            self._end_line()
        else:
            write_exactly(self._out, text)

    def close(self) -> None:
        """There is no answer: what comes next begins on a line of its own."""
        with contextlib.suppress(OSError):
            self._end_line()

    def _see(self, activity: Activity) -> None:
        if activity.kind == "text" and self.streams:
            self._print(plain(activity.text))
            if not self._pieces:
                self._end_line()
        elif activity.kind == "tool":
            self._tell(f"> {one_line(f'{activity.tool} {activity.detail}', _LONGEST)}")
        elif activity.kind in ("retry", "limit"):
            self._tell(f"! {one_line(activity.text, _LONGEST)}")
        elif activity.kind == "usage":
            self._end_line()  # a message of the model is over: the next one begins on its own line

    def _print(self, text: str) -> None:
        if not text:
            return
        self._said = (self._said + text)[-TEXT_LIMIT:]
        self._open_line = not text.endswith("\n")
        stream = self._out.stdout
        stream.write(text)
        stream.flush()

    def _end_line(self) -> None:
        if self._open_line:
            self._print("\n")

    def _tell(self, text: str) -> None:
        self._end_line()
        if self._tells:
            self._out.say_styled(self._out.style(f"  {plain(text)}", "dim", stream=self._out.stderr))


def write_exactly(out: Output, text: str) -> None:
    """The text on stdout with one line feed at its end; where no terminal reads it, in UTF-8 to the byte."""
    text = text.rstrip("\n") + "\n"
    binary = None if out.stdout.isatty() else getattr(out.stdout, "buffer", None)
    try:
        if binary is None:
            out.stdout.write(plain(text))
        else:
            binary.write(text.encode("utf-8", "replace"))
        out.stdout.flush()
    except BrokenPipeError:
        # Its reader (`| head -1`) has what it wanted.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  stays for the exit
