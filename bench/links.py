"""What does one link cost beyond the program that it runs, and what of that is the keeper's?

Engine and keeper are driven by `chain start --json`, in a process of their own: the time of a link is
that from one `call_started` to the next, with everything in between (the commit of the journal, the
mirror, the log, the look at the workdir).
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.figures import By, Figure, NotHereError
from bench.stage import Home, Stage, command_link, median, new_home
from llmauto.keeper import Launch, Nursery

MOST_MS, AIM_MS = 20.0, 5.0
SECRET = "0123456789-this-is-no-key-of-anybody-0123456789"
LINKS = 20
"""Links of one block; blocks of each kind take turns."""


def figures(stage: Stage) -> Iterator[Figure]:
    """A link of `true`, beside `subprocess.run` of it; then the keeper alone, beside the same."""
    program = shutil.which("true")
    if program is None:
        raise NotHereError("there is no program `true`")
    home = new_home(stage.folder / "home")
    home.chain("bench", max_rounds=LINKS, links=[command_link("w", program)])
    with_key = replace(home, env={**home.env, "SOME_API_KEY": SECRET})
    with Nursery() as nursery:
        keeper = _Keeper(nursery, stage.folder / "kept", program)
        took = stage.in_turns(
            {
                "links": lambda: median(_links(home)),
                "secret": lambda: median(_links(with_key)),
                "keeper": lambda: median([keeper.call() for _ in range(LINKS)]),
                "bare": lambda: median([_bare(program) for _ in range(LINKS)]),
            },
            stage.pick(30, 3),
        )
    ms = {name: median(values) * 1000 for name, values in took.items()}
    yield Figure(
        what="engine and keeper, a link of `true`", ours=ms["links"], unit="ms", beside=ms["bare"],
        beside_what="`subprocess.run`", by=By.MORE, most=MOST_MS, aim=AIM_MS,
        note=f"the keeper's share is {_share(ms):.0%} of what is more",
    )  # fmt: skip
    yield Figure(
        what="the same with a key in the environment, which is taken out of the output", ours=ms["secret"],
        unit="ms", beside=ms["bare"], beside_what="`subprocess.run`", by=By.MORE, most=MOST_MS,
    )  # fmt: skip
    yield Figure(
        what="the keeper alone, a call of `true`", ours=ms["keeper"], unit="ms", beside=ms["bare"],
        beside_what="`subprocess.run`", by=By.MORE,
    )  # fmt: skip


def _share(ms: dict[str, float]) -> float:
    return (ms["keeper"] - ms["bare"]) / (ms["links"] - ms["bare"])


def _links(home: Home) -> list[float]:
    """Seconds of each link of a new run."""
    events = [json.loads(line) for line in home.run("chain", "start", "bench", "--json").splitlines()]
    begun = [event["at"] for event in events if event["event"] == "call_started"]
    if len(begun) != LINKS:
        raise RuntimeError(f"{len(begun)} calls were begun instead of {LINKS}")
    return [later - earlier for earlier, later in itertools.pairwise(begun)]


def _bare(program: str) -> float:
    begun = time.perf_counter()
    subprocess.run([program], check=True)
    return time.perf_counter() - begun


class _Keeper:
    """Calls of the program in a keeper, with no engine; in a row: each waits for its keeper to boot."""

    def __init__(self, nursery: Nursery, folder: Path, program: str) -> None:
        folder.mkdir()
        self._nursery = nursery
        self._folder = folder
        self._calls = 0
        self._launch = Launch(argv=(program,), cwd=str(folder), env={"PATH": os.environ.get("PATH", "")})

    def call(self) -> float:
        """Seconds of one call, from its folder to its result."""
        self._calls += 1
        begun = time.perf_counter()
        folder = self._folder / f"{self._calls:06d}"
        folder.mkdir(mode=0o700)
        call = self._nursery.start(folder, self._launch)
        ended = call.poll(30.0)
        took = time.perf_counter() - begun
        call.close()
        if ended is None or ended.exit_code != 0:
            raise RuntimeError(f"the call in the keeper ended so: {ended}")
        return took
