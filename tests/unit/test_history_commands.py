"""`chain runs`, `chain handoff` and `chain open`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from llmauto.cli.session import last_session
from tests.support.command_line import llmauto
from tests.support.told_runs import ToldHome

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "a\x1b]0;owned\x07b\x1b[2Jc"


@pytest.fixture
def home(tmp_path: Path) -> ToldHome:
    return ToldHome(tmp_path / "home")


# --- runs -----------------------------------------------------------------------------------------


def test_runs_are_listed_newest_first(home: ToldHome) -> None:
    home.run("r1").call().end().over("all_done", "all is done")
    home.run("r2").call()
    home.run("r9", "other").over()
    said = llmauto(home.path, "chain", "runs", "x")
    assert said.code == 0
    head, *rows = said.out.splitlines()
    assert head.split() == ["RUN", "STARTED", "STATUS", "ROUNDS", "CALLS", "RUNTIME", "COST", "WHY"]
    assert [row.split()[0] for row in rows] == ["r2", "r1"]
    assert "interrupted: the runner has died" in rows[0]
    assert rows[1].endswith("all is done")


def test_runs_as_json_have_the_keys_of_a_run(home: ToldHome) -> None:
    home.run("r1").call().end().over("all_done", "all is done")
    home.run("r2").call()
    newest, oldest = llmauto(home.path, "chain", "runs", "x", "--json").json
    assert (newest["run"], newest["status"], newest["stop_reason"]) == ("r2", "STOPPED", "interrupted")
    assert (oldest["run"], oldest["status"], oldest["stop_reason"]) == ("r1", "ALL_DONE", "all_done")
    assert (oldest["cost_usd"], oldest["calls"], oldest["finished"]) == (0.42, 1, True)


def test_a_chain_without_runs_has_an_empty_list(home: ToldHome) -> None:
    assert "has not run yet" in llmauto(home.path, "chain", "runs", "x").out
    assert llmauto(home.path, "chain", "runs", "x", "--json").json == []


# --- handoff --------------------------------------------------------------------------------------


def test_the_handoff_that_counts_is_printed(home: ToldHome) -> None:
    run = home.run().call().handoff("# one\n").end().call("reviewer").handoff("# two\n", "reviewer").end()
    run.round_over().call().handoff("# failed\n", passed_on=False)
    said = llmauto(home.path, "chain", "handoff", "x")
    assert (said.code, said.out, said.err) == (0, "# two\n", "")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--round", "1"], "# two\n"),
        (["--link", "worker"], "# failed\n"),
        (["--round", "1", "--link", "worker"], "# one\n"),
        (["--round", "2"], "# failed\n"),
        (["--run", "r1"], "# two\n"),
    ],
)
def test_an_earlier_handoff_is_found_by_round_link_and_run(
    home: ToldHome, options: list[str], text: str
) -> None:
    run = home.run().call().handoff("# one\n").end().call("reviewer").handoff("# two\n", "reviewer").end()
    run.round_over().call().handoff("# failed\n", passed_on=False)
    assert llmauto(home.path, "chain", "handoff", "x", *options).out == text


def test_a_handoff_that_is_not_there_is_an_error_with_the_way_out(home: ToldHome) -> None:
    home.run().call().handoff("# one\n").end()
    said = llmauto(home.path, "chain", "handoff", "x", "--link", "wroker")
    assert (said.code, said.out) == (2, "")
    assert 'did you mean "worker"?' in said.err
    said = llmauto(home.path, "chain", "handoff", "x", "--round", "7")
    assert said.code == 2
    assert "rounds 1 to 1" in said.err
    assert llmauto(home.path, "chain", "handoff", "x", "--link", "../../x").code == 2
    home.chain("new")
    assert llmauto(home.path, "chain", "handoff", "new").code == 1


def test_a_handoff_that_a_person_left_before_the_first_run_is_shown(home: ToldHome) -> None:
    (home.state / "x").mkdir(parents=True)
    (home.state / "x" / "handoff.md").write_text("# please\n", encoding="utf-8")
    assert llmauto(home.path, "chain", "handoff", "x").out == "# please\n"
    found = llmauto(home.path, "chain", "handoff", "x", "--json").json
    assert (found["run"], found["text"], found["passed_on"]) == (None, "# please\n", False)


def test_a_handoff_that_is_a_link_is_not_followed(home: ToldHome, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    (home.state / "x").mkdir(parents=True)
    (home.state / "x" / "handoff.md").symlink_to(tmp_path / "secret")
    said = llmauto(home.path, "chain", "handoff", "x")
    assert said.code == 1
    assert "secret" not in said.out


def test_a_handoff_as_json_is_whole_and_for_people_harmless(home: ToldHome) -> None:
    home.run().call().handoff(HOSTILE).end()
    assert llmauto(home.path, "chain", "handoff", "x").out == "abc\n"
    found = llmauto(home.path, "chain", "handoff", "x", "--json").json
    assert (found["text"], found["round"], found["link"], found["run"]) == (HOSTILE, 1, "worker", "r1")
    assert (found["bytes"], found["passed_on"], len(found["sha"])) == (len(HOSTILE), True, 64)


# --- open -----------------------------------------------------------------------------------------

FAKE = """#!{python}
import json, os, sys
print(json.dumps([sys.argv[1:], os.getcwd(), os.environ.get("CLAUDECODE"), os.environ.get("LOGIN")]))
sys.exit(7)
"""


def opened(home: ToldHome, link: str = "worker") -> subprocess.CompletedProcess[str]:
    """`chain open x LINK` in a process of its own: it becomes the agent's program."""
    fake = home.path / "fake-claude"
    fake.write_text(FAKE.format(python=sys.executable), encoding="utf-8")
    fake.chmod(0o700)
    env = {**os.environ, "LLMAUTO_CLAUDE_PATH": str(fake), "CLAUDECODE": "1"}
    argv = [sys.executable, "-m", "llmauto", "--home", str(home.path), "chain", "open", "x", link]
    return subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


