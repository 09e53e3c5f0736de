"""What `chain start` says and leaves behind before its first call."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llmauto import load_chain, run
from llmauto.cli import background
from llmauto.errors import BackendError
from llmauto.presence import at_work_in
from tests.support.command_line import llmauto
from tests.support.project import Project
from tests.support.told_runs import ToldHome


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ToldHome:
    """A home on a machine on which no agent is installed."""
    monkeypatch.setenv("PATH", str(tmp_path / "no-programs"))
    monkeypatch.delenv("LLMAUTO_CLAUDE_PATH", raising=False)
    return ToldHome(tmp_path / "home")


def agent(name: str) -> dict[str, str]:
    return {"name": name, "backend": "claude", "prompt": "Do the work."}


def test_a_dry_run_shows_the_plan_where_the_agent_is_not_installed(home: ToldHome) -> None:
    home.chain("x", links=[agent("worker"), agent("reviewer")])
    said = llmauto(home.path, "chain", "start", "x", "--dry-run")
    assert said.code == 0
    assert said.out.count("\n$ claude -p ") == 2
    assert "at the worst: calls" in said.out
    assert said.err.count("warning: a start would end at once: `claude` is not on PATH; install it with") == 1


def test_a_start_that_is_refused_leaves_nothing_behind(home: ToldHome) -> None:
    home.chain("x", links=[agent("worker")])
    before = home.files()
    said = llmauto(home.path, "chain", "start", "x")
    assert (said.code, home.files()) == (7, before)
    with pytest.raises(BackendError, match="not on PATH"):
        run(load_chain("x", home=home.path), home=home.path)
    assert home.files() == before


def test_a_dry_run_in_json_says_which_link_lacks_its_program(home: ToldHome) -> None:
    check = {"name": "tests", "role": "check", "run": ["no-such-program", "-q"]}
    home.chain("x", links=[{"name": "worker", "backend": "demo", "prompt": "Do the work."}, check])
    worker, tests = llmauto(home.path, "chain", "start", "x", "--dry-run", "--json").json["links"]
    assert worker["problem"] == ""
    assert tests["argv"] == ["no-such-program", "-q"]
    assert "`no-such-program` is not on PATH" in tests["problem"]


def test_a_task_file_that_is_not_there_is_no_traceback_and_the_near_one_is_named(
    home: ToldHome, tmp_path: Path
) -> None:
    (tmp_path / "task.md").write_text("Do it.", encoding="utf-8")
    said = llmauto(home.path, "chain", "start", "x", "--task-file", str(tmp_path / "taks.md"))
    assert (said.code, said.err) == (
        2, f"error: --task-file `{tmp_path / 'taks.md'}`: no such file or directory\n"
        'hint: did you mean "task.md"?\n',
    )  # fmt: skip


def test_the_last_lines_name_no_handoff_where_none_was_kept(home: ToldHome) -> None:
    silent = {"name": "silent", "backend": "command", "run": [sys.executable, "-c", ""], "prompt": "Do it."}
    home.chain("x", mode="once", links=[silent])
    said = llmauto(home.path, "chain", "start", "x")
    assert said.out.endswith(
        "  next: llmauto chain log x    shows what happened; `chain start x` begins a new run\n"
    )


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="nothing is kept from root")
def test_a_workdir_that_may_not_be_read_is_told_before_anything_is_made(
    home: ToldHome, tmp_path: Path
) -> None:
    (tmp_path / "closed").mkdir(mode=0o000)
    home.chain("x", workdir=str(tmp_path / "closed"))
    said = llmauto(home.path, "chain", "start", "x")
    (tmp_path / "closed").chmod(0o700)
    assert said.code == 2
    assert f"the workdir `{tmp_path / 'closed'}` cannot be read\nhint: give yourself permission" in said.err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot lock a folder")
def test_a_run_of_another_home_in_the_same_folder_is_told(home: ToldHome, tmp_path: Path) -> None:
    silent = {"name": "silent", "backend": "command", "run": [sys.executable, "-c", ""], "prompt": "Do it."}
    home.chain("x", mode="once", links=[silent], workdir=str(tmp_path))
    said = f"warning: a run of another home works in the same folder now: {tmp_path}"
    with at_work_in(tmp_path) as others:
        assert said in llmauto(home.path, "chain", "start", "x").err
    assert not others
    assert said not in llmauto(home.path, "chain", "start", "x").err


def test_a_start_in_the_background_takes_no_leave_with_a_warning_of_python(tmp_path: Path) -> None:
    project = Project(tmp_path, {**os.environ, "PYTHONWARNINGS": "error"})
    link = {"name": "worker", "backend": "demo", "prompt": "Do the work."}
    project.chain("x", mode="once", links=[link])
    said = project.run("chain", "start", "x", "--bg", "--json")
    assert (said.returncode, said.stderr) == (0, "")
    project.run("chain", "log", "x", "-f", "--run", json.loads(said.stdout)["run"])  # until it has ended


def test_a_start_in_the_background_says_why_it_was_refused_though_its_chain_is_deleted_right_then(
    home: ToldHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.chain("x", links=[agent("worker")])
    wait = background._wait

    def wait_and_delete(*call: Any, **how: Any) -> int | None:
        code = wait(*call, **how)
        (home.path / "logs" / "x.out").unlink()
        return code

    monkeypatch.setattr(background, "_wait", wait_and_delete)
    said = llmauto(home.path, "chain", "start", "x", "--bg")
    assert said.code == 7
    assert "`claude` is not on PATH" in said.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk that is always full")
def test_a_run_goes_on_where_its_events_cannot_be_written(tmp_path: Path) -> None:
    project = Project(tmp_path)
    link = {"name": "worker", "backend": "demo", "prompt": "Do the work."}
    project.chain("x", mode="once", links=[link])
    argv = project.argv("chain", "start", "x", "--json")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            argv, cwd=tmp_path, env=project.env, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 0
    assert done.stderr.count(b"warning: the events cannot be written: no space left on device") == 1
    assert project.json("chain", "status", "x")["stop_reason"] == "completed"
