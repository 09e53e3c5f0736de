"""The fake agent is what whole-program tests stand on: so it has tests of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from llmauto.testing import fake_agent, fake_claude

PROGRAM = Path(fake_agent.__file__)


def run(
    tmp_path: Path, *argv: str, **env: str
) -> tuple[subprocess.CompletedProcess[str], list[dict[str, Any]]]:
    ledger = tmp_path / "ledger"
    whole = {"PATH": os.environ["PATH"], "FAKE_LEDGER": str(ledger), **env}
    done = subprocess.run(
        [sys.executable, "-S", str(PROGRAM), *argv],
        env=whole,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    lines = [json.loads(line) for line in ledger.read_text("utf-8").splitlines()] if ledger.exists() else []
    return done, lines


def test_it_is_a_program() -> None:
    assert os.access(PROGRAM, os.X_OK)


def test_a_call_is_in_the_ledger_at_its_start_and_at_its_end(tmp_path: Path) -> None:
    done, lines = run(tmp_path, FAKE_STEPS='[{"print": "a"}, {"exit": 3}]', LLMAUTO_LINK="w")

    assert (done.returncode, done.stdout) == (3, "a\n")
    assert [(line["event"], line["link"]) for line in lines] == [("START", "w"), ("DONE", "w")]


def test_a_scenario_gives_each_call_of_each_link_its_steps(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.json"
    plays = {"links": {"w": [[{"say": "one"}], [{"say": "two"}]]}, "default": [{"say": "other"}]}
    scenario.write_text(json.dumps(plays), encoding="utf-8")
    said = [
        run(tmp_path, FAKE_SCENARIO=str(scenario), LLMAUTO_LINK=link)[0].stdout.strip()
        for link in ("w", "r", "w", "w")
    ]

    assert said == ["one", "other", "two", "two"]


def test_as_claude_it_speaks_its_stream_and_adds_up_the_session(tmp_path: Path) -> None:
    steps = '[{"tool": "Write"}, {"say": "hello", "cost": 0.4}]'
    flags = ("-p", "--output-format", "stream-json", "--verbose", "--model", "m")
    run(tmp_path, *flags, "--session-id", "S", FAKE_STEPS=steps)
    done, lines = run(tmp_path, *flags, "--resume", "S", FAKE_STEPS=steps)
    events = [json.loads(line) for line in done.stdout.splitlines()]

    assert [event["type"] for event in events] == ["system", "assistant", "user", "assistant", "result"]
    assert events[-1]["total_cost_usd"] == 0.8
    assert events[-1]["model_usage_since_last_result"]["m"]["costUSD"] == 0.4
    assert {event["session_id"] for event in events} == {"S"}
    assert lines[-1]["cost"] == 0.4


def test_as_claude_it_knows_its_sessions(tmp_path: Path) -> None:
    run(tmp_path, "-p", "--session-id", "S", FAKE_STEPS='[{"say": "a"}]')
    used, _ = run(tmp_path, "-p", "--session-id", "S", FAKE_STEPS='[{"say": "a"}]')
    gone, lines = run(tmp_path, "-p", "--resume", "T", FAKE_STEPS='[{"say": "a"}]')

    assert (used.returncode, "already in use" in used.stderr) == (1, True)
    assert (gone.returncode, "No conversation found" in gone.stderr) == (1, True)
    assert [line["event"] for line in lines] == ["START", "DONE", "REFUSED", "REFUSED"]


def test_as_claude_it_fails_as_claude_does(tmp_path: Path) -> None:
    steps = '[{"limit": "You\'ve hit your limit", "resets_at": 99}]'
    done, _ = run(tmp_path, "-p", "--output-format", "stream-json", FAKE_STEPS=steps)
    events = [json.loads(line) for line in done.stdout.splitlines()]

    assert done.returncode == 1
    assert events[1]["rate_limit_info"]["resetsAt"] == 99
    assert (events[-1]["is_error"], events[-1]["subtype"], events[-1]["api_error_status"]) == (
        True,
        "success",
        429,
    )


def test_flags_with_and_without_values_are_told_apart() -> None:
    flags = fake_claude.parse(
        ["-p", "--model=m", "--verbose", "--resume", "R", "--allowedTools", "Read,Edit"]
    )

    assert flags == {
        "--print": "",
        "--model": "m",
        "--verbose": "",
        "--resume": "R",
        "--allowedTools": "Read,Edit",
    }
