"""What comes on stdin: all of it, or nothing where it stays silent."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

from llmauto.cli import stdin
from llmauto.clock import SystemClock
from llmauto.errors import UsageError
from llmauto.testing.clock import FakeClock


class Pipe:
    """Each end is closed once: a number that was closed may be another file's by then."""

    def __init__(self) -> None:
        read, write = os.pipe()
        self.reader = os.fdopen(read, "rb", buffering=0)
        self.writer = os.fdopen(write, "wb", buffering=0)
        self.fd = read


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    with pipe.reader:  # closed last: a thread that begins late would else read the next test's pipe
        with pipe.writer:
            yield pipe
        for thread in threading.enumerate():
            if thread.name == "stdin":
                thread.join(10)


def test_a_pipe_is_read_to_its_end(pipe: Pipe) -> None:
    pipe.writer.write(b"one ")
    pipe.writer.write(b"two")
    pipe.writer.close()
    assert stdin.read_all(pipe.fd, SystemClock()) == b"one two"


def test_an_open_silent_pipe_is_given_up_after_three_seconds(pipe: Pipe) -> None:
    clock = FakeClock()
    assert stdin.read_all(pipe.fd, clock) is None
    assert clock.monotonic() == stdin.SILENCE_S


def test_a_pipe_that_has_begun_to_speak_is_waited_for(pipe: Pipe) -> None:
    clock = Meanwhile(pipe.writer)
    clock.says(2.0, b"late ")
    clock.says(60.0, b"and later")
    clock.ends(120.0)
    assert stdin.read_all(pipe.fd, clock) == b"late and later"


def test_with_patience_silence_is_waited_out(pipe: Pipe) -> None:
    clock = Meanwhile(pipe.writer)
    clock.says(3600.0, b"made it")
    clock.ends(3601.0)
    assert stdin.read_all(pipe.fd, clock, patient=True) == b"made it"


def test_a_file_is_read_at_once_from_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"line 1\n\xff\xfe\n")
    with (tmp_path / "log").open("rb", buffering=0) as file:
        file.read(5)
        assert stdin.read_all(file.fileno(), FakeClock()) == b"1\n\xff\xfe\n"


def test_a_closed_stdin_says_nothing() -> None:
    assert stdin.read_all(1_000_000, FakeClock()) == b""


def test_what_is_endless_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stdin, "LARGEST", 3 * 1024 * 1024)
    with (
        Path("/dev/zero").open("rb", buffering=0) as endless,
        pytest.raises(UsageError, match="stdin has more than 3 MiB"),
    ):
        stdin.read_all(endless.fileno(), SystemClock())


class Meanwhile(FakeClock):
    """A fake clock, while somebody writes into a pipe; each time until it was really read."""

    def __init__(self, end: IO[bytes]) -> None:
        super().__init__(poll_s=0.5)
        self._end = end
        self._read = threading.Event()

    def says(self, after_s: float, text: bytes) -> None:
        self.after(after_s, lambda: self._do(lambda: self._end.write(text)))

    def ends(self, after_s: float) -> None:
        self.after(after_s, lambda: self._do(self._end.close))

    def wake(self) -> None:
        self._read.set()

    def _do(self, act: Callable[[], object]) -> None:
        self._read.clear()
        act()
        assert self._read.wait(10)
