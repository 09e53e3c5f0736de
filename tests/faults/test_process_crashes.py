"""Crashes at any moment, and resources that run out: nothing is lost, nothing hangs, nobody is left."""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmauto.errors import BusyError, DiskError
from llmauto.keeper import find, start
from llmauto.keeper.child import cgroup
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


def test_an_agent_that_could_not_be_noted_never_runs_and_leaves_no_control_group(stage: Stage) -> None:
    folder = stage.folder()
    (folder / "keeper.json.tmp").mkdir()
    ended = wait(start(folder, stage.launch([{"print": "a"}])))
    place = cgroup.place(json.loads((folder / "spec.json").read_text("utf-8"))["mark"])

    assert ended.ended_by == "disk"
    assert stage.lines("START") == []
    assert not place or not Path(place).exists()


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
