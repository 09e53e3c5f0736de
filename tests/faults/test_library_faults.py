"""Ctrl-C in a program that plays a chain as a library: the agent is gone, the run can be gone on with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.faults.held import is_running, until
from tests.support.project import ROOT

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts processes in /proc"),
]

PROGRAM = """
import sys
from llmauto import Chain, Link, Mode, run

agent = sys.argv[1]
links = (
    Link(name="first", backend="command", run=("true",)),
    Link(name="slow", backend="command", run=(sys.executable, agent)),
)
result = run(Chain(name="c", mode=Mode.ONCE, links=links))
print(result.stop_reason, result.calls)
"""


def test_a_keyboard_interrupt_ends_the_call_and_the_next_start_goes_on_there(tmp_path: Path) -> None:
    ledger, project = tmp_path / "ledger", tmp_path / "project"
    (project / ".llmauto").mkdir(parents=True)
    agent = ROOT / "llmauto" / "testing" / "fake_agent.py"
    argv = [sys.executable, "-c", PROGRAM, str(agent)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "FAKE_LEDGER": str(ledger)}
    slow = {**env, "FAKE_STEPS": json.dumps([{"print": "I begin"}, {"sleep": 60}])}
    child = subprocess.Popen(
        argv, cwd=project, env=slow, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        encoding="utf-8",
    )  # fmt: skip
    until(lambda: ledger.exists() and ledger.read_text(encoding="utf-8").endswith("\n"), 20)
    pid = json.loads(ledger.read_text(encoding="utf-8").splitlines()[0])["pid"]
    began = time.monotonic()
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=20)
    assert time.monotonic() - began < 5
    assert err.rstrip().endswith("KeyboardInterrupt")
    assert not is_running(pid)
    status = [sys.executable, "-m", "llmauto", "chain", "status", "c", "--json"]
    found = subprocess.run(status, cwd=project, env=env, capture_output=True, check=True)
    assert json.loads(found.stdout)["stop_reason"] == "interrupted"
    quick = {**env, "FAKE_STEPS": json.dumps([{"print": "done"}])}
    done = subprocess.run(argv, cwd=project, env=quick, capture_output=True, check=True)
    assert done.stdout.split() == [b"completed", b"3"], "first once, slow twice"
