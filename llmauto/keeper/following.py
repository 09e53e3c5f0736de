"""Follows a call that a keeper holds: its end, its output, and an early end where one is wished.

Nothing in here waits without a bound, also where the keeper itself was stopped or hangs: past all its
limits the runner ends it and sweeps.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from time import monotonic, time
from types import ModuleType

from llmauto.keeper import lock, output, records
from llmauto.keeper.child.clock import ActiveClock
from llmauto.keeper.child.folder import Folder
from llmauto.keeper.child.result import NAME as RESULT
from llmauto.keeper.values import Ended

ADOPTED_POLL_S = 0.05
"""Seconds between two looks at the lock of a keeper that is not our child."""
SLICE_S = 1.0
"""Seconds of one wait, after which the bounds are looked at."""
OVERDUE_S = 2.0
"""Seconds past the keeper's own grace after which the runner sees to the end itself (fault table)."""
_LATE_S = 5.0
_SEVERITY = {"": 0, "stop": 1, "stall": 1, "budget": 1, "kill": 2}


class Link(ABC):
    """What joins the runner to a keeper that it started. `said` is what came over it: the result."""

    __slots__ = ("said",)

    def __init__(self) -> None:
        self.said = b""

    @abstractmethod
    def has_hung_up(self, wait_s: float) -> bool:
        """Wait up to `wait_s` seconds for the keeper's end."""

    @abstractmethod
    def tell(self, how: str) -> None:
        """Wake the keeper with a wish for an early end."""

    @abstractmethod
    def kill(self) -> None:
        """End the keeper at once."""

    @abstractmethod
    def close(self) -> None:
        """Let go: the keeper then takes the runner for gone."""


