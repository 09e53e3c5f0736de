"""`chain status` and `status`."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest

from llmauto import events as ev
from llmauto.cli.output import Output
from llmauto.cli.standing import reader, standing
from llmauto.cli.status import print_standing
from llmauto.home import find_home
from llmauto.outcomes import ENDINGS, StopReason
from tests.support.command_line import llmauto
from tests.support.told_runs import BEGIN, ToldHome

ROOT = Path(__file__).resolve().parents[2]
KEYS = {
    "budget_usd", "calls", "chain", "cost_usd", "deadline", "ended_at", "exit_code", "failed_calls",
    "finished", "input_tokens", "link", "living_call", "max_rounds", "message", "output_tokens", "path",
    "round", "rounds_done", "run", "runner", "runner_died", "runtime_limit_s", "runtime_s", "started_at",
    "status", "stop_asked", "stop_reason", "task", "unknown_costs", "updated_at", "wait_until", "wait_why",
    "workdir",
}  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> ToldHome:
    return ToldHome(tmp_path / "home")


def test_a_chain_that_never_ran_is_ready_and_looking_creates_nothing(home: ToldHome) -> None:
    before = home.files()
    said = llmauto(home.path, "chain", "status", "x")
    assert said.code == 0
    assert said.out.splitlines() == [
        "READY  x: it has not run yet",
        "  next      llmauto chain start x    starts it",
    ]
    assert llmauto(home.path, "status").code == 0
    assert home.files() == before


def test_looking_at_a_home_that_is_not_there_creates_none(tmp_path: Path) -> None:
    said = llmauto(tmp_path / "none", "status")
    assert said.code == 0
    assert "no chain of this home has run yet" in said.out
    assert "chain start demo" in said.out
    assert not (tmp_path / "none").exists()


def test_an_unknown_chain_gets_a_guess(home: ToldHome) -> None:
    home.chain("build-loop")
    said = llmauto(home.path, "chain", "status", "build-lop")
    assert said.code == 2
    assert said.out == ""
    assert said.err == 'error: there is no chain `build-lop`\nhint: did you mean "build-loop"?\n'


@pytest.mark.parametrize("name", ["../x", "/abs", "a/b", "..", "", "\n", "CON", "x" * 300, "é"])
def test_a_name_outside_the_allow_list_is_refused(home: ToldHome, name: str) -> None:
    before = home.files()
    said = llmauto(home.path, "chain", "status", name)
    assert said.code == 2
    assert "name" in said.err
    assert home.files() == before


def test_a_running_chain_tells_all_its_figures(home: ToldHome) -> None:
    run = home.run(budget_usd=5.0, task="mend\nthe parser")
    run.call().end().call("reviewer").end(cost_usd=None).round_over().call()
    with home.lock():
        said = llmauto(home.path, "chain", "status", "x")
    lines = {line.split()[0]: line for line in said.out.splitlines()}
    assert lines["RUNNING"] == "RUNNING  x"
    assert lines["round"] == "  round     2 of 5, 1 finished"
    assert lines["link"] == "  link      worker (call 3)"
    assert lines["cost"] == "  cost      $0.42 + 1 call of unknown cost, budget $5.00"
    assert lines["task"] == "  task      mend the parser"
    assert lines["runner"].startswith("  runner    pid 4711 on box, since ")
    assert "chain log x -f" in lines["next"]


def test_the_json_has_its_documented_keys_and_no_zero_for_what_is_unknown(home: ToldHome) -> None:
    home.run().call().end(cost_usd=None)
    with home.lock():
        found = llmauto(home.path, "chain", "status", "x", "--json").json
    assert set(found) == KEYS
    assert (found["status"], found["stop_reason"], found["cost_usd"]) == ("RUNNING", None, None)
    assert (found["unknown_costs"], found["budget_usd"], found["wait_until"]) == (1, None, None)
    assert (found["runner"]["pid"], found["runner"]["host"]) == (4711, "box")
    assert found["started_at"] == BEGIN
    assert set(llmauto(home.path, "status", "--json").json["chains"][0]) == KEYS


def test_every_json_key_is_in_the_reference() -> None:
    text = (ROOT / "docs" / "reference" / "json.md").read_text(encoding="utf-8")
    assert [key for key in KEYS if f"`{key}`" not in text] == []


def test_a_chain_that_never_ran_has_the_same_keys(home: ToldHome) -> None:
    found = llmauto(home.path, "chain", "status", "x", "--json").json
    assert set(found) == KEYS
    assert (found["status"], found["run"], found["cost_usd"], found["calls"]) == ("READY", None, 0, 0)


def test_a_waiting_chain_says_for_what_and_until_when(home: ToldHome) -> None:
    run = home.run().call().end("limited")
    run.tell(ev.WaitStarted(round=1, link="worker", until=9e9, why="the usage limit", outcome="limited"))
    with home.lock():
        said = llmauto(home.path, "chain", "status", "x")
        found = llmauto(home.path, "chain", "status", "x", "--json").json
        table = llmauto(home.path, "status")
    first = said.out.splitlines()[0]
    assert first.startswith("WAITING  x: until 2255-03-14 ")
    assert first.endswith(" for the usage limit · $0.42 so far · ends after 5 rounds")
    assert "  waits     until 2255-03-14 " in said.out
    assert "  ends      after 5 rounds\n" in said.out
    assert "for the usage limit" in said.out
    assert (found["status"], found["wait_until"], found["wait_why"]) == ("WAITING", 9e9, "the usage limit")
    assert "the usage limit" in table.out


def test_every_bound_of_a_run_is_told_while_it_goes_on(home: ToldHome) -> None:
    bounds = {"runtime_s": 8 * 3600.0, "deadline": datetime.fromtimestamp(9e9, timezone.utc)}
    home.run(budget_usd=20, bounds=bounds).call()
    with home.lock():
        said = llmauto(home.path, "chain", "status", "x")
        found = llmauto(home.path, "chain", "status", "x", "--json").json
    (ends,) = [line for line in said.out.splitlines() if line.startswith("  ends ")]
    assert "after 5 rounds, at $20.00, after 8h00 of runtime (" in ends
    assert ", at 2255-03-14 " in ends
    assert (found["runtime_limit_s"], found["deadline"]) == (28800, 9e9)


def test_a_dead_runner_is_called_that(home: ToldHome) -> None:
    home.run().call()
    said = llmauto(home.path, "chain", "status", "x")
    assert said.out.startswith(
        "STOPPED  x: interrupted: the runner has died; `llmauto chain start x` goes on\n"
    )
    found = llmauto(home.path, "chain", "status", "x", "--json").json
    assert (found["status"], found["stop_reason"], found["runner_died"]) == ("STOPPED", "interrupted", True)
    assert (found["runner"], found["living_call"]) == (None, None)
    assert "the runner has died" in llmauto(home.path, "status").out


def test_a_call_that_outlives_its_runner_is_shown_and_left_alone(home: ToldHome) -> None:
    home.run().call()
    with home.living_call() as folder:
        said = llmauto(home.path, "chain", "status", "x")
        found = llmauto(home.path, "chain", "status", "x", "--json").json
        table = llmauto(home.path, "status").out
    assert "its agent goes on alone" in said.out
    assert "0001-worker still runs without its runner: `llmauto chain stop x --now` ends it" in said.out
    assert found["living_call"] == str(folder)
    assert "its call goes on" in table
    assert sorted(path.name for path in folder.iterdir()) == ["lock"]


@pytest.mark.parametrize("reason", ["max_rounds", "blocked", "needs_human"])
def test_what_to_type_next_is_no_handoff_where_none_was_kept(home: ToldHome, reason: str) -> None:
    run = home.run().call().end().over(reason)
    assert "  next      llmauto chain log x    " in llmauto(home.path, "chain", "status", "x").out
    run.handoff("Done.")
    assert "  next      llmauto chain handoff x    " in llmauto(home.path, "chain", "status", "x").out


def test_a_stop_that_was_asked_for_is_shown(home: ToldHome) -> None:
    home.run().call()
    (home.state / "x").mkdir(parents=True)
    (home.state / "x" / "STOP").write_text("it is late\n", encoding="utf-8")
    with home.lock():
        assert "  stop      after this link: it is late\n" in llmauto(home.path, "chain", "status", "x").out
        assert llmauto(home.path, "chain", "status", "x", "--json").json["stop_asked"] == "it is late"
        assert "stops after this link: it is late" in llmauto(home.path, "status").out


def test_a_runner_that_has_not_begun_a_run_is_shown(home: ToldHome) -> None:
    with home.lock():
        assert "a runner is starting" in llmauto(home.path, "chain", "status", "x").out


@pytest.mark.parametrize("reason", list(StopReason))
def test_every_end_says_why_and_what_to_type_next(home: ToldHome, reason: StopReason) -> None:
    ending = ENDINGS[reason]
    home.run().call().end().over(reason.value, "because of something", ending.exit_code)
    said = llmauto(home.path, "chain", "status", "x").out
    assert said.startswith(f"{ending.status.value}  x: because of something\n")
    assert f"  why       {reason.value}\n" in said
    assert "  next      llmauto " in said
    found = llmauto(home.path, "chain", "status", "x", "--json").json
    assert (found["status"], found["stop_reason"]) == (ending.status.value, reason.value)
    assert (found["exit_code"], found["finished"]) == (ending.exit_code, ending.finished)


def test_the_runs_of_a_deleted_chain_are_still_shown(home: ToldHome) -> None:
    home.run("r1", "gone").over()
    said = llmauto(home.path, "chain", "status", "gone")
    assert said.code == 0
    assert "the chain's file is gone" in said.out
    assert llmauto(home.path, "chain", "status", "gone", "--json").json["path"] is None


def test_all_chains_stand_in_one_table(home: ToldHome) -> None:
    home.chain("other")
    home.run("r1", "x").over()
    said = llmauto(home.path, "chain", "status")
    assert said.out == llmauto(home.path, "status").out
    head, *rows = said.out.splitlines()
    assert head.split() == ["CHAIN", "STATUS", "ROUND", "LINK", "RUNTIME", "COST", "LAST", "WHY"]
    assert [row.split()[:2] for row in rows] == [["other", "READY"], ["x", "STOPPED"]]


def test_escapes_of_agents_do_not_reach_the_terminal(home: ToldHome) -> None:
    home.run(task="a\x1b]0;owned\x07b").over("stop_requested", "x\x1b[2Jy\nz", 3)
    for argv in (["chain", "status", "x"], ["status"]):
        said = llmauto(home.path, *argv)
        assert "\x1b" not in said.out
        assert "xy z" in said.out


def test_colours_are_for_terminals_alone(home: ToldHome) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    home.run().over()
    found_home = find_home(home.path, {}, home.path)
    with reader(found_home) as journal:
        found = standing(found_home, journal, "x")
    coloured, plain = Terminal(), io.StringIO()
    print_standing(Output(coloured, coloured, {}), found)
    print_standing(Output(plain, plain, {}), found)
    assert "\x1b[" in coloured.getvalue()
    assert "\x1b[" not in plain.getvalue()


def test_a_damaged_journal_is_refused_by_name(home: ToldHome) -> None:
    (home.path / "journal.db").write_bytes(b"not a database at all, but long enough to be read as one" * 20)
    said = llmauto(home.path, "chain", "status", "x")
    assert said.code == 1
    assert "journal.db" in said.err
    assert said.out == ""


def test_status_starts_without_what_it_does_not_need(home: ToldHome) -> None:
    """What a person waits for: neither argparse nor the authoring of chains is loaded, nor `dataclasses`."""
    home.run().call()
    code = (
        "import sys; from llmauto.cli import main;"
        f"main(['--home', {str(home.path)!r}, 'chain', 'status', 'x']);"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("STOPPED  x")
    loaded = set(done.stderr.split())
    unwanted = {"argparse", "subprocess", "shutil", "socket", "logging", "difflib", "asyncio", "select"}
    unwanted |= {"dataclasses", "inspect", "json"}
    unwanted |= {"llmauto.events", "llmauto.model", "llmauto.authoring", "llmauto.settings", "llmauto.desk"}
    assert loaded & unwanted == set()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_console_without_unicode_is_no_crash(home: ToldHome, encoding: str) -> None:
    home.run(task="日本 → ü").over("stop_requested", "ü → 日", 3)
    argv = [sys.executable, "-m", "llmauto", "--home", str(home.path), "chain", "status", "x"]
    env = {**os.environ, "PYTHONIOENCODING": encoding, "LC_ALL": "C"}
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, env=env, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith(b"STOPPED  x: ")
    assert b"Traceback" not in done.stderr
