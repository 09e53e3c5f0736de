"""The machine is kept awake by what its system has, and nothing hangs on that."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llmauto.awake import helper, kept_awake

posix = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the helper of Linux")


def program(folder: Path, name: str, script: str = "exit 0") -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@posix
def test_linux_holds_sleep_and_idleness_for_as_long_as_a_pipe_is_open(tmp_path: Path) -> None:
    for name in ("systemd-inhibit", "cat"):
        program(tmp_path, name)
    argv = helper({"PATH": str(tmp_path)}, "chain x", "linux", 7)
    assert argv[0] == str(tmp_path / "systemd-inhibit")
    assert "--what=sleep:idle" in argv
    assert "--why=chain x" in argv
    assert argv[-1] == str(tmp_path / "cat")


@posix
def test_macos_holds_it_for_as_long_as_our_process_lives(tmp_path: Path) -> None:
    program(tmp_path, "caffeinate")
    argv = helper({"PATH": str(tmp_path)}, "chain x", "darwin", 7)
    assert argv == (str(tmp_path / "caffeinate"), "-i", "-w", "7")


def test_where_there_is_no_helper_nothing_is_started(tmp_path: Path) -> None:
    for system in ("linux", "darwin", "freebsd14"):
        assert helper({"PATH": str(tmp_path)}, "chain x", system, 7) == ()


@posix
def test_the_helper_is_there_within_and_gone_after(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    (tmp_path / "cat").symlink_to("/bin/cat")
    program(tmp_path, "systemd-inhibit", f'echo "$@" > {seen}; while [ $# -gt 1 ]; do shift; done; "$1"')
    with kept_awake(True, {"PATH": str(tmp_path)}, "chain x"):
        end = time.monotonic() + 5
        while not (seen.exists() and seen.read_text(encoding="utf-8")):
            assert time.monotonic() < end
        assert "--who=llmauto" in seen.read_text(encoding="utf-8")
        assert alive(tmp_path)
    assert not alive(tmp_path)


@posix
def test_the_helper_is_given_no_token_that_an_agent_could_read_there(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    (tmp_path / "cat").symlink_to("/bin/cat")
    program(tmp_path, "systemd-inhibit", f"export -p > {seen}.new; mv {seen}.new {seen}; exec cat")
    environ = {"PATH": f"{tmp_path}:{os.defpath}", "XDG_RUNTIME_DIR": "/run/user/7", "BOT_TOKEN": "12345:x"}
    with kept_awake(True, environ, "chain x"):
        end = time.monotonic() + 5
        while not seen.exists():
            assert time.monotonic() < end
    told = seen.read_text(encoding="utf-8")
    assert "/run/user/7" in told
    assert "BOT_TOKEN" not in told


@posix
@pytest.mark.parametrize("script", ["exit 1", "exec sleep 0", "kill -9 $$"])
def test_a_helper_that_fails_stops_nothing(tmp_path: Path, script: str) -> None:
    program(tmp_path, "systemd-inhibit", script)
    program(tmp_path, "cat")
    with kept_awake(True, {"PATH": str(tmp_path)}, "chain x"):
        pass


@posix
def test_a_helper_that_fails_at_once_is_no_zombie_while_the_chain_runs(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    program(tmp_path, "systemd-inhibit", f"echo $$ > {seen}.new; mv {seen}.new {seen}; exit 1")
    for name in ("cat", "mv"):
        (tmp_path / name).symlink_to(f"/bin/{name}")
    with kept_awake(True, {"PATH": str(tmp_path)}, "chain x"):
        end = time.monotonic() + 5
        while not seen.exists() or is_there(int(seen.read_text(encoding="utf-8"))):
            assert time.monotonic() < end


@posix
def test_where_it_is_not_wanted_nothing_is_started(tmp_path: Path) -> None:
    program(tmp_path, "systemd-inhibit", f"touch {tmp_path / 'seen'}")
    program(tmp_path, "cat")
    with kept_awake(False, {"PATH": str(tmp_path)}, "chain x"):
        pass
    assert not (tmp_path / "seen").exists()


def alive(folder: Path) -> bool:
    """Whether a process runs whose command line names this folder."""
    done = subprocess.run(["ps", "-eo", "args"], capture_output=True, encoding="utf-8", check=True)
    return any(str(folder) in line for line in done.stdout.splitlines())


def is_there(pid: int) -> bool:
    """Whether there is such a process, be it a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
