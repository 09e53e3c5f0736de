"""A home with runs worth a picture: told event by event as a runner writes them, with their calls' folders.

For the tests of the web page and for the pictures in the docs. Nothing in it was made by a model.
"""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from llmauto import events as ev
from llmauto.journal.sqlite import SqliteJournal
from llmauto.locks import RunnerLock
from llmauto.model import Chain, Link
from llmauto.ports import KeptHandoff
from llmauto.rules.advance import advance
from llmauto.rules.progress import Progress
from llmauto.rules.summary import summary

LINKS = ("controller", "worker", "reviewer")
MODELS = {"controller": "claude-opus-4-6", "worker": "claude-sonnet-4-6", "reviewer": "claude-opus-4-6"}

HANDOFF = """# Handoff, round {round}

Status: {status}

## Assignment
Make the parser of the settings file name the line of each mistake.

## Done
{done}

## Evidence
$ pytest -q tests/test_settings.py
{passed} passed in 1.{round}2s

## Open
{open}

## Next
{next}
"""


@dataclass
class Told:
    """A run that is being told. `at` is UTC epoch seconds, and goes on as things take their time."""

    home: Path
    run: str
    chain: str
    at: float
    links: tuple[str, ...] = LINKS
    max_rounds: int = 10
    budget_usd: float | None = 25.0
    hours: float = 6.0
    task: str = ""
    progress: Progress = field(default_factory=Progress)
    began: float = 0.0
    pending: list[ev.Event] = field(default_factory=list)
    texts: list[KeptHandoff] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.began = self.at
        settings = {"max_rounds": str(self.max_rounds or 0), "runtime_hours": f"{self.hours:g}"}
        if self.budget_usd is not None:
            settings["budget_usd"] = f"{self.budget_usd:g}"
        self.tell(
            ev.RunStarted(
                run=self.run, chain=self.chain, links=self.links, workdir=str(self.home / "work"),
                task=self.task, settings=settings, max_rounds=self.max_rounds, pid=4711, host="box",
            )
        )  # fmt: skip

    def tell(self, *events: ev.Event, later: float = 0.0) -> Told:
        """These things happen, now or so many seconds later."""
        self.at += later
        for event in events:
            told = replace(event, at=self.at, up=self.at - self.began)
            advance(self.progress, told)
            self.pending.append(told)
        return self

    def keep(self) -> Told:
        """Write down what was told, in one piece."""
        chain = Chain(
            name=self.chain, links=tuple(Link(name=name) for name in self.links), max_rounds=self.max_rounds,
            budget_usd=self.budget_usd,
        )  # fmt: skip
        with SqliteJournal.open(self.home / "journal.db") as journal:
            journal.append(self.pending, summary(chain, self.progress), self.texts)
        self.pending, self.texts = [], []
        return self

    def begin(self, link: str, **more: Any) -> int:
        """A call begins; its number."""
        call = self.progress.calls + 1
        values = {"attempt": 1, "backend": "claude", "model": MODELS.get(link, "claude-sonnet-4-6"), **more}
        self.tell(
            ev.CallStarted(call=call, round=self.progress.round, link=link, session=f"s{call}", **values)
        )
        return call

    def end(self, seconds: float, outcome: str = "done", **more: Any) -> Told:
        """The open call ends."""
        visit = self.progress.visit
        assert visit is not None
        begun = visit.open
        assert begun is not None
        values = {
            "cost_usd": 0.4,
            "input_tokens": 18_400,
            "output_tokens": 3_100,
            "turns": 9,
            "worked": True,
        } | more
        return self.tell(
            ev.CallEnded(call=begun.call, round=begun.round, link=begun.link, attempt=begun.attempt,
                         outcome=outcome, seconds=seconds, **values),
            later=seconds,
        )  # fmt: skip

    def hand_over(self, link: str, text: str, **more: Any) -> Told:
        """The link is over, and hands this text over."""
        sha = hashlib.sha256(text.encode()).hexdigest()
        self.texts.append(KeptHandoff(sha=sha, text=text))
        round_ = self.progress.round
        values = {"outcome": "done", "goto": "", **more}
        return self.tell(
            ev.HandoffKept(round=round_, link=link, sha=sha, size=len(text)),
            ev.LinkEnded(round=round_, link=link, handoff=sha, **values),
        )

    def over(self) -> Told:
        """The round is over."""
        number = self.progress.round
        return self.tell(ev.RoundEnded(round=number, fingerprint=f"f{number}"))


