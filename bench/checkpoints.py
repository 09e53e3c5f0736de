"""What does a checkpoint of the workdir take, in a repository of ten thousand files?"""

from __future__ import annotations

import itertools
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.figures import Figure, NotHereError
from bench.stage import Stage, median
from llmauto.checkpoints import GitCheckpoints
from llmauto.git import MISSING, ask

MOST_MS = 150.0
IN_A_FOLDER = 100


def figures(stage: Stage) -> Iterator[Figure]:
    """Beside `git status` in the same repository."""
    files = stage.pick(10_000, 1_000)
    top = _repository(stage.folder / "repository", files)
    checkpoints, calls = GitCheckpoints(top), itertools.count(1)

    def take() -> float:
        began = time.perf_counter()
        kept = checkpoints.take("bench", next(calls), "w", "before")
        if kept is None:
            raise RuntimeError(checkpoints.problem)
        return time.perf_counter() - began

    first = take()
    took = stage.in_turns(
        {
            "same": take,
            "changed": lambda: _after(lambda: _change(top), take),
            "committed": lambda: _after(lambda: _commit(top), take),
            "status": lambda: _status(top),
        },
        stage.pick(20, 3),
    )
    ms = {name: median(values) * 1000 for name, values in took.items()}
    words = {
        "same": "nothing has changed",
        "changed": "a file was changed and a new one written",
        "committed": "an agent has committed",
    }
    for name, word in words.items():
        yield Figure(
            what=f"a checkpoint of {files:,} files, where {word}", ours=ms[name], unit="ms",
            beside=ms["status"], beside_what="`git status`", most=MOST_MS,
        )  # fmt: skip
    yield Figure(
        what="the first one of a repository", ours=first * 1000, unit="ms", beside=ms["status"],
        beside_what="`git status`", note="taken once",
    )  # fmt: skip


def _repository(top: Path, files: int) -> Path:
    for number in range(files):
        path = top / f"folder-{number // IN_A_FOLDER:03d}" / f"file-{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"line of file {number}\n" * 80, encoding="utf-8")
    if ask(top, "init", "-q").code == MISSING:
        raise NotHereError("git is not installed")
    ask(top, "add", "-A", timeout_s=300.0)
    _commit(top)
    return top


def _change(top: Path) -> None:
    mark = time.perf_counter_ns()
    (top / "folder-000" / "file-1.txt").write_text(f"changed {mark}\n", encoding="utf-8")
    (top / f"new-{mark}.txt").write_text(f"new {mark}\n", encoding="utf-8")


def _commit(top: Path) -> None:
    who = ("-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "commit.gpgSign=false")
    answer = ask(top, *who, "commit", "-q", "-a", "--allow-empty", "--no-verify", "-m", "work")
    if not answer.ok:
        raise RuntimeError(answer.why)


def _after(happens: Callable[[], None], take: Callable[[], float]) -> float:
    happens()
    return take()


def _status(top: Path) -> float:
    began = time.perf_counter()
    argv = ["git", "-C", str(top), "status", "--porcelain"]
    subprocess.run(argv, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began
