"""A program installed into a venv of its own, as a user who has just arrived would have it.

Everything here works without a network: what builds a wheel is in the `dev` group, pip comes with Python.
"""

from __future__ import annotations

import os
import subprocess
import venv
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MOST_S = 300.0


def build_tools() -> str:
    """The folder of what builds: looked up late, since only these tests need it."""
    import hatchling

    return str(Path(hatchling.__file__).resolve().parents[1])


def clean_env(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a user who has just arrived: a home folder of their own, nothing set."""
    dropped = ("LLMAUTO_", "PYTHON", "PIP_", "VIRTUAL_ENV", "XDG_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    own = {"HOME": str(folder), "USERPROFILE": str(folder), "LOCALAPPDATA": str(folder / "AppData")}
    pip = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return env | own | pip | {"DEMO_PACE": "0"} | more


def run(argv: list[str], *, cwd: Path, env: Mapping[str, str]) -> str:
    """Run to its end; what it printed. What does not end well fails the test, with all it said."""
    done = subprocess.run(
        argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        encoding="utf-8", errors="replace", timeout=MOST_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{argv} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


class Installed:
    """A venv with pip in it, and what pip put beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.empty = folder / "empty"
        self.empty.mkdir(parents=True)
        self.env = clean_env(folder)
        venv.create(folder / "venv", with_pip=True)

    def program(self, name: str) -> str:
        """The path of one of its programs."""
        place = "Scripts" if os.name == "nt" else "bin"
        return str(self.folder / "venv" / place / name)

    def pip(self, *words: str, env: Mapping[str, str] | None = None) -> str:
        """Install something."""
        argv = [self.program("python"), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", *words]
        return run(argv, cwd=self.empty, env=env or self.env)

    def llmauto(self, *words: str) -> str:
        """Run the installed program in an empty folder."""
        return run([self.program("llmauto"), *words], cwd=self.empty, env=self.env)
