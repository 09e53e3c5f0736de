"""What does a call's folder tell: the prompt, what the agent was seen doing, and what came of it?

Nothing in here follows a link out of the home's folder of calls, and everything is bounded.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from llmauto import files
from llmauto.agents import BACKEND_FILE, PROMPT_FILE
from llmauto.backends import BUILT_IN, load_backend
from llmauto.backends.base import Reader as OutputReader
from llmauto.backends.output import Lines
from llmauto.home import Home
from llmauto.keeper import output, records
from llmauto.keeper.child.folder import Folder
from llmauto.model import Link
from llmauto.ports import Activity, CallOrder
from llmauto.rules.names import problem_with
from llmauto.rules.text import decode, plain

MOST_ACTIVITIES = 2000
LONGEST_TEXT = 20_000
LARGEST_PROMPT = 1 << 20
RAW_BYTES = 256 * 1024
_SHOWN = ("text", "thinking", "tool", "tool_result", "retry", "limit", "session")


class CallFolder:
    """The folder of one call. Raises `LookupError` where there is none, or it is not the home's own."""

    def __init__(self, home: Home, run: str, call: int, link: str) -> None:
        if problem_with(link) is not None or not 0 < call < 1_000_000:
            raise LookupError(link)
        self.path = home.calls / run / f"{call:04d}-{link}"
        try:
            real = self.path.resolve(strict=True)
        except (OSError, ValueError) as error:
            raise LookupError(run) from error
        if real != home.calls.resolve() / run / self.path.name or not real.is_dir():
            raise LookupError(run)
        self._link = Link(name=link)
        self._run, self._call = run, call

    def prompt(self) -> dict[str, Any]:
        """What was sent to the agent."""
        found = files.look(self.path / PROMPT_FILE, LARGEST_PROMPT)
        return {"text": plain(decode(found.data)), "bytes": found.size, "cut": found.size > len(found.data)}

    def raw(self) -> dict[str, Any]:
        """The ends of what the agent printed."""
        folder = Folder(os.fsencode(self.path))
        try:
            cap = records.bounds(folder).output_cap
            return {
                name: plain(decode(output.tail(folder, name, cap, RAW_BYTES)))
                for name in ("stdout", "stderr")
            }
        finally:
            folder.close()

    def result(self) -> dict[str, Any]:
        """How the process ended, and the agent's final text by its backend's judgement."""
        folder = Folder(os.fsencode(self.path))
        try:
            ended = records.result(folder)
            if ended is None:
                return {"ended": None, "text": "", "message": ""}
            cap = records.bounds(folder).output_cap
            reader = self.reader()
            for one in output.lines(folder, "stdout", cap):
                reader.feed(one)
            tail = output.tail(folder, "stderr", cap, 64 * 1024)
        finally:
            folder.close()
        reply = reader.finish(ended, tail, datetime.now().astimezone())
        return {
            "ended": asdict(ended),
            "text": plain(reply.text),
            "message": plain(reply.message),
            "hint": reply.hint,
            "warnings": list(reply.warnings),
            "denials": list(reply.denials),
        }

    def reader(self) -> OutputReader:
        """A reader of the output, as the call's backend reads it."""
        name = decode(files.read_small(self.path / BACKEND_FILE, 100) or b"").strip()
        link = Link(name=self._link.name, backend=name if name in BUILT_IN else "command")
        order = CallOrder(
            run=self._run, chain="", round=0, call=self._call, link=link, prompt="", folder=self.path,
            workdir=self.path, state=self.path, handoff=self.path / "handoff.md",
        )  # fmt: skip
        return load_backend(link.backend).reader(order)


class Tail:
    """What an agent is seen doing, read as it comes."""

    def __init__(self, call: CallFolder) -> None:
        self._folder = Folder(os.fsencode(call.path))
        self._output = output.Reader(self._folder, "stdout", records.bounds(self._folder).output_cap)
        self._reader = call.reader()
        self._lines = Lines()

    def read(self, most: int = 16 << 20) -> list[dict[str, Any]]:
        """What is new since the last time; of very much, the newest."""
        found: deque[dict[str, Any]] = deque(maxlen=MOST_ACTIVITIES)
        taken = 0
        while taken < most:
            data = self._output.read()
            chunk = b"\n" if isinstance(data, output.Gap) else data
            if not chunk:
                break
            taken += len(chunk)
            for one in self._lines.split(chunk):
                found.extend(_shown(self._reader.feed(one)))
        return list(found)

    def close(self) -> None:
        """Let go of the files."""
        self._output.close()
        self._folder.close()


def _shown(activities: Iterable[Activity]) -> list[dict[str, Any]]:
    return [
        {
            "kind": one.kind,
            "text": plain(one.text[:LONGEST_TEXT]),
            "tool": plain(one.tool[:200]),
            "detail": plain(one.detail[:2000]),
        }
        for one in activities
        if one.kind in _SHOWN
    ]
