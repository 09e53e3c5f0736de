"""Has the next keeper ready while a call is at work, since booting one takes longer than all else it does."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from llmauto.keeper.finding import find
from llmauto.keeper.starting import start

if TYPE_CHECKING:
    from types import TracebackType

    from llmauto.keeper.following import KeptCall
    from llmauto.keeper.spare import Spare
    from llmauto.keeper.values import Launch


class Nursery:
    """Starts and finds calls as `start` and `find` do, for one thread, and is to be closed at the end.

    A spare keeper that is lost costs a call nothing but the time to boot another one. Windows, where open
    files cannot be handed on, has none.
    """

    def __init__(self) -> None:
        self._spare: Spare | None = None

    def start(self, folder: Path, launch: Launch) -> KeptCall:
        """Start the call in its folder; raises what `llmauto.keeper.start` does."""
        call = start(folder, launch, taker=self._take)
        if self._spare is None:
            self._spare = _new_spare()
        return call

    def find(self, folder: Path) -> KeptCall | None:
        """The call of that folder, None where it is lost."""
        return find(folder)

    def close(self) -> None:
        """Let go of the spare keeper; a later start would boot one again."""
        if self._spare is not None:
            self._spare.close()
            self._spare = None

    def __enter__(self) -> Nursery:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def _take(self, files: Sequence[int]) -> int:
        """Give a call's files to the spare keeper; its pid, 0 where there is none."""
        spare, self._spare = self._spare, None
        if spare is None:
            return 0
        try:
            return spare.take(files)
        finally:
            spare.close()


def _new_spare() -> Spare | None:
    if sys.platform == "win32":
        return None
    try:
        from llmauto.keeper.spare import Spare

        return Spare()
    except (OSError, ImportError):  # no room for another process, or file: then the next call boots its own
        return None
