"""Which files is the page made of? Those of the folder `static`, read once: no path is ever looked up."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class ShippedFile(NamedTuple):
    """One file, and what it is."""

    data: bytes
    media_type: str


class Shipped:
    """The page's files by name."""

    def __init__(self, folder: Path = Path(__file__).parent / "static") -> None:
        self.files = {
            path.name: ShippedFile(path.read_bytes(), _TYPES[path.suffix])
            for path in sorted(folder.iterdir())
            if path.suffix in _TYPES
        }
