"""The main job on the real Claude Code CLI: chains that edit files, keep sessions, stop, and go on."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.messages_api import Hang, MessagesApi, Request, Say, Turn, Use
from tests.support.project import Project

pytestmark = pytest.mark.e2e

WORKER, REVIEWER = "link `worker`", "link `reviewer`"


@pytest.fixture
def project(claude_env: dict[str, str], tmp_path: Path) -> Project:
    return Project(tmp_path / "repo", claude_env)


def loop(project: Project, **keys: object) -> None:
    links = [
        {"name": "worker", "role": "worker", "prompt": "Work on it."},
        {"name": "reviewer", "role": "reviewer", "prompt": "Review it.", "continue": True},
    ]
    project.chain("my-chain", **({"mode": "loop", "max_rounds": 3, "links": links} | keys))


def write(path: Path, text: str) -> Use:
    return Use("Write", {"file_path": str(path), "content": text})


def until(holds: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for something that another process does; fails when it does not come."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def test_three_rounds_edit_real_files_with_one_session_kept_and_one_fresh(
    project: Project, api: MessagesApi
) -> None:
    loop(project)
    handoff = project.folder / "state" / "my-chain" / "handoff.md"

    def work(request: Request) -> Turn | None:
        if not request.says(WORKER):
            return None
        number = len(api.requests_of(WORKER))
        turns: tuple[Turn, Turn] = (
            write(project.folder / f"file{number}.txt", f"work {number}\n"),
            Say("Worked."),
        )
        return turns[min(request.step, 1)]

    def review(request: Request) -> Turn | None:
        if not request.says(REVIEWER):
            return None
        if request.step == 0:
            return Use(
                "Bash",
                {"command": f"printf 'Verdict: NEEDS_FIX\\nround {len(request.prompts)}\\n' > {handoff}"},
            )
        return Say("Reviewed.")

    api.rule(work)
    api.rule(review)
    done = project.run("chain", "start", "my-chain")
    assert done.returncode == 0, done.stderr
    assert len(list(project.folder.glob("file*.txt"))) == 3
    assert project.state("my-chain", "round_counter.txt").strip() == "3"
    sessions = {request.session for request in api.requests_of(REVIEWER)}
    assert len(sessions) == 1, "the reviewer's session goes on in every round"
    assert max(len(request.prompts) for request in api.requests_of(REVIEWER)) == 3
    assert len({request.session for request in api.requests_of(WORKER)}) == 3, "each worker begins afresh"
    assert "round 3" in handoff.read_text(encoding="utf-8")
    assert project.json("chain", "status", "my-chain")["stop_reason"] == "max_rounds"


def test_the_agent_works_in_the_users_project_and_sees_its_rules(project: Project, api: MessagesApi) -> None:
    (project.folder / "CLAUDE.md").write_text("Always speak of marbles.", encoding="utf-8")
    loop(project, max_rounds=1)
    api.on(Say("done"))
    assert project.run("chain", "start", "my-chain").returncode == 0
    assert api.requests[0].knows("Always speak of marbles.")


def test_a_prompt_of_one_mebibyte_reaches_the_model_byte_for_byte(project: Project, api: MessagesApi) -> None:
    text = "word " * (1024 * 1024 // 5)
    project.prompt("big.txt", text)
    project.chain(
        "big", mode="once",
        links=[{"name": "w", "prompt": "big.txt", "preamble": False, "model": "claude-opus-5-5"}],
    )  # fmt: skip
    api.on(Say("read"))
    done = project.run("chain", "start", "big")
    assert done.returncode == 0, done.stderr
    assert api.requests[0].prompt_sha256 == hashlib.sha256((text.strip() + "\n").encode()).hexdigest()


def test_a_stop_lets_the_link_end_and_the_next_start_goes_on_there(
    project: Project, api: MessagesApi
) -> None:
    loop(project, max_rounds=1)

    gate = threading.Event()
    api.on(Say("reviewed"), when=REVIEWER)
    api.on(Hang(until=gate, then=Say("worked")), when=WORKER)
    with project.started("chain", "start", "my-chain") as runner:
        api.wait_for(1, when=WORKER)
        said = project.run("chain", "stop", "my-chain", "time for lunch")
        assert said.returncode == 0, said.stderr
        gate.set()
        assert runner.wait(20) == 3
    status = project.json("chain", "status", "my-chain")
    assert (status["stop_reason"], status["message"]) == ("stop_requested", "time for lunch")
    assert not api.requests_of(REVIEWER)
    assert project.run("chain", "start", "my-chain").returncode == 0
    assert len(api.requests_of(WORKER)) == 1, "the link that had ended is not played again"


def test_stop_now_ends_the_call_and_its_session_goes_on_later(project: Project, api: MessagesApi) -> None:
    loop(project, max_rounds=1)
    api.on(Say("reviewed"), when=REVIEWER)
    api.on(Use("Bash", {"command": "sleep 300", "timeout": 600000}), Say("slept"), when=WORKER)
    with project.started("chain", "start", "my-chain") as runner:
        api.wait_for(1, when=WORKER)
        until(lambda: "sleep 300" in _processes())
        began = time.monotonic()
        assert project.run("chain", "stop", "my-chain", "--now").returncode == 0
        assert runner.wait(20) == 3
        assert time.monotonic() - began < 12
    assert "sleep 300" not in _processes()
    api.on(Say("slept enough"), when="You were interrupted")
    assert project.run("chain", "start", "my-chain").returncode == 0
    again = api.requests_of("You were interrupted")[0]
    assert again.session == api.requests_of(WORKER)[0].session
    assert again.knows("Work on it.")


def test_in_the_background_it_runs_on_and_the_log_can_be_read(project: Project, api: MessagesApi) -> None:
    loop(project, max_rounds=1)
    api.on(Say("done"))
    done = project.run("chain", "start", "my-chain", "--bg")
    assert done.returncode == 0, done.stderr
    until(lambda: project.json("chain", "status", "my-chain")["stop_reason"] == "max_rounds")
    assert "worker" in project.run("chain", "log", "my-chain", "50").stdout


def test_all_done_written_by_the_reviewer_ends_the_run(project: Project, api: MessagesApi) -> None:
    loop(project)
    status = project.folder / "state" / "my-chain" / "status.txt"
    api.on(Say("worked"), when=WORKER)
    api.on(Use("Bash", {"command": f"echo ALL_DONE > {status}"}), Say("all done"), when=REVIEWER)
    assert project.run("chain", "start", "my-chain").returncode == 0
    assert project.json("chain", "status", "my-chain")["stop_reason"] == "all_done"


def _processes() -> str:
    lines = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                lines.append(
                    (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                )
            except OSError:
                continue
    return "\n".join(lines)
