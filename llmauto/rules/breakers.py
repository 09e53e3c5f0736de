"""Does a run spin? Counts of a kind in a row that end it."""

from __future__ import annotations

from llmauto.model import Breakers
from llmauto.rules.progress import Progress


def opened(limits: Breakers, progress: Progress) -> str | None:
    """Which breaker is open, as a sentence; None while none is. Limits and overloads never count."""
    counts = (
        (limits.failures, progress.failures, "failures", "links in a row failed"),
        (limits.same_error, progress.same_errors, "same_error", "links in a row failed with the same error"),
        (limits.denials, progress.denied_rounds, "denials", "rounds in a row had tools denied"),
        (limits.no_progress, progress.stale_rounds, "no_progress", "rounds in a row changed nothing"),
    )
    for limit, count, key, what in counts:
        if limit and count >= limit:
            error = f" ({progress.last_error})" if key in ("failures", "same_error") else ""
            return f"breaker `{key}`: {count} {what}{error}"
    return None
