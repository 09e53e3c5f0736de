"""What do thousands of links leave: in memory, in open files and threads, on the disk?

One process plays a loop on a fake clock, with agents that play a script; journal and state folder are
the real ones. It looks at itself after a tenth of the links, and at the end.
"""

from __future__ import annotations

import itertools
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench import processes
from bench.figures import By, Figure
from bench.processes import MIB
from bench.stage import CALL_S, ROOT, Stage, environment
from llmauto import events as ev

MOST_MIB = 5.0
MOST_BYTES_A_LINK = 2048.0
HANDOFF_WORDS = 150
"""Some 900 bytes. Drawn at random, they pack no better than what people write."""
WORDS = (ROOT / "README.md").read_text(encoding="utf-8").split()


def figures(stage: Stage) -> Iterator[Figure]:
    """Growth from a tenth of the links on."""
    processes.need_proc()
    links, seconds = stage.pick(5000, 500), stage.until - time.monotonic()
    argv = [sys.executable, "-m", "bench.soak", str(stage.folder), str(links), str(seconds)]
    done = subprocess.run(
        argv,
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=CALL_S * 5,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip().rpartition("\n")[2])
    looks = [json.loads(line) for line in done.stdout.splitlines()]
    if len(looks) < 2:
        raise RuntimeError("the time was up before a tenth of the links was played")
    early, late = looks
    between = f"{early['links']:,} and {late['links']:,} links"
    yield Figure(
        what=f"memory between {between}", ours=late["rss"] / MIB, unit="MiB", beside=early["rss"] / MIB,
        beside_what="the earlier", by=By.MORE, most=MOST_MIB,
    )  # fmt: skip
    for name, words in (("files", "open files"), ("threads", "threads")):
        yield Figure(
            what=f"{words} between {between}", ours=late[name], unit="", beside=early[name],
            beside_what="the earlier", by=By.MORE, most=0,
        )  # fmt: skip
    per_link = (late["journal"] - early["journal"]) / (late["links"] - early["links"])
    yield Figure(
        what="journal for each link", ours=per_link, unit="bytes", beside=late["text"] / late["links"],
        beside_what="as text: JSON lines, handoff", most=MOST_BYTES_A_LINK,
    )  # fmt: skip
    yield Figure(
        what="state folder after all of them", ours=late["state"] / 1024, unit="KiB",
        beside=early["state"] / 1024, beside_what="the earlier", by=By.MORE, most=64,
    )  # fmt: skip


def play(folder: Path, links: int, seconds: float) -> None:
    """Play so many links, or as many as the time allows; print what was seen on the way and at the end."""
    from llmauto.desk import StateDesk
    from llmauto.journal.sqlite import SqliteJournal
    from llmauto.model import Breakers, Chain, Link, Role
    from llmauto.testing.agents import Play, ScriptedAgents, says
    from tests.unit.bench import Bench

    workers = (Link(name="worker"), Link(name="reviewer", role=Role.REVIEWER))
    chain = Chain(name="soak", links=workers, max_rounds=links // 2, breakers=Breakers(no_progress=0))
    desk = StateDesk(folder, chain.name, folder)
    numbers = itertools.count(1)
    bench = Bench(chain)
    looks = _Looks(folder, links)
    until = time.monotonic() + seconds

    def work(_: object) -> None:
        """An agent's work: a handoff that is never the same."""
        number = next(numbers)
        text = f"# Handoff {number}\n" + " ".join(random.Random(number).choices(WORDS, k=HANDOFF_WORDS))
        (desk.folder / "handoff.md").write_text(text, encoding="utf-8")
        agents.orders.clear()  # the ledger of the fake is no part of what is measured
        looks.one_more(len(text))
        if time.monotonic() > until:
            (desk.folder / "STOP").write_text("the time is up", encoding="utf-8")

    plays: list[Play] = [replace(says(seconds=60.0, cost=0.01), does=work)]
    agents = ScriptedAgents(bench.clock, bench.desk, {"*": plays})
    bench.agents = agents
    with SqliteJournal.open(folder / "journal.db") as journal:
        parts = replace(bench.parts(), journal=journal, desk=desk, agents=agents, emit=looks.count)
        bench.parts = lambda: parts  # type: ignore[method-assign]
        bench.run()
        looks.take()


class _Looks:
    """Looks at this process: after a tenth of the links, and when it is told to."""

    def __init__(self, folder: Path, links: int) -> None:
        self._folder = folder
        self._early = links // 10
        self._links = 0
        self._text = 0

    def one_more(self, handoff: int) -> None:
        self._links += 1
        self._text += handoff
        if self._links == self._early:
            self.take()

    def count(self, item: object) -> None:
        """What the event would be as a line of JSON."""
        if isinstance(item, ev.Event):
            self._text += len(json.dumps({"event": item.kind} | ev.to_json(item))) + 1

    def take(self) -> None:
        journal = sum(
            path.stat().st_size for path in self._folder.glob("journal.db*") if path.suffix != ".bak"
        )
        seen = {
            "links": self._links,
            "rss": processes.status_of("self", "VmRSS"),
            "files": processes.open_files(),
            "threads": threading.active_count(),
            "journal": journal,
            "text": self._text,
            "state": processes.disk_used(self._folder / "state"),
        }
        print(json.dumps(seen), flush=True)


if __name__ == "__main__":
    play(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
