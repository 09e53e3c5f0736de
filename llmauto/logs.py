"""Where can a person read what happened, with any pager? In `logs/<chain>.log` and `logs/<chain>_<link>.log`.

The first has one line per event, the second what a link's agent said and did. They are for people
only: the journal is the truth, and a log that cannot be written stops nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from llmauto import files
from llmauto.errors import DiskError
from llmauto.events import CallStarted, Event
from llmauto.localtime import stamp
from llmauto.ports import Activity
from llmauto.rules.text import one_line, plain
from llmauto.sayings import sentence

LARGEST = 50_000_000
"""Bytes of one log file (the spec's bound)."""
FILES = 5
"""How many files of a log there are at the most: `x.log`, `x.log.1`, … `x.log.4`."""
LONGEST_TEXT = 1_000_000
"""Characters of one text of an agent; the call's folder holds it whole."""
LONGEST_DETAIL = 500

_MARKS = {"tool": ">", "retry": "!", "limit": "!"}


class LogWriter:
    """An `Emit` that writes the logs of a chain into `folder`, which is made when first needed.

    `on_problem` is told once, in one sentence, that the logs cannot be written. `link` is whose activity
    comes before the first call has started: that of a call which an earlier runner left. `now` gives the
    time of an activity, in UTC epoch seconds.
    """

    def __init__(
        self,
        folder: Path,
        chain: str,
        on_problem: Callable[[str], None] = lambda _: None,
        *,
        link: str = "",
        largest: int = LARGEST,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._chain = chain
        self._on_problem = on_problem
        self._link = link
        self._largest = largest
        self._now = now
        self._open: dict[Path, IO[bytes]] = {}
        self._told = False

    def __call__(self, item: Event | Activity) -> None:
        """Write what happened. Raises nothing."""
        try:
            if isinstance(item, Activity):
                self._see(item)
            else:
                self._tell(item)
        except (DiskError, OSError) as error:
            self.close()
            if not self._told:
                self._told = True
                self._on_problem(f"the logs cannot be written: {error}")

    def close(self) -> None:
        """Let go of the files; the next event opens them again."""
        for file in self._open.values():
            file.close()
        self._open.clear()

    def __enter__(self) -> LogWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _tell(self, event: Event) -> None:
        if isinstance(event, CallStarted):
            self._link = event.link
        said = sentence(event)
        if not said:
            return
        line = f"{stamp(event.at)}  {said}\n"
        self._write(self._chain, line)
        if self._link and self._link == getattr(event, "link", ""):
            self._write(f"{self._chain}_{self._link}", line)

    def _see(self, activity: Activity) -> None:
        text = _told(activity)
        if text:
            name = f"{self._chain}_{self._link}" if self._link else self._chain
            self._write(name, f"{stamp(self._now())}  {text}\n")

    def _write(self, name: str, text: str) -> None:
        path = self._folder / f"{name}.log"
        data = text.encode("utf-8", "replace")
        file = self._open.get(path)
        if file is None:
            files.make_private_dir(self._folder)
            file = self._open[path] = files.open_private_append(path)
        if os.fstat(file.fileno()).st_size + len(data) > self._largest:
            file = self._turn_over(path)
        file.write(data)

    def _turn_over(self, path: Path) -> IO[bytes]:
        """`x.log` becomes `x.log.1`, that `x.log.2`, and the oldest goes."""
        self._open.pop(path).close()
        for number in range(FILES - 1, 0, -1):
            older = path.with_name(f"{path.name}.{number}")
            newer = path if number == 1 else path.with_name(f"{path.name}.{number - 1}")
            if newer.exists():
                newer.replace(older)
        file = self._open[path] = files.open_private_append(path)
        return file


def _told(activity: Activity) -> str:
    """What an agent was seen doing, as lines of a log; "" where it is no news for people."""
    if activity.kind == "tool":
        return f"{_MARKS['tool']} {one_line(f'{activity.tool} {activity.detail}', LONGEST_DETAIL)}"
    if activity.kind in _MARKS:
        return f"{_MARKS[activity.kind]} {one_line(activity.text, LONGEST_DETAIL)}"
    if activity.kind != "text" or not activity.text.strip():
        return ""
    text = plain(activity.text[:LONGEST_TEXT]).strip("\n")
    more = "\n… (cut: the call's folder holds it whole)" if len(activity.text) > LONGEST_TEXT else ""
    return "\n    ".join(f"{text}{more}".splitlines())
