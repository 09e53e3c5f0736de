"""Freezes a journal of today's format: `python -m tests.support.record_journal`, once for each new format.

It holds a run that has ended, of the chain `beta`, and one of `alpha` whose runner and keeper were killed in
its second call. The tests open it and finish that run, with every later program.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from llmauto.journal.migrations import FORMAT
from llmauto.journal.sqlite import SqliteJournal

ROOT = Path(__file__).resolve().parents[2]
JOURNALS = ROOT / "tests" / "fixtures" / "journals"
HOME = Path("/srv/project")
"""What the journal says where it was; any folder that tells nothing about a person."""

ASSIGNMENT = "make it work\n" + "".join(f"- step {n}: make part {n} work\n" for n in range(40))
"""Long enough to be packed."""

CHAIN = """{
  "mode": "loop", "max_rounds": 2, "breakers": {"no_progress": 0},
  "links": [
    {"name": "worker", "backend": "command", "run": ["sh", "-c", "echo worker >> $LEDGER"],
     "prompt": "do it"},
    {"name": "reviewer", "backend": "command", "run": ["sh", "-c", "echo reviewer >> $LEDGER; sleep $NAP"],
     "prompt": "look at it"}
  ]
}
"""
RUNNER = """
import sys
from llmauto import assembly
assembly.this_process = lambda: (4711, "a-machine")
from llmauto.cli import main
sys.exit(main(["chain", "start", sys.argv[1]]))
"""


def _run(chain: str, nap: str) -> subprocess.Popen[bytes]:
    env = {
        "PATH": "/usr/bin:/bin", "HOME": "/srv", "PYTHONPATH": str(ROOT), "LLMAUTO_HOME": str(HOME),
        "LEDGER": str(HOME / "ledger"), "NAP": nap, "LLMAUTO_KEEP_AWAKE": "false",
    }  # fmt: skip
    return subprocess.Popen([sys.executable, "-c", RUNNER, chain], cwd=HOME, env=env)


def record() -> Path:
    """The folder with the frozen journal."""
    shutil.rmtree(HOME, ignore_errors=True)
    (HOME / "chains").mkdir(parents=True)
    (HOME / "state" / "alpha").mkdir(parents=True)
    for chain in ("alpha", "beta"):
        (HOME / "chains" / f"{chain}.json").write_text(CHAIN, encoding="utf-8")
    (HOME / "state" / "alpha" / "handoff.md").write_text(ASSIGNMENT, encoding="utf-8")
    if _run("beta", "0").wait():
        raise SystemExit("the run of `beta` did not end well")
    (HOME / "ledger").unlink()
    runner = _run("alpha", "60")
    until = time.monotonic() + 20
    while not (HOME / "ledger").exists() or "reviewer" not in (HOME / "ledger").read_text(encoding="utf-8"):
        if time.monotonic() > until:
            raise SystemExit("the run of `alpha` did not come to its reviewer")
        time.sleep(0.02)
    os.kill(runner.pid, signal.SIGKILL)
    runner.wait()
    subprocess.run([sys.executable, "-m", "llmauto", "chain", "stop", "alpha", "--now"], cwd=ROOT, check=True,
                   env={**os.environ, "LLMAUTO_HOME": str(HOME)})  # fmt: skip
    SqliteJournal.open(HOME / "journal.db").close()  # folds the write-ahead log into the file
    target = JOURNALS / f"format-{FORMAT}"
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy(HOME / "journal.db", target / "journal.db")
    (target / "alpha.json").write_text(CHAIN, encoding="utf-8")
    shutil.rmtree(HOME)
    return target


if __name__ == "__main__":
    print(record())  # noqa: T201
