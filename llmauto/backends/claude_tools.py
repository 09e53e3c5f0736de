"""How is a tool call of Claude Code shown in a few words?"""

from __future__ import annotations

from pathlib import Path

from llmauto.backends.jsonlines import Object, list_of, object_of, text_of
from llmauto.rules.text import one_line

DETAIL_LIMIT = 200
"""Characters of a tool call's detail, and of the first line of its result."""

_PATHS = ("file_path", "notebook_path", "path")
_WORDS = ("command", "pattern", "url", "query", "description", "skill", "prompt")


def tool_detail(tool: str, given: Object, workdir: Path) -> str:
    """The file (relative to the workdir), the first line of the command, or what else tells most."""
    order = (*_WORDS, *_PATHS) if tool in ("Grep", "Glob") else (*_PATHS, *_WORDS)
    for key in order:
        value = text_of(given.get(key), 10_000).strip()
        if value:
            return one_line(_relative(value, workdir) if key in _PATHS else _first_line(value), DETAIL_LIMIT)
    return ""


def said_of_result(content: object) -> str:
    """The first line of a tool's result."""
    if isinstance(content, str):
        return _short(content)
    texts = (text_of(object_of(part).get("text"), 10_000) for part in list_of(content)[:20])
    return _short(next((text for text in texts if text.strip()), ""))


def _short(text: str) -> str:
    return one_line(_first_line(text_of(text, 10_000).strip()), DETAIL_LIMIT)


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else ""


def _relative(path: str, workdir: Path) -> str:
    for root in (workdir, workdir.resolve()):
        try:
            return str(Path(path).relative_to(root))
        except ValueError:
            continue
    return path