class PicturedHome:
    """A home at `path`. Its runs are told when asked for; `workdir` is a git repository."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "chains").mkdir(parents=True)
        for name in ("bugfix", "docs-review", "nightly-refactor", "release"):
            (path / "chains" / f"{name}.json").write_text(
                json.dumps({"max_rounds": 10, "links": [{"name": n, "prompt": "Do it."} for n in LINKS]}),
                "utf-8",
            )
        self.workdir = path / "work"
        self.workdir.mkdir()
        self._commits: list[str] = []

    # --- the checkpoints of the picture ---------------------------------------------------------------

    def commit(self, text: str) -> str:
        """The workdir with this text in a file, as a commit."""
        if not (self.workdir / ".git").exists():
            self._git("init", "-q")
        (self.workdir / "settings.py").write_text(text, "utf-8")
        self._git("add", "-A")
        self._git(
            "-c", "user.name=x", "-c", "user.email=x@localhost", "commit", "-q", "--allow-empty", "-m", "x"
        )
        return self._git("rev-parse", "HEAD").strip()

    def _git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.workdir), *words], capture_output=True, encoding="utf-8", check=True
        )
        return done.stdout

    def lock(self, chain: str) -> RunnerLock:
        """Be the chain's runner, until `release`."""
        return RunnerLock.acquire(
            self.path / "calls" / ".locks" / f"{chain}.lock", {"pid": 4711, "host": "box", "chain": chain}
        )

    def call_files(
        self, run: str, call: int, link: str, lines: list[dict[str, str]], *, ended: bool = True
    ) -> Path:
        """The folder of a call: what was sent, what came, and how it ended."""
        folder = self.path / "calls" / run / f"{call:04d}-{link}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "backend.txt").write_text("demo", "utf-8")
        (folder / "prompt.md").write_text(
            f"# llmauto\n\nChain bugfix, link {link}.\nThe handoff file is state/bugfix/handoff.md.\n\n"
            "You are a worker. Read the handoff, do what it assigns, and prove it with commands.\n",
            "utf-8",
        )
        (folder / "stdout").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
        (folder / "stderr").write_text("", "utf-8")
        if ended:
            result = {"exit_code": 0, "ended_by": "exit", "seconds": 432.0, "started_at": 1.0}
            (folder / "result.json").write_text(json.dumps(result), "utf-8")
        return folder

    # --- runs ----------------------------------------------------------------------------------------

    def bugfix(self, now: float, *, gate: bool = False) -> Told:
        """A run under way in its fourth round, or at its gate."""
        told = Told(self.path, "bugfix-20261124-213004-7c1f", "bugfix", now - 11_540.0, task=TASK,
                    links=(*LINKS, "push") if gate else LINKS)  # fmt: skip
        verdicts = ("NEEDS_FIX", "NEEDS_FIX", "APPROVED")
        for number, verdict in enumerate(verdicts, 1):
            self._bugfix_round(told, number, verdict)
        told.begin("controller")
        self.call_files(told.run, told.progress.calls, "controller", _talk("controller", 4))
        told.end(640.0, cost_usd=0.61)
        told.hand_over("controller", _handoff(4, "IN_PROGRESS", "ASSIGNED: worker"), goto="worker")
        self._failing_worker(told)
        if gate:
            told.tell(ev.GateOpened(round=4, link="push"), ev.IdleBegan(why="gate"), later=5.0)
            return told.keep()
        call = told.begin("reviewer")
        self.call_files(told.run, call, "reviewer", _talk("reviewer", 4)[:-1], ended=False)
        return told.keep()

    def waiting(self, now: float) -> Told:
        """The run under way, since then in a wait for the usage limit."""
        told = self.bugfix(now)
        said = "You've hit your session limit · resets 6:10am"
        told.end(3.0, "limited", message=said, charged=False, cost_usd=None)
        why = "the usage limit"
        wait = ev.WaitStarted(round=4, link="reviewer", until=told.at + 9_000, why=why, outcome="limited")
        return told.tell(wait).keep()

    def _bugfix_round(self, told: Told, number: int, verdict: str) -> None:
        dice = random.Random(number)
        for link in LINKS:
            before = self.commit(_source(number, link == "reviewer"))
            told.tell(ev.Checkpointed(round=number, link=link, when="before", commit=before))
            call = told.begin(link)
            self.call_files(told.run, call, link, _talk(link, number))
            told.end(dice.uniform(240, 1100), cost_usd=round(dice.uniform(0.4, 1.9), 2))
            after = self.commit(_source(number, link != "controller"))
            told.tell(ev.Checkpointed(round=number, link=link, when="after", commit=after))
            said = verdict if link == "reviewer" else ""
            if said:
                found = () if said == "APPROVED" else ("F1", "F2")[: 3 - number]
                told.tell(
                    ev.Reviewed(round=number, link=link, verdict=said, findings=found, trend="converging")
                )
            goto = {"controller": "worker", "worker": "reviewer", "reviewer": ""}[link]
            told.hand_over(link, _handoff(number, said or "READY_FOR_REVIEW", link), verdict=said, goto=goto)
        if number == 2:
            told.tell(
                ev.Steered(text="Keep the old error text as well: the documentation quotes it.", afar=True)
            )
        told.over()

    def _failing_worker(self, told: Told) -> None:
        first = told.begin("worker")
        self.call_files(told.run, first, "worker", _talk("worker", 4)[:-1])
        told.end(900.0, "stalled", message="nothing moved for 15m00s", cost_usd=None)
        told.tell(later=20.0)
        second = told.begin("worker", attempt=2, resumed=True, why="it was interrupted")
        self.call_files(told.run, second, "worker", _talk("worker", 4))
        told.end(520.0, cost_usd=1.12)
        told.hand_over("worker", _handoff(4, "READY_FOR_REVIEW", "worker"), goto="reviewer")

    def stopped(self, now: float) -> Told:
        """A run that has used its budget, after a night with a usage limit in it."""
        told = Told(self.path, "nightly-refactor-20261124-010011-02ab", "nightly-refactor", now - 90_000.0,
                    budget_usd=11.0, max_rounds=0, hours=8.0)  # fmt: skip
        dice = random.Random(5)
        for number in range(1, 8):
            for link in LINKS:
                if link == "controller" and number % 3:
                    told.tell(ev.LinkSkipped(round=number, link=link, goto="worker", why="not assigned"))
                    continue
                if number == 4 and link == "worker":
                    self._limited(told)
                told.begin(link)
                told.end(dice.uniform(120, 900), cost_usd=round(dice.uniform(0.2, 1.2), 2))
                verdict = ("APPROVED" if number % 2 else "NEEDS_FIX") if link == "reviewer" else ""
                told.hand_over(link, _handoff(number, verdict or "DONE", link), verdict=verdict)
            told.over()
        used = f"${told.progress.cost_usd:.2f} of `budget_usd` $11.00 spent"
        told.tell(ev.RunEnded(reason="budget", message=used, exit_code=4))
        return told.keep()

    def _limited(self, told: Told) -> None:
        told.begin("worker")
        told.end(
            3.0,
            "limited",
            message="You've hit your session limit · resets 6:10am",
            charged=False,
            cost_usd=None,
        )
        told.tell(
            ev.WaitStarted(
                round=4, link="worker", until=told.at + 17_000, why="the usage limit", outcome="limited"
            )
        )
        told.tell(ev.WaitEnded(), later=17_000)

    def blocked(self, now: float) -> Told:
        """A run that asks a person."""
        told = Told(self.path, "release-20261125-001500-9e0d", "release", now - 4_000.0, max_rounds=4)
        told.begin("controller")
        told.end(300.0)
        told.hand_over("controller", _handoff(1, "IN_PROGRESS", "controller"), goto="worker")
        told.begin("worker")
        told.end(700.0)
        asks = "Two changelogs are there. Which one is to be kept, CHANGES.md or docs/changes.md?"
        told.hand_over("worker", _handoff(1, "BLOCKED", asks), outcome="needs_human", asks=asks)
        told.tell(ev.RunEnded(reason="needs_human", message="worker asks a question", exit_code=5))
        return told.keep()

    def finished(self, now: float, count: int = 6) -> None:
        """Runs of a chain over the last days, which ended well."""
        for day in range(count):
            at = now - 86_400.0 * (count - day) - 3_000
            told = Told(self.path, f"docs-review-{day}-{1000 + day}", "docs-review", at,
                        links=("worker", "reviewer"), max_rounds=3, budget_usd=5.0)  # fmt: skip
            dice = random.Random(day)
            for number in range(1, 2 + day % 3):
                for link in ("worker", "reviewer"):
                    told.begin(link)
                    told.end(dice.uniform(60, 600), cost_usd=round(dice.uniform(0.1, 0.9), 2))
                    verdict = "APPROVED" if link == "reviewer" else ""
                    told.hand_over(link, _handoff(number, verdict or "DONE", link), verdict=verdict)
                told.over()
            told.tell(
                ev.RunEnded(reason="all_done", message="link `reviewer` says that all is done", exit_code=0)
            ).keep()

    def long(self, rounds: int, now: float | None = None, chain: str = "bugfix") -> Told:
        """A run of so many rounds that has just ended."""
        at = (now or time.time()) - rounds * 1200.0
        told = Told(self.path, f"{chain}-of-{rounds}", chain, at, max_rounds=rounds, budget_usd=None, hours=0)
        dice = random.Random(rounds)
        for number in range(1, rounds + 1):
            for link in LINKS:
                told.begin(link)
                told.end(dice.uniform(60, 700), "crashed" if dice.random() < 0.02 else "done", cost_usd=0.31)
                verdict = dice.choice(("APPROVED", "NEEDS_FIX")) if link == "reviewer" else ""
                told.hand_over(link, f"round {number} {link}\n", verdict=verdict)
            told.over()
        told.tell(ev.RunEnded(reason="max_rounds", message=f"{rounds} of {rounds} rounds done"))
        return told.keep()


