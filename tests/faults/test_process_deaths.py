"""Rows P4 and P5 of the fault table: the runner dies, the keeper dies, a system lacks something."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from llmauto.keeper import Launch, find, start
from tests.faults.held import (
    Stage,
    is_locked,
    is_running,
    kill,
    kill_with_words_unread,
    lesser_keeper,
    notes,
    until,
    wait,
)

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts processes in /proc"),
]
KINDS = "abcdefg"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


# --- P4, S1: the runner dies ----------------------------------------------------------------------


def test_p4_finish_the_agent_ends_its_work_and_the_result_is_found(stage: Stage) -> None:
    folder, go = stage.folder(), stage.root / "go"
    runner = stage.runner(folder, stage.launch([{"print": "a"}, {"wait_for": str(go)}, {"print": "b"}]))
    until(lambda: stage.lines("START"))
    runner.kill()
    runner.wait()
    call = find(folder)

    assert call is not None
    assert (call.adopted, call.poll(0.3)) == (True, None)
    go.touch()
    assert wait(call).exit_code == 0
    assert list(call.stdout_lines()) == [b"a", b"b"]
    again = find(folder)
    assert again is not None
    assert again.poll(0) == call.poll(0)
    assert len(stage.lines("START")) == len(stage.lines("DONE")) == 1


def test_p4_stop_the_agent_is_ended_with_all_it_started(stage: Stage) -> None:
    folder = stage.folder()
    steps: list[dict[str, object]] = [{"spawn": KINDS}, {"print": "here"}, {"sleep": 60}]
    runner = stage.runner(folder, stage.launch(steps, finish_alone=False, grace_s=0.3))
    until(lambda: (folder / "stdout").exists() and (folder / "stdout").read_bytes())
    runner.kill()
    runner.wait()
    until(lambda: not is_locked(folder / "lock"), 2)
    call = find(folder)

    assert call is not None
    assert wait(call).ended_by == "runner_death"
    assert stage.survivors(KINDS) == ""


def test_an_adopted_call_can_be_ended(stage: Stage) -> None:
    folder = stage.folder()
    runner = stage.runner(folder, stage.launch([{"print": "here"}, {"sleep": 60}]))
    until(lambda: stage.lines("START"))
    runner.kill()
    runner.wait()
    call = find(folder)
    assert call is not None
    call.end("budget")

    assert wait(call, 2).ended_by == "budget"


def test_an_adopted_call_keeps_its_limits(stage: Stage) -> None:
    folder = stage.folder()
    runner = stage.runner(folder, stage.launch([{"sleep": 60}], timeout_s=1.0))
    until(lambda: stage.lines("START"))
    runner.kill()
    runner.wait()
    call = find(folder)

    assert call is not None
    assert wait(call, 3).ended_by == "timeout"


def test_an_adopted_call_that_has_ended_is_not_held_up_by_a_guard_that_was_stopped(stage: Stage) -> None:
    folder, go = stage.folder(), stage.root / "go"
    runner = stage.runner(folder, stage.launch([{"wait_for": str(go)}, {"print": "b"}]))
    until(lambda: stage.lines("START"))
    runner.kill()
    runner.wait()
    guard = notes(folder)["guard"]
    if not guard:
        pytest.skip("there is no guard here")
    kill(guard, signal.SIGSTOP)
    call = find(folder)
    assert call is not None
    go.touch()

    assert wait(call, 6).ended_by == "exit"
    assert not is_running(guard)


# --- P5: the keeper dies --------------------------------------------------------------------------


def test_p5_a_killed_keeper_is_noticed_at_once_and_nobody_is_left(stage: Stage) -> None:
    call = stage.start([{"spawn": KINDS}, {"print": "here"}, {"sleep": 60}])
    until(call.read_new)
    kill(notes(call.folder)["keeper"])
    begun = time.monotonic()
    ended = wait(call)

    assert (ended.ended_by, ended.exit_code) == ("lost", None)
    assert time.monotonic() - begun < 1.5
    assert stage.survivors("abcde") == ""
    if notes(call.folder)["group"]:
        assert stage.survivors(KINDS) == ""


@pytest.mark.parametrize("lack", ["nothing", "group"])
def test_p5_what_the_agent_said_last_does_not_die_with_its_keeper(
    stage: Stage, lack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmauto.keeper.spawn_posix.PROGRAM", lesser_keeper(stage.root, lack))
    go, said = stage.root / "go", stage.root / "said"
    secret = "s3cret-Value-42-and-more"
    call = stage.start(
        [
            {"print": "first"}, {"wait_for": str(go)}, {"print": f"last {secret}"}, {"err": "and this"},
            {"write": str(said)}, {"sleep": 60},
        ],
        env={"SERVICE_TOKEN": secret},
    )  # fmt: skip
    kill_with_words_unread(call, go, said)
    ended = wait(call)

    assert ended.ended_by == "lost"
    assert list(call.stdout_lines()) == [b"first", b"last [redacted SERVICE_TOKEN]"]
    assert call.stderr_tail() == b"and this\n"


@pytest.mark.parametrize(
    ("secret", "last"),
    [
        ("s3cret-Value-42-and-more", [b"", b"the end"]),
        ("-----BEGIN KEY-----\nQUJDREVGR0hJSktM\nMNOPQRST", []),
    ],
    ids=["of one line", "of several"],
)
def test_p5_no_half_of_a_secret_gets_out_because_the_keeper_died_with_the_other_in_hand(
    stage: Stage, secret: str, last: list[bytes]
) -> None:
    folder, go, said = stage.folder(), stage.root / "go", stage.root / "said"
    begin, rest = secret[:8], secret[8:]
    words = f"printf 'first\n%s' '{begin}'; while [ ! -e {go} ]; do sleep 0.01; done"
    words = f"{words}; printf '%s\nthe end\n' '{rest}'; touch {said}; exec sleep 60"
    env = {"PATH": os.environ["PATH"], "SERVICE_TOKEN": secret}
    call = start(folder, Launch(argv=("sh", "-c", words), cwd=str(stage.work), env=env))
    kill_with_words_unread(call, go, said)

    assert wait(call).ended_by == "lost"
    assert list(call.stdout_lines()) == [b"first", *last]


def test_p5_a_line_that_the_keeper_had_begun_to_keep_is_not_joined_to_the_next(stage: Stage) -> None:
    folder, go, said = stage.folder(), stage.root / "go", stage.root / "said"
    words = f"printf 'one li'; while [ ! -e {go} ]; do sleep 0.01; done; printf 'ne\nanother\n'"
    env = {"PATH": os.environ["PATH"], "SERVICE_TOKEN": "s3cret-Value-42-and-more"}
    argv = ("sh", "-c", f"{words}; touch {said}; exec sleep 60")
    call = start(folder, Launch(argv=argv, cwd=str(stage.work), env=env))
    kill_with_words_unread(call, go, said)

    assert wait(call).ended_by == "lost"
    assert list(call.stdout_lines()) == [b"one line", b"another"]


def test_p5_an_agent_without_runner_and_keeper_is_ended_although_nobody_looks(stage: Stage) -> None:
    folder = stage.folder()
    runner = stage.runner(folder, stage.launch([{"spawn": KINDS}, {"print": "here"}, {"sleep": 60}]))
    found = notes(folder)
    until(lambda: (folder / "stdout").read_bytes())
    runner.kill()
    runner.wait()
    kill(found["keeper"])

    until(lambda: not is_running(found["agent"]) and stage.survivors(KINDS) == "", 1.5)


def test_p5_runner_and_keeper_killed_together_leave_nothing_once_the_call_is_looked_for(stage: Stage) -> None:
    folder = stage.folder()
    runner = stage.runner(folder, stage.launch([{"spawn": "abcde"}, {"print": "here"}, {"sleep": 60}]))
    until(lambda: (folder / "stdout").exists() and (folder / "stdout").read_bytes())
    runner.kill()
    for name in ("guard", "keeper"):
        if pid := notes(folder)[name]:
            kill(pid)
    runner.wait()
    until(lambda: not is_locked(folder / "lock"), 2)

    assert find(folder) is None
    assert stage.survivors("abcde") == ""
    assert not is_running(notes(folder)["agent"])


def test_a_keeper_that_is_stopped_hangs_nobody(stage: Stage) -> None:
    call = stage.start([{"print": "here"}, {"sleep": 60}], grace_s=0.2)
    until(call.read_new)
    kill(notes(call.folder)["keeper"], signal.SIGSTOP)
    call.end("stop")

    assert wait(call, 6).ended_by == "stop"


@pytest.mark.parametrize("lack", ["group", "subreaper", "pidfd", "children"])
def test_a_system_that_lacks_something_still_loses_nobody(
    stage: Stage, lack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmauto.keeper.spawn_posix.PROGRAM", lesser_keeper(stage.root, lack))
    # what cannot be seen: an orphan that scrubbed its environment; one that is gone at every look
    kinds = {"subreaper": "abcde", "children": "abcdef"}.get(lack, KINDS)
    call, ended = stage.run([{"spawn": kinds}, {"print": "a"}, {"sleep": 60}], timeout_s=0.7, grace_s=0.2)

    assert (ended.ended_by, list(call.stdout_lines())) == ("timeout", [b"a"])
    assert ended.seconds < 0.7 + 0.2 + 1
    assert stage.survivors(kinds) == ""


def test_p5_without_a_control_group_the_guard_leaves_nobody(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmauto.keeper.spawn_posix.PROGRAM", lesser_keeper(stage.root, "group"))
    call = stage.start([{"spawn": KINDS}, {"print": "here"}, {"sleep": 60}])
    until(call.read_new)
    kill(notes(call.folder)["keeper"])
    begun = time.monotonic()
    ended = wait(call)

    assert (ended.ended_by, ended.exit_code) == ("lost", None)
    assert time.monotonic() - begun < 1.5
    assert stage.survivors(KINDS) == ""


def test_a_killed_guard_costs_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmauto.keeper.spawn_posix.PROGRAM", lesser_keeper(stage.root, "group"))
    go = stage.root / "go"
    call = stage.start([{"print": "here"}, {"wait_for": str(go)}, {"spawn": KINDS}, {"print": "end"}])
    until(call.read_new)
    kill(notes(call.folder)["guard"])
    assert call.poll(0.2) is None
    go.touch()
    ended = wait(call)

    assert (ended.ended_by, ended.exit_code) == ("exit", 0)
    assert stage.survivors(KINDS) == ""


def test_term_to_the_keeper_ends_the_agent_properly(stage: Stage) -> None:
    call = stage.start([{"spawn": KINDS}, {"print": "here"}, {"sleep": 60}], grace_s=0.3)
    until(call.read_new)
    kill(notes(call.folder)["keeper"], signal.SIGTERM)

    assert wait(call, 3).ended_by == "stop"
    assert stage.survivors(KINDS) == ""


def test_hangup_and_interrupt_do_not_reach_the_agent(stage: Stage) -> None:
    call = stage.start([{"print": "here"}, {"sleep": 0.5}, {"print": "done"}])
    until(call.read_new)
    for number in (signal.SIGHUP, signal.SIGINT):
        kill(notes(call.folder)["keeper"], number)

    assert wait(call).exit_code == 0
