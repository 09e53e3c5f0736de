"""Where the tests' Claude Code CLI is: the real one, one pinned version, in the checkout's `.cache/claude/`.

    python -m tests.support.claude_cli        installs it where it is missing, and prints its version

Nothing of the user's own Claude Code is looked at or changed: neither the program nor its settings.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.support.messages_api import MessagesApi

VERSION = "2.1.331"
"""The version whose behaviour the tests pin. It has to be named to npm in full: under an older Node than it
asks for, a plain install silently takes an older release. The program itself needs no Node at run time."""

PACKAGE = "@anthropic-ai/claude-code"
_CACHE = Path(__file__).resolve().parents[2] / ".cache" / "claude"
_INSTALL_LIMIT_S = 540
_NAME = "claude.exe" if os.name == "nt" else "claude"

_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "COMSPEC", "PATHEXT")
"""All that a test's CLI gets of the environment of the person who runs the tests."""


@dataclass(frozen=True, slots=True)
class Cli:
    """The CLI that the tests drive: its program, or the reason why there is none."""

    path: Path | None
    why_not: str = ""


@functools.cache
def installed() -> Cli:
    """The CLI, installed now if it has to be. Never raises: `why_not` says what went wrong."""
    path = _CACHE / VERSION / _NAME
    if _version_of(path) == VERSION:
        return Cli(path)
    npm = shutil.which("npm")
    if npm is None:
        return Cli(None, "`npm` is not on PATH")
    try:
        return _install(npm, path)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Cli(None, f"`npm install {PACKAGE}@{VERSION}` failed: {error}")


def _install(npm: str, path: Path) -> Cli:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_CACHE) as scratch:
        argv = [npm, "install", "--no-save", "--no-audit", "--no-fund", "--prefix", scratch]
        argv.append(f"{PACKAGE}@{VERSION}")
        ended = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=_INSTALL_LIMIT_S,
            check=False,
        )
        if ended.returncode:
            why = " · ".join(line.strip() for line in ended.stderr.splitlines() if "npm error" in line)
            return Cli(None, f"`npm install {PACKAGE}@{VERSION}` failed: {why[:400] or ended.returncode}")
        program = _program_in(Path(scratch))
        if program is None:
            return Cli(None, f"`npm install {PACKAGE}@{VERSION}` brought no program for this machine")
        # A rename, so that two test runs at once cannot see half a program.
        program.replace(path)
    return Cli(path)


def _program_in(scratch: Path) -> Path | None:
    """The native program: npm puts it into a package of the platform's own, its install script links it."""
    packages = scratch / "node_modules" / "@anthropic-ai"
    found = [
        packages / "claude-code" / "bin" / "claude.exe",
        *sorted(packages.glob(f"claude-code-*/{_NAME}")),
    ]
    return next((program for program in found if _version_of(program) == VERSION), None)


def _version_of(program: Path) -> str | None:
    if not program.is_file():
        return None
    try:
        ended = subprocess.run(
            [program, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = ended.stdout.split()
    return words[0] if ended.returncode == 0 and words else None


def environment(api: MessagesApi, home: Path, *, subscription: bool = False) -> dict[str, str]:
    """The whole environment for a `claude`, or an `llmauto` that starts one, that talks to `api` alone.

    `home` is its HOME, made here where it is missing. With `subscription` it is logged in by a
    subscription's token, else by an API key: only with the token does it believe the headers of a plan's
    limits. `claude` is first on its PATH.
    """
    home.mkdir(parents=True, exist_ok=True)
    program = installed().path
    env = {name: value for name, value in os.environ.items() if name.upper() in _KEPT}
    if program is not None:
        env["PATH"] = os.pathsep.join([str(program.parent), env.get("PATH", os.defpath)])
    env |= {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "CLAUDE_CONFIG_DIR": str(home / ".claude"),
        "ANTHROPIC_BASE_URL": api.url,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_TMPDIR": str(home / "tmp"),
        "DISABLE_TELEMETRY": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "DISABLE_AUTOUPDATER": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    env["CLAUDE_CODE_OAUTH_TOKEN" if subscription else "ANTHROPIC_API_KEY"] = "not-a-real-key"
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        env["IS_SANDBOX"] = "1"  # without it the CLI refuses to skip permissions for root
    return env


def main() -> int:
    """Install, and say what came of it."""
    cli = installed()
    if cli.path is None:
        sys.stderr.write(f"error: no Claude Code {VERSION}: {cli.why_not}\n")
        return 1
    sys.stdout.write(f"{VERSION} {cli.path}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
