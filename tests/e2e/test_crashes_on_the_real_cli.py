"""The real Claude Code CLI, killed in the middle of a tool call: its session goes on, nothing is paid twice.

What a tool really did is read from files that it writes to; what was paid, from the requests that reached
the service.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.messages_api import MessagesApi, Request, Say, Turn, Use
from tests.support.project import Project

pytestmark = pytest.mark.e2e

WORKER, REVIEWER, AGAIN = "link `worker`", "link `reviewer`", "You were interrupted"


class Site:
    """A chain of a worker, who writes a file and then runs a long command, and a reviewer."""

    def __init__(self, project: Project, api: MessagesApi) -> None:
        self.project = project
        self.api = api
        self.first = project.folder / "first.txt"
        self.log = project.folder / "tool.log"
        self.gate = project.folder / "gate"
        links = [
            {"name": "worker", "role": "worker", "prompt": "Work on it."},
            {"name": "reviewer", "role": "reviewer", "prompt": "Review it."},
        ]
        project.chain("c", mode="loop", max_rounds=1, links=links, grace_seconds=2)
        wait = f"while [ ! -e {self.gate} ]; do sleep 0.1; done"
        wait = f"echo begun >> {self.log}; {wait}; echo ended >> {self.log}"
        work: list[Turn] = [
            Use("Write", {"file_path": str(self.first), "content": "the first half\n"}),
            Use("Bash", {"command": wait, "timeout": 120000}),
            Say("Worked."),
        ]
        api.on(*work, when=WORKER)
        api.on(Say("Reviewed."), when=REVIEWER)
        api.rule(self.again)

    def again(self, request: Request) -> Turn | None:
        """An agent that goes on looks at what it has done, and does the rest."""
        if not request.says(AGAIN):
            return None
        rest = f"cat {self.first}; echo rest >> {self.log}"
        return (Use("Bash", {"command": rest}), Say("Worked on."))[min(request.step, 1)]

    def begin(self) -> subprocess.Popen[str]:
        """Start the chain; the worker's command is running when this returns."""
        runner = subprocess.Popen(
            self.project.argv("chain", "start", "c"), cwd=self.project.folder, env=self.project.env,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        until(lambda: self.log.exists())
        return runner

    def tools(self) -> list[str]:
        """What the worker's commands have written."""
        return self.log.read_text(encoding="utf-8").split()

    def notes(self) -> dict[str, int]:
        """Who the keeper and its agent are."""
        found: dict[str, int] = json.loads(
            next(self.project.folder.glob("calls/*/0001-worker/keeper.json")).read_text("utf-8")
        )
        return found

    def finish(self) -> subprocess.CompletedProcess[str]:
        done = self.project.run("chain", "start", "c")
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        return done

    def outcomes(self) -> list[tuple[str, str]]:
        """(link, outcome) of each call."""
        done = self.project.run("chain", "log", "c", "--json", "1000")
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        return [(row["link"], row["outcome"]) for row in rows if row["event"] == "call_ended"]


@pytest.fixture
def site(claude_env: dict[str, str], api: MessagesApi, tmp_path: Path) -> Site:
    return Site(Project(tmp_path / "repo", claude_env), api)


def until(holds: Callable[[], object], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def is_there(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False


def test_a_killed_runner_finds_the_agent_at_its_tool_call_and_follows_it_to_the_end(
    site: Site, record_property: Callable[[str, object], None]
) -> None:
    runner = site.begin()
    agent = site.notes()["agent"]
    kill(runner.pid)
    runner.wait()
    assert is_there(agent), "the agent goes on without its runner"
    again = subprocess.Popen(
        site.project.argv("chain", "start", "c"), cwd=site.project.folder, env=site.project.env,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    time.sleep(1.0)
    assert is_there(agent)
    site.gate.touch()
    _, err = again.communicate(timeout=60)
    assert again.returncode == 0, err
    assert site.tools() == ["begun", "ended"], "the command ran once"
    assert site.outcomes() == [("worker", "done"), ("reviewer", "done")]
    assert not site.api.requests_of(AGAIN)
    assert len(site.api.requests_of(WORKER)) == 3, "each turn was paid for once"
    record_property("requests repeated", 0)


def test_work_that_ends_while_no_runner_is_there_is_used_and_not_paid_again(site: Site) -> None:
    runner = site.begin()
    agent = site.notes()["agent"]
    kill(runner.pid)
    runner.wait()
    site.gate.touch()
    until(lambda: not is_there(agent))
    site.finish()
    assert site.tools() == ["begun", "ended"]
    assert site.outcomes() == [("worker", "done"), ("reviewer", "done")]
    assert len(site.api.requests_of(WORKER)) == 3


def test_runner_and_keeper_killed_together_the_session_goes_on_and_finished_work_is_not_paid_again(
    site: Site, record_property: Callable[[str, object], None]
) -> None:
    runner = site.begin()
    notes = site.notes()
    for pid in (runner.pid, notes["keeper"]):
        kill(pid)
    runner.wait()
    site.finish()
    assert not is_there(notes["agent"]), "no second agent works beside the first"
    assert site.tools() == ["begun", "rest"], "what was cut is not begun again"
    assert site.outcomes() == [("worker", "lost"), ("worker", "done"), ("reviewer", "done")]
    first, again = site.api.requests_of(WORKER)[0], site.api.requests_of(AGAIN)[0]
    assert again.session == first.session, "its own session"
    assert again.knows("the first half"), "with what it had done in it"
    asked = [request.says(AGAIN) for request in site.api.requests_of(WORKER)]
    assert asked == [False, False, True, True], "the finished turns were not asked for again"
    record_property("requests repeated", 0)


def test_a_killed_agent_goes_on_in_its_session_after_what_it_had_done(site: Site) -> None:
    runner = site.begin()
    kill(site.notes()["agent"])
    runner.wait(60)
    assert runner.returncode == 0
    assert site.tools() == ["begun", "rest"]
    assert site.outcomes() == [("worker", "crashed"), ("worker", "done"), ("reviewer", "done")]
    assert site.api.requests_of(AGAIN)[0].session == site.api.requests_of(WORKER)[0].session
    assert site.first.read_text(encoding="utf-8") == "the first half\n"


def test_with_the_policy_stop_the_cli_and_its_tool_end_with_the_runner(site: Site) -> None:
    path = site.project.folder / "chains" / "c.json"
    chain = json.loads(path.read_text(encoding="utf-8")) | {"on_runner_death": "stop"}
    path.write_text(json.dumps(chain), encoding="utf-8")
    runner = site.begin()
    agent = site.notes()["agent"]
    began = time.monotonic()
    kill(runner.pid)
    runner.wait()
    until(lambda: not is_there(agent))
    assert time.monotonic() - began < 2 + 1.5, "within grace + 1 s"
    site.gate.touch()
    site.finish()
    assert site.tools() == ["begun", "rest"], "nothing of the tool call was left to go on"
    assert site.api.requests_of(AGAIN)[0].session == site.api.requests_of(WORKER)[0].session
