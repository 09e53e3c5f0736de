"""P11 on a real terminal: Ctrl-C once, twice, three times, a terminal that is closed, and runners behind."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.held import until
from tests.faults.test_kills import Victim

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc who lives"),
]

CTRL_C = b"\x03"
GRACE_S = 1.0
SLACK_S = 1.0 + 1.0
"""Grace + 1 s is promised for the tree; the rest is for the end of the command itself on a busy machine."""

Record = Callable[[str, object], None]


class Terminal:
    """A command that runs at a terminal of its own."""

    def __init__(self, victim: Victim, *words: str) -> None:
        self.shown = b""
        self.pid, self._fd = os.forkpty()
        if self.pid == 0:
            os.chdir(victim.project.folder)
            argv = victim.project.argv(*words)
            os.execve(argv[0], argv, victim.project.env)

    def type(self, keys: bytes) -> None:
        os.write(self._fd, keys)

    def close(self) -> None:
        """Close the window."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def end(self, seconds: float = 20.0) -> int:
        """Read along until it ends; its exit code."""
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up:
            if self._fd >= 0 and select.select([self._fd], [], [], 0.02)[0]:
                with contextlib.suppress(OSError):  # EIO: nobody is at the other end any more
                    self.shown += os.read(self._fd, 65536)
            elif self._fd < 0:
                time.sleep(0.02)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        raise AssertionError(f"it did not end: {self.shown[-2000:]!r}")


@pytest.fixture
def open_terminal() -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(victim: Victim, *words: str) -> Terminal:
        opened.append(Terminal(victim, *words))
        return opened[-1]

    yield start
    for terminal in opened:
        terminal.close()


def at_work(victim: Victim) -> int:
    """Wait until an agent works; its pid."""
    until(lambda: victim.ledger_file.exists() and victim.count("START") == 1, 20.0)
    time.sleep(0.2)
    first: dict[str, Any] = json.loads(victim.ledger_file.read_text(encoding="utf-8").splitlines()[0])
    return int(first["pid"])


