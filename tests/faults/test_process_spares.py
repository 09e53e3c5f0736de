"""Spare keepers: they save time, hold nothing, and whatever happens to one harms no call."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmauto.keeper import Nursery, find
from llmauto.keeper.spare import Spare
from tests.faults.held import ROOT, Stage, is_running, kill, notes, until, wait

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at processes by /proc"),
]

KEY = "0123456789-this-is-no-key-of-anybody"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    with Nursery() as one:
        yield one


def spares(runner: int) -> list[int]:
    """The keepers among the children of a process that have no call yet."""
    pids = Path(f"/proc/{runner}/task/{runner}/children").read_text("utf-8").split()
    return [int(pid) for pid in pids if has_no_call(int(pid))]


def has_no_call(pid: int) -> bool:
    try:
        named = Path(f"/proc/{pid}/cmdline").read_bytes().endswith(b"--spare\0")
        return named and str(Path(f"/proc/{pid}/fd/0").readlink()).startswith("socket:")
    except OSError:
        return False


def waiting(runner: int) -> int:
    """The spare keeper of that runner, once it has booted and waits for a call."""
    (pid,) = until(lambda: spares(runner))
    until(lambda: Path(f"/proc/{pid}/cwd").readlink() == Path("/"))
    return int(pid)


def children() -> str:
    return Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text("utf-8")


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def play(nursery: Nursery, stage: Stage) -> int:
    """Play one call to its end; the pid of its keeper."""
    folder = stage.folder()
    call = nursery.start(folder, stage.launch([{"say": "done"}]))
    ended = wait(call)
    assert (ended.exit_code, ended.ended_by) == (0, "exit")
    assert list(call.stdout_lines()) == [b"done"]
    call.close()
    return int(notes(folder)["keeper"])


def test_a_call_is_kept_by_the_process_that_was_booted_during_the_one_before(
    nursery: Nursery, stage: Stage
) -> None:
    play(nursery, stage)
    spare = waiting(os.getpid())
    keeper = notes_of(nursery, stage)

    assert spare in (keeper["keeper"], keeper["guard"])


def notes_of(nursery: Nursery, stage: Stage) -> dict[str, int]:
    folder = stage.folder()
    call = nursery.start(folder, stage.launch([]))
    wait(call)
    call.close()
    return notes(folder)


def test_a_spare_keeper_holds_nothing_of_its_runner(nursery: Nursery, stage: Stage) -> None:
    with (stage.root / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        play(nursery, stage)
        spare = waiting(os.getpid())
        files = {path.name: str(path.readlink()) for path in Path(f"/proc/{spare}/fd").iterdir()}

    assert sorted(files) == ["0", "1", "2"]
    assert files["0"].startswith("socket:")
    assert files["1"] == files["2"] == os.devnull
    assert os.getsid(spare) == spare
    assert not Path(f"/proc/{spare}/environ").read_bytes().replace(b"LD_LIBRARY_PATH", b"").count(b"PATH=")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_spare_keeper_that_was_killed_is_done_without(
    nursery: Nursery, stage: Stage, number: signal.Signals
) -> None:
    play(nursery, stage)
    spare = waiting(os.getpid())
    kill(spare, number)
    until(lambda: not is_running(spare))

    assert play(nursery, stage) != spare
    assert not Path(f"/proc/{spare}").exists(), "its zombie was taken in"


def test_a_spare_keeper_that_hangs_is_ended_and_done_without(
    nursery: Nursery, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmauto.keeper.spare.ANSWER_S", 0.2)
    play(nursery, stage)
    spare = waiting(os.getpid())
    kill(spare, signal.SIGSTOP)

    assert play(nursery, stage) != spare
    assert not Path(f"/proc/{spare}").exists()
    assert len(stage.lines("START")) == 2, "nothing was begun twice"


def test_no_spare_keeper_is_left_when_the_nursery_is_closed(stage: Stage) -> None:
    gc.collect()  # what earlier tests left open
    nursery = Nursery()
    before, other = open_files(), children()
    for _ in range(3):
        play(nursery, stage)
    with_one = open_files()
    nursery.close()
    nursery.close()

    assert (with_one, open_files()) == (before + 1, before)
    assert children() == other


def test_a_spare_keeper_ends_with_a_runner_that_is_killed_and_the_call_goes_on(stage: Stage) -> None:
    folder = stage.folder()
    code = (
        "import sys; from pathlib import Path; from llmauto.keeper import Launch, Nursery\n"
        "nursery = Nursery()\n"
        "call = nursery.start(Path(sys.argv[1]), Launch(argv=('sleep', '1'), cwd='/', env={}))\n"
        "call.poll(60)"
    )
    env = {**os.environ, "PYTHONPATH": ROOT}
    with subprocess.Popen([sys.executable, "-c", code, str(folder)], env=env) as runner:
        spare = waiting(runner.pid)
        notes(folder)
        runner.kill()
    until(lambda: not is_running(spare), 2.0)

    call = find(folder)
    assert call is not None
    assert call.adopted
    assert wait(call).exit_code == 0
    call.close()


def test_sweeping_after_a_killed_keeper_leaves_the_spare_one(nursery: Nursery, stage: Stage) -> None:
    play(nursery, stage)
    folder = stage.folder()
    call = nursery.start(folder, stage.launch([{"spawn": "abc"}, {"sleep": 30}]))
    spare = waiting(os.getpid())
    for who in ("guard", "keeper"):
        if notes(folder)[who]:
            kill(notes(folder)[who])
    assert wait(call).ended_by == "lost"
    call.close()

    assert is_running(spare)


def test_secrets_are_taken_out_of_what_a_spare_keeper_keeps(nursery: Nursery, stage: Stage) -> None:
    play(nursery, stage)
    folder = stage.folder()
    call = nursery.start(folder, stage.launch([{"say": f"the key is {KEY}"}], env={"SOME_API_KEY": KEY}))
    wait(call)
    call.close()

    assert KEY.encode() not in (folder / "stdout").read_bytes()


def test_where_no_other_process_can_be_had_calls_boot_their_own_keeper(
    nursery: Nursery, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Spare) -> None:
        raise BlockingIOError(11, "no room")

    monkeypatch.setattr(Spare, "__init__", refuse)
    first = play(nursery, stage)

    assert play(nursery, stage) != first


def test_where_the_spare_ones_cannot_even_be_loaded_the_call_that_has_begun_is_followed(
    nursery: Nursery, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file is left to be opened; or this program is being updated."""
    monkeypatch.setitem(sys.modules, "llmauto.keeper.spare", None)
    assert play(nursery, stage) != play(nursery, stage)


def test_an_agent_is_in_its_control_group_from_its_first_moment(nursery: Nursery, stage: Stage) -> None:
    for _ in range(2):
        folder = stage.folder()
        launch = stage.launch([])
        launch = type(launch)(argv=("cat", "/proc/self/cgroup"), cwd="/", env=launch.env)
        call = nursery.start(folder, launch)
        wait(call)
        found = notes(folder)
        if not found["group"]:
            pytest.skip("no control group can be had here")
        lines = list(call.stdout_lines())
        call.close()
        assert any(line.endswith(b"llmauto-" + found["mark"].encode()) for line in lines), lines


def test_an_idle_spare_keeper_uses_no_processor_time(nursery: Nursery, stage: Stage) -> None:
    play(nursery, stage)
    spare = waiting(os.getpid())

    def used() -> int:
        fields = Path(f"/proc/{spare}/stat").read_text("utf-8").rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    time.sleep(0.1)
    before = used()
    time.sleep(0.3)
    assert used() == before
