"""Chains that judge, on the real Claude Code CLI: reviews, checks, gates, and a person's words."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.messages_api import MessagesApi, Request, Say, Turn, Use
from tests.support.project import Project

pytestmark = pytest.mark.e2e

WORKER, REVIEWER, LAST = "link `worker`", "link `reviewer`", "link `last`"
REPAIR = "Your last reply could not be read"


@pytest.fixture
def project(claude_env: dict[str, str], tmp_path: Path) -> Project:
    return Project(tmp_path / "repo", claude_env)


def until(holds: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for something that another process does; fails when it does not come."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def events(project: Project, kind: str) -> list[dict[str, Any]]:
    lines = project.run("chain", "log", "c", "1000", "--json").stdout.splitlines()
    return [event for event in map(json.loads, lines) if event["event"] == kind]


def path(project: Project) -> list[str]:
    return [event["link"] for event in events(project, "call_started")]


def review(verdict: str, *ids: str) -> Use:
    findings = [{"id": name, "severity": "high", "text": f"finding {name}"} for name in ids]
    return Use("StructuredOutput", {"verdict": verdict, "summary": "as it is", "findings": findings})


def reviewing(project: Project) -> None:
    project.chain(
        "c", mode="conditional", max_rounds=1,
        links=[
            {"name": "worker", "prompt": "Work on it."},
            {"name": "reviewer", "role": "reviewer", "prompt": "Review it.", "returns": "review",
             "on": {"NEEDS_FIX": "worker", "APPROVED": "done", "BLOCKED": "stop"}},
        ],
    )  # fmt: skip


def test_a_structured_verdict_routes_back_and_its_findings_reach_the_worker(
    project: Project, api: MessagesApi
) -> None:
    reviewing(project)
    handoff = project.folder / "state" / "c" / "handoff.md"
    seen: list[str] = []

    def work(request: Request) -> Turn | None:
        if not request.says(WORKER):
            return None
        if request.step == 0:
            seen.append(handoff.read_text(encoding="utf-8") if handoff.is_file() else "")
        return Say("Worked.")

    def judge(request: Request) -> Turn | None:
        if not request.says(REVIEWER):
            return None
        verdict = review("NEEDS_FIX", "F1", "F2") if len(seen) == 1 else review("APPROVED")
        return verdict if request.step == 0 else Say("Reviewed.")

    api.rule(work)
    api.rule(judge)
    done = project.run("chain", "start", "c")
    assert done.returncode == 0, done.stderr
    assert path(project) == ["worker", "reviewer", "worker", "reviewer"]
    assert "F2 [high]: finding F2" in seen[1]
    assert [(e["verdict"], e.get("trend", "first")) for e in events(project, "reviewed")] == [
        ("NEEDS_FIX", "first"),
        ("APPROVED", "converging"),
    ]
    assert "StructuredOutput" in api.requests_of(REVIEWER)[0].tools
    assert project.json("chain", "status", "c")["stop_reason"] == "all_done"


def test_a_review_without_its_structure_is_repaired_once_in_the_same_session(
    project: Project, api: MessagesApi
) -> None:
    reviewing(project)
    api.on(Say("It looks fine to me, I approve."))
    api.on(Say("worked"), when=WORKER)
    api.on(review("APPROVED"), Say("Reviewed."), when=REPAIR)
    done = project.run("chain", "start", "c")
    assert done.returncode == 0, done.stderr
    assert [event["outcome"] for event in events(project, "call_ended")] == ["done", "bad_output", "done"]
    repaired = api.requests_of(REPAIR)[0]
    assert repaired.session == api.requests_of(REVIEWER)[0].session
    assert repaired.knows("Review it.")
    assert repaired.says("the reply has no structured review")
    assert project.json("chain", "status", "c")["stop_reason"] == "all_done"


def test_a_review_that_is_never_one_ends_as_a_failed_link(project: Project, api: MessagesApi) -> None:
    reviewing(project)
    api.on(Say("I approve."))
    assert project.run("chain", "start", "c").returncode == 1
    assert [event["outcome"] for event in events(project, "call_ended")] == [
        "done",
        "bad_output",
        "bad_output",
    ]


def test_a_check_that_fails_routes_back_and_its_output_reaches_the_agent(
    project: Project, api: MessagesApi
) -> None:
    code = (
        "import pathlib, sys; sys.exit('F' in pathlib.Path('mark').read_text() and print('NG one') is None)"
    )
    project.chain(
        "c", mode="conditional", max_rounds=1,
        links=[
            {"name": "worker", "prompt": "Work on it."},
            {"name": "tests", "role": "check", "run": [sys.executable, "-c", code],
             "failures": "^NG (\\w+)", "on": {"FAILED": "worker", "PASSED": "done"}},
        ],
    )  # fmt: skip
    mark, handoff = project.folder / "mark", project.folder / "state" / "c" / "handoff.md"
    mark.write_text("F", encoding="utf-8")

    def work(request: Request) -> Turn | None:
        first = len({r.session for r in api.requests_of(WORKER)}) == 1
        turns: tuple[Turn, ...] = (Say("Looked."),)
        if not first:
            turns = (
                Use("Read", {"file_path": str(handoff)}),
                Use("Bash", {"command": f"printf P > {mark}"}),
                Say("Mended."),
            )
        return turns[min(request.step, len(turns) - 1)]

    api.rule(work)
    done = project.run("chain", "start", "c")
    assert done.returncode == 0, done.stderr
    assert path(project) == ["worker", "tests", "worker", "tests"]
    assert api.requests[-1].knows("## Check `tests`: FAILED")
    assert api.requests[-1].knows("NG one")
    assert project.json("chain", "status", "c")["stop_reason"] == "all_done"


def gated(project: Project) -> None:
    project.chain(
        "c", mode="conditional", max_rounds=1,
        links=[
            {"name": "worker", "prompt": "Work on it."},
            {"name": "gate", "role": "gate", "on": {"DENIED": "worker"}},
            {"name": "last", "prompt": "End it."},
        ],
    )  # fmt: skip


def test_a_gate_waits_and_the_reason_reaches_the_next_agent(project: Project, api: MessagesApi) -> None:
    gated(project)
    api.on(Say("done"))
    with project.started("chain", "start", "c") as runner:
        until(lambda: project.json("chain", "status", "c")["status"] == "WAITING")
        assert len(api.requests) == 1, "nothing is asked of the model before the person has answered"
        assert project.run("chain", "approve", "c", "looks", "right").returncode == 0
        assert runner.wait(20) == 0
    last = api.requests_of(LAST)[0]
    assert last.says("looks right")
    assert "@" in events(project, "gate_answered")[0]["by"]
    assert not api.requests_of(WORKER)[0].says("looks right")


def test_a_gate_survives_its_runner_and_is_answered_meanwhile(project: Project, api: MessagesApi) -> None:
    gated(project)
    api.on(Say("done"))
    with project.started("chain", "start", "c") as runner:
        until(lambda: project.json("chain", "status", "c")["status"] == "WAITING")
        runner.kill()
        runner.wait(20)
    assert "chain approve c" in project.run("chain", "status", "c").stdout
    said = project.run("chain", "deny", "c", "once more")
    assert "as soon as somebody starts the chain" in said.stdout
    with project.started("chain", "start", "c") as runner:
        until(lambda: len(events(project, "gate_opened")) == 2)
        assert project.run("chain", "approve", "c").returncode == 0
        assert runner.wait(20) == 0
    assert path(project) == ["worker", "worker", "last"]
    assert api.requests_of(WORKER)[1].says("once more")


def test_steering_now_ends_the_call_and_its_session_goes_on_with_the_words(
    project: Project, api: MessagesApi
) -> None:
    project.chain("c", mode="once", links=[{"name": "worker", "prompt": "Work on it."}])
    api.on(Use("Bash", {"command": "sleep 300", "timeout": 600000}), Say("slept"), when=WORKER)
    api.on(Say("with tabs, then"), when="use tabs")
    with project.started("chain", "start", "c") as runner:
        api.wait_for(1, when=WORKER)
        until(lambda: project.json("chain", "status", "c")["link"] == "worker")
        began = time.monotonic()
        said = project.run("chain", "steer", "c", "use", "tabs", "--now")
        assert "goes on in its session, and is told" in said.stdout
        assert runner.wait(30) == 0
        assert time.monotonic() - began < 20
    again = api.requests_of("use tabs")[0]
    assert again.session == api.requests_of(WORKER)[0].session
    assert again.knows("Work on it.")
    assert again.says("goes before all else")
    assert [event["outcome"] for event in events(project, "call_ended")] == ["stopped", "done"]
    steered = events(project, "steered")[0]
    assert (steered["text"], steered["now"]) == ("use tabs", True)


def test_a_pause_holds_the_next_call_back_until_somebody_resumes(project: Project, api: MessagesApi) -> None:
    links = [{"name": "worker", "prompt": "Work on it."}, {"name": "last", "prompt": "End it."}]
    project.chain("c", mode="once", links=links)
    api.on(Say("done"))
    api.on(Use("Bash", {"command": "sleep 2"}), Say("worked"), when=WORKER)
    with project.started("chain", "start", "c") as runner:
        api.wait_for(1, when=WORKER)
        assert "pauses after its link `worker`" in project.run("chain", "pause", "c", "a look").stdout
        until(lambda: project.json("chain", "status", "c")["status"] == "PAUSED")
        assert not api.requests_of(LAST)
        assert "a look" in project.run("chain", "status", "c").stdout
        project.run("chain", "steer", "c", "be brief")
        assert project.run("chain", "resume", "c").returncode == 0
        assert runner.wait(20) == 0
    assert api.requests_of(LAST)[0].says("be brief")