def is_there(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return "Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    return False


def status(victim: Victim) -> dict[str, Any]:
    found: dict[str, Any] = victim.project.json("chain", "status", "c")
    return found


def test_p11_ctrl_c_once_says_so_and_stops_after_the_link(
    tmp_path: Path, open_terminal: Callable[..., Terminal]
) -> None:
    victim = Victim(tmp_path, 2, grace_seconds=GRACE_S)
    victim.script({"default": [{"assistant": "begun"}, {"sleep": 1.0}, {"say": "done", "cost": 0.1}]})
    terminal = open_terminal(victim, "chain", "start", "c")
    at_work(victim)
    terminal.type(CTRL_C)
    assert terminal.end() == 130
    assert b"stopping after this link; press Ctrl-C again to stop now" in terminal.shown
    assert victim.count("START") == victim.count("DONE") == 1
    assert (status(victim)["status"], status(victim)["stop_reason"]) == ("STOPPED", "interrupted")
    assert victim.project.run("chain", "start", "c").returncode == 0
    assert victim.count("DONE") == 4, "the next start went on behind the link that was done"


def test_p11_ctrl_c_twice_stops_now(
    tmp_path: Path, open_terminal: Callable[..., Terminal], record_property: Record
) -> None:
    victim = Victim(tmp_path, 2, grace_seconds=GRACE_S)
    victim.script({"default": [{"ignore": ["TERM", "INT", "HUP"]}, {"sleep": 60}]})
    terminal = open_terminal(victim, "chain", "start", "c")
    agent = at_work(victim)
    terminal.type(CTRL_C)
    time.sleep(0.2)
    began = time.monotonic()
    terminal.type(CTRL_C)
    assert terminal.end() == 130
    assert time.monotonic() - began < GRACE_S + SLACK_S
    assert not is_there(agent)
    assert status(victim)["status"] == "STOPPED"
    record_property("seconds to stop now", round(time.monotonic() - began, 2))


def test_p11_ctrl_c_three_times_kills_within_a_second(
    tmp_path: Path, open_terminal: Callable[..., Terminal], record_property: Record
) -> None:
    victim = Victim(tmp_path, 2, grace_seconds=30)
    victim.script({"default": [{"ignore": ["TERM", "INT", "HUP"]}, {"sleep": 60}]})
    terminal = open_terminal(victim, "chain", "start", "c")
    agent = at_work(victim)
    for _ in range(2):
        terminal.type(CTRL_C)
        time.sleep(0.2)
    began = time.monotonic()
    terminal.type(CTRL_C)
    until(lambda: not is_there(agent), 5.0)
    seconds = time.monotonic() - began
    assert seconds < 1.0
    assert terminal.end() == 130
    assert status(victim)["status"] == "STOPPED"
    record_property("seconds to kill", round(seconds, 2))


def test_p11_a_closed_terminal_ends_the_runner_before_it_and_its_agent_in_time(
    tmp_path: Path, open_terminal: Callable[..., Terminal]
) -> None:
    victim = Victim(tmp_path, 2, grace_seconds=GRACE_S)
    victim.script({"default": [{"sleep": 60}]})
    terminal = open_terminal(victim, "chain", "start", "c")
    agent = at_work(victim)
    began = time.monotonic()
    terminal.close()
    assert terminal.end() == 130
    assert time.monotonic() - began < GRACE_S + SLACK_S
    assert not is_there(agent)
    assert (status(victim)["status"], status(victim)["stop_reason"]) == ("STOPPED", "interrupted")


def background(victim: Victim, terminal: Callable[..., Terminal]) -> int:
    """Start it behind, from a terminal that is closed then; the runner's pid."""
    front = terminal(victim, "chain", "start", "c", "--bg")
    assert front.end() == 0, front.shown
    at_work(victim)
    front.close()
    return int(status(victim)["runner"]["pid"])


def test_p11_a_runner_in_the_background_survives_its_terminal_and_a_hangup(
    tmp_path: Path, open_terminal: Callable[..., Terminal]
) -> None:
    victim = Victim(tmp_path, 1, grace_seconds=GRACE_S)
    victim.script({"default": [{"assistant": "begun"}, {"sleep": 1.5}, {"say": "done", "cost": 0.1}]})
    runner = background(victim, open_terminal)
    os.kill(runner, signal.SIGHUP)
    until(lambda: status(victim)["status"] != "RUNNING", 20.0)
    assert status(victim)["stop_reason"] == "max_rounds"
    assert victim.count("START") == victim.count("DONE") == 2


def test_p11_a_runner_in_the_background_ends_properly_on_term(
    tmp_path: Path, open_terminal: Callable[..., Terminal]
) -> None:
    victim = Victim(tmp_path, 1, grace_seconds=GRACE_S)
    victim.script({"default": [{"sleep": 60}]})
    runner = background(victim, open_terminal)
    began = time.monotonic()
    os.kill(runner, signal.SIGTERM)
    until(lambda: not is_there(runner), 20.0)
    assert time.monotonic() - began < GRACE_S + SLACK_S
    assert (status(victim)["status"], status(victim)["stop_reason"]) == ("STOPPED", "interrupted")


def test_p11_a_runner_in_the_background_hears_no_ctrl_c_of_the_terminal_it_came_from(
    tmp_path: Path, open_terminal: Callable[..., Terminal]
) -> None:
    victim = Victim(tmp_path, 1)
    victim.script({"default": [{"assistant": "begun"}, {"sleep": 1.0}, {"say": "done", "cost": 0.1}]})
    shell = open_terminal(victim, "chain", "start", "c", "--bg")
    at_work(victim)
    with contextlib.suppress(OSError):
        shell.type(CTRL_C)
    shell.end()
    until(lambda: victim.count("DONE") == 2, 20.0)
    until(lambda: status(victim)["stop_reason"] == "max_rounds", 20.0)


def test_p11_three_interrupts_of_a_runner_without_a_terminal_kill_as_well(tmp_path: Path) -> None:
    victim = Victim(tmp_path, 1, grace_seconds=30)
    victim.script({"default": [{"ignore": ["TERM", "INT"]}, {"sleep": 60}]})
    runner = victim.begin()
    agent = at_work(victim)
    for _ in range(3):
        runner.send_signal(signal.SIGINT)
        time.sleep(0.2)
    with contextlib.suppress(subprocess.TimeoutExpired):
        runner.communicate(timeout=10)
    assert runner.returncode == 130
    assert not is_there(agent)
