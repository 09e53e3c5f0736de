"""S1, C1, C2, P4, S2: runners killed at any moment, started at once, read from while they write.

`LLMAUTO_KILLS=1000` makes the whole of it; without it a quick part runs. The money is read from the fake
agent's ledger, which lies outside of everything that is tested.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmauto.testing import fake_agent
from tests.faults.scale import KILLS, pick
from tests.support.project import ROOT, Project

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="kills by /proc and flock"),
]

Record = Callable[[str, object], None]
FAKE = Path(fake_agent.__file__)


class Victim:
    """A chain of quick paid calls whose runner is killed again and again."""

    def __init__(self, folder: Path, rounds: int, **keys: Any) -> None:
        FAKE.chmod(FAKE.stat().st_mode | 0o100)
        self.ledger_file = folder / "ledger"
        scenario = {"default": [{"assistant": "begun"}, {"sleep": 0.05}, {"say": "done", "cost": 0.1}]}
        env = {
            **os.environ, "LLMAUTO_CLAUDE_PATH": str(FAKE), "FAKE_LEDGER": str(self.ledger_file),
            "FAKE_SCENARIO": str(folder / "scenario.json"), "LLMAUTO_HOME": str(folder / "repo"),
        }  # fmt: skip
        self.scenario_file = folder / "scenario.json"
        self.project = Project(folder / "repo", env)
        self.script(scenario)
        links = [{"name": name, "prompt": "Do the work."} for name in ("worker", "reviewer")]
        keys = {"mode": "loop", "max_rounds": rounds, "breakers": {"no_progress": 0}, "links": links} | keys
        self.project.chain("c", **keys)
        self.errors = ""

    def script(self, scenario: dict[str, Any]) -> None:
        """What the calls do."""
        self.scenario_file.write_text(json.dumps(scenario), encoding="utf-8")

    def begin(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.project.argv("chain", "start", "c"), cwd=self.project.folder, env=self.project.env,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def keepers(self) -> list[int]:
        """The keepers that may live, by their calls' notes."""
        pids = []
        for path in (self.project.folder / "calls").glob("*/*/keeper.json"):
            with contextlib.suppress(OSError, ValueError, KeyError):
                notes = json.loads(path.read_text(encoding="utf-8"))
                stat = Path(f"/proc/{notes['keeper']}/stat").read_text(encoding="utf-8")
                if int(stat.rsplit(")", 1)[1].split()[19]) == notes["keeper_start"]:
                    pids.append(notes["keeper"])
        return pids

    def said(self) -> bool:
        """Whether an agent has said anything yet."""
        return any(path.stat().st_size for path in (self.project.folder / "calls").glob("*/*/stdout"))

    def torment(self, kills: int, dice: random.Random, *, keeper_too: bool) -> int:
        """Start and kill, over as many runs as it takes, then let the last run end well; the kills."""
        done = 0
        while True:
            runner = self.begin()
            try:
                runner.wait(dice.uniform(0.05, 0.5) if done < kills else 120)
            except subprocess.TimeoutExpired:
                victims = [runner.pid, *(self.keepers() if keeper_too else [])]
                dice.shuffle(victims)
                for pid in victims:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                done += 1
            _, err = runner.communicate()
            self.errors += err
            assert runner.returncode in (0, -signal.SIGKILL), err
            if runner.returncode == 0 and done >= kills:
                return done

    def runs(self) -> int:
        """How many runs there were: after a kill in the very end of one, the next start begins another."""
        return len(self.project.json("chain", "runs", "c"))

    def count(self, event: str) -> int:
        lines = self.ledger_file.read_text(encoding="utf-8").splitlines()
        return sum(json.loads(line)["event"] == event for line in lines)


def test_s1_a_runner_killed_at_any_moment_loses_nothing_and_repeats_nothing(
    tmp_path: Path, record_property: Record
) -> None:
    rounds = 12
    victim = Victim(tmp_path, rounds)
    kills = victim.torment(KILLS, random.Random(11), keeper_too=False)
    paid = 2 * rounds * victim.runs()
    assert kills == KILLS
    assert victim.count("DONE") == paid, "every paid call counts once"
    assert victim.count("START") == paid, "none is begun twice"
    assert "Traceback" not in victim.errors
    assert victim.project.json("chain", "status", "c")["stop_reason"] == "max_rounds"
    record_property("kills of the runner", kills)
    record_property("paid calls, lost, repeated", f"{paid}, 0, 0")