@pytest.mark.skipif(sys.platform == "win32", reason="a script is no program there")
def test_a_session_is_opened_in_its_workdir_with_the_links_environment(
    home: ToldHome, tmp_path: Path
) -> None:
    links = [{"name": "worker", "backend": "claude", "prompt": "p p", "env": {"LOGIN": "mine"}}]
    home.chain("x", links=links)
    home.run().call(session="s-old").end().over()
    home.run("r2", workdir=str(tmp_path)).call(session="s-new").end()
    done = opened(home)
    assert done.returncode == 7
    assert json.loads(done.stdout) == [["--resume", "s-new"], str(tmp_path), None, "mine"]


@pytest.mark.skipif(sys.platform == "win32", reason="a script is no program there")
def test_the_last_session_that_an_agent_worked_in_is_opened(home: ToldHome) -> None:
    run = home.run().call(session="s1").end("crashed")
    run.call(session="s2", attempt=2).end("no_model", worked=False).over("link_failed", "no", 1)
    home.run("r2").over("no_backend", "none", 7)
    done = opened(home)
    assert json.loads(done.stdout)[0] == ["--resume", "s1"]


def test_a_link_without_a_session_says_so(home: ToldHome) -> None:
    home.run().call(session="s1").end("missing", worked=False).over("no_backend", "none", 7)
    said = llmauto(home.path, "chain", "open", "x", "worker")
    assert said.code == 1
    assert "has no session yet" in said.err
    said = llmauto(home.path, "chain", "open", "x", "wroker")
    assert said.code == 2
    assert 'did you mean "worker"?' in said.err


def test_a_session_that_is_in_use_is_not_opened(home: ToldHome) -> None:
    home.run().call(session="s1")
    with home.lock():
        said = llmauto(home.path, "chain", "open", "x", "worker")
    assert said.code == 75
    assert "at work" in said.err
    with home.living_call():
        assert llmauto(home.path, "chain", "open", "x", "worker").code == 75


def test_a_session_of_another_backend_cannot_be_opened(home: ToldHome) -> None:
    home.run().call(backend="demo").end().over()
    said = llmauto(home.path, "chain", "open", "x", "worker")
    assert said.code == 1
    assert "`demo`" in said.err


def test_a_workdir_that_is_gone_is_named(home: ToldHome, tmp_path: Path) -> None:
    home.run(workdir=str(tmp_path / "gone")).call().end().over()
    said = llmauto(home.path, "chain", "open", "x", "worker")
    assert said.code == 1
    assert str(tmp_path / "gone") in said.err


def test_a_links_own_workdir_comes_before_that_of_the_run(home: ToldHome, tmp_path: Path) -> None:
    gone = str(tmp_path / "own")
    home.run(settings={"links.worker.workdir": gone}).call().end().over()
    assert gone in llmauto(home.path, "chain", "open", "x", "worker").err


@pytest.mark.parametrize("words", [["..", "worker"], ["x", "../y"], ["CON", "worker"], ["x", ""]])
def test_names_outside_the_allow_list_are_refused(home: ToldHome, words: list[str]) -> None:
    assert llmauto(home.path, "chain", "open", *words).code == 2


def test_a_resumed_session_exists_even_if_its_agent_did_not_work(home: ToldHome) -> None:
    run = home.run().call(session="s1", resumed=True).end("overloaded", worked=False)
    run.over("link_failed", "no", 1)
    with home.journal() as journal:
        assert last_session(journal, "x", "worker").session == "s1"
