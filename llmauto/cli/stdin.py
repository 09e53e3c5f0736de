"""What does stdin have to say? All of it, or nothing where it stays silent."""

from __future__ import annotations

import os
import stat
import threading
from typing import Protocol

from llmauto.errors import UsageError
from llmauto.rules.text import human_bytes

SILENCE_S = 3.0
"""A pipe that says nothing for so long is given up: nobody may be there to say anything."""

LARGEST = 64 * 1024 * 1024
"""Bytes that are read at the most; what a backend takes is less."""

_AT_ONCE = 1024 * 1024


class Waits(Protocol):
    """A clock whose pauses can be ended from another thread."""

    poll_s: float

    def monotonic(self) -> float:
        """Seconds from some start; never back."""

    def pause(self, seconds: float) -> None:
        """Block for `seconds`, or until `wake`."""

    def wake(self) -> None:
        """End the pause that is on, or else the next one."""


def is_terminal(fd: int) -> bool:
    """Whether a person sits there."""
    try:
        return os.isatty(fd)
    except OSError:
        return False


def read_all(fd: int, clock: Waits, *, patient: bool = False) -> bytes | None:
    """What comes on `fd` to its end; None where nothing does within `SILENCE_S`. A closed one is empty.

    With `patient` the first byte is waited for as long as it takes. Raises `UsageError` where there is
    more than `LARGEST`, or it cannot be read.
    """
    try:
        if stat.S_ISREG(os.fstat(fd).st_mode):
            return _Reading(fd, clock).read_here()
    except OSError:
        return b""
    reading = _Reading(fd, clock)
    # A thread, since a pipe cannot be polled on Windows; it is left behind where the pipe stays silent.
    threading.Thread(target=reading.read, name="stdin", daemon=True).start()
    return reading.result(None if patient else SILENCE_S)


class _Reading:
    """Reads a file descriptor in a thread of its own, past Python's buffers, which an exit would wait for."""

    def __init__(self, fd: int, clock: Waits) -> None:
        self._fd = fd
        self._clock = clock
        self._parts: list[bytes] = []
        self._error = ""
        self._spoke = threading.Event()
        self._over = threading.Event()

    def read_here(self) -> bytes:
        self.read()
        return self._whole()

    def read(self) -> None:
        size = 0
        try:
            while size <= LARGEST and (data := os.read(self._fd, _AT_ONCE)):
                self._parts.append(data)
                size += len(data)
                self._spoke.set()
                self._clock.wake()
            if size > LARGEST:
                self._error = f"stdin has more than {human_bytes(LARGEST)}"
        except OSError as error:
            self._error = f"stdin cannot be read: {(error.strerror or str(error)).lower()}"
        self._over.set()
        self._spoke.set()
        self._clock.wake()

    def result(self, silence_s: float | None) -> bytes | None:
        clock = self._clock
        give_up_at = None if silence_s is None else clock.monotonic() + silence_s
        while not self._spoke.is_set():
            left = clock.poll_s if give_up_at is None else give_up_at - clock.monotonic()
            if left <= 0:
                return None
            clock.pause(min(left, clock.poll_s))
        while not self._over.is_set():
            clock.pause(clock.poll_s)
        return self._whole()

    def _whole(self) -> bytes:
        if self._error:
            raise UsageError(self._error, hint="put it into a file, and name the file in the prompt")
        return b"".join(self._parts)
