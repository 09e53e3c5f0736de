"""Where does a handoff that is too large to be passed on stay whole? In `handoff_whole_<n>.md`."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from llmauto import files

if TYPE_CHECKING:
    from llmauto.rules.redaction import Redactor

KEPT = 5
"""So many are kept: the newest."""

WHOLE_NAME = re.compile(r"handoff_whole_(\d{1,9})\.md")

_CHUNK = 1 << 20


def keep_whole(source: Path, folder: Path, redactor: Redactor | None = None) -> Path | None:
    """Keep the file as the newest whole handoff in `folder`; None where that cannot be done.

    It is linked, not moved: until the next `publish` the only other copy stands at `source`, and a
    program that is killed before that must find it there again. Where there are secrets that may be in it,
    it is copied without them.
    """
    with contextlib.suppress(OSError):
        numbers = _numbers(folder)
        newest = numbers[-1] if numbers else 0
        if newest and os.path.samestat(source.lstat(), _path(folder, newest).lstat()):
            return _path(folder, newest)
        target = _path(folder, newest + 1)
        try:
            if redactor is not None:
                raise NotImplementedError
            os.link(source, target, follow_symlinks=False)
        except (OSError, NotImplementedError):
            _copy(source, target, redactor)
        target.chmod(0o600)
        for number in [*numbers, newest + 1][:-KEPT]:
            _path(folder, number).unlink(missing_ok=True)
        return target
    return None


def _path(folder: Path, number: int) -> Path:
    return folder / f"handoff_whole_{number}.md"


def _numbers(folder: Path) -> list[int]:
    with os.scandir(folder) as entries:
        return sorted(int(found[1]) for entry in entries if (found := WHOLE_NAME.fullmatch(entry.name)))


def _copy(source: Path, target: Path, redactor: Redactor | None) -> None:
    with contextlib.ExitStack() as undo:
        undo.callback(target.unlink, missing_ok=True)
        with files.open_to_read(source) as old, files.open_private_append(target) as new:
            stream = redactor.stream() if redactor is not None else None
            while chunk := old.read(_CHUNK):
                new.write(stream.feed(chunk) if stream else chunk)
            new.write(stream.close() if stream else b"")
        undo.pop_all()
