"""The README's quick start, typed word for word in a fresh clone, on the real Claude Code CLI."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.support.messages_api import Hang, MessagesApi, Request, Say, Turn, Use
from tests.support.packages import ROOT

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not (ROOT / ".git").exists(), reason="this is no git checkout"),
    pytest.mark.skipif(os.name == "nt", reason="the commands are those of a POSIX shell"),
]

URL = "https://github.com/lukisch/llmauto.git"
WORKER, REVIEWER = "link `worker`", "link `reviewer`"


class Person:
    """Somebody with a shell, who has the README before them and types what it says."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        programs = folder / "programs"
        programs.mkdir()
        (programs / "python").symlink_to(sys.executable)
        self.folder = folder
        # The clone's address leads to this checkout, so that the command can stay as it stands.
        self.env = env | {
            "PATH": os.pathsep.join([str(programs), env["PATH"]]),
            "DEMO_PACE": "0",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{ROOT}.insteadOf",
            "GIT_CONFIG_VALUE_0": URL,
        }
        self.readme = (ROOT / "README.md").read_text(encoding="utf-8")

    def blocks(self, heading: str, language: str) -> list[str]:
        """The fenced blocks of that language in that section."""
        section = self.readme.split(f"\n## {heading}\n")[1].split("\n## ")[0]
        return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)

    def commands(self, heading: str, place: int) -> list[str]:
        """The commands of a block."""
        lines = self.blocks(heading, "sh")[place].splitlines()
        return [line for line in lines if line and not line.startswith("#")]

    def types(self, command: str) -> subprocess.CompletedProcess[str]:
        """One line in the shell, to its end."""
        return subprocess.run(
            ["/bin/sh", "-c", command], cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, encoding="utf-8", timeout=120, check=False,
        )  # fmt: skip

    def clones(self) -> None:
        """Get the program as the README says, and look at the demo."""
        clone, demo = self.commands("Two commands", 0)
        assert URL in clone
        done = self.types(f"{clone}\n{demo}")
        assert done.returncode == 0, done.stderr
        assert "STOPPED  demo: 2 of 2 rounds done" in done.stdout
        self.folder = self.folder / "llmauto"
        assert self.types("git status --porcelain").stdout == ""

    def state(self, name: str) -> str:
        """A file of the chain's state folder."""
        return (self.folder / "state" / "my-chain" / name).read_text(encoding="utf-8")


@pytest.fixture
def person(claude_env: dict[str, str], tmp_path: Path) -> Person:
    """They have cloned, and written the chain and the prompt that the README shows."""
    desk = tmp_path / "desk"
    desk.mkdir()
    person = Person(desk, claude_env)
    person.clones()
    [chain], [prompt] = (person.blocks("Quick start by hand", kind) for kind in ("json", "text"))
    (person.folder / "chains" / "my-chain.json").write_text(chain, encoding="utf-8")
    (person.folder / "prompts" / "worker_prompt.txt").write_text(prompt, encoding="utf-8")
    return person


def hands_over(person: Person, request: Request, first_line: str) -> Turn:
    """What an agent does that follows its prompt: it writes a handoff by the path that the prompt names."""
    text = f"{first_line}\nturn {time.monotonic_ns()}\n"
    handoff = person.folder / "state" / "my-chain" / "handoff.md"
    turns = (Use("Bash", {"command": f"printf %s {shlex.quote(text)} > {handoff}"}), Say("Handed over."))
    return turns[min(request.step, 1)]


def test_the_chain_of_the_quick_start_is_run_watched_stopped_and_reset(
    person: Person, api: MessagesApi
) -> None:
    foreground, background, status, stop, log, reset = person.commands("Quick start by hand", 0)
    gate = threading.Event()

    def agents(request: Request) -> Turn | None:
        if request.says(REVIEWER):
            return hands_over(person, request, "Verdict: NEEDS_FIX")
        if request.says(WORKER) and not gate.is_set():
            return hands_over(person, request, "Status: READY_FOR_REVIEW")
        return None

    api.rule(agents)
    done = person.types(foreground)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "STOPPED  my-chain: 5 of 5 rounds done" in done.stdout
    assert person.state("round_counter.txt").strip() == "5"
    assert {request.model for request in api.requests_of(WORKER)} == {"claude-sonnet-4-6"}
    assert {request.model for request in api.requests_of(REVIEWER)} == {"claude-opus-4-6-20250918"}
    assert len({request.session for request in api.requests_of(WORKER)}) == 5
    assert len({request.session for request in api.requests_of(REVIEWER)}) == 1, (
        "`continue` keeps its session"
    )
    assert api.requests_of(WORKER)[0].knows("You are a software development worker.")

    gate.set()
    held = threading.Event()
    api.on(Hang(until=held, then=Say("Worked.")), when=WORKER)
    before = len(api.requests)
    done = person.types(background)
    assert done.returncode == 0, done.stderr
    assert "has begun in the background" in done.stdout
    api.wait_for(before + 1)
    done = person.types(status)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("RUNNING  my-chain\n")
    done = person.types(stop)
    assert (done.returncode, done.stderr) == (0, "")
    held.set()
    ended = time.monotonic() + 30
    while person.state("status.txt") != "STOPPED\n":
        assert time.monotonic() < ended, "it did not stop"
        time.sleep(0.05)
    done = person.types(status)
    assert done.stdout.startswith("STOPPED  my-chain: Reason for stopping\n")
    done = person.types(log)
    assert done.returncode == 0, done.stderr
    assert "ended, stop_requested: Reason for stopping" in done.stdout
    done = person.types(reset)
    assert (done.returncode, done.stderr) == (0, "")
    assert (person.state("status.txt"), person.state("round_counter.txt")) == ("READY\n", "0\n")
    assert person.types("git status --porcelain").stdout.splitlines() == [
        " M prompts/worker_prompt.txt", "?? chains/my-chain.json",
    ]  # fmt: skip


def test_the_single_calls_of_the_quick_start_answer_on_stdout(person: Person, api: MessagesApi) -> None:
    (person.folder / "prompt.txt").write_text("What is in the file?\n", encoding="utf-8")
    (person.folder / "error.log").write_text("Segmentation fault\n", encoding="utf-8")
    api.on(Say("The answer."))
    typed = person.commands("Quick start by hand", 1)
    assert len(typed) == 4
    for command in typed:
        done = person.types(command)
        assert (done.returncode, done.stdout, done.stderr) == (0, "The answer.\n", ""), command
    asked, from_file, hello, about_log = api.requests
    assert asked.says("Explain quantum computing in 3 sentences")
    assert from_file.says("What is in the file?")
    assert (hello.model, asked.model) == ("claude-opus-4-6-20250918", "claude-sonnet-4-6")
    assert about_log.says("What went wrong here?")
    assert about_log.says("Segmentation fault")
