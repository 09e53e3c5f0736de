"""Are chains copied whole, and are chains and runs removed whole, and never what is in use?"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from llmauto.cli.standing import lock_path
from llmauto.home import find_home
from llmauto.keeper import lock
from llmauto.keeper.child.folder import Folder
from llmauto.locks import RunnerLock
from tests.support.cli import Cli, Keyboard

COMMENTED = """\
{
  // the schema stands elsewhere
  "$schema": "../elsewhere/chain.schema.json",
  "max_rounds": 1, /* one will do */
  "links": [{"name": "w", "backend": "demo",}],
}
"""


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    return Cli(tmp_path, monkeypatch)


# --- copy ---


def test_a_copy_keeps_comments_and_all_else_to_the_letter(cli: Cli) -> None:
    cli.chain("one", COMMENTED)
    assert cli.run("chain", "copy", "one", "two").code == 0
    assert (cli.home / "chains" / "two.json").read_text(encoding="utf-8") == COMMENTED


def test_a_copy_points_to_the_schema_of_the_home(cli: Cli) -> None:
    cli.chain("one", COMMENTED)
    (cli.home / "chain.schema.json").write_text("{}", encoding="utf-8")
    assert cli.run("chain", "copy", "one", "two").code == 0
    copy = (cli.home / "chains" / "two.json").read_text(encoding="utf-8")
    assert copy == COMMENTED.replace("../elsewhere/chain.schema.json", "../chain.schema.json")


def test_a_shipped_chain_can_be_copied_and_checked(cli: Cli) -> None:
    assert cli.run("chain", "copy", "worker-reviewer-loop", "mine").code == 0
    assert cli.run("chain", "check", "mine").code == 0


def test_a_copy_is_never_written_over_a_chain(cli: Cli) -> None:
    cli.chain("one")
    path = cli.chain("two", "{}")
    assert cli.run("chain", "copy", "one", "two").code == 2
    assert path.read_text(encoding="utf-8") == "{}"


def test_a_private_chain_stays_private_as_a_copy(cli: Cli) -> None:
    private = cli.home / "chains" / "_private"
    private.mkdir()
    cli.chain("one").rename(private / "one.json")
    assert cli.run("chain", "copy", "one", "two").code == 0
    assert (private / "two.json").is_file()


def test_a_chain_with_mistakes_is_copied_and_they_are_named(cli: Cli) -> None:
    cli.chain("one", modle="x")
    ran = cli.run("chain", "copy", "one", "two")
    assert (ran.code, "chain check two" in ran.err) == (0, True)


def test_copying_what_is_not_there_guesses_the_name(cli: Cli) -> None:
    cli.chain("parser")
    ran = cli.run("chain", "copy", "praser", "two")
    assert ran.code == 2
    assert 'did you mean "parser"?' in ran.err


# --- delete ---


def test_delete_takes_file_runs_calls_state_and_logs(cli: Cli) -> None:
    cli.chain("one")
    other = cli.chain("one_worker")
    cli.ended_run("one", "r1")
    kept = cli.ended_run("one_worker", "r2")
    state = cli.home / "state" / "one"
    state.mkdir(parents=True)
    for name in (
        "status.txt",
        "round_counter.txt",
        "start_time.txt",
        "handoff.md",
        "handoff_worker.md",
        "STOP",
    ):
        (state / name).write_text("x", encoding="utf-8")
    (cli.home / "logs").mkdir()
    for name in ("one.log", "one.log.1", "one_worker.log", "two.log"):
        (cli.home / "logs" / name).write_text("x", encoding="utf-8")
    ran = cli.run("chain", "delete", "one", "--yes")
    assert ran.code == 0, ran.err
    assert (cli.runs("one"), cli.runs("one_worker")) == ([], ["r2"])
    assert not state.exists()
    assert (other.exists(), kept.exists()) == (True, True)
    assert {path.name for path in (cli.home / "logs").iterdir()} == {"one_worker.log", "two.log"}
    assert not (cli.home / "calls" / "r1").exists()


def test_what_agents_keep_in_the_state_folder_stays_and_is_told(cli: Cli) -> None:
    cli.chain("one")
    state = cli.home / "state" / "one"
    (state / "work").mkdir(parents=True)
    (state / "queue.md").write_text("- [ ] T1", encoding="utf-8")
    (state / "status.txt").write_text("READY", encoding="utf-8")
    ran = cli.run("chain", "delete", "one", "--yes")
    assert {path.name for path in state.iterdir()} == {"work", "queue.md"}
    assert "queue.md" in ran.err


def test_the_handoffs_copy_in_the_workdir_goes_too_unless_somebody_changed_it(
    cli: Cli, tmp_path: Path
) -> None:
    for text, stays in (("our handoff", False), ("changed by hand", True)):
        cli.chain("one")
        cli.ended_run("one", "r1", workdir=tmp_path / "work", handoff="our handoff")
        copy = tmp_path / "work" / "state" / "one" / "handoff.md"
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text, encoding="utf-8")
        assert cli.run("chain", "delete", "one", "--yes").code == 0
        assert copy.exists() is stays


def test_delete_asks_on_a_terminal_and_no_is_the_default(cli: Cli) -> None:
    path = cli.chain("one")
    assert cli.typed("chain", "delete", "one", keys="\n").code == 0
    assert path.exists()
    assert cli.typed("chain", "delete", "one", keys="y\n").code == 0
    assert not path.exists()


def test_delete_without_a_terminal_needs_yes(cli: Cli) -> None:
    path = cli.chain("one")
    ran = cli.run("chain", "delete", "one")
    assert (ran.code, path.exists(), "--yes" in ran.err) == (2, True, True)


def test_a_shipped_chain_is_not_deleted(cli: Cli) -> None:
    ran = cli.run("chain", "delete", "demo", "--yes")
    assert ran.code == 2
    assert "shipped" in ran.err
    assert "chain reset demo" in ran.err


def test_in_a_checkout_the_chains_that_git_knows_are_the_shipped_ones(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmauto.home.shipped_root", lambda: cli.home)
    known, own = cli.chain("known"), cli.chain("own")
    for words in (("init", "-q"), ("add", "chains/known.json")):
        subprocess.run(["git", *words], cwd=cli.home, check=True)
    assert cli.run("chain", "delete", "known", "--yes").code == 2
    assert cli.run("chain", "delete", "own", "--yes").code == 0
    assert (known.exists(), own.exists()) == (True, False)


def test_what_is_left_of_a_chain_without_its_file_can_be_deleted(cli: Cli) -> None:
    cli.ended_run("gone", "r1")
    assert cli.run("chain", "delete", "gone", "--yes").code == 0
    assert cli.runs("gone") == []


def test_deleting_what_is_not_there_guesses_the_name(cli: Cli) -> None:
    cli.chain("parser")
    ran = cli.run("chain", "delete", "praser", "--yes")
    assert (ran.code, 'did you mean "parser"?' in ran.err) == (2, True)


def test_a_chain_that_a_runner_holds_is_not_deleted(cli: Cli) -> None:
    path = cli.chain("one")
    cli.ended_run("one", "r1")
    home = find_home(cli.folder, {}, cli.home)
    with RunnerLock.acquire(lock_path(home, "one"), {"pid": 1, "host": "here"}):
        ran = cli.run("chain", "delete", "one", "--yes")
    assert (ran.code, path.exists(), cli.runs("one")) == (75, True, ["r1"])


def test_a_chain_with_a_living_call_is_not_deleted(cli: Cli) -> None:
    path = cli.chain("one")
    call = cli.ended_run("one", "r1") / "0001-worker"
    held = lock.take(Folder(os.fsencode(call)))
    ran = cli.run("chain", "delete", "one", "--yes")
    os.close(held)
    assert (ran.code, path.exists(), call.exists()) == (75, True, True)
    assert "chain stop one --now" in ran.err


def test_a_link_in_place_of_calls_is_not_followed(cli: Cli, tmp_path: Path) -> None:
    cli.chain("one")
    folder = cli.ended_run("one", "r1")
    precious = tmp_path / "precious"
    folder.rename(precious)
    folder.symlink_to(precious, target_is_directory=True)
    cli.run("chain", "delete", "one", "--yes")
    assert (precious / "0001-worker" / "stdout").exists()


def test_deleting_when_nothing_ever_ran_makes_no_journal(cli: Cli) -> None:
    cli.chain("one")
    assert cli.run("chain", "delete", "one", "--yes").code == 0
    assert cli.files() == set()


# --- clean ---


def test_clean_removes_the_oldest_runs_of_each_chain(cli: Cli) -> None:
    for number in range(4):
        cli.ended_run("one", f"r{number}", at=1e9 + number, size=1024)
    cli.ended_run("two", "s0")
    ran = cli.run("clean", "--keep", "2")
    assert ran.code == 0, ran.err
    assert (cli.runs("one"), cli.runs("two")) == (["r3", "r2"], ["s0"])
    assert {path.name for path in (cli.home / "calls").iterdir() if path.name[0] != "."} == {"r2", "r3", "s0"}
    assert "removed 2 runs, 2 KiB" in ran.out


def test_a_dry_run_says_the_same_and_removes_nothing(cli: Cli) -> None:
    for number in range(3):
        cli.ended_run("one", f"r{number}", size=1024)
    before = cli.files()
    ran = cli.run("clean", "--keep", "1", "--dry-run")
    assert "would remove 2 runs, 2 KiB" in ran.out
    assert (cli.files(), len(cli.runs("one"))) == (before, 3)


def test_the_run_that_can_be_gone_on_with_is_never_removed(cli: Cli) -> None:
    cli.ended_run("one", "r0")
    cli.ended_run("one", "r1", finished=False)
    assert cli.run("clean", "--keep", "0").code == 0
    assert cli.runs("one") == ["r1"]


def test_an_unfinished_run_that_a_newer_one_replaced_goes_like_an_ended_one(cli: Cli) -> None:
    cli.ended_run("one", "r0", finished=False)
    cli.ended_run("one", "r1")
    assert cli.run("clean", "--keep", "1").code == 0
    assert cli.runs("one") == ["r1"]


def test_a_run_with_a_living_call_is_never_removed(cli: Cli) -> None:
    call = cli.ended_run("one", "r0") / "0001-worker"
    cli.ended_run("one", "r1")
    held = lock.take(Folder(os.fsencode(call)))
    assert cli.run("clean", "--keep", "0").code == 0
    os.close(held)
    assert cli.runs("one") == ["r0"]


def test_keep_runs_of_the_config_counts_and_zero_keeps_all(cli: Cli) -> None:
    for number in range(3):
        cli.ended_run("one", f"r{number}")
    config = cli.home / "config.json"
    config.write_text(json.dumps({"keep_runs": 0}), encoding="utf-8")
    assert "nothing to remove" in cli.run("clean").out
    config.write_text(json.dumps({"keep_runs": 2}), encoding="utf-8")
    assert cli.run("clean").code == 0
    assert cli.runs("one") == ["r2", "r1"]


def test_a_run_whose_name_leads_elsewhere_takes_nothing_with_it(cli: Cli, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    cli.ended_run("one", "r0")
    for path in (cli.home / "calls").iterdir():
        path.rename(precious / path.name)
    import sqlite3

    with sqlite3.connect(cli.home / "journal.db") as db:
        db.execute("UPDATE runs SET run = '../../precious/r0'")
    db.close()
    (cli.home / "journal.db-mark").unlink()
    assert cli.run("clean", "--keep", "0").code == 0
    assert (precious / "r0").is_dir()


def test_a_negative_number_of_runs_is_refused(cli: Cli) -> None:
    assert cli.run("clean", "--keep=-1").code == 2


def test_a_home_without_a_journal_has_nothing_to_clean_and_gets_none(cli: Cli) -> None:
    assert "nothing to remove" in cli.run("clean").out
    assert cli.files() == set()


def test_ctrl_d_at_the_question_deletes_nothing(cli: Cli) -> None:
    path = cli.chain("one")
    assert cli.run("chain", "delete", "one", stdin=Keyboard("")).code == 2
    assert path.exists()
