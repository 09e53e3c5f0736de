"""How is git asked something, without ever disturbing the person's repository?"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

GIT_TIMEOUT_S = 20.0


def git(
    folder: Path,
    *args: str,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    timeout_s: float = GIT_TIMEOUT_S,
) -> bytes | None:
    """What git prints, None where it fails, is missing, or takes longer than `timeout_s` seconds.

    Takes no optional locks, asks no questions, runs no pager.
    """
    import subprocess  # heavy: only where git is really asked

    quiet = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_PAGER": "cat", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *args],
            input=stdin,
            capture_output=True,
            env={**os.environ, **quiet, **(env or {})},
            timeout=timeout_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
