"""Plays a chain in this very process and looks at itself: `soak.py HOME LINKS`.

After a tenth of the links and after all of them a line of JSON says what is open, held and on the disk. The
agents are real processes below real keepers; only the clock is not real.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from llmauto.cli import main
from llmauto.testing.clock import FakeClock


def look(home: Path, links: int) -> dict[str, float]:
    """This process, and the home, as they are now."""
    gc.collect()
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text("utf-8").splitlines())
    return {
        "links": links,
        "rss": int(status["VmRSS"].split()[0]) * 1024,
        "files": len(list(Path("/proc/self/fd").iterdir())),
        "threads": threading.active_count(),
        "zombies": sum(_is_zombie_of_ours(path) for path in Path("/proc").glob("[0-9]*/stat")),
        "journal": sum(p.stat().st_size for p in home.glob("journal.db*") if p.suffix != ".bak"),
        "state": sum(p.stat().st_size for p in (home / "state").rglob("*") if p.is_file()),
    }


def _is_zombie_of_ours(path: Path) -> bool:
    with contextlib.suppress(OSError):
        fields = path.read_text(encoding="utf-8").rpartition(")")[2].split()
        return fields[0] == "Z" and int(fields[1]) == os.getpid()
    return False


def play(home: Path, links: int) -> None:
    """A tenth of the links, a look, the rest, a look."""
    os.environ["LLMAUTO_HOME"] = str(home)
    link = {"backend": "command", "run": ["/bin/true"], "prompt": "do nothing"}
    chain = {
        "mode": "loop", "max_rounds": 1, "breakers": {"no_progress": 0},
        "links": [link | {"name": "worker"}, link | {"name": "reviewer"}],
    }  # fmt: skip
    (home / "chains").mkdir(parents=True)
    (home / "chains" / "soak.json").write_text(json.dumps(chain), encoding="utf-8")
    os.chdir(home)
    clock, told = FakeClock(), sys.stdout
    for part in (links // 10, links - links // 10):
        with (
            Path(os.devnull).open("w", encoding="utf-8") as nothing,
            contextlib.redirect_stdout(nothing),
            contextlib.redirect_stderr(nothing),
        ):
            code = main(["chain", "start", "soak", "--rounds", str(part // 2)], clock=clock)
        if code:
            raise SystemExit(f"the chain ended with exit code {code}")
        print(json.dumps(look(home, part // 2 * 2)), file=told, flush=True)


if __name__ == "__main__":
    play(Path(sys.argv[1]).resolve(), int(sys.argv[2]))
