"""`llmauto ui` as a process of its own, and a browser that looks at it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.web_tools import FLAGS, ROOT, chromium


def environment() -> dict[str, str]:
    """Ours without settings of llmauto, and with the sources where Python finds them."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LLMAUTO_")}
    return kept | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"}


class Server:
    """The server of a home. `link` logs in once; `said` is what it printed."""

    def __init__(self, home: Path, *words: str) -> None:
        self.home = home
        argv = [sys.executable, "-m", "llmauto", "--home", str(home), "ui", "--port", "0", *words]
        self._process = subprocess.Popen(
            argv, env=environment(), cwd=home, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL, encoding="utf-8",
        )  # fmt: skip
        assert self._process.stderr is not None
        self.said = self._process.stderr.readline() + self._process.stderr.readline()
        found = re.search(r"(http://\S+)#code=\S+", self.said)
        assert found, self.said + self._process.stderr.read()
        self.link, self.address = found[0], found[1]

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def key(self) -> str:
        """What stands in the key's file."""
        (path,) = (self.home / "calls" / ".ui").glob("key-*")
        return path.read_text("utf-8").strip()

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        if self._process.returncode is not None:
            return self._process.returncode
        self._process.send_signal(signal.SIGINT)
        try:
            code = self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        if self._process.stderr is not None:
            self.said += self._process.stderr.read()
            self._process.stderr.close()
        return code


@contextmanager
def browsing() -> Iterator[Any]:
    """A Chromium, headless."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()
