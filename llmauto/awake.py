"""How is the machine kept awake while a chain runs? By what the system has for that, for as long as we live.

Linux: `systemd-inhibit` (sleep and idle), macOS: `caffeinate`, Windows: `SetThreadExecutionState`. The
helper program ends with us however we end: it waits for the end of a pipe that we hold, or for our pid.
Where there is nothing of the kind, or it does not work, the chain runs all the same.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

END_WITHIN_S = 2.0
"""What the helper's end may take; then it is killed."""
_NEEDED = ("PATH", "HOME", "XDG_RUNTIME_DIR", "DBUS_SYSTEM_BUS_ADDRESS", "DBUS_SESSION_BUS_ADDRESS")
"""What the helper finds the system by. Any agent can read what it is given, so that is all."""
_ES_CONTINUOUS, _ES_SYSTEM_REQUIRED = 0x80000000, 0x00000001


@contextmanager
def kept_awake(wanted: bool, environ: Mapping[str, str], why: str) -> Iterator[None]:
    """Keep the machine from falling asleep within, where that is `wanted`. Raises nothing of its own.

    `why` is a word for people who ask the system what holds it up.
    """
    if not wanted:
        yield
    elif sys.platform == "win32":
        _windows(_ES_CONTINUOUS | _ES_SYSTEM_REQUIRED)
        try:
            yield
        finally:
            _windows(_ES_CONTINUOUS)
    else:
        env = {name: environ[name] for name in _NEEDED if name in environ}
        with _helped(helper(environ, why, sys.platform, os.getpid()), env):
            yield


def helper(environ: Mapping[str, str], why: str, platform: str, pid: int) -> tuple[str, ...]:
    """The command line of the helper; empty where this system has none."""
    if platform == "darwin":
        program = _find("caffeinate", environ)
        return (program, "-i", "-w", str(pid)) if program else ()
    program, cat = _find("systemd-inhibit", environ), _find("cat", environ)
    if not (program and cat):
        return ()
    what = ("--what=sleep:idle", "--mode=block", "--who=llmauto", f"--why={why}")
    return (program, *what, cat)


def _find(name: str, environ: Mapping[str, str]) -> str:
    for folder in environ.get("PATH", os.defpath).split(os.pathsep):
        path = Path(folder or ".") / name
        with suppress(OSError):  # a folder of another user, into which we may not look
            if path.is_file() and os.access(path, os.X_OK):
                return str(path)
    return ""


@contextmanager
def _helped(argv: tuple[str, ...], env: Mapping[str, str]) -> Iterator[None]:
    import subprocess
    import threading

    child: subprocess.Popen[bytes] | None = None
    if argv:
        quiet = subprocess.DEVNULL
        try:
            # A session of its own: it is asked for no password at our terminal, and hears no Ctrl-C.
            child = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, start_new_session=True, env=env
            )
        except OSError:
            child = None
        else:
            # One that fails at once is no zombie until the run ends, perhaps a night later.
            threading.Thread(target=child.wait, name="awake", daemon=True).start()
    try:
        yield
    finally:
        if child is not None:
            _let_go(child)


def _let_go(child: subprocess.Popen[bytes]) -> None:
    import subprocess

    if child.stdin is not None:
        child.stdin.close()
    if sys.platform == "darwin":  # it waits for our pid, not for the pipe
        child.terminate()
    try:
        child.wait(END_WITHIN_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _windows(state: int) -> None:
    if sys.platform == "win32":
        import ctypes

        with suppress(OSError, AttributeError):
            ctypes.windll.kernel32.SetThreadExecutionState(state)
