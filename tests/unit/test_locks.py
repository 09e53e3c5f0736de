from __future__ import annotations

import errno
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmauto import locks
from llmauto.errors import BusyError, DiskError, LlmautoError
from llmauto.locks import Holder, RunnerLock, holder

posix = pytest.mark.skipif(sys.platform == "win32", reason="flock, links and modes as POSIX has them")
ME = {"pid": os.getpid(), "host": "here", "run": "r1"}


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "RETRY_S", 0.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls" / ".locks" / "my.chain.lock"


HOLD = """
import sys, time
from pathlib import Path
from llmauto.locks import RunnerLock
lock = RunnerLock.acquire(Path(sys.argv[1]), {"pid": 12345, "host": "there", "run": "r7"})
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until it is killed."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    yield child
    child.kill()
    child.communicate()


def test_a_lock_is_held_until_it_is_released(path: Path) -> None:
    with RunnerLock.acquire(path, ME) as lock:
        found = holder(path)
        assert found is not None
        assert (found.pid, found.host, found.run) == (os.getpid(), "here", "r1")
        assert abs(found.since - time.time()) < 60
        lock.beat()
    assert holder(path) is None
    assert path.exists()
    RunnerLock.acquire(path, ME).release()


def test_looking_makes_no_file(path: Path) -> None:
    assert holder(path) is None
    assert not path.parent.exists()


def test_a_second_runner_is_told_who_where_and_since_when(path: Path, other: subprocess.Popen[str]) -> None:
    with pytest.raises(BusyError) as caught:
        RunnerLock.acquire(path, ME)
    assert caught.value.exit_code == 75
    year = time.strftime("%Y-")
    assert f"chain `my.chain` is running already: process 12345 on there, since {year}" in str(caught.value)
    assert "run r7" in str(caught.value)
    assert "llmauto chain stop my.chain" in (caught.value.hint or "")


def test_a_killed_runner_leaves_nothing_that_has_to_be_removed(
    path: Path, other: subprocess.Popen[str]
) -> None:
    assert holder(path) == Holder(12345, "there", *read(path), path.stat().st_mtime)
    other.send_signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
    other.wait()
    assert holder(path) is None
    RunnerLock.acquire(path, ME).release()


def read(path: Path) -> tuple[float, str]:
    data = json.loads(path.read_text(encoding="utf-8"))
    return data["since"], data["run"]


@posix
def test_no_child_keeps_the_lock(path: Path) -> None:
    lock = RunnerLock.acquire(path, ME)
    child = subprocess.Popen(
        [sys.executable, "-c", "print(1, flush=True); input()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=False,
    )  # fmt: skip
    try:
        assert child.stdout is not None
        child.stdout.readline()  # it runs its own program by now, and has closed what is not for it
        lock.release()
        RunnerLock.acquire(path, ME).release()
    finally:
        child.communicate(b"\n")


@posix
def test_who_only_looks_is_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    RunnerLock.acquire(path, ME).release()
    fd = os.open(path, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_SH)
    monkeypatch.setattr(locks, "RETRY_S", 5.0)
    monkeypatch.setattr(locks, "_wait", lambda _: fcntl.flock(fd, fcntl.LOCK_UN))
    RunnerLock.acquire(path, ME).release()
    os.close(fd)


@pytest.mark.parametrize("text", ["", "abc", "{}", "[1]", '{"pid": null}', '{"pid": 1e999}', "\0" * 50])
def test_whatever_is_written_in_it_the_lock_decides(path: Path, text: str) -> None:
    with RunnerLock.acquire(path, ME):
        path.write_text(text, encoding="utf-8")
        found = holder(path)
        assert found is not None
        assert found.pid == 0
        with pytest.raises(BusyError, match="another process"):
            RunnerLock.acquire(path, ME)
    path.write_text(text, encoding="utf-8")
    assert holder(path) is None
    RunnerLock.acquire(path, ME).release()


def test_a_silent_holder_is_shown_as_such(path: Path) -> None:
    with RunnerLock.acquire(path, ME) as lock:
        os.utime(path, (1000, 1000))
        with pytest.raises(BusyError, match="no sign of life for"):
            RunnerLock.acquire(path, ME)
        lock.beat()
        with pytest.raises(BusyError) as caught:
            RunnerLock.acquire(path, ME)
        assert "sign of life" not in str(caught.value)


@posix
def test_a_lock_file_that_an_agent_removed_is_made_again(path: Path) -> None:
    with RunnerLock.acquire(path, ME) as lock:
        path.unlink()
        path.parent.rmdir()
        lock.beat()
        with pytest.raises(BusyError):
            RunnerLock.acquire(path, ME)
    assert holder(path) is None


@posix
def test_lock_and_folder_are_private(path: Path) -> None:
    old = os.umask(0)
    try:
        RunnerLock.acquire(path, ME).release()
    finally:
        os.umask(old)
    assert [stat.S_IMODE(p.stat().st_mode) for p in (path, path.parent)] == [0o600, 0o700]


@posix
def test_a_linked_lock_is_refused(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir(parents=True)
    (tmp_path / "outside").write_text("mine", encoding="utf-8")
    path.symlink_to(tmp_path / "outside")
    with pytest.raises(DiskError, match="symbolic link"):
        RunnerLock.acquire(path, ME)
    assert holder(path) is None
    assert (tmp_path / "outside").read_text(encoding="utf-8") == "mine"


def test_a_disk_without_locks_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(fd: int, *, shared: bool) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(locks, "_lock", none)
    with pytest.raises(LlmautoError, match="cannot lock files") as caught:
        RunnerLock.acquire(path, ME)
    assert "--home" in (caught.value.hint or "")
