"""How long does it take from `chain start` to the agent's first act?"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence

from bench.bell import Bell
from bench.figures import Figure
from bench.stage import Home, Stage, command_link, exit_code, median, new_home

MOST_MS = 200.0


def figures(stage: Stage) -> Iterator[Figure]:
    """A new run each time, beside a Python that starts the same program by itself."""
    home = new_home(stage.folder / "home")
    with Bell(stage.folder / "bell") as bell:
        home.chain("begin", mode="once", links=[command_link("w", *bell.argv())])
        bare = f"import subprocess; subprocess.run({json.dumps(bell.argv())})"
        took = stage.in_turns(
            {
                "ours": lambda: until_heard(home, home.argv("chain", "start", "begin"), bell),
                "bare": lambda: until_heard(home, [sys.executable, "-c", bare], bell),
            },
            stage.pick(60, 5),
        )
    yield Figure(
        what="`chain start` until the agent acts", ours=median(took["ours"]) * 1000, unit="ms",
        beside=median(took["bare"]) * 1000, beside_what="Python with `subprocess.run`", most=MOST_MS,
    )  # fmt: skip


def until_heard(home: Home, argv: Sequence[str], bell: Bell) -> float:
    """Seconds from the start of the program until the bell is heard; the program is then let end."""
    begun = time.perf_counter()
    child = home.open(argv)
    try:
        took = bell.heard(child) - begun
    except TimeoutError:
        child.kill()
        child.wait()
        raise
    if code := exit_code(child):
        raise RuntimeError(f"`{' '.join(argv[1:])}` ended with exit code {code}")
    return took
