"""Row R4 of the fault table, secrets, and systems other than Linux: what a call costs and leaves."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import resource
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from llmauto.keeper import Launch, start
from tests.faults.held import Stage, kill, lesser_keeper, notes, until, wait

Steps = list[dict[str, Any]]
pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts processes in /proc"),
]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


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
