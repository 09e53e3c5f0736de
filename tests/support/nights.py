"""A night through the whole command line: fake agents as real processes, a fake clock, an outside ledger."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from llmauto import events as ev
from llmauto.cli import main
from llmauto.journal.sqlite import SqliteJournal
from llmauto.ports import Clock
from llmauto.testing import fake_agent
from llmauto.testing.clock import FakeClock

FAKE = Path(fake_agent.__file__)
WORKER = {"name": "worker", "prompt": "Do the work."}


class AnyNight:
    """One home with the chain `night`; `start` plays it in this process, by `the_clock`."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, env: Mapping[str, str]) -> None:
        self.folder = folder
        (folder / "home" / "chains").mkdir(parents=True)
        (folder / "repo").mkdir()
        monkeypatch.chdir(folder / "repo")
        for name, value in {"LLMAUTO_HOME": str(folder / "home"), **env}.items():
            monkeypatch.setenv(name, value)
        self.chain()

    def the_clock(self) -> Clock:
        """By which this night is played."""
        raise NotImplementedError

    def chain(self, **keys: Any) -> None:
        """Write the chain file."""
        whole = {"mode": "loop", "max_rounds": 1, "links": [WORKER]} | keys
        path = self.folder / "home" / "chains" / "night.json"
        path.write_text(json.dumps(whole), encoding="utf-8")

    def start(self, *words: str) -> int:
        """`llmauto chain start night`; its exit code."""
        return main(["chain", "start", "night", *words], clock=self.the_clock())

    def events(self) -> list[ev.Event]:
        """All events of the chain's newest run."""
        with SqliteJournal.open(self.folder / "home" / "journal.db", readonly=True) as journal:
            latest = journal.latest("night")
            assert latest is not None
            return list(journal.events(latest.run))

    def ends(self) -> list[ev.CallEnded]:
        """The end of each call, in order."""
        return [event for event in self.events() if isinstance(event, ev.CallEnded)]

    def outcomes(self) -> list[str]:
        """How each call ended, in order."""
        return [event.outcome for event in self.ends()]

    def stop_reason(self) -> str:
        """Why the run ended."""
        last = next(event for event in reversed(self.events()) if isinstance(event, ev.RunEnded))
        return last.reason

    def waited(self) -> list[float]:
        """Seconds of each wait."""
        return [event.until - event.at for event in self.events() if isinstance(event, ev.WaitStarted)]


class Night(AnyNight):
    """A night of fake agents, waits and all, in no time."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ledger_file = folder / "ledger.jsonl"
        self.clock = FakeClock()
        FAKE.chmod(FAKE.stat().st_mode | 0o100)
        env = {"LLMAUTO_CLAUDE_PATH": FAKE, "FAKE_LEDGER": self.ledger_file,
               "FAKE_SCENARIO": folder / "scenario.json"}  # fmt: skip
        super().__init__(folder, monkeypatch, {name: str(value) for name, value in env.items()})
        self.script()

    def the_clock(self) -> Clock:
        """Moves only when somebody waits."""
        return self.clock

    def script(self, *calls: list[dict[str, Any]], **links: list[Any]) -> None:
        """What the calls do, in turn; then all say that they are done."""
        scenario = {"calls": list(calls), "links": links, "default": [{"say": "done", "cost": 0.1}]}
        (self.folder / "scenario.json").write_text(json.dumps(scenario), encoding="utf-8")

    @property
    def ledger(self) -> list[dict[str, Any]]:
        """What was really begun, refused and finished."""
        if not self.ledger_file.exists():
            return []
        return [json.loads(line) for line in self.ledger_file.read_text(encoding="utf-8").splitlines()]

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The calls that were begun: the money."""
        return [line for line in self.ledger if line["event"] == "START"]

    @property
    def cost(self) -> float:
        """Dollars, by the ledger."""
        return sum(float(line.get("cost", 0.0)) for line in self.ledger if line["event"] == "DONE")
