"""What the tests of the keeper share: a fake agent in a keeper, its ledger, and who of it is alive."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from llmauto.keeper import Ended, KeptCall, Launch, start

AGENT = str(Path(__file__).parents[2] / "llmauto" / "testing" / "fake_agent.py")
ROOT = str(Path(__file__).parents[2])


class Stage:
    """One place for calls: folders, ledger, and the locks that the agent's descendants hold."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.work = root / "work"
        self.alive = root / "alive"
        self.ledger = root / "ledger"
        for folder in (self.work, self.alive):
            folder.mkdir()
        self._calls = 0

    def launch(self, steps: Sequence[Mapping[str, Any]], **settings: Any) -> Launch:
        env = {
            "PATH": os.environ["PATH"],
            "FAKE_STEPS": json.dumps(list(steps)),
            "FAKE_LEDGER": str(self.ledger),
            "FAKE_ALIVE": str(self.alive),
            **settings.pop("env", {}),
        }
        return Launch(argv=(sys.executable, "-S", AGENT), cwd=str(self.work), env=env, **settings)

    def folder(self) -> Path:
        self._calls += 1
        folder = self.root / f"call-{self._calls}"
        folder.mkdir(mode=0o700)
        return folder

    def start(self, steps: Sequence[Mapping[str, Any]], **settings: Any) -> KeptCall:
        return start(self.folder(), self.launch(steps, **settings))

    def run(self, steps: Sequence[Mapping[str, Any]], **settings: Any) -> tuple[KeptCall, Ended]:
        call = self.start(steps, **settings)
        return call, wait(call)

    def survivors(self, kinds: str) -> str:
        """Those kinds of which a process still lives. The locks know, whatever the pids are."""
        return "".join(kind for kind in kinds if is_locked(self.alive / f"alive-{kind}"))

    def lines(self, event: str) -> list[dict[str, Any]]:
        if not self.ledger.exists():
            return []
        found = [json.loads(line) for line in self.ledger.read_text("utf-8").splitlines()]
        return [line for line in found if line["event"] == event]

    def runner(self, folder: Path, launch: Launch, **how: Any) -> subprocess.Popen[bytes]:
        """Another process that starts the call and then follows it: one that can be killed."""
        code = (
            "import sys, json; from pathlib import Path; from llmauto.keeper import Launch, start\n"
            "call = start(Path(sys.argv[1]), Launch(**json.loads(sys.argv[2])))\n"
            "while call.poll(1) is None: pass"
        )
        values = {name: getattr(launch, name) for name in Launch.__dataclass_fields__}
        argv = [sys.executable, "-c", code, str(folder), json.dumps(values)]
        return subprocess.Popen(argv, cwd=ROOT, **how)


def wait(call: KeptCall, seconds: float = 30.0) -> Ended:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        ended = call.poll(0.5)
        if ended is not None:
            return ended
    raise AssertionError("the call did not end")


def until(true: Any, seconds: float = 10.0) -> Any:
    """Wait until something is the case; its value."""
    end = time.monotonic() + seconds
    while not (value := true()):
        if time.monotonic() > end:
            raise AssertionError("it did not come to be")
        time.sleep(0.01)
    return value


def notes(folder: Path) -> dict[str, Any]:
    """The keeper's own notes, once they are there and its agent is at work."""
    until((folder / "keeper.json").exists)
    found: dict[str, Any] = json.loads((folder / "keeper.json").read_text())
    return found


def kill_with_words_unread(call: KeptCall, go: Path, said: Path) -> None:
    """Kill the call's keeper while its pipes hold what the agent says between `go` and `said`."""
    until(call.read_new)
    keeper = notes(call.folder)["keeper"]
    kill(keeper, signal.SIGSTOP)
    go.touch()
    until(said.exists)
    kill(keeper)


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    os.kill(pid, number)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def is_locked(path: Path) -> bool:
    if not path.exists():
        return False
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(file, fcntl.LOCK_UN)
    return False


def lesser_keeper(root: Path, lack: str) -> Path:
    """The keeper as it is on a system that lacks something."""
    lacks = {
        "nothing": "",
        "proc": (
            "program.LINUX = tree.LINUX = False; tree.system = program.system = posix_tree\n"
            "program.prctl.become_subreaper = lambda: False"
        ),
        "group": "program.cgroup.make = lambda name: ''",
        "subreaper": "program.cgroup.make = lambda name: ''; program.prctl.become_subreaper = lambda: False",
        "pidfd": "os.pidfd_open = no",
        "children": "linux_tree.children = slow; program.cgroup.make = lambda name: ''",
    }
    path = root / "lesser_keeper.py"
    path.write_text(
        f"""import os, sys
sys.path.insert(0, {str(Path(ROOT) / "llmauto" / "keeper")!r})
from child import linux_tree, posix_tree, program, tree
def no(*_): raise OSError(38, "ENOSYS")
def slow(pid):
    return [one.pid for one in linux_tree.processes().values() if one.parent == pid and not one.is_zombie]
{lacks[lack]}
os._exit(program.main())
""",
        encoding="utf-8",
    )
    return path
