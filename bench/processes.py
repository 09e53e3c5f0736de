"""What do other processes use? Read from `/proc`, so on Linux only."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from bench.figures import NotHereError

EVERY_S = 0.005
MIB = 2**20


def need_proc() -> None:
    """Raises `NotHereError` where there is no `/proc` of this kind."""
    if sys.platform != "linux" or not Path("/proc/self/status").exists():
        raise NotHereError("memory and open files of other processes are read from `/proc`, which is Linux")


def status_of(pid: int | str, field: str) -> int:
    """A number of `/proc/PID/status`; sizes in bytes. 0 where the process is gone, or is just starting."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    for line in text.splitlines():
        if line.startswith(f"{field}:"):
            words = line.split()[1:]
            return int(words[0]) * (1024 if words[1:] == ["kB"] else 1)
    return 0


def open_files() -> int:
    """How many files this process has open."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  the listing itself is one of them, each time


def children_of(pid: int) -> list[int]:
    """The processes that the main thread of that one started."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()]
    except OSError:
        return []


def is_keeper(pid: int) -> bool:
    """Whether it runs the keeper's program (and not the agent, which it starts)."""
    try:
        return b"run_keeper.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


class Peaks:
    """Watches a runner and its keepers until it is told to stop; their largest memory so far, in bytes.

    `VmHWM` is kept by the system and only grows, so looking often is needed for the last moments alone.
    """

    def __init__(self, runner: int) -> None:
        self.runner = 0
        self.keeper = 0
        self._pid = runner
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(EVERY_S):
            self.runner = max(self.runner, status_of(self._pid, "VmHWM"))
            for pid in self._family(self._pid):
                if is_keeper(pid):
                    self.keeper = max(self.keeper, status_of(pid, "VmHWM"))

    def _family(self, pid: int) -> list[int]:
        """Its descendants, down to the keepers."""
        found = children_of(pid)
        return [*found, *(below for child in found if is_keeper(child) for below in self._family(child))]


def disk_used(folder: Path) -> int:
    """Bytes that all files below the folder take on the disk."""
    sizes = [path.lstat().st_blocks * 512 for path in folder.rglob("*") if not path.is_symlink()]
    return sum(sizes)
