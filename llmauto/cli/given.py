"""How is a file read that a person named on the command line?"""

from __future__ import annotations

from pathlib import Path

from llmauto.errors import UsageError
from llmauto.files import expanded
from llmauto.rules.names import did_you_mean
from llmauto.rules.text import human_bytes, quoted


def read_given(option: str, name: str, limit: int) -> bytes:
    """All that is in it; a leading `~` is the person's home.

    Raises `UsageError` where it cannot be read, or is larger than `limit` bytes.
    """
    what = f"{option} {quoted(name, 200)}"
    path = expanded(name)
    try:
        with path.open("rb") as source:
            data = source.read(limit + 1)
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        hint = _near(path) if isinstance(error, FileNotFoundError) else None
        raise UsageError(f"{what}: {reason}", hint=hint) from None
    if len(data) > limit:
        raise UsageError(f"{what}: larger than {human_bytes(limit)}")
    return data


def _near(path: Path) -> str | None:
    """The file beside it that was meant; a folder is none."""
    try:
        return did_you_mean(path.name, [each.name for each in path.parent.iterdir() if each.is_file()])
    except OSError:
        return None
