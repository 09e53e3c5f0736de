"""Reads what a chain says of itself, again and again: `reader.py COUNT`, in the home of the environment.

Status and log in turn, each as a command of its own in this process. What is no JSON ends it with an error.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from llmauto.cli import main

WORDS = (["chain", "status", "c", "--json"], ["chain", "log", "c", "5", "--json"], ["status", "--json"])


def read(words: list[str]) -> None:
    """One read, with every line of the log as JSON of its own."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    if code or err.getvalue():
        raise SystemExit(f"{words}: exit code {code}: {err.getvalue()}")
    for text in out.getvalue().splitlines() if "log" in words else [out.getvalue()]:
        json.loads(text)


if __name__ == "__main__":
    for number in range(int(sys.argv[1])):
        read(WORDS[number % 3])
