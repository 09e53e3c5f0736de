"""Rows P and R of the fault table, as far as one agent process is concerned: the keeper's side of them."""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmauto.keeper import Launch, start
from tests.faults.held import Stage, notes, until, wait
from tests.faults.scale import pick

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts processes in /proc"),
]
KINDS = "abcdefg"


Record = Callable[[str, object], None]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


# --- P1, P6, P10: ends ----------------------------------------------------------------------------


def test_p1_a_child_that_holds_stdout_delays_nothing_and_does_not_survive(
    stage: Stage, record_property: Record
) -> None:
    call, ended = stage.run([{"print": "before"}, {"spawn": "b"}, {"print": "after"}])

    assert (ended.ended_by, ended.exit_code, ended.survivors) == ("exit", 0, 1)
    assert ended.seconds < 2
    assert list(call.stdout_lines()) == [b"before", b"after"]
    assert stage.survivors("b") == ""
    record_property("seconds, survivors", f"{ended.seconds:.2f}, 0")


def test_nobody_survives_a_good_end(stage: Stage) -> None:
    _, ended = stage.run([{"spawn": KINDS}, {"print": "done"}])

    assert (ended.ended_by, ended.exit_code) == ("exit", 0)
    assert stage.survivors(KINDS) == ""


@pytest.mark.parametrize("how", ["file", "nothing"])
def test_p6_standard_input_is_a_file_that_ends_at_once(stage: Stage, how: str) -> None:
    prompt = stage.root / "prompt.md"
    prompt.write_bytes(b"x" * 3_000_000)
    _, ended = stage.run([{"read": True}], stdin=str(prompt) if how == "file" else "")

    assert (ended.exit_code, ended.seconds < 2) == (0, True)
    assert stage.lines("READ")[0]["bytes"] == (3_000_000 if how == "file" else 0)


@pytest.mark.parametrize("source", ["terminal", "silent pipe"])
def test_p6_what_the_runner_was_started_from_does_not_reach_the_agent(stage: Stage, source: str) -> None:
    ours, theirs = os.openpty() if source == "terminal" else os.pipe()
    stdin = theirs if source == "terminal" else ours
    try:
        runner = stage.runner(
            stage.folder(), stage.launch([{"read": True}]), stdin=stdin, start_new_session=True
        )
        assert runner.wait(5) == 0
    finally:
        os.close(ours)
        os.close(theirs)

    assert stage.lines("READ")[0]["bytes"] == 0


@pytest.mark.parametrize(
    ("argv", "cwd", "error"),
    [
        (("no-such-program-here",), "", "ENOENT: "),
        (("/nowhere/claude",), "", "ENOENT: "),
        (("/etc/passwd",), "", "EACCES: "),
        (("/bin/true",), "/nowhere", "cwd: ENOENT: "),
        (("/bin/true", "a\0b"), "", "EINVAL: "),
        (("/bin/true", "x" * 200_000), "", "E2BIG: "),
    ],
)
def test_p10_a_program_that_cannot_be_run_says_why(
    stage: Stage, argv: tuple[str, ...], cwd: str, error: str
) -> None:
    launch = Launch(argv=argv, cwd=cwd or str(stage.work), env={"PATH": os.environ["PATH"]})
    ended = wait(start(stage.folder(), launch))

    assert (ended.ended_by, ended.exit_code) == ("not_started", None)
    assert ended.error.startswith(error)
    assert ended.seconds < 1


def test_p10_a_missing_standard_input_is_not_started(stage: Stage) -> None:
    ended = wait(stage.start([], stdin=str(stage.root / "nothing")))

    assert (ended.ended_by, ended.error[:14]) == ("not_started", "stdin: ENOENT:")
    assert stage.lines("START") == []


@pytest.mark.parametrize(
    ("step", "code"),
    [({"signal": "SEGV"}, -11), ({"signal": "KILL"}, -9), ({"exit": 137}, 137), ({"exit": 1}, 1)],
)
def test_p10_every_end_is_told_as_it_was(stage: Stage, step: dict[str, object], code: int) -> None:
    _, ended = stage.run([step])

    assert (ended.ended_by, ended.exit_code) == ("exit", code)


