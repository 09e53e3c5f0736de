"""What may happen to a `pipe` from outside: Ctrl-C, kill -9, a reader that goes, a home that is no home."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from llmauto.journal.sqlite import SqliteJournal
from llmauto.ports import RunSummary
from tests.faults.held import is_running, until
from tests.support.project import ROOT, Project

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts processes in /proc"),
]


class Asked:
    """A home whose `claude` plays these steps, and a pipe that is under way in it."""

    def __init__(self, root: Path, *steps: dict[str, Any]) -> None:
        (root / "repo" / ".llmauto").mkdir(parents=True)
        keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self.project = Project(root / "repo", keep)
        self.ledger = root / "ledger"
        self.project.env |= {
            "LLMAUTO_CLAUDE_PATH": str(ROOT / "llmauto" / "testing" / "fake_agent.py"),
            "FAKE_STEPS": json.dumps(steps), "FAKE_LEDGER": str(self.ledger),
        }  # fmt: skip

    def agents(self) -> list[int]:
        """The pids of all agents that were begun."""
        if not self.ledger.exists():
            return []
        lines = map(json.loads, self.ledger.read_text(encoding="utf-8").splitlines())
        return [line["pid"] for line in lines if line["event"] == "START"]

    @contextmanager
    def pipe(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        with self.project.started("pipe", "x", *words) as child:
            until(self.agents, 20)
            yield child

    def runs(self) -> list[RunSummary]:
        with SqliteJournal.open(self.project.folder / ".llmauto" / "journal.db", readonly=True) as journal:
            return list(journal.runs(""))

    def spent(self) -> tuple[float, int]:
        with SqliteJournal.open(self.project.folder / ".llmauto" / "journal.db", readonly=True) as journal:
            return journal.spent_since(0.0)


def test_ctrl_c_ends_the_agent_within_its_grace_and_is_exit_130(tmp_path: Path) -> None:
    asked = Asked(tmp_path, {"assistant": "I begin."}, {"sleep": 60}, {"say": "too late"})
    with asked.pipe() as child:
        began = time.monotonic()
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=20)
    assert (child.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert "error: stopped" in err
    assert time.monotonic() - began < 5
    assert not is_running(asked.agents()[0])
    run = asked.runs()[0]
    assert (run.stop_reason, run.exit_code, run.unknown_costs) == ("interrupted", 130, 1)


def test_ctrl_c_twice_kills_an_agent_that_is_deaf_to_the_first(tmp_path: Path) -> None:
    asked = Asked(tmp_path, {"ignore": ["TERM", "INT"]}, {"assistant": "deaf"}, {"sleep": 60})
    with asked.pipe() as child:
        # Deaf only once it has said so: before, the first signal would do.
        stdout = next((asked.project.folder / ".llmauto" / "calls").glob("2*/0001-pipe")) / "stdout"
        until(lambda: stdout.exists() and b"deaf" in stdout.read_bytes())
        child.send_signal(signal.SIGINT)
        time.sleep(0.3)
        began = time.monotonic()
        child.send_signal(signal.SIGINT)
        assert child.wait(20) == 130
        assert time.monotonic() - began < 3
    assert not is_running(asked.agents()[0])


def test_a_kill_of_the_pipe_ends_its_agent_and_the_next_pipe_writes_it_down(tmp_path: Path) -> None:
    asked = Asked(tmp_path, {"assistant": "I begin."}, {"sleep": 60}, {"say": "too late"})
    with asked.pipe() as child:
        child.kill()
        child.wait(10)
    until(lambda: not is_running(asked.agents()[0]), 15)
    assert asked.runs()[0].status == "RUNNING"
    asked.project.env["FAKE_STEPS"] = json.dumps([{"say": "yes", "cost": 0.1}])
    done = asked.project.run("pipe", "again")
    assert (done.returncode, done.stdout) == (0, "yes\n"), done.stderr
    newest, killed = asked.runs()
    assert (newest.status, killed.status, killed.message) == (
        "COMPLETED",
        "STOPPED",
        "its process was killed",
    )
    assert asked.spent() == (0.1, 1)


def test_a_pipe_that_is_under_way_is_not_taken_for_a_killed_one(tmp_path: Path) -> None:
    asked = Asked(tmp_path, {"assistant": "I begin."}, {"wait_for": str(tmp_path / "go")}, {"say": "yes"})
    with asked.pipe() as child:
        (tmp_path / "go").touch()
        assert asked.project.run("pipe", "beside it").returncode == 0
        assert child.wait(20) == 0
    assert [run.status for run in asked.runs()] == ["COMPLETED", "COMPLETED"]


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_reader_that_has_gone_is_no_error(tmp_path: Path, words: tuple[str, ...]) -> None:
    asked = Asked(tmp_path, {"say": "yes"})
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        asked.project.argv("pipe", "x", *words), cwd=asked.project.folder, env=asked.project.env,
        stdin=subprocess.DEVNULL, stdout=write, stderr=subprocess.PIPE, check=False, timeout=30,
    )  # fmt: skip
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")
    assert asked.runs()[0].status == "COMPLETED"


def test_nothing_is_paid_for_where_the_call_cannot_be_written_down(tmp_path: Path) -> None:
    asked = Asked(tmp_path, {"say": "yes"})
    (asked.project.folder / ".llmauto" / "calls").symlink_to(tmp_path)
    done = asked.project.run("pipe", "x")
    assert (done.returncode, done.stdout) == (1, "")
    assert "hint: " in done.stderr
    assert not asked.agents()
