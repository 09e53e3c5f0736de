"""How much of a row is tried: a quick part in CI, the whole with `LLMAUTO_KILLS=1000`."""

from __future__ import annotations

import os

KILLS = int(os.environ.get("LLMAUTO_KILLS", "60"))
"""Kills of the runner; other counts hang on it."""
WHOLE = KILLS >= 1000


def pick(whole: int, quick: int) -> int:
    """The count of the whole, or that of the quick part."""
    return whole if WHOLE else quick
