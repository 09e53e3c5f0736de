"""The shipped chains that judge, played from end to end by the demo backend: real processes, real files."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.project import ROOT, Project

WRONG, RIGHT = "def add(a, b):\n    return a - b\n", "def add(a, b):\n    return a + b\n"
TEST = "from calc import add\n\n\ndef test_add():\n    assert add(2, 2) == 4\n"
OLD = "def test_old():\n    assert not 'a known failure'\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    # The chains say `python`: here that is the Python which has pytest.
    programs = tmp_path / "bin"
    programs.mkdir()
    name = "python.exe" if sys.platform == "win32" else "python"
    (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (programs / name).chmod(0o755)
    path = os.pathsep.join([str(programs), os.environ.get("PATH", "")])
    made = Project(tmp_path / "repo", {**os.environ, "PATH": path, "PYTEST_ADDOPTS": "-p no:cacheprovider"})
    # A project's tests run in the project: nothing of this suite's configuration is theirs.
    (made.folder / "pytest.ini").write_text("[pytest]\ntestpaths = .\n", encoding="utf-8")
    return made


pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for `python` is a shell script"),
]


def shipped(project: Project, name: str) -> None:
    """The shipped chain in this project, its agents played by the demo."""
    chain = json.loads((ROOT / "chains" / f"{name}.json").read_text(encoding="utf-8"))
    del chain["$schema"]
    project.chain(name, **chain, defaults={"backend": "demo"})


def events(project: Project, chain: str) -> list[dict[str, Any]]:
    lines = project.run("chain", "log", chain, "1000", "--json").stdout.splitlines()
    return [json.loads(line) for line in lines]


def path(project: Project, chain: str) -> list[str]:
    started = [e for e in events(project, chain) if e["event"] in ("call_started", "gate_opened")]
    return [event["link"] for event in started if not event.get("baseline")]


def until(holds: Callable[[], object], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def test_a_failing_test_is_mended_and_nothing_else_may_break(project: Project) -> None:
    shipped(project, "fix-failing-test")
    (project.folder / "calc.py").write_text(WRONG, encoding="utf-8")
    (project.folder / "test_calc.py").write_text(TEST, encoding="utf-8")
    (project.folder / "test_old.py").write_text(OLD, encoding="utf-8")
    extra = json.dumps("def test_new():\n    assert not 'broken by the first try'\n")
    gone = json.dumps("def test_new():\n    pass\n")
    task = (
        f"demo #1: write calc.py {json.dumps(RIGHT)}\ndemo #1: write test_new.py {extra}\n"
        f"demo #2: write test_new.py {gone}\n"
    )
    done = project.run(
        "chain", "start", "fix-failing-test", "--set", "test=test_calc.py::test_add", "--task", task
    )
    assert done.returncode == 0, done.stderr
    assert path(project, "fix-failing-test") == [
        "target", "worker", "target", "suite", "worker", "target", "suite",
    ]  # fmt: skip
    said = project.run("chain", "log", "fix-failing-test", "100").stdout
    assert "before round 1: 2 failures, not counted from now on" in said
    handoff = project.state("fix-failing-test", "handoff.md")
    assert "## Check `suite`: PASSED" in handoff
    assert "1 failed before round 1 too, nothing new" in handoff
    assert project.json("chain", "status", "fix-failing-test")["stop_reason"] == "all_done"


def test_reviews_go_on_until_nothing_is_open(project: Project) -> None:
    shipped(project, "review-until-converged")
    done = project.run("chain", "start", "review-until-converged")
    assert done.returncode == 0, done.stderr
    assert path(project, "review-until-converged") == ["worker", "reviewer", "worker", "reviewer"]
    reviews = [e for e in events(project, "review-until-converged") if e["event"] == "reviewed"]
    assert [(e["verdict"], e.get("findings", []), e.get("trend", "first")) for e in reviews] == [
        ("NEEDS_FIX", ["F1"], "first"), ("APPROVED", [], "converging"),
    ]  # fmt: skip


def test_reviews_that_find_the_same_again_end_in_a_question(project: Project) -> None:
    shipped(project, "review-until-converged")
    done = project.run(
        "chain", "start", "review-until-converged", "--task", "demo reviewer: verdict NEEDS_FIX"
    )
    assert done.returncode == 5
    status = project.json("chain", "status", "review-until-converged")
    assert status["stop_reason"] == "needs_human"
    assert "the same findings are open again (F1)" in status["message"]


def test_a_release_waits_for_a_person(project: Project) -> None:
    shipped(project, "gated-release")
    (project.folder / "test_ok.py").write_text("def test_ok():\n    pass\n", encoding="utf-8")
    with project.started("chain", "start", "gated-release") as runner:
        until(lambda: project.json("chain", "status", "gated-release")["status"] == "WAITING")
        assert "llmauto chain approve gated-release" in project.run("chain", "status", "gated-release").stdout
        assert project.run("chain", "deny", "gated-release", "no changelog").returncode == 0
        until(lambda: path(project, "gated-release").count("approval") == 2)
        assert project.run("chain", "approve", "gated-release", "good").returncode == 0
        assert runner.wait(30) == 0
    assert path(project, "gated-release") == [
        "prepare", "tests", "approval", "prepare", "tests", "approval", "publish",
    ]  # fmt: skip
    run = project.json("chain", "status", "gated-release")["run"]
    calls = sorted((project.folder / "calls" / run).iterdir())
    prompts = {call.name: (call / "prompt.md").read_text(encoding="utf-8") for call in calls}
    assert "no changelog" in prompts["0003-prepare"]
    assert "good" in prompts["0005-publish"]


def test_a_real_run_is_recorded_and_rehearsed_again(project: Project) -> None:
    shipped(project, "review-until-converged")
    assert project.run("chain", "start", "review-until-converged").returncode == 0
    recorded = project.run("chain", "rehearse", "review-until-converged", "--record")
    (project.folder / "script.json").write_text(recorded.stdout, encoding="utf-8")
    again = project.run("chain", "rehearse", "review-until-converged", "--script", "script.json")
    assert again.returncode == 0, again.stdout
