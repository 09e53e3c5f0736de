"""Checkpoints that only count: for tests of the engine, where no repository is."""

from __future__ import annotations

from collections.abc import Sequence

from llmauto.ports import Checkpoint


class MemoryCheckpoints:
    """Remembers what was asked for, as (call, link, when). Where it does not work, each is None."""

    def __init__(self, *, works: bool = True) -> None:
        self.works = works
        self.taken: list[tuple[int, str, str]] = []
        self._remarks: list[str] = []

    def take(self, run: str, call: int, link: str, when: str) -> Checkpoint | None:
        """The next one."""
        if not self.works:
            self._remarks = ["no checkpoint of the workdir: told so"]
            return None
        self.taken.append((call, link, when))
        return Checkpoint(
            commit=f"{len(self.taken):040x}", ref=f"refs/llmauto/{run}/{call:04d}-{link}-{when}"
        )

    def remarks(self) -> Sequence[str]:
        """Each thing once."""
        told, self._remarks = self._remarks, []
        return told