def test_s1_runner_and_keeper_killed_together_repeat_no_call_that_had_ended(
    tmp_path: Path, record_property: Record
) -> None:
    rounds = 12
    victim = Victim(tmp_path, rounds)
    kills = victim.torment(max(10, KILLS // 5), random.Random(12), keeper_too=True)
    paid = 2 * rounds * victim.runs()
    again = victim.count("DONE") - paid
    assert again == 0, "every paid call counts once"
    assert victim.count("START") <= paid + kills, "at most one rerun for each kill"
    assert "Traceback" not in victim.errors
    record_property("kills of runner and keeper", kills)
    record_property("paid calls, lost, repeated although ended", f"{paid}, 0, {again}")
    record_property("reruns of calls that were cut", victim.count("START") - paid - again)


def test_p4_with_the_policy_stop_the_agent_ends_when_its_runner_dies(tmp_path: Path) -> None:
    victim = Victim(tmp_path, 1, on_runner_death="stop", grace_seconds=1)
    victim.script({"default": [{"sleep": 60}]})
    runner = victim.begin()
    _until(lambda: victim.ledger_file.exists() and victim.count("START") == 1)
    pid = json.loads(victim.ledger_file.read_text(encoding="utf-8").splitlines()[0])["pid"]
    os.kill(runner.pid, signal.SIGKILL)
    runner.communicate()
    began = time.monotonic()
    _until(lambda: not Path(f"/proc/{pid}").exists())
    assert time.monotonic() - began < 3


def test_c1_of_eight_that_start_at_once_exactly_one_runs(tmp_path: Path, record_property: Record) -> None:
    turns = max(2, KILLS // 10)
    for turn in range(turns):
        folder = tmp_path / str(turn)
        victim = Victim(folder, 1)
        runners = [victim.begin() for _ in range(8)]
        codes = []
        for runner in runners:
            _, err = runner.communicate(timeout=60)
            codes.append(runner.returncode)
            if runner.returncode == 75:
                assert "process" in err
        # One that comes after the first has ended begins the next run: it is a start like any other.
        assert codes.count(0) >= 1
        assert set(codes) <= {0, 75}
        assert victim.count("START") == victim.count("DONE") == 2 * codes.count(0)
    record_property("times 8 starts, one runner each", turns)


def test_s2_status_and_log_can_be_read_at_any_time_while_a_run_writes(
    tmp_path: Path, record_property: Record
) -> None:
    victim = Victim(tmp_path, 0, mode="loop", links=[
        {"name": name, "backend": "command", "run": ["/bin/true"], "prompt": "do it"} for name in ("a", "b")
    ], max_rounds=1_000_000)  # fmt: skip
    script, count = str(ROOT / "tests" / "support" / "reader.py"), pick(2500, 250)
    with victim.project.started("chain", "start", "c") as runner:
        _until(lambda: (victim.project.folder / "state" / "c" / "status.txt").exists() or runner.poll())
        readers = [
            subprocess.Popen(
                [sys.executable, script, str(count)], cwd=victim.project.folder, env=victim.project.env,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            )
            for _ in range(4)
        ]  # fmt: skip
        said = [reader.communicate(timeout=600)[1] for reader in readers]
        written = victim.project.json("chain", "status", "c")["calls"]
        assert runner.poll() is None, runner.communicate()
        runner.terminate()
        runner.communicate(timeout=30)
    assert said == [""] * 4
    assert [reader.returncode for reader in readers] == [0] * 4
    assert written > 10
    record_property("reads, unparsable", f"{4 * count}, 0")
    record_property("calls written meanwhile", written)


def test_c3_what_would_pull_the_ground_from_under_a_run_is_refused(tmp_path: Path) -> None:
    victim = Victim(tmp_path, 1)
    victim.script({"default": [{"sleep": 1.5}, {"say": "done"}]})
    runner = victim.begin()
    _until(lambda: victim.ledger_file.exists() and victim.count("START") == 1)
    assert victim.project.run("chain", "reset", "c").returncode == 75
    assert victim.project.run("chain", "delete", "c", "--yes").returncode == 75
    assert victim.project.run("chain", "start", "c").returncode == 75
    assert victim.project.run("chain", "stop", "c", "enough").returncode == 0
    assert victim.project.run("chain", "stop", "c", "enough").returncode == 0
    runner.communicate(timeout=30)
    assert runner.returncode == 3


@pytest.mark.parametrize(
    ("signals", "code", "within_s"),
    [([signal.SIGTERM], 130, 3), ([signal.SIGINT, signal.SIGINT], 130, 3), ([signal.SIGHUP], 130, 3)],
)
def test_p11_signals_end_a_run_in_time_and_its_status_is_final(
    tmp_path: Path, signals: list[signal.Signals], code: int, within_s: float
) -> None:
    victim = Victim(tmp_path, 1, grace_seconds=1)
    victim.script({"default": [{"sleep": 60}]})
    runner = victim.begin()
    _until(lambda: victim.ledger_file.exists() and victim.count("START") == 1)
    began = time.monotonic()
    for one in signals:
        runner.send_signal(one)
        time.sleep(0.2)
    runner.communicate(timeout=20)
    assert runner.returncode == code
    assert time.monotonic() - began < within_s
    assert victim.project.json("chain", "status", "c")["status"] == "STOPPED"


def test_p11_three_interrupts_kill_an_agent_that_ignores_all_else(tmp_path: Path) -> None:
    victim = Victim(tmp_path, 1, grace_seconds=30)
    victim.project.env["FAKE_SCENARIO"] = json.dumps(
        {"default": [{"ignore": ["TERM", "INT"]}, {"sleep": 60}]}
    )
    runner = victim.begin()
    _until(lambda: victim.ledger_file.exists() and victim.count("START") == 1)
    time.sleep(0.3)
    began = time.monotonic()
    for _ in range(3):
        runner.send_signal(signal.SIGINT)
        time.sleep(0.2)
    runner.communicate(timeout=20)
    assert time.monotonic() - began < 4
    assert runner.returncode == 130


def _until(holds: Any, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def test_c4_a_chain_is_told_of_another_one_that_works_in_the_same_folder(tmp_path: Path) -> None:
    victim = Victim(tmp_path, 1)
    victim.script({"links": {"slow": [[{"sleep": 3}, {"say": "done"}]]}, "default": [{"say": "done"}]})
    victim.project.chain("slow", mode="once", links=[{"name": "slow", "prompt": "Do the work."}])
    with victim.project.started("chain", "start", "slow"):
        _until(lambda: victim.ledger_file.exists() and victim.count("START") == 1)
        done = victim.project.run("chain", "start", "c")
    assert done.returncode == 0
    assert "chain `slow` works in the same folder" in done.stderr


@pytest.mark.parametrize("how", ["--from", "--fresh", "an edit"])
def test_c3_a_living_call_that_no_link_goes_on_with_is_ended_before_another_begins(
    tmp_path: Path, how: str
) -> None:
    victim = Victim(tmp_path, 1, grace_seconds=1)
    slow = [{"assistant": "begun"}, {"sleep": 60}]
    victim.script({"links": {"worker": [slow]}, "default": [{"say": "done", "cost": 0.1}]})
    runner = victim.begin()
    _until(lambda: victim.said() and victim.keepers())  # so it has read its script, which changes below
    os.kill(runner.pid, signal.SIGKILL)
    runner.communicate()
    agent = json.loads(victim.ledger_file.read_text(encoding="utf-8").splitlines()[0])["pid"]
    words = {"--from": ["--from", "reviewer"], "--fresh": ["--fresh"], "an edit": []}[how]
    if how == "an edit":
        victim.project.chain("c", max_rounds=1, links=[{"name": "reviewer", "prompt": "Review it."}])
    victim.script({"default": [{"say": "done", "cost": 0.1}]})
    done = victim.project.run("chain", "start", "c", *words)
    assert done.returncode == 0, done.stderr
    assert not Path(f"/proc/{agent}").exists(), "two agents would work side by side"
    run = victim.project.json("chain", "runs", "c")[-1]
    assert run["unknown_costs"] == 1, "what it had cost by then is in the books"
