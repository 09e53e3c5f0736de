"""R2 and R3 through the whole command line: memory that runs out, and thousands of links in one process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.scale import pick
from tests.faults.test_kills import Victim
from tests.support.project import ROOT

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="control groups and /proc"),
]

Record = Callable[[str, object], None]
MIB = 1 << 20
ROOM = 250 * MIB


@pytest.fixture
def little_memory() -> Iterator[Path]:
    """A control group with little memory, to which a process can be moved."""
    for top, limit in (
        (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
        (Path("/sys/fs/cgroup"), "memory.max"),
    ):
        group = top / "llmauto-test"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / limit).write_text(str(ROOM), encoding="ascii")
        except OSError:
            group.rmdir()
            continue
        yield group
        group.rmdir()
        return
    pytest.skip("no right to make a control group that limits memory")


def test_r2_when_memory_runs_out_the_kernel_takes_the_agent_and_the_runner_says_so(
    tmp_path: Path, little_memory: Path, record_property: Record
) -> None:
    victim = Victim(tmp_path, 1, grace_seconds=1)
    hungry = [{"assistant": "begun"}, {"allocate": 4 * ROOM}, {"sleep": 60}]
    victim.script({"links": {"worker": [hungry]}, "default": [{"say": "done", "cost": 0.1}]})
    enter = f'echo $$ > {little_memory}/cgroup.procs; exec "$@"'
    done = subprocess.run(
        ["sh", "-c", enter, "sh", *victim.project.argv("chain", "start", "c")], cwd=victim.project.folder,
        env=victim.project.env, capture_output=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr
    outcomes = [row["outcome"] for row in events(victim) if row["event"] == "call_ended"]
    assert outcomes == ["memory", "memory", "done"], "one retry, then the next link"
    record_property("outcomes", outcomes)


def events(victim: Victim) -> list[dict[str, object]]:
    done = victim.project.run("chain", "log", "c", "--json", "1000")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_r3_thousands_of_links_leave_nothing_in_the_runner(tmp_path: Path, record_property: Record) -> None:
    links = pick(5000, 300)
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "support" / "soak.py"), str(tmp_path / "home"), str(links)],
        stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=1200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    early, late = (json.loads(line) for line in done.stdout.splitlines())
    grown = (late["rss"] - early["rss"]) / MIB
    per_link = (late["journal"] - early["journal"]) / late["links"]
    assert grown <= 5
    assert late["files"] == early["files"]
    assert late["threads"] == early["threads"]
    assert late["zombies"] == 0
    assert late["state"] <= early["state"] + 4096
    assert per_link <= 2048
    record_property("links", links)
    record_property("memory +MiB", round(grown, 1))
    record_property("files + threads + zombies", 0)
    record_property("journal bytes a link", round(per_link))
