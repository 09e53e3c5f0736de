"""After a kill of the runner: how long from the next start to the next agent's first act?"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.begin import until_heard
from bench.bell import Bell
from bench.figures import Figure
from bench.stage import CALL_S, Home, Stage, command_link, median, new_home

MOST_MS = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A chain of two links. The first one's agent rings and waits until `go` is there; the second rings."""

    home: Home
    first: Bell
    second: Bell
    go: Path

    def start(self, *words: str) -> list[str]:
        """The command line that starts the chain."""
        return self.home.argv("chain", "start", "two", *words)


def figures(stage: Stage) -> Iterator[Figure]:
    """Kill in a link whose agent ends alone, and kill of everything; beside a start of a new run."""
    home = new_home(stage.folder / "home")
    go = stage.folder / "go"
    with Bell(stage.folder / "first") as first, Bell(stage.folder / "second") as second:
        waits = first.argv(f"while [ ! -e '{go}' ]; do sleep 0.01; done")
        home.chain(
            "two", mode="once", links=[command_link("one", *waits), command_link("two", *second.argv())]
        )
        scene = Scene(home=home, first=first, second=second, go=go)
        took = stage.in_turns(
            {"spooled": lambda: _spooled(scene), "lost": lambda: _lost(scene), "new": lambda: _new(scene)},
            stage.pick(30, 3),
        )
    ms = {name: median(values) * 1000 for name, values in took.items()}
    yield Figure(
        what="kill -9 of the runner, the agent ends alone: start until the next link acts",
        ours=ms["spooled"], unit="ms", beside=ms["new"], beside_what="start of a new run", most=MOST_MS,
    )  # fmt: skip
    yield Figure(
        what="kill -9 of runner, keeper and agent: start until the link acts again",
        ours=ms["lost"], unit="ms", beside=ms["new"], beside_what="start of a new run", most=MOST_MS,
    )  # fmt: skip


def _new(scene: Scene) -> float:
    """Until the first link acts, in a run that is then played to its end."""
    scene.go.touch()
    took = until_heard(scene.home, scene.start("--fresh"), scene.first)
    scene.second.heard()
    return took


def _spooled(scene: Scene) -> float:
    call = _killed_in_first_link(scene, lambda folder: None)
    scene.go.touch()
    _until((call / "result.json").exists)
    return until_heard(scene.home, scene.start(), scene.second)


def _lost(scene: Scene) -> float:
    _killed_in_first_link(scene, _kill_keeper)
    scene.go.touch()
    took = until_heard(scene.home, scene.start(), scene.first)
    scene.second.heard()
    return took


def _killed_in_first_link(scene: Scene, also: Callable[[Path], None]) -> Path:
    """Start a new run and kill its runner while the first agent is at work; the folder of that call."""
    scene.go.unlink(missing_ok=True)
    runner = scene.home.open(scene.start("--fresh"))
    scene.first.heard(runner)
    runner.kill()
    runner.wait()
    call = max(scene.home.folder.glob("calls/*/0001-one"), key=lambda folder: folder.stat().st_mtime_ns)
    also(call)
    return call


def _kill_keeper(call: Path) -> None:
    """KILL keeper, guard and agent, in this order, so that none has time to see to another."""
    notes = json.loads((call / "keeper.json").read_text(encoding="utf-8"))
    for name in ("guard", "keeper", "agent"):
        pid = notes.get(name)
        if isinstance(pid, int) and pid > 1:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + CALL_S
    while not true():
        if time.monotonic() > end:
            raise TimeoutError("the agent did not end")
        threading.Event().wait(0.002)