TASK = "Name the line of each mistake in the settings file, with tests"


def _handoff(number: int, status: str, done: str) -> str:
    work = ["- `settings.read` gives each value its line", "- the error text names file and line"]
    return HANDOFF.format(
        round=number, status=status, done="\n".join([*work[: 1 + number % 2], f"- {done}"]),
        passed=38 + number,
        open="- F1 [major] a tab counts as one column" if status == "NEEDS_FIX" else "Nothing.",
        next="Mend F1." if status == "NEEDS_FIX" else "Go on.",
    )  # fmt: skip


def _source(number: int, changed: bool) -> str:
    lines = ["def read(text):", '    """The values of a settings file."""', "    values = {}"]
    for extra in range(number + int(changed)):
        lines.append(f"    values[{extra}] = parse(text, line={extra + 1})")
    return "\n".join([*lines, "    return values", ""])


def _talk(link: str, number: int) -> list[dict[str, str]]:
    return [
        {"type": "text", "text": f"I read the handoff of round {number} first, then the tests."},
        {"type": "tool", "tool": "Read", "detail": "state/bugfix/handoff.md"},
        {"type": "tool", "tool": "Grep", "detail": "SettingsError in settings.py"},
        {"type": "tool", "tool": "Read", "detail": "settings.py"},
        {"type": "text", "text": "The error is raised where the line is no longer known. I pass it along."},
        {"type": "tool", "tool": "Edit", "detail": "settings.py"},
        {"type": "tool", "tool": "Bash", "detail": "pytest -q tests/test_settings.py"},
        {"type": "text", "text": f"All {38 + number} tests pass. I write the handoff."},
        {"type": "tool", "tool": "Write", "detail": "state/bugfix/handoff.md"},
        {"type": "result", "text": f"{link}: done, see the handoff."},
    ]  # fmt: skip
