"""Crashes at any moment, and resources that run out: nothing is lost, nothing hangs, nobody is left."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from llmauto.errors import BusyError, DiskError
from llmauto.keeper import Launch, find, start
from tests.faults.held import Stage, is_locked, kill, lesser_keeper, notes, until, wait

Steps = list[dict[str, Any]]
pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts processes in /proc"),
]
SHORT: Steps = [{"spawn": "abcde"}, {"print": "word"}, {"sleep": 0.02}]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


# --- S1, for one call ------------------------------------------------------------------------------


@pytest.mark.parametrize("lack", ["nothing", "group"])
def test_a_keeper_killed_at_any_moment_leaves_nobody_and_tells_the_truth(
    stage: Stage, lack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmauto.keeper.spawn_posix.PROGRAM", lesser_keeper(stage.root, lack))
    dice = random.Random(7)
    ends = []
    for _ in range(25):
        begun = len(stage.lines("START"))
        call = stage.start(SHORT)
        call.poll(dice.uniform(0, 0.08))
        victim = call._link._pid if call._link else 0  # type: ignore[attr-defined]
        if victim:
            kill(notes(call.folder)["keeper"] if (call.folder / "keeper.json").exists() else victim)
        ended = wait(call, 4)
        ends.append(ended.ended_by)
        assert ended.ended_by in ("exit", "lost", "not_started")
        if ended.ended_by == "not_started":
            assert len(stage.lines("START")) == begun
        if ended.ended_by == "exit":
            assert list(call.stdout_lines()) == [b"word"]
        assert stage.survivors("abcde") == ""
    assert len(set(ends)) > 1


def test_a_runner_killed_at_any_moment_loses_nothing(stage: Stage) -> None:
    dice = random.Random(8)
    ends = []
    for _ in range(15):
        begun = len(stage.lines("START"))
        folder = stage.folder()
        runner = stage.runner(folder, stage.launch(SHORT))
        until((folder / "lock").exists)
        time.sleep(dice.uniform(0, 0.05))
        runner.kill()
        runner.wait()
        call = find(folder)
        ended = wait(call, 4) if call else None
        ends.append(ended.ended_by if ended else "none")
        started, done = (len(stage.lines(event)) - begun for event in ("START", "DONE"))
        if ended is None or ended.ended_by == "not_started":
            assert started == 0
        else:
            assert (ended.ended_by, started) == ("exit", 1)
            assert len(stage.lines("DONE")) == len(stage.lines("START"))
        assert done <= 1
        assert stage.survivors("abcde") == ""
    assert "exit" in ends


def test_two_runners_cannot_hold_one_call(stage: Stage) -> None:
    call = stage.start([{"print": "here"}, {"sleep": 60}])
    until(call.read_new)
    with pytest.raises(BusyError):
        start(call.folder, stage.launch([]))
    call.end("kill")

    assert wait(call).ended_by == "kill"
    assert len(stage.lines("START")) == 1


def test_letting_go_of_a_call_is_the_death_of_its_runner(stage: Stage) -> None:
    call = stage.start([{"print": "here"}, {"sleep": 60}], finish_alone=False, grace_s=0.2)
    until(call.read_new)
    call.close()

    until(lambda: not is_locked(call.folder / "lock"), 2)
    found = find(call.folder)
    assert found is not None
    assert wait(found).ended_by == "runner_death"


# --- R1: the disk is full --------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0777", "llmauto-test", str(place)]
    try:
        made = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        made = False
    if not made:
        pytest.skip("a small disk cannot be had here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=False)


def fill(disk: Path) -> None:
    with (disk / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)


def test_r1_a_full_disk_ends_the_agent_and_the_result_is_there(stage: Stage, small_disk: Path) -> None:
    folder = small_disk / "call"
    folder.mkdir()
    steps: Steps = [{"spawn": "b"}, {"flood": 3_000_000}, {"sleep": 60}]
    ended = wait(start(folder, stage.launch(steps)), 5)
    again = find(folder)

    assert ended.ended_by == "disk"
    assert "ENOSPC" in ended.error
    assert 0 < ended.stdout_dropped < ended.stdout_bytes
    assert again is not None
    assert again.poll(0) == ended
    assert stage.survivors("b") == ""


def test_r1_nothing_is_started_on_a_disk_that_is_full_already(stage: Stage, small_disk: Path) -> None:
    folder = small_disk / "call"
    folder.mkdir()
    fill(small_disk)
    with pytest.raises(DiskError, match="No space"):
        start(folder, stage.launch([{"print": "a"}]))

    assert stage.lines("START") == []


def test_a_stop_reaches_a_call_on_a_full_disk(stage: Stage, small_disk: Path) -> None:
    folder = small_disk / "call"
    folder.mkdir()
    runner = stage.runner(folder, stage.launch([{"print": "here"}, {"sleep": 60}]))
    until(lambda: (folder / "stdout").exists() and (folder / "stdout").read_bytes())
    fill(small_disk)
    runner.kill()
    runner.wait()
    call = find(folder)
    assert call is not None
    call.end("stop")

    assert wait(call, 3).ended_by == "stop"


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_r1_a_folder_that_may_not_be_written_is_an_error_of_the_disk(stage: Stage) -> None:
    folder = stage.folder()
    folder.chmod(0o500)
    with pytest.raises(DiskError, match="Permission denied"):
        start(folder, stage.launch([]))


def test_b8_a_link_in_place_of_a_file_or_folder_is_not_followed(stage: Stage) -> None:
    target = stage.root / "target"
    target.write_text("precious", encoding="utf-8")
    folder = stage.folder()
    for name in ("result.json", "stdout", "stop", "lock"):
        (folder / name).symlink_to(target)
    with pytest.raises(DiskError):
        start(folder, stage.launch([]))
    (stage.root / "link").symlink_to(stage.folder(), target_is_directory=True)
    with pytest.raises(DiskError):
        start(stage.root / "link", stage.launch([]))

    assert target.read_text(encoding="utf-8") == "precious"


# --- R4: no more files, no more processes ----------------------------------------------------------


def test_r4_a_runner_without_a_free_file_says_so_and_lives(stage: Stage) -> None:
    folder, launch = stage.folder(), stage.launch([])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
        with contextlib.suppress(OSError):
            while True:
                held.append(os.open(os.devnull, os.O_RDONLY))
        os.close(held.pop())
        ended = wait(start(folder, launch))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in held:
            os.close(fd)

    assert ended.ended_by == "not_started"
    assert "EMFILE" in ended.error


def test_many_calls_leave_no_file_no_process_and_no_thread(stage: Stage) -> None:
    stage.run([{"print": "warm"}])
    before = (_files(), _children())
    for _ in range(20):
        launch = Launch(argv=("/bin/true",), cwd="/", env={})
        assert wait(start(stage.folder(), launch)).exit_code == 0

    assert (_files(), _children()) == before


def _files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="utf-8").split()


def test_a_great_environment_is_handed_over_whole(stage: Stage) -> None:
    env = {f"NAME_{n}": "ü" * 10_000 for n in range(50)}
    _, ended = stage.run([{"note": ["env"]}], env=env)

    assert ended.exit_code == 0
    assert stage.lines("NOTE")[0]["env"].items() >= env.items()


def test_x6_no_secret_of_the_environment_is_in_the_folder(stage: Stage) -> None:
    secret = "s3cret-Value/42+ü"
    forms = [
        secret,
        json.dumps(secret)[1:-1],
        quote(secret, safe=""),
        base64.b64encode(secret.encode()).decode(),
    ]
    steps: Steps = [{"print": f"a {form} b"} for form in forms]
    steps += [{"raw": secret[:7]}, {"sleep": 0.05}, {"raw": secret[7:]}, {"err": secret}, {"raw": secret[:5]}]
    launch = stage.launch(steps, env={"SERVICE_TOKEN": secret})
    call = start(stage.folder(), replace(launch, argv=(*launch.argv, "--key", secret)))
    ended = wait(call)
    kept = b"".join(path.read_bytes() for path in call.folder.iterdir())
    lines = list(call.stdout_lines())

    assert ended.exit_code == 0
    assert lines[:4] == [b"a [redacted SERVICE_TOKEN] b"] * 4
    assert lines[4] == b"[redacted SERVICE_TOKEN]" + secret[:5].encode()
    assert call.stderr_tail() == b"[redacted SERVICE_TOKEN]\n"
    assert [form for form in forms if form.encode() in kept] == []


def test_an_idle_keeper_takes_next_to_no_processor_time(stage: Stage) -> None:
    call = stage.start([{"print": "here"}, {"sleep": 60}])
    until(call.read_new)
    pid = notes(call.folder)["keeper"]
    before = _ticks(pid)
    assert call.poll(2) is None
    used = _ticks(pid) - before
    call.end("kill")
    wait(call)

    assert used / os.sysconf("SC_CLK_TCK") <= 0.02


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


# --- other systems ---------------------------------------------------------------------------------


def test_by_ps_alone_the_kinds_that_it_can_see_are_ended(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmauto.keeper.spawn_posix.PROGRAM", lesser_keeper(stage.root, "proc"))
    steps: Steps = [{"ignore": ["TERM"]}, {"spawn": "abce"}, {"print": "a"}, {"sleep": 60}]
    call, ended = stage.run(steps, timeout_s=0.7, grace_s=0.2)

    assert (ended.ended_by, list(call.stdout_lines())) == ("timeout", [b"a"])
    assert ended.seconds < 0.7 + 0.2 + 1
    assert stage.survivors("abce") == ""


def test_by_ps_alone_a_child_that_holds_stdout_is_ended(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmauto.keeper.spawn_posix.PROGRAM", lesser_keeper(stage.root, "proc"))
    _, ended = stage.run([{"spawn": "ae"}, {"print": "a"}])

    assert (ended.ended_by, ended.exit_code) == ("exit", 0)
    assert ended.seconds < 2
    assert stage.survivors("ae") == ""


def test_a_stopped_keeper_that_is_woken_again_counts_no_gap_below_a_minute(stage: Stage) -> None:
    call = stage.start([{"print": "here"}, {"sleep": 60}], timeout_s=1.5)
    until(call.read_new)
    pid = notes(call.folder)["keeper"]
    kill(pid, signal.SIGSTOP)
    time.sleep(0.3)
    kill(pid, signal.SIGCONT)

    assert wait(call, 4).ended_by == "timeout"


def test_relative_paths_are_those_of_the_runner(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(stage.root)
    folder = stage.folder()
    launch = Launch(argv=("/bin/pwd",), cwd="work", env={})
    call = start(Path(folder.name), launch)

    assert wait(call).exit_code == 0
    assert list(call.stdout_lines()) == [os.fsencode(stage.work)]
