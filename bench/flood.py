"""What do memory and disk do when an agent prints a gigabyte?

Half of it goes to stdout and half to stderr. Beside the flood runs the same chain with an agent that
prints one line: what is more is what the flood costs. A second link follows, so that the runner is still
there to be looked at when it has read the flood.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from bench import processes
from bench.figures import By, Figure
from bench.processes import MIB
from bench.stage import Home, Stage, command_link, exit_code, new_home

RUNNER_MIB = 32.0
"""MiB of memory that a flood may add to the runner (fault table, P8)."""
KEEPER_MIB = 20.0
"""The same for the keeper."""
KEPT_MIB = 110.0
"""MiB on the disk: twice what is kept of a stream (50 MiB each of stdout and stderr), and a little."""
PIECE = MIB
LONGEST_S = 300.0

_PRINT = """
import sys
line = b"x" * 127 + b"\\n"
piece = line * 8192
for _ in range(int(sys.argv[1]) // 2):
    sys.stdout.buffer.write(piece)
    sys.stderr.buffer.write(piece)
print("the last word")
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """MiB."""

    runner: float
    keeper: float
    disk: float


def figures(stage: Stage) -> Iterator[Figure]:
    """Growth of runner and keeper, and what is on the disk."""
    processes.need_proc()
    amount = stage.pick(1024, 128)
    flood, quiet = _play(new_home(stage.folder / "flood"), amount), _play(new_home(stage.folder / "quiet"), 0)
    for what, ours, beside, most in (
        ("runner", flood.runner, quiet.runner, RUNNER_MIB),
        ("keeper", flood.keeper, quiet.keeper, KEEPER_MIB),
    ):
        yield Figure(
            what=f"largest memory of the {what}, {amount:,} MiB of output", ours=ours, unit="MiB",
            beside=beside, beside_what="one line of output", by=By.MORE, most=most,
        )  # fmt: skip
    yield Figure(
        what="disk that the call takes", ours=flood.disk, unit="MiB", beside=float(amount),
        beside_what="what was printed", most=KEPT_MIB,
    )  # fmt: skip


def _play(home: Home, amount: int) -> Used:
    printer = command_link("print", sys.executable, "-S", "-c", _PRINT, str(amount))
    home.chain("flood", mode="once", links=[printer, command_link("look", "sleep", "1")])
    child = home.started("chain", "start", "flood")
    peaks = processes.Peaks(child.pid)
    try:
        code = exit_code(child, LONGEST_S)
    finally:
        peaks.stop()
    if code:
        raise RuntimeError(f"the chain ended with exit code {code}")
    disk = processes.disk_used(home.folder)
    return Used(runner=peaks.runner / MIB, keeper=peaks.keeper / MIB, disk=disk / MIB)