# --- P2, P3: early ends ---------------------------------------------------------------------------


def test_p2_a_timeout_leaves_none_of_seven_kinds_and_keeps_the_output(
    stage: Stage, record_property: Record
) -> None:
    times, slowest = pick(20, 5), 0.0
    for _ in range(times):
        call, ended = stage.run(
            [{"spawn": KINDS}, {"print": "partial"}, {"sleep": 60}], timeout_s=0.7, grace_s=0.3
        )
        assert ended.ended_by == "timeout"
        assert ended.seconds < 0.7 + 0.3 + 1
        assert list(call.stdout_lines()) == [b"partial"]
        assert stage.survivors(KINDS) == ""
        slowest = max(slowest, ended.seconds - 0.7)
    record_property("times 7 kinds of descendants, survivors", f"{times}, 0")
    record_property("seconds from the limit to the last one's end, grace 0.3", f"{slowest:.2f}")


def test_p3_an_agent_deaf_to_term_is_killed_after_the_grace(stage: Stage) -> None:
    _, ended = stage.run([{"ignore": ["TERM", "INT", "HUP"]}, {"sleep": 60}], timeout_s=0.5, grace_s=0.5)

    assert (ended.ended_by, ended.exit_code) == ("timeout", -9)
    assert 1.0 <= ended.seconds < 0.5 + 0.5 + 1


def test_a_stopped_agent_dies_too(stage: Stage) -> None:
    _, ended = stage.run([{"signal": "STOP"}, {"sleep": 60}], timeout_s=0.5, grace_s=1)

    assert ended.ended_by == "timeout"
    assert ended.exit_code == -15


@pytest.mark.parametrize(("how", "code"), [("stop", -15), ("budget", -15), ("stall", -15), ("kill", -9)])
def test_a_wish_for_an_early_end_comes_true_at_once(stage: Stage, how: str, code: int) -> None:
    call = stage.start([{"print": "ready"}, {"sleep": 60}])
    until(call.read_new)
    begun = time.monotonic()
    call.end(how)
    ended = wait(call)

    assert (ended.ended_by, ended.exit_code) == (how, code)
    assert time.monotonic() - begun < 1


def test_a_kill_does_not_wait_for_the_grace_of_an_earlier_stop(stage: Stage) -> None:
    call = stage.start([{"ignore": ["TERM"]}, {"print": "ready"}, {"sleep": 60}], grace_s=30)
    until(call.read_new)
    call.end("stop")
    assert call.poll(0.5) is None
    call.end("kill")

    assert wait(call, 2).exit_code == -9


# --- P7: silence ----------------------------------------------------------------------------------


def test_p7_an_agent_that_never_says_a_word_is_ended(stage: Stage) -> None:
    _, ended = stage.run([{"sleep": 60}], start_silence_s=0.6)

    assert ended.ended_by == "start_silence"
    assert ended.seconds < 2


@pytest.mark.parametrize("last", [{"sleep": 60}, {"signal": "STOP"}])
def test_p7_an_agent_that_falls_silent_and_idle_is_stalled(stage: Stage, last: dict[str, object]) -> None:
    _, ended = stage.run([{"print": "word"}, last], stall_s=1.0, start_silence_s=0.9)

    assert ended.ended_by == "stall"
    assert 1.0 <= ended.seconds < 3.5


@pytest.mark.parametrize(
    "work",
    [{"burn_child": 2.5}, {"touch": "$PWD_FILE", "for": 2.5}],
    ids=["a child computes", "a file changes"],
)
def test_p7_work_in_silence_is_no_stall(stage: Stage, work: dict[str, object]) -> None:
    env = {"PWD_FILE": str(stage.work / "deep.txt")}
    _, ended = stage.run([{"print": "word"}, work, {"print": "end"}], stall_s=1.0, env=env)

    assert (ended.ended_by, ended.exit_code) == ("exit", 0)


# --- P8: floods -----------------------------------------------------------------------------------


