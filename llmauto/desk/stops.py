"""Did somebody ask for a stop by a file, and why?"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from llmauto import files
from llmauto.desk.reading import STOP_CAP, read_stop
from llmauto.desk.watched import clear
from llmauto.errors import DiskError


class StopFile:
    """A file named STOP. Whatever stands there is a stop; only a real file is read for its reason."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def text(self) -> str | None:
        """Its reason, at most `STOP_CAP` characters; None where nothing is there. Costs one `lstat` then."""
        try:
            os.lstat(self.path)
        except OSError:
            return None
        return read_stop(files.look(self.path, 4 * STOP_CAP))

    def take(self) -> tuple[str | None, bool]:
        """(its reason as `text` gives it, whether it could not be taken away)."""
        text = self.text()
        if text is None:
            return None, False
        with contextlib.suppress(OSError, DiskError):
            if stat.S_ISDIR(os.lstat(self.path).st_mode):
                clear(self.path)
            else:
                self.path.unlink()
        return text, os.path.lexists(self.path)