class KeptCall:
    """A call in its folder. `adopted`: it was begun by an earlier runner. `bounds` are those of its launch,
    read from the folder where they are not known.

    One that is let go of before its end is, to its keeper, one whose runner is gone.
    """

    def __init__(
        self,
        folder: Path,
        *,
        link: Link | None = None,
        ended: Ended | None = None,
        bounds: records.Bounds | None = None,
    ) -> None:
        self.adopted = link is None
        self.folder = folder
        self._link = link
        self._ended = ended
        self._wish = ""
        self._overdue_at = 0.0
        self._clock = ActiveClock(monotonic())
        self._place: Folder | None = None
        self._bounds = bounds or records.Bounds()
        self._reader: output.Reader | None = None
        with contextlib.suppress(OSError):
            self._place = Folder(os.fsencode(folder))
            self._bounds = bounds or records.bounds(self._place)
            self._reader = output.Reader(self._place, "stdout", self._bounds.output_cap)

    # --- the end ---------------------------------------------------------------------------------

    def poll(self, timeout_s: float) -> Ended | None:
        """Wait up to `timeout_s` seconds for the end: that of the agent, of all it started, of the keeper.

        Where the keeper died without a result, what it left is swept first, and the call is "lost".
        """
        until = monotonic() + timeout_s
        while self._ended is None:
            left = max(0.0, until - monotonic())
            if self._is_gone(min(left, SLICE_S)):
                self._conclude()
            elif self._is_overdue():
                self._force()
            elif monotonic() >= until:
                break
        return self._ended

    def _is_gone(self, wait_s: float) -> bool:
        if self._link is not None:
            return self._link.has_hung_up(wait_s)
        if self._place is None or not lock.is_held(self._place):
            return True
        threading.Event().wait(min(wait_s, ADOPTED_POLL_S))
        return not lock.is_held(self._place)

    def _conclude(self) -> None:
        place = self._place
        # what the keeper said before it wrote it: it also holds where no file could be written
        said = self._link.said.partition(b"\n")[0] if self._link else b""
        result = records.ended(said) or (records.result(place) if place else None)
        self._ended = result or self._lost()
        self._drop_link()

    def _lost(self) -> Ended:
        place = self._place
        notes = records.notes(place) if place else None
        survivors = sweep(place) if place else 0
        if place is None or notes is None:
            said = (place.read("keeper.log") if place else None) or b""
            why = said.decode("utf-8", "replace").strip().rpartition("\n")[2] or "it ended at once"
            return Ended(exit_code=None, ended_by="not_started", error=f"keeper: {why}")
        return Ended(
            exit_code=None,
            ended_by=self._wish or "lost",
            error="its keeper was killed",
            started_at=notes.started_at,
            seconds=max(0.0, time() - notes.started_at),
            stdout_bytes=output.kept_bytes(place, "stdout", self._bounds.output_cap),
            stderr_bytes=output.kept_bytes(place, "stderr", self._bounds.output_cap),
            survivors=survivors,
        )

    # --- an early end ----------------------------------------------------------------------------

    def end(self, how: str) -> None:
        """Ask the keeper for an early end: "stop", "budget", "stall" (TERM, grace, KILL) or "kill" (at once).

        Returns at once. A wish that is no harsher than an earlier one changes nothing.
        """
        if self._ended is not None or _SEVERITY.get(how, 1) <= _SEVERITY.get(self._wish, 1):
            return
        self._wish = how
        grace_s = 0.0 if how == "kill" else self._bounds.grace_s
        self._overdue_at = self._clock.look(monotonic()) + grace_s + OVERDUE_S
        written = self._write_flag(how)
        if self._link is not None:
            self._link.tell(how)
        elif not written and self._place is not None:
            _sweeping().signal_keeper(self._place, signal.SIGTERM)

    def _write_flag(self, how: str) -> bool:
        try:
            if self._place is not None:
                self._place.write(records.FLAG, how.encode() + b"\n")
                return True
        except OSError:  # no room, or the folder is gone
            pass
        return False

    def _is_overdue(self) -> bool:
        lived = self._clock.look(monotonic())
        if not self._overdue_at and self._has_had_its_say():
            self._overdue_at = lived + OVERDUE_S  # it has said its last word, and has only to go
        if self._overdue_at:
            return lived > self._overdue_at
        bounds = self._bounds
        return 0 < bounds.timeout_s < lived - bounds.grace_s - OVERDUE_S - _LATE_S

    def _has_had_its_say(self) -> bool:
        if self._link is not None:
            return bool(self._link.said)
        return self._place is not None and self._place.read(RESULT, 1) is not None

    def _force(self) -> None:
        """The keeper did not do it in its time: wake it, if it is stopped; then end it, then its guard."""
        if self._place is not None:
            _sweeping().wake_keeper(self._place)
            if self._is_gone(_LATE_S):
                return self._conclude()
            _sweeping().kill_keeper(self._place)
            if self._is_gone(_LATE_S):
                return self._conclude()
        if self._link is not None:
            self._link.kill()
            self._link.has_hung_up(_LATE_S)
        return self._conclude()

    # --- output ----------------------------------------------------------------------------------

    def read_new(self) -> bytes:
        """What the agent wrote to stdout since the last time, up to 1 MiB of it. Never blocks.

        Where bytes were dropped, a line end stands for them, so that two halves never become one line.
        """
        data = self._reader.read() if self._reader else b""
        return b"\n" if isinstance(data, output.Gap) else data

    def stdout_lines(self) -> Iterator[bytes]:
        """All kept lines of stdout without their ends.

        A line over 16 MiB comes as an empty one; one empty line also stands where bytes were dropped,
        in place of them and of the two halves of lines beside them.
        """
        return output.lines(self._place, "stdout", self._bounds.output_cap) if self._place else iter(())

    def stderr_tail(self, limit: int = 64 * 2**10) -> bytes:
        """The last bytes of stderr."""
        return output.tail(self._place, "stderr", self._bounds.output_cap, limit) if self._place else b""

    def close(self) -> None:
        """Let go of the open files; a keeper that lives goes on as if the runner were gone."""
        self._drop_link()
        if self._reader:
            self._reader.close()
            self._reader = None
        if self._place:
            self._place.close()
            self._place = None

    def _drop_link(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # at the end of the interpreter anything may be missing
            self.close()


def _sweeping() -> ModuleType:
    """What ends the leftovers of a dead keeper; only then is it needed."""
    name = "sweeping_windows" if sys.platform == "win32" else "sweeping"
    return import_module(f"llmauto.keeper.{name}")


def sweep(folder: Folder) -> int:
    """End what a dead keeper left; the number of processes that had to be killed."""
    killed: int = _sweeping().sweep(folder)
    return killed
