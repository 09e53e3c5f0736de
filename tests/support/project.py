"""A project of a user: a folder with chains and prompts, and llmauto run in it from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MOST_S = 60.0


class Project:
    """`folder` is home and workdir: it has `chains/`. `env` is the environment of every command."""

    def __init__(self, folder: Path, env: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.env = {**(env if env is not None else os.environ), "PYTHONPATH": str(ROOT), "DEMO_PACE": "0"}
        (folder / "chains").mkdir(parents=True, exist_ok=True)
        (folder / "prompts").mkdir(exist_ok=True)

    def chain(self, name: str, **keys: Any) -> Path:
        """Write a chain file."""
        path = self.folder / "chains" / f"{name}.json"
        path.write_text(json.dumps(keys), encoding="utf-8")
        return path

    def prompt(self, name: str, text: str) -> Path:
        """Write a prompt file."""
        path = self.folder / "prompts" / name
        path.write_text(text, encoding="utf-8")
        return path

    def argv(self, *words: str) -> list[str]:
        """The command line of `llmauto`, as run from a clone."""
        return [sys.executable, "-m", "llmauto", *words]

    def run(
        self, *words: str, stdin: bytes | None = None, timeout_s: float = MOST_S
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        done: subprocess.CompletedProcess[bytes] = subprocess.run(
            self.argv(*words), cwd=self.folder, env=self.env, capture_output=True, timeout=timeout_s,
            check=False, input=stdin or b"",
        )  # fmt: skip
        out, err = done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
        return subprocess.CompletedProcess(done.args, done.returncode, out, err)

    def json(self, *words: str) -> Any:
        """What a reading command says with `--json`."""
        done = self.run(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    @contextmanager
    def started(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """A command that runs on while the test goes on; it is ended with the test."""
        child = subprocess.Popen(
            self.argv(*words), cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
            start_new_session=True,
        )  # fmt: skip
        try:
            yield child
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
            child.communicate()

    def state(self, chain: str, name: str) -> str:
        """A file of the chain's state folder."""
        return (self.folder / "state" / chain / name).read_text(encoding="utf-8")
