"""What do the tests of the web page need beside the tools of all others? Playwright, a Chromium, axe-core.

    python -m tests.support.web_tools

installs what is missing, and ends with exit code 1 and the reason in its last line where something cannot be
had. No browser is downloaded by Playwright: it drives the one of the system. `LLMAUTO_TEST_CHROMIUM` names
another one.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / ".cache" / "axe-core" / "axe.min.js"
AXE_PACKAGE = "axe-core@4"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
"""Without these it looks for servers of its maker, and cannot run as root in a container."""


def chromium() -> str | None:
    """The browser's program; None where there is none."""
    named = os.environ.get("LLMAUTO_TEST_CHROMIUM")
    return named or next((found for name in NAMES if (found := shutil.which(name))), None)


def main() -> int:
    """Install what is missing; 0 where all is there."""
    problems = [problem for get in (_playwright, _chromium, _axe) if (problem := get())]
    for problem in problems:
        sys.stdout.write(problem + "\n")
    return 1 if problems else 0


def _playwright() -> str:
    if all(importlib.util.find_spec(name) for name in ("playwright", "starlette", "uvicorn")):
        return ""
    ran = _run(sys.executable, "-m", "pip", "install", "--quiet", "--group", "web-tests")
    return "" if ran else "the group `web-tests` of pyproject.toml cannot be installed"


def _chromium() -> str:
    if chromium() is None and hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        _run("apt-get", "update", "-qq")
        _run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium")
    return "" if chromium() else "no Chromium: install it, as by `apt install chromium`"


def _axe() -> str:
    if AXE.is_file():
        return ""
    AXE.parent.mkdir(parents=True, exist_ok=True)
    npm = shutil.which("npm")
    if npm and _run(npm, "pack", AXE_PACKAGE, "--silent", "--pack-destination", str(AXE.parent)):
        for archive in AXE.parent.glob("axe-core-*.tgz"):
            with tarfile.open(archive) as file:
                member = file.extractfile("package/axe.min.js")
                if member is not None:
                    AXE.write_bytes(member.read())
    return "" if AXE.is_file() else "no axe-core: `npm pack axe-core` gets it"


def _run(*argv: str) -> bool:
    try:
        return (
            subprocess.run(argv, cwd=ROOT, stdin=subprocess.DEVNULL, timeout=600, check=False).returncode == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


if __name__ == "__main__":
    sys.exit(main())
