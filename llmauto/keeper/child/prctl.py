"""Two switches of a Linux process: being the new parent of orphans, and being closed to others.

Where the quick way fails, `ctypes` does it, and where that fails too the keeper works without.
"""

from __future__ import annotations

import sys

from . import native

_SET_DUMPABLE = 4
_SET_CHILD_SUBREAPER = 36


def become_subreaper() -> bool:
    """Every orphan among the descendants becomes a child of this process. False where that cannot be had."""
    return _prctl(_SET_CHILD_SUBREAPER, 1)


def close_to_others() -> bool:
    """Others of the same user can no longer read this process's memory, environment or open files."""
    return _prctl(_SET_DUMPABLE, 0)


def _prctl(option: int, value: int) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    try:
        return native.function("prctl", "illll", "i")(option, value, 0, 0, 0) == 0
    except Exception:  # noqa: BLE001 (a private module: whatever changes there, the long way is tried)
        pass
    try:
        import ctypes

        return int(ctypes.CDLL(None).prctl(option, value, 0, 0, 0)) == 0
    except (ImportError, OSError, AttributeError, TypeError):
        return False
