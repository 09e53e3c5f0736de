"""What did an agent write to `state/<chain>/` below its own working folder?

Prompts name these files by a relative path, so an agent may write them there. See `desk.folder` for
what becomes of them.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from llmauto import files
from llmauto.desk.reading import CLAIMS, HANDOFF_CAP, SMALL_CAP
from llmauto.desk.stops import StopFile
from llmauto.desk.watched import WatchedFile
from llmauto.errors import DiskError
from llmauto.rules.text import decode
from llmauto.rules.verdict import first_word


class SecondFolder:
    """The inbox in a working folder. Nothing is ever made there, and no link is followed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.handoff = WatchedFile(folder / "handoff.md", HANDOFF_CAP)
        self.stop = StopFile(folder / "STOP")
        self._status = WatchedFile(folder / "status.txt", SMALL_CAP)
        self._read = False

    def expect(self, raw: bytes | None) -> None:
        """The handoff that counts: the same text here is nothing new."""
        self.handoff.expect(raw)

    def publish(self, raw: bytes) -> None:
        """Keep a handoff.md that is here equal to the one that counts, as well as that can be done.

        A status.txt that was read is removed, now that the journal knows what it said.
        """
        self.settle()
        if not self.has_handoff():
            self.handoff.expect(raw)
            self.handoff.leave()
            return
        with contextlib.suppress(DiskError):  # it is not ours: the run does not depend on it
            self.handoff.publish(raw)

    def written_again(self) -> bool:
        """Whether the very handoff that counts was written here since the last `publish`."""
        return self.handoff.written_again() and self.has_handoff()

    def has_handoff(self) -> bool:
        """Whether a handoff.md is here, as a file that is no link, in a folder that is no link."""
        return not self.folder.is_symlink() and files.look(self.handoff.path, 0).kind == "file"

    def status_word(self) -> str:
        """The claim in a status.txt that was not read before; "" where there is none."""
        found = self._status.changed()
        if found is None or found.kind != "file":
            return ""
        self._read = True
        word = first_word(decode(found.data))
        return word if word in CLAIMS else ""

    def settle(self) -> None:
        """Remove the status.txt that was read."""
        if self._read:
            with contextlib.suppress(OSError):
                self._status.path.unlink()
            self._read = False
            self._status.expect(None)
