"""Which version does a program say that it is? Asked with a bound on the time, and with nothing on stdin."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from llmauto.rules.text import decode, one_line

if TYPE_CHECKING:
    import subprocess

WITHIN_S = 20.0
"""A program of 400 MB that is not in the page cache yet takes its time."""


def version_said(argv: Sequence[str], environ: Mapping[str, str]) -> tuple[str, str]:
    """(the first line that it prints, "") or ("", what went wrong)."""
    import subprocess  # heavy: only where a program is really asked

    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environ),
            start_new_session=sys.platform != "win32",
        )
    except OSError as error:
        return "", (error.strerror or str(error)).lower()
    try:
        out, err = process.communicate(timeout=WITHIN_S)
    except subprocess.TimeoutExpired:
        _end(process)
        return "", f"it did not answer in {WITHIN_S:.0f} s"
    said = one_line(decode(out).strip().partition("\n")[0], 100)
    if process.returncode == 0 and said:
        return said, ""
    why = one_line(decode(err), 200) or said or "nothing was printed"
    return "", f"exit code {process.returncode}, {why}"


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    process.wait()
