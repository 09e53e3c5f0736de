"""How long do commands take from nothing, beside a Python that does nothing?"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator

from bench.figures import By, Figure
from bench.stage import Home, Stage, command_link, median, new_home

COMMANDS = {"--version": 2.5, "chain status": 4.0, "status": 4.0}
"""command: how many times a bare Python it may take."""
MOST_IMPORT_MS = 100.0
MODES: dict[str, tuple[str, ...]] = {"": (), " under -S": ("-S",)}


def figures(stage: Stage) -> Iterator[Figure]:
    """`--version`, `chain status` and `status`; and what importing the command line takes."""
    home = _used_home(stage)
    works: dict[str, Callable[[], float]] = {}
    for mode, flags in MODES.items():
        works[f"bare{mode}"] = _work(home, [sys.executable, *flags, "-c", "pass"])
        for command in COMMANDS:
            works[f"{command}{mode}"] = _work(home, home.argv(*command.split(), flags=flags))
    works["import"] = _work(home, [sys.executable, "-c", "import llmauto.cli"])
    took = stage.in_turns(works, stage.pick(60, 5))
    ms = {name: median(values) * 1000 for name, values in took.items()}
    for mode in MODES:
        for command, most in COMMANDS.items():
            yield Figure(
                what=f"`llmauto {command}`{mode}", ours=ms[f"{command}{mode}"], unit="ms",
                beside=ms[f"bare{mode}"], beside_what="`python -c pass`", by=By.RATIO, most=most,
            )  # fmt: skip
    yield Figure(
        what="`import llmauto.cli`", ours=ms["import"], unit="ms", beside=ms["bare"],
        beside_what="`python -c pass`", by=By.MORE, most=MOST_IMPORT_MS,
    )  # fmt: skip


def _used_home(stage: Stage) -> Home:
    """A home in which something has run: an empty one has no journal to open."""
    home = new_home(stage.folder / "home")
    home.chain("done", mode="once", links=[command_link("w", "true")])
    home.run("chain", "start", "done")
    return home


def _work(home: Home, argv: list[str]) -> Callable[[], float]:
    return functools.partial(home.seconds, argv)