def test_p8_a_gigabyte_costs_neither_memory_nor_disk(stage: Stage, record_property: Record) -> None:
    steps: list[dict[str, Any]] = [
        {"flood": 500_000_000},
        {"print": ""},
        {"flood": 500_000_000, "to": "stderr"},
        {"print": "the end"},
    ]
    call = stage.start(steps, output_cap=8 * 2**20)
    keeper = notes(call.folder)["keeper"]
    peak = 0
    while (ended := call.poll(0.05)) is None:
        peak = max(peak, _peak_memory(keeper))

    assert peak < 20 * 2**20
    record_property("keeper's peak MiB", round(peak / 2**20, 1))
    assert (ended.stdout_bytes, ended.stderr_bytes) == (500_000_009, 500_000_000)
    kept = [path.stat().st_size for path in call.folder.glob("std*")]
    assert sum(kept) < 2 * 8 * 2**20 + 4096
    assert ended.stdout_dropped + sum(p.stat().st_size for p in call.folder.glob("stdout*")) > 500_000_000
    lines = list(call.stdout_lines())
    assert (lines[0], lines[-1], lines.count(b"")) == (b"x" * 1023, b"the end", 1)
    assert b"truncated" in (call.folder / "stdout").read_bytes()[-100:]
    assert call.stderr_tail(2048).endswith(b"\n" + b"x" * (500_000_000 % 1024))


def _peak_memory(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/status").read_text("utf-8")
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("VmHWM")), 0)


def test_live_output_is_read_while_it_comes_and_over_the_gap(stage: Stage) -> None:
    call = stage.start([{"print": "first"}, {"flood": 3 * 2**20}, {"print": "last"}], output_cap=2**20)
    got = b""
    while call.poll(0.02) is None:
        got += call.read_new()
    while more := call.read_new():
        got += more

    assert got.startswith(b"first\nxxx")
    assert got.endswith(b"\nlast\n")
    assert set(got.split(b"\n")) <= {b"first", b"last", b""} | {b"x" * n for n in range(1024)}


# --- R: resources ---------------------------------------------------------------------------------


def test_r4_a_thousand_children_are_gone_within_two_seconds(stage: Stage, record_property: Record) -> None:
    call = stage.start([{"children": 1000}, {"print": "here"}, {"sleep": 60}], grace_s=0.2)
    until(call.read_new, 30)
    begun = time.monotonic()
    call.end("kill")
    ended = wait(call)

    seconds = time.monotonic() - begun
    assert seconds < 2.5
    assert ended.survivors >= 900
    record_property("seconds for 1,000 children", round(seconds, 2))
    assert stage.survivors("h") == ""


def test_r2_memory_beyond_the_cap_is_an_outcome(stage: Stage) -> None:
    steps: list[dict[str, Any]] = [{"print": "word"}, {"allocate": 400_000_000}, {"sleep": 60}]
    _, ended = stage.run(steps, memory_cap=100_000_000)

    assert ended.ended_by == "memory"
    assert ended.seconds < 3


# --- what an agent is given ------------------------------------------------------------------------


def test_an_agent_inherits_nothing_of_the_keeper(stage: Stage) -> None:
    old = os.umask(0o022)
    try:
        _, ended = stage.run([{"note": ["env", "fds", "ids", "umask", "parent"]}])
    finally:
        os.umask(old)
    seen = stage.lines("NOTE")[0]

    assert ended.exit_code == 0
    assert [fd for fd in seen["fds"] if fd < 200] == [0, 1, 2]
    assert seen["ids"]["pid"] == seen["ids"]["pgid"] == seen["ids"]["sid"]
    assert seen["umask"] == 0o022
    expected = {"PATH", "FAKE_STEPS", "FAKE_LEDGER", "FAKE_ALIVE", "LLMAUTO_CALL"}
    assert set(seen["env"]) - {"LC_CTYPE"} == expected
    assert "PATH" not in (seen["parent"] or "")


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o277, 0o777])
def test_x5_files_are_private_under_any_umask(stage: Stage, umask: int) -> None:
    folder = stage.folder()
    launch = stage.launch([{"print": "a"}, {"err": "b"}])
    old = os.umask(umask)
    try:
        wait(start(folder, launch))
    finally:
        os.umask(old)

    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
