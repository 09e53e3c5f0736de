"""`chain stop` and `chain reset`."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from llmauto import keeper
from llmauto.desk import StateDesk
from llmauto.files import write_atomic
from llmauto.journal.sqlite import SqliteJournal
from llmauto.keeper import Launch
from tests.support.command_line import llmauto
from tests.support.told_runs import ToldHome


@pytest.fixture
def home(tmp_path: Path) -> ToldHome:
    return ToldHome(tmp_path / "home")


def requests(home: ToldHome) -> list[tuple[str, str]]:
    with home.journal() as journal:
        return [(request.kind, request.text) for request in journal.take("x")]


def words(home: ToldHome) -> dict[str, str]:
    """The state folder's files."""
    return {path.name: path.read_text(encoding="utf-8") for path in (home.state / "x").iterdir()}


# --- stop -----------------------------------------------------------------------------------------


def test_a_stop_is_a_file_with_its_reason(home: ToldHome) -> None:
    home.run().call()
    with home.lock():
        said = llmauto(home.path, "chain", "stop", "x", "it", "is", "late")
    assert said.code == 0
    assert "stops after its link `worker`" in said.out
    assert words(home)["STOP"] == "it is late\n"
    assert requests(home) == []


def test_to_ask_twice_changes_nothing(home: ToldHome) -> None:
    home.run().call()
    with home.lock():
        llmauto(home.path, "chain", "stop", "x", "first")
        said = llmauto(home.path, "chain", "stop", "x", "second")
    assert said.code == 0
    assert "asked for already: first" in said.out
    assert words(home)["STOP"] == "first\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_what_a_stop_writes_is_private(home: ToldHome) -> None:
    home.run().call()
    before = os.umask(0)
    try:
        with home.lock():
            llmauto(home.path, "chain", "stop", "x")
    finally:
        os.umask(before)
    paths = [home.state, home.state / "x", home.state / "x" / "STOP"]
    assert [path for path in paths if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


def test_a_stop_now_is_a_request_to_the_runner(home: ToldHome) -> None:
    home.run().call()
    with home.lock():
        said = llmauto(home.path, "chain", "stop", "x", "--now", "enough")
    assert said.code == 0
    assert "stops now" in said.out
    assert requests(home) == [("stop_now", "enough")]
    assert not home.state.exists()


@pytest.mark.parametrize("now", [[], ["--now"]])
@pytest.mark.parametrize("ran", ["never", "ended", "died"])
def test_where_nothing_runs_a_stop_writes_nothing_and_says_so(
    home: ToldHome, ran: str, now: list[str]
) -> None:
    if ran != "never":
        run = home.run().call()
        if ran == "ended":
            run.end().over()
    before = {path for path in home.files() if not path.startswith("journal.db")}
    said = llmauto(home.path, "chain", "stop", "x", *now)
    assert said.code == 0
    assert "there is nothing to stop" in said.out
    assert {path for path in home.files() if not path.startswith("journal.db")} == before
    if ran == "never":
        assert not (home.path / "journal.db").exists()
    else:
        assert requests(home) == []


def test_a_stop_without_now_leaves_a_call_alone_that_outlived_its_runner(home: ToldHome) -> None:
    home.run().call()
    with home.living_call() as folder:
        said = llmauto(home.path, "chain", "stop", "x")
        assert [path.name for path in folder.iterdir()] == ["lock"]
    assert said.code == 0
    assert "`llmauto chain stop x --now` ends it" in said.out
    assert not home.state.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_stop_now_ends_a_call_that_outlived_its_runner(home: ToldHome) -> None:
    home.run().call()
    folder = home.calls / "r1" / "0001-worker"
    folder.mkdir(parents=True, mode=0o700)
    (folder / "prompt.md").touch()
    code = "import time\nprint('up', flush=True)\ntime.sleep(60)"
    call = keeper.start(
        folder,
        Launch(
            argv=(sys.executable, "-S", "-c", code), cwd=str(home.path), env=dict(os.environ), grace_s=2.0
        ),
    )
    while not call.read_new():
        assert call.poll(0.05) is None
    call.close()  # as the death of the runner would
    assert "still runs without its runner" in llmauto(home.path, "chain", "status", "x").out
    said = llmauto(home.path, "chain", "stop", "x", "--now")
    assert said.code == 0
    assert "the call 0001-worker was ended after 0s" in said.out
    assert llmauto(home.path, "chain", "status", "x", "--json").json["living_call"] is None
    assert "there is nothing to stop" in llmauto(home.path, "chain", "stop", "x", "--now").out


@pytest.mark.parametrize("command", ["stop", "reset"])
@pytest.mark.parametrize("name", ["../x", "/abs", "a/b", "..", "", "\n", "CON", "x" * 300, "xy"])
def test_a_name_that_no_chain_has_touches_nothing(home: ToldHome, command: str, name: str) -> None:
    home.run().call()
    before = set(home.files())
    assert llmauto(home.path, "chain", command, name).code == 2
    assert set(home.files()) - before <= {"journal.db-shm", "journal.db-wal"}


# --- reset ----------------------------------------------------------------------------------------


def with_state(home: ToldHome) -> None:
    """A state folder as a run leaves it, with an agent's own files."""
    folder = home.state / "x"
    (folder / "work").mkdir(parents=True)
    for name, text in {
        "status.txt": "RUNNING\n", "round_counter.txt": "3\n", "start_time.txt": "then\n", "STOP": "late",
        "handoff.md": "# one\n", "handoff_worker.md": "# one\n", "queue.md": "- a\n", "work/a.txt": "a",
        "handoff_notes.md": "an agent's own",
    }.items():  # fmt: skip
        (folder / name).write_text(text, encoding="utf-8")


def test_a_reset_forgets_the_runs_and_keeps_what_is_the_agents(home: ToldHome) -> None:
    home.run("r1").call().handoff("# one\n").end().over()
    home.run("r2", "other").over()
    for run in ("r1", "r2"):
        (home.calls / run / "0001-worker").mkdir(parents=True)
    with_state(home)
    said = llmauto(home.path, "chain", "reset", "x")
    assert (said.code, said.err) == (0, "")
    assert "back to round 0; 1 run is forgotten" in said.out
    with SqliteJournal.open(home.path / "journal.db") as journal:
        assert [run.run for run in journal.runs()] == ["r2"]
    assert {name: text for name, text in _files(home.state / "x").items() if "work" not in name} == {
        "status.txt": "READY\n", "round_counter.txt": "0\n", "queue.md": "- a\n",
        "handoff_notes.md": "an agent's own",
    }  # fmt: skip
    assert (home.state / "x" / "work" / "a.txt").exists()
    assert not (home.calls / "r1").exists()
    assert (home.calls / "r2").exists()
    assert llmauto(home.path, "chain", "status", "x").out.startswith("READY")


def test_a_reset_may_be_made_again(home: ToldHome) -> None:
    home.run().over()
    with_state(home)
    for _ in range(2):
        assert llmauto(home.path, "chain", "reset", "x").code == 0
    assert words_of_ours(home) == {"status.txt": "READY\n", "round_counter.txt": "0\n"}


def test_what_a_reset_leaves_is_no_tampering_to_the_next_run(home: ToldHome) -> None:
    home.run().over()
    with_state(home)
    llmauto(home.path, "chain", "reset", "x")
    inbox = StateDesk(home.path, "x").collect()
    assert (inbox.tampered, inbox.status_word, inbox.handoff, inbox.stop) == ((), "", None, None)


def test_a_chain_that_never_ran_needs_no_reset(home: ToldHome) -> None:
    before = home.files()
    said = llmauto(home.path, "chain", "reset", "x")
    assert said.code == 0
    assert "nothing to reset" in said.out
    assert home.files() == before


def test_a_reset_works_where_the_journal_is_gone(home: ToldHome) -> None:
    with_state(home)
    assert llmauto(home.path, "chain", "reset", "x").code == 0
    assert words_of_ours(home) == {"status.txt": "READY\n", "round_counter.txt": "0\n"}
    assert not (home.path / "journal.db").exists()


def test_a_reset_is_refused_while_a_runner_holds_the_chain(home: ToldHome) -> None:
    home.run().call()
    with_state(home)
    with home.lock():
        said = llmauto(home.path, "chain", "reset", "x")
    assert said.code == 75
    assert "process 4711 on box" in said.err
    assert words_of_ours(home)["round_counter.txt"] == "3\n"


def test_a_reset_is_refused_while_a_call_lives(home: ToldHome) -> None:
    home.run().call()
    with home.living_call() as folder:
        said = llmauto(home.path, "chain", "reset", "x")
        assert folder.exists()
    assert said.code == 75
    assert "chain stop x --now" in said.err
    with home.journal() as journal:
        assert journal.latest("x") is not None


def test_a_journal_that_names_folders_elsewhere_leads_nowhere(home: ToldHome, tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    home.run("../../victim").over()
    assert llmauto(home.path, "chain", "reset", "x").code == 0
    assert (tmp_path / "victim").exists()


def test_a_calls_folder_that_is_a_link_is_not_followed(home: ToldHome, tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    write_atomic(tmp_path / "victim" / "a", "a")
    home.run("r1").over()
    home.calls.mkdir(exist_ok=True)
    (home.calls / "r1").symlink_to(tmp_path / "victim")
    assert llmauto(home.path, "chain", "reset", "x").code == 0
    assert (tmp_path / "victim" / "a").exists()


def test_the_handoffs_copy_in_the_workdir_goes_and_nothing_else_there(home: ToldHome, tmp_path: Path) -> None:
    second = tmp_path / "project" / "state" / "x"
    second.mkdir(parents=True)
    home.run("r1", workdir=str(tmp_path / "project")).call().handoff("# one\n").end().over()
    with_state(home)
    (second / "handoff.md").write_text("# mine\n", encoding="utf-8")
    llmauto(home.path, "chain", "reset", "x")
    assert (second / "handoff.md").exists()
    home.run("r2", workdir=str(tmp_path / "project")).call().handoff("# one\n").end().over()
    (second / "handoff.md").write_text("# one\n", encoding="utf-8")
    (second / "notes.md").write_text("mine", encoding="utf-8")
    llmauto(home.path, "chain", "reset", "x")
    assert [path.name for path in second.iterdir()] == ["notes.md"]


def test_what_was_spent_stays_known(home: ToldHome) -> None:
    home.run().call().end().over()
    llmauto(home.path, "chain", "reset", "x")
    with home.journal() as journal:
        assert journal.spent_since(0.0) == (0.42, 0)


def words_of_ours(home: ToldHome) -> dict[str, str]:
    ours = ("status.txt", "round_counter.txt", "start_time.txt", "handoff.md", "STOP")
    return {name: text for name, text in _files(home.state / "x").items() if name in ours}


def _files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir() if path.is_file()}
