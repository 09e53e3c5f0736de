"""S1: the runner is killed at every single durable operation in turn, and goes on as if nothing had been."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.test_kills import Victim
from tests.support.project import ROOT

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="kills by signal"),
]
EVERY = int(os.environ.get("LLMAUTO_CRASH_STEP", "4"))
"""Each n-th operation only, in the quick part; 1 is all of them."""


def _start(victim: Victim, fatal: int, count: Path) -> subprocess.CompletedProcess[str]:
    runner = str(ROOT / "tests" / "support" / "crash_runner.py")
    return subprocess.run(
        [sys.executable, runner, str(fatal), str(count), "chain", "start", "c"],
        cwd=victim.project.folder, env=victim.project.env, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip


def test_s1_a_kill_at_each_durable_operation_costs_nothing_and_needs_no_repair(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    count = tmp_path / "count"
    whole = Victim(tmp_path / "whole", 1)
    assert _start(whole, 0, count).returncode == 0
    points = int(count.read_text(encoding="utf-8"))
    assert points > 20
    for fatal in range(1, points + 1, EVERY):
        victim = Victim(tmp_path / str(fatal), 1)
        first = _start(victim, fatal, count)
        assert first.returncode in (-9, 0), first.stderr
        again = victim.project.run("chain", "start", "c")
        assert again.returncode == 0, (fatal, again.stderr)
        # Where the run had ended before the kill, the second start was a run of its own.
        runs = len(victim.project.json("chain", "runs", "c"))
        assert victim.count("DONE") == victim.count("START") == 2 * runs, fatal
        assert "Traceback" not in first.stderr + again.stderr
    record_property("durable operations, killed at", f"{points}, {len(range(1, points + 1, EVERY))}")
