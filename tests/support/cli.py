"""The command line in this process, with a home and a user of its own, and somebody at the keyboard."""

from __future__ import annotations

import hashlib
import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from llmauto.cli import main
from llmauto.events import HandoffKept, RunEnded, RunStarted
from llmauto.journal.sqlite import SqliteJournal
from llmauto.ports import KeptHandoff, RunSummary


class Ran(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)


class Keyboard(io.StringIO):
    """A terminal at which somebody types this, and then hangs up."""

    def isatty(self) -> bool:
        return True


class InterruptedKeyboard(Keyboard):
    """A terminal at which somebody types this, and then Ctrl-C."""

    def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]  # as in StringIO itself
        line = super().readline(-1 if size is None else size)
        if not line:
            raise KeyboardInterrupt
        return line


class Cli:
    """Runs commands in `folder`, which is the current one. `home` is where chains and state are."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.home = folder / "home"
        (self.home / "chains").mkdir(parents=True)
        user = folder / "user"
        user.mkdir()
        for name in ("LLMAUTO_HOME", "LLMAUTO_CLAUDE_PATH", "CLAUDE_CONFIG_DIR", "XDG_DATA_HOME"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HOME", str(user))
        monkeypatch.setenv("USERPROFILE", str(user))
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.chdir(folder)
        self.user = user

    def run(self, *argv: str, stdin: io.StringIO | None = None, home: bool = True) -> Ran:
        """One command; nobody is at the keyboard where there is no `stdin`."""
        out, err, earlier = io.StringIO(), io.StringIO(), sys.stdin
        words = ["--home", str(self.home), *argv] if home else list(argv)
        sys.stdin = stdin or io.StringIO()
        try:
            with redirect_stdout(out), redirect_stderr(err):
                code = main(words)
        finally:
            sys.stdin = earlier
        return Ran(code, out.getvalue(), err.getvalue())

    def typed(self, *argv: str, keys: str) -> Ran:
        """One command, with somebody who types `keys` at a terminal."""
        return self.run(*argv, stdin=Keyboard(keys))

    def chain(self, name: str, text: str | None = None, **keys: Any) -> Path:
        """A chain file of the home: this text, or one that the demo plays."""
        values = {"max_rounds": 1, "links": [{"name": "worker", "backend": "demo"}], **keys}
        path = self.home / "chains" / f"{name}.json"
        path.write_text(json.dumps(values) if text is None else text, encoding="utf-8")
        return path

    def ended_run(
        self, chain: str, run: str, *, at: float = 1e9, finished: bool = True, size: int = 10,
        workdir: Path | None = None, handoff: str = "",
    ) -> Path:  # fmt: skip
        """A run in the journal with one call of `size` bytes, and that handoff; its folder of calls."""
        sha = hashlib.sha256(handoff.encode()).hexdigest()
        events = (
            RunStarted(at=at, up=0.0, run=run, chain=chain, links=("worker",)),
            HandoffKept(at=at, up=0.0, round=1, link="worker", sha=sha, size=len(handoff.encode())),
            RunEnded(at=at, up=1.0, reason="max_rounds" if finished else "stop_requested"),
        )
        summary = RunSummary(
            run=run, chain=chain, status="STOPPED", finished=finished, started_at=at, updated_at=at, calls=1,
            workdir=str(workdir or ""),
        )  # fmt: skip
        with SqliteJournal.open(self.home / "journal.db") as journal:
            journal.append(events, summary, (KeptHandoff(sha=sha, text=handoff),))
        folder = self.home / "calls" / run
        (folder / "0001-worker").mkdir(parents=True)
        (folder / "0001-worker" / "stdout").write_bytes(b"x" * size)
        return folder

    def under_way(self, chain: str, run: str) -> Path:
        """A run whose call has begun, with nobody at work on it; the call's folder."""
        started = RunStarted(at=1e9, up=0.0, run=run, chain=chain, links=("worker",))
        summary = RunSummary(
            run=run, chain=chain, status="RUNNING", started_at=1e9, updated_at=1e9, call=1, link="worker"
        )
        with SqliteJournal.open(self.home / "journal.db") as journal:
            journal.append((started,), summary)
        folder = self.home / "calls" / run / "0001-worker"
        folder.mkdir(parents=True)
        return folder

    def files(self) -> set[str]:
        """All files of the home but locks, and what SQLite keeps beside the journal."""
        found = {path.relative_to(self.home) for path in self.home.rglob("*") if path.is_file()}
        return {
            p.as_posix() for p in found if ".locks" not in p.parts and not p.name.startswith("journal.db-")
        }

    def runs(self, chain: str) -> list[str]:
        """The runs of the chain that the journal knows, newest first."""
        with SqliteJournal.open(self.home / "journal.db", readonly=True) as journal:
            return [run.run for run in journal.runs(chain)]
