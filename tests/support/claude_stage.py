"""Where a real `claude` is played against a script: a stage with a home, a workdir and an API of its own."""

from __future__ import annotations

import json
import os
import select
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.claude_cli import environment, installed
from tests.support.messages_api import MessagesApi, Request

MODEL = "claude-sonnet-4-6"
FLAGS = ("-p", "--output-format", "stream-json", "--verbose", "--model", MODEL)
LIMIT_S = 60.0

Event = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one `claude` left behind: exit code, the events of its stdout, and stderr."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def events(self) -> tuple[Event, ...]:
        """One object a line; a line that is none is a failure of the test."""
        return tuple(json.loads(line) for line in self.stdout.splitlines())

    def of(self, kind: str, subtype: str | None = None) -> tuple[Event, ...]:
        """The events of this type, and subtype where one is named."""
        return tuple(
            event
            for event in self.events
            if event["type"] == kind and subtype in (None, event.get("subtype"))
        )

    @property
    def result(self) -> Event:
        """The last `result` event."""
        return self.of("result")[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A scene that is over."""

    runs: tuple[Run, ...]
    requests: tuple[Request, ...]
    strays: tuple[Request, ...]
    stage: Stage = field(repr=False)

    @property
    def run(self) -> Run:
        """The last call, the one that the scene is about."""
        return self.runs[-1]


class Stage:
    """Calls of `claude` in one home and one workdir. Each has the CLI's own retries off unless it says so."""

    def __init__(self, api: MessagesApi, base: Path) -> None:
        self.api = api
        self.home = base / "home"
        self.cwd = base / "repo"
        self.session = str(uuid.uuid4())
        self.runs: list[Run] = []
        for folder in (self.home, self.cwd):
            folder.mkdir(parents=True, exist_ok=True)

    def claude(
        self,
        prompt: str,
        *flags: str,
        subscription: bool = False,
        env: Mapping[str, str | None] | None = None,
    ) -> Run:
        """One call, from start to end."""
        process = self.start(*flags, subscription=subscription, env=env)
        return self.end(process, prompt)

    def start(
        self,
        *flags: str,
        subscription: bool = False,
        env: Mapping[str, str | None] | None = None,
    ) -> subprocess.Popen[str]:
        """Begin a call that waits for its prompt. An `env` value of None takes a variable away."""
        program = installed().path
        assert program is not None, installed().why_not
        variables = {
            **environment(self.api, self.home, subscription=subscription),
            "TZ": "UTC",
            "CLAUDE_CODE_MAX_RETRIES": "0",
            **(env or {}),
        }
        return subprocess.Popen(
            [program, *FLAGS, *flags],
            cwd=self.cwd,
            env={name: value for name, value in variables.items() if value is not None},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def end(self, process: subprocess.Popen[str], prompt: str | None = None) -> Run:
        """Wait for the end of a call, and keep what it left."""
        try:
            stdout, stderr = process.communicate(prompt, timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        run = Run(exit_code=process.returncode, stdout=stdout, stderr=stderr)
        self.runs.append(run)
        return run

    def played(self) -> Played:
        """All that happened on this stage."""
        return Played(runs=tuple(self.runs), requests=self.api.requests, strays=self.api.strays, stage=self)

    @staticmethod
    def say(process: subprocess.Popen[str], prompt: str) -> None:
        """Give a call its prompt, and come back at once."""
        assert process.stdin is not None
        process.stdin.write(prompt)
        process.stdin.close()
        process.stdin = None  # communicate() would use it again

    def fifo(self) -> Path:
        """A named pipe in the workdir, by which a command of the agent tells that it runs."""
        path = self.cwd / "started"
        os.mkfifo(path)
        return path

    @staticmethod
    def first_line(fifo: Path) -> str:
        """What a command wrote there; waits for it."""
        pipe = os.open(fifo, os.O_RDWR)  # RDWR: so that opening does not wait for the writer
        try:
            assert select.select([pipe], [], [], LIMIT_S)[0], "the tool did not start"
            return os.read(pipe, 4096).decode("ascii").strip()
        finally:
            os.close(pipe)
