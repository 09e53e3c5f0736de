"""Where is measured, for how long, and how are two things measured in turns?"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FEWEST = 3
"""Rounds that are played even where the time is up: below that a median says nothing."""
CALL_S = 60.0
"""The longest that one command may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One family's own folder, and the moment (`time.monotonic`) at which it should be done."""

    folder: Path
    quick: bool
    until: float

    def pick(self, full: int, quick: int) -> int:
        """How many: the first number, or the second where it should go quickly."""
        return quick if self.quick else full

    def in_turns(self, works: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
        """Each work's values, in seconds as it measures them itself; one of each in turn, round by round.

        Every round begins with another one, so that none always comes after the same neighbour. Ends
        early, after whole rounds, when the time is up.
        """
        values: dict[str, list[float]] = {name: [] for name in works}
        names = list(works)
        begun = time.monotonic()
        for turn in range(rounds):
            spent = (time.monotonic() - begun) / turn if turn else 0.0
            if turn >= FEWEST and time.monotonic() + spent > self.until:
                break
            first = turn % len(names)
            for name in names[first:] + names[:first]:
                values[name].append(works[name]())
        return values


def exit_code(child: subprocess.Popen[bytes], longest_s: float = CALL_S) -> int:
    """Wait for the end, and see it at once; what takes too long is killed.

    `Popen.wait` with a time limit looks at growing intervals: every duration would seem to be 15.5 ms, or
    31.5, or 63.5.
    """
    guard = threading.Timer(longest_s, child.kill)
    guard.start()
    try:
        return child.wait()
    finally:
        guard.cancel()


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)


_KEPT = (
    "PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "COMSPEC", "PATHEXT",
    "USERPROFILE", "LOCALAPPDATA", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
)  # fmt: skip


def environment() -> dict[str, str]:
    """The same for everybody: what a person has set besides, keys for instance, costs something too."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A home with chains, and llmauto run in it from outside, as a person would."""

    folder: Path
    env: Mapping[str, str]

    def chain(self, name: str, **keys: Any) -> None:
        """Write a chain file. Breakers are off: nothing changes in the workdir of a measurement."""
        off = {"no_progress": 0, "failures": 0, "same_error": 0, "denials": 0}
        path = self.folder / "chains" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"breakers": off, "max_rounds": 1, **keys}), encoding="utf-8")

    def argv(self, *words: str, flags: Sequence[str] = ()) -> list[str]:
        """The command line of llmauto as run from a clone."""
        return [sys.executable, *flags, "-m", "llmauto", *words]

    def run(self, *words: str) -> str:
        """Run a command to its end; what it printed. Raises `CalledProcessError`."""
        done = subprocess.run(
            self.argv(*words), cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL,
            capture_output=True, encoding="utf-8", errors="replace", timeout=CALL_S, check=False,
        )  # fmt: skip
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()
            raise RuntimeError(
                f"`llmauto {' '.join(words)}` ended with {done.returncode}: {' '.join(said)[-300:]}"
            )
        return done.stdout

    def started(self, *words: str, flags: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        """A command that goes on while we measure."""
        return self.open(self.argv(*words, flags=flags))

    def open(self, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        """Any program, with the same surroundings."""
        return subprocess.Popen(
            argv, cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    def seconds(self, argv: Sequence[str]) -> float:
        """How long the program takes from start to end. Raises where it does not end well."""
        begun = time.perf_counter()
        code = exit_code(self.open(argv))
        took = time.perf_counter() - begun
        if code:
            raise RuntimeError(f"`{' '.join(argv[1:])}` ended with exit code {code}")
        return took


def new_home(folder: Path) -> Home:
    """A home in a new folder."""
    (folder / "chains").mkdir(parents=True)
    return Home(folder=folder, env=environment() | {"LLMAUTO_HOME": str(folder)})


def command_link(name: str, *run: str, **keys: Any) -> dict[str, Any]:
    """A link that runs a program."""
    return {"name": name, "backend": "command", "run": list(run), "prompt": "do it", **keys}
