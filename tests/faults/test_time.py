"""T1–T4: clocks that are set, summer time, machines that sleep, bounds that are reached during a link."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmauto import events as ev
from llmauto.testing.clock import START, FakeClock
from tests.faults.held import until
from tests.faults.test_kills import Victim
from tests.support.nights import WORKER, Night

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="stops processes by /proc"),
]

HOUR, YEAR = 3600.0, 365.25 * 86_400
DONE: list[dict[str, Any]] = [{"say": "done", "cost": 0.1}]


class Meanwhile(FakeClock):
    """A clock to which something happens while a link is at work: once its agent has left the file.

    From then on it also goes on by itself, a little with each look.
    """

    def __init__(self, mark: Path, happens: Callable[[FakeClock], None]) -> None:
        super().__init__()
        self._mark = mark
        self._happens: Callable[[FakeClock], None] | None = happens

    def monotonic(self) -> float:
        if self._happens is not None and self._mark.exists():
            happens, self._happens = self._happens, None
            happens(self)
        if self._happens is None:
            self.advance(0.05)
        return super().monotonic()


def during_a_link(night: Night, happens: Callable[[FakeClock], None]) -> list[dict[str, Any]]:
    """Let that happen during the call with these steps."""
    mark = night.folder / "at work"
    night.clock = Meanwhile(mark, happens)
    return [{"write": str(mark), "text": ""}, {"sleep": 0.7}, *DONE]


@pytest.fixture
def night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Night:
    return Night(tmp_path, monkeypatch)


def noted(night: Night, *codes: str) -> list[str]:
    return [event.code for event in night.events() if isinstance(event, ev.Noted) and event.code in codes]


# --- T1: the time of day is set -------------------------------------------------------------------


@pytest.mark.parametrize(("jump", "code"), [(HOUR, "suspended"), (-HOUR, "clock"), (10 * YEAR, "suspended")])
def test_t1_a_clock_that_is_set_during_a_link_changes_no_limit_and_is_told_once(
    night: Night, jump: float, code: str
) -> None:
    night.chain(max_rounds=2, runtime_hours=0.5, links=[WORKER | {"timeout_seconds": 20}])
    night.script(during_a_link(night, lambda clock: clock.jump_wall(jump)), DONE)
    assert night.start() == 0
    assert night.outcomes() == ["done", "done"]
    assert night.stop_reason() == "max_rounds"
    assert noted(night, "suspended", "clock") == [code]
    assert all(event.seconds >= 0 for event in night.events() if isinstance(event, ev.CallEnded))
    ups = [event.up for event in night.events()]
    assert ups == sorted(ups)


@pytest.mark.parametrize(("jump", "at_most"), [(HOUR, 2 * HOUR), (-HOUR, 3.1 * HOUR), (10 * YEAR, HOUR)])
def test_t1_a_clock_that_is_set_during_a_limit_wait_never_lengthens_it(
    night: Night, jump: float, at_most: float
) -> None:
    limit = {"limit": "You've hit your 5-hour limit", "resets_at": START + 3 * HOUR, "window": "five_hour"}
    night.script([limit], DONE)
    night.clock.poll_s = 30.0
    night.clock.after(HOUR / 2, lambda: night.clock.jump_wall(jump))
    assert night.start() == 0
    assert night.outcomes() == ["limited", "done"]
    assert night.clock.monotonic() <= at_most + HOUR / 2
    assert len(noted(night, "suspended", "clock")) == 1


def test_t1_a_stop_is_heard_although_the_clock_was_set_back_before_the_run_began(night: Night) -> None:
    from llmauto.journal.sqlite import SqliteJournal

    def ask(clock: FakeClock) -> None:
        clock.jump_wall(-2 * HOUR)
        with SqliteJournal.open(night.folder / "home" / "journal.db") as journal:
            journal.ask("night", "stop", "enough", clock.now())

    night.chain(max_rounds=3)
    night.script(during_a_link(night, ask), DONE)
    assert night.start() == 3
    assert len(night.calls) == 1


# --- T2: summer time, and times without a zone ----------------------------------------------------------


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_t2_a_night_with_a_change_of_summer_time_is_as_long_as_it_is(
    night: Night, monkeypatch: pytest.MonkeyPatch, day: str
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        before = time.mktime(time.strptime(f"{day} 00:30", "%Y-%m-%d %H:%M"))
        night.clock = FakeClock(before)
        night.chain(max_rounds=9, runtime_hours=5, breakers={"no_progress": 0})
        limit = {"limit": "limit", "resets_at": before + 4 * HOUR, "window": "five_hour"}
        night.script([limit], DONE, [limit | {"resets_at": before + 9 * HOUR}], DONE)
        night.start()
        assert night.stop_reason() == "runtime"
        assert 5 * HOUR <= night.clock.monotonic() <= 5 * HOUR + 130
        assert noted(night, "suspended", "clock") == []
    finally:
        monkeypatch.undo()
        time.tzset()


def test_t2_a_deadline_is_the_end_of_the_local_day_also_when_that_day_has_25_hours(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        noon = time.mktime(time.strptime("2031-10-26 00:00", "%Y-%m-%d %H:%M"))
        night.clock = FakeClock(noon)
        night.chain(max_rounds=90, deadline="2031-10-26", breakers={"no_progress": 0})
        limit = {"limit": "limit", "resets_at": noon + 30 * HOUR, "window": "seven_day"}
        night.script([limit])
        night.start()
        assert len(night.calls) == 1
        waited = night.waited()
        assert waited == []
        assert night.stop_reason() in ("deadline", "limit_wait")
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("text", ["2026-01-05 03:04:05", "2026-01-05T03:04:05.678901", "yesterday"])
def test_t2_a_start_time_of_an_older_tool_without_a_zone_is_no_start_of_ours(night: Night, text: str) -> None:
    state = night.folder / "home" / "state" / "night"
    state.mkdir(parents=True)
    (state / "start_time.txt").write_text(text, encoding="utf-8")
    night.chain(runtime_hours=1)
    assert night.start() == 0
    with (state / "start_time.txt").open(encoding="utf-8") as file:
        assert file.read().startswith("2025-10-09")


# --- T3: the machine sleeps ---------------------------------------------------------------------------------


def test_t3_a_machine_that_slept_through_a_link_is_told_once_and_nothing_is_repeated(night: Night) -> None:
    night.chain(max_rounds=2, links=[WORKER | {"timeout_seconds": 60}], stall_seconds=60)
    night.script(during_a_link(night, lambda clock: clock.jump_wall(8 * HOUR)), DONE)
    assert night.start() == 0
    assert noted(night, "suspended", "clock") == ["suspended"]
    assert len(night.calls) == 2


def test_t3_runner_keeper_and_agent_that_were_stopped_go_on_as_if_nothing_had_been(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    victim = Victim(tmp_path, 1, grace_seconds=1, stall_seconds=3)
    victim.script({"default": [{"assistant": "begun"}, {"sleep": 1.0}, {"say": "done", "cost": 0.1}]})
    runner = victim.begin()
    until(lambda: victim.ledger_file.exists() and victim.count("START") == 1 and victim.keepers())
    agent = json.loads(victim.ledger_file.read_text(encoding="utf-8").splitlines()[0])["pid"]
    everybody = [runner.pid, *victim.keepers(), agent]
    for pid in everybody:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(2.0)
    for pid in reversed(everybody):
        os.kill(pid, signal.SIGCONT)
    _, err = runner.communicate(timeout=30)
    assert runner.returncode == 0, err
    assert victim.count("START") == victim.count("DONE") == 2, "no second agent"
    record_property("seconds stopped", 2.0)


INHIBIT = """#!/bin/sh
echo "$$ $@" >> {log}
while [ $# -gt 1 ]; do shift; done
exec "$1"
"""


@pytest.fixture
def inhibited(tmp_path: Path) -> Victim:
    """A machine on which `systemd-inhibit` is there; what it is asked for goes to a file."""
    victim = Victim(tmp_path, 1, grace_seconds=1)
    tools = tmp_path / "tools"
    tools.mkdir()
    script = tools / "systemd-inhibit"
    script.write_text(INHIBIT.format(log=tmp_path / "inhibited"), encoding="utf-8")
    script.chmod(0o755)
    victim.project.env["PATH"] = f"{tools}{os.pathsep}{victim.project.env['PATH']}"
    return victim


def helpers(victim: Victim) -> list[int]:
    log = victim.ledger_file.with_name("inhibited")
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return [int(line.split()[0]) for line in lines]


def test_t3_the_machine_is_kept_awake_while_a_chain_runs_and_no_longer(inhibited: Victim) -> None:
    inhibited.script({"default": [{"sleep": 0.5}, {"say": "done"}]})
    runner = inhibited.begin()
    until(lambda: helpers(inhibited))
    pid = helpers(inhibited)[0]
    until(lambda: Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"/"))
    runner.communicate(timeout=30)
    assert runner.returncode == 0
    assert len(helpers(inhibited)) == 1
    assert not Path(f"/proc/{pid}").exists()


def test_t3_what_keeps_the_machine_awake_ends_with_a_killed_runner(inhibited: Victim) -> None:
    inhibited.script({"default": [{"sleep": 1.0}, {"say": "done"}]})
    runner = inhibited.begin()
    until(lambda: helpers(inhibited))
    os.kill(runner.pid, signal.SIGKILL)
    runner.communicate()
    pid = helpers(inhibited)[0]
    until(lambda: not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text("utf-8"))


def test_t3_keep_awake_can_be_switched_off(inhibited: Victim) -> None:
    inhibited.project.env["LLMAUTO_KEEP_AWAKE"] = "false"
    assert inhibited.project.run("chain", "start", "c").returncode == 0
    assert helpers(inhibited) == []


# --- T4: a bound is reached while a link is at work -----------------------------------------------------


def test_t4_runtime_that_is_used_up_during_a_link_ends_the_run_after_it(night: Night) -> None:
    night.chain(max_rounds=9, runtime_hours=1, links=[WORKER, WORKER | {"name": "reviewer"}])
    night.script(during_a_link(night, lambda clock: clock.advance(2 * HOUR)), DONE)
    assert night.start() == 0
    assert night.outcomes() == ["done"], "the link was let end, and no other was begun"
    assert night.stop_reason() == "runtime"


def test_t4_a_deadline_that_comes_during_a_link_ends_the_run_after_it(night: Night) -> None:
    at = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() + 24 * HOUR))
    night.chain(max_rounds=9, deadline=at)
    steps = during_a_link(night, lambda clock: clock.jump_wall(time.time() + 25 * HOUR - clock.now()))
    night.script(steps, DONE)
    assert night.start() == 0
    assert night.outcomes() == ["done"]
    assert night.stop_reason() == "deadline"
