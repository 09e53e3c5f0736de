"""On what was measured? Facts that a figure means nothing without; none of them names the machine."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from bench.stage import ROOT
from llmauto import __version__


def facts(folder: Path) -> dict[str, str]:
    """The machine, and the program that was measured, each in a few words."""
    return {
        "llmauto": f"{__version__}{_revision()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": str(_cores()),
        "memory": _memory(),
        "file system": file_system(folder),
        "load before": load(),
    }


def load() -> str:
    """The load averages over 1, 5 and 15 minutes."""
    if sys.platform == "win32":
        return "unknown"
    return " ".join(f"{value:.2f}" for value in os.getloadavg())


def file_system(folder: Path) -> str:
    """The kind of file system that the folder is on: syncs cost what it makes them cost."""
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown"
    return file_system_of(str(folder.resolve()), [line.split()[1:3] for line in mounts])


def file_system_of(path: str, mounts: list[list[str]]) -> str:
    """The kind by the mount that is nearest above the path; of several at one place the last holds."""
    best: Mapping[str, str] = {"place": "", "kind": "unknown"}
    for place, kind in mounts:
        inside = path == place or path.startswith(place.rstrip("/") + "/")
        if inside and len(place) >= len(best["place"]):
            best = {"place": place, "kind": kind}
    return best["kind"]


def _cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory() -> str:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return "unknown"
    return f"{size / 2**30:.0f} GiB"


def _revision() -> str:
    """The commit, and whether the sources are as it has them."""
    argv = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=, changed", "--exclude=*"]
    try:
        done = subprocess.run(argv, capture_output=True, encoding="utf-8", timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return f" ({done.stdout.strip()})" if done.returncode == 0 else ""
