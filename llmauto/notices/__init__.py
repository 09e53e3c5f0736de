"""Which notifier does a run get?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmauto.settings import Settings


class NoNotices:
    """Sends nothing."""

    def send(self, title: str, facts: Mapping[str, str]) -> None:
        """Hand nothing over."""

    def results(self) -> Sequence[tuple[str, bool, str]]:
        """Nothing was sent."""
        return ()

    def close(self, timeout_s: float) -> None:
        """Nothing is on its way."""


def notifier_for(settings: Settings, environ: Mapping[str, str], *, enabled: bool = True) -> NoNotices:
    """The notifier of these settings."""
    return NoNotices()
