"""What did this process get: Ctrl-C once, twice, three times, TERM, a closed terminal?"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

AFTER_LINK, NOW, KILL = 1, 2, 3


class SignalInterrupts:
    """The `Interrupts` of this process: install it once, in the main thread.

    Ctrl-C asks for a stop after the link, the second for one now, the third for a kill at once; where
    nothing comes after the call (`after_link` false) the first one is for now already. TERM (and HUP of a
    foreground runner) is a stop now. `wake` is called in the handler, so that a pause ends.
    """

    def __init__(
        self,
        wake: Callable[[], None],
        *,
        ignore_hangup: bool,
        say: Callable[[str], None],
        after_link: bool = True,
    ) -> None:
        self._level = 0
        self._wake = wake
        self._say = say
        self._ignore_hangup = ignore_hangup
        self._first = AFTER_LINK if after_link else NOW
        self._terminals: list[int] = []

    def level(self) -> int:
        """0 none · 1 stop after the link · 2 stop now · 3 kill at once."""
        return self._level

    def install(self) -> None:
        """Take the signals over from Python's defaults."""
        signal.signal(signal.SIGINT, self._interrupted)
        signal.signal(signal.SIGTERM, self._ended)
        if sys.platform == "win32":
            signal.signal(signal.SIGBREAK, self._ended)
        else:
            self._terminals = [fd for fd in (0, 1, 2) if os.isatty(fd)]
            signal.signal(signal.SIGHUP, signal.SIG_IGN if self._ignore_hangup else self._hung_up)

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        self._raise_to(min(KILL, self._level + 1) if self._level else self._first)

    def _hung_up(self, number: int, frame: FrameType | None) -> None:
        """A terminal that was closed fails every write; the run has still to be ended well."""
        for fd in self._terminals:
            if not os.isatty(fd):
                nothing = os.open(os.devnull, os.O_RDWR)
                os.dup2(nothing, fd)
                os.close(nothing)
        self._ended(number, frame)

    def _ended(self, number: int, frame: FrameType | None) -> None:
        self._raise_to(KILL if self._level >= NOW else NOW)

    def _raise_to(self, level: int) -> None:
        self._level = level
        self._say(
            {
                AFTER_LINK: "stopping after this link; press Ctrl-C again to stop now",
                NOW: "stopping now; press Ctrl-C again to kill the agent at once",
                KILL: "killing the agent",
            }[level]
        )
        self._wake()


class NoInterrupts:
    """For a library call or a rehearsal: signals are the caller's."""

    def level(self) -> int:
        """Always 0."""
        return 0
