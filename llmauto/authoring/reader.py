"""What does a JSON file with comments say, and where does it say it?

JSON, with `//` and `/* */` comments and trailing commas allowed. The reader takes linear time, never
recurses deeper than `DEEPEST`, and raises nothing but `ChainError`, whatever the bytes are. It names
every mistake up to the first after which it cannot tell what was meant.
"""

from __future__ import annotations

import stat
from pathlib import Path
from typing import NoReturn

from llmauto.authoring.document import Branch, Document, Mistakes, Source, Spot
from llmauto.authoring.scanner import Scanner
from llmauto.errors import ChainError
from llmauto.rules.names import did_you_mean
from llmauto.rules.text import encoding_by_mark, human_bytes, quoted, visible

LARGEST = 1024 * 1024
"""Bytes of a file. A chain with a prompt of 100 KiB inline is far below."""

DEEPEST = 100
"""Objects and arrays inside one another. Chains need seven."""


def read_file(path: Path, *, name: str | None = None) -> Document:
    """Read `path`; messages call it `name`, or as `path` is written.

    Raises:
        ChainError: it is missing, no regular file, not readable, or not what `read_text` takes.
    """
    shown = visible(str(path) if name is None else name)
    try:
        # Asked first: opening a pipe would wait for its writer, a device might have effects.
        if not stat.S_ISREG(path.stat().st_mode):
            kind = "a directory" if path.is_dir() else "no regular file"
            raise ChainError(f"{shown}: error: expected a file, found {kind}")
        with path.open("rb") as file:
            source = file.read(LARGEST + 1)
            size = max(path.stat().st_size, len(source))
    except FileNotFoundError:
        raise ChainError(f"{shown}: error: there is no such file", hint=_nearest_file(path)) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise ChainError(f"{shown}: error: the file cannot be read: {reason}") from error
    if len(source) > LARGEST:
        _refuse_size(shown, size)
    return read_text(source, shown)


def read_text(source: bytes, name: str) -> Document:
    """Read JSON with comments from UTF-8, with or without a byte order mark.

    Raises:
        ChainError: each problem as `name:line:column: error: what was expected, what was found`.
    """
    if len(source) > LARGEST:
        _refuse_size(visible(name), len(source))
    text = Source(name, _decode(source, name))
    mistakes = Mistakes(text)
    value, root = _Parser(Scanner(text.text, mistakes)).whole()
    mistakes.raise_any()
    return Document(value=value, source=text, root=root)


def _refuse_size(name: str, size: int) -> NoReturn:
    raise ChainError(f"{name}: error: expected at most {human_bytes(LARGEST)}, found {size:,} bytes")


def _nearest_file(path: Path) -> str | None:
    try:
        siblings = sorted(file.name for file in path.parent.iterdir() if file.suffix == path.suffix)
    except (OSError, ValueError):
        return f"there is no folder `{visible(str(path.parent))}` either"
    return did_you_mean(path.name, siblings)


def _decode(source: bytes, name: str) -> str:
    mark = encoding_by_mark(source) or "utf-8"
    # Without a mark, UTF-16 shows by the half of its first character that is zero.
    if mark == "utf-8" and len(source) > 1 and (source[0] == 0) != (source[1] == 0):
        mark = "utf-16-be" if source[0] == 0 else "utf-16-le"
    before, found = "", mark[:6].upper()
    try:
        if mark == "utf-8":
            return source.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = source[: error.start].decode("utf-8").removeprefix("\ufeff")
        found = f"the byte 0x{source[error.start]:02x} at offset {error.start:,}"
    problem = Source(name, before).problem(len(before), f"expected UTF-8, found {found}")
    raise ChainError(problem, hint="save the file as UTF-8")


class _Parser:
    """Recursive descent over a scanner.

    A method begins where the scanner stands and leaves it behind what it has read.
    """

    __slots__ = ("_mistakes", "_scan")

    def __init__(self, scanner: Scanner) -> None:
        self._scan = scanner
        self._mistakes = scanner.mistakes

    def whole(self) -> tuple[object, Spot]:
        scan = self._scan
        if not scan.skip():
            self._mistakes.fail(scan.at, "expected a value, found the end of the file", "the file is empty")
        result = self._value(0)
        char = scan.skip()
        if char:
            hint = "one closing bracket is too many" if char in "]}" else scan.char_hint()
            self._mistakes.fail(scan.at, f"expected the end of the file, found {scan.found()}", hint)
        return result

    def _value(self, depth: int) -> tuple[object, Spot]:
        scan = self._scan
        char, at = scan.skip(), scan.at
        if char == '"':
            return scan.string(), at
        if not char or char not in "{[":
            return scan.scalar(), at
        if depth >= DEEPEST:
            self._mistakes.fail(at, f"expected at most {DEEPEST} brackets inside one another, found more")
        scan.at += 1
        return self._object(at, depth + 1) if char == "{" else self._array(at, depth + 1)

    def _object(self, at: int, depth: int) -> tuple[object, Spot]:
        scan, branch = self._scan, Branch(at)
        values: dict[str, object] = {}
        while scan.skip() != "}":
            key_at, key = scan.at, self._key(at)
            if key in values:
                first = self._mistakes.line(branch.keys[key])
                message = f"expected each key once, found {quoted(key)} again, first in line {first}"
                self._mistakes.note(key_at, message, "keep one of the two")
            if (char := scan.skip()) != ":":
                self._unexpected("`:` behind the key", at, "write `:`" if char == "=" else None)
            scan.at += 1
            values[key], branch.children[key] = self._value(depth)
            branch.keys.setdefault(key, key_at)
            if not self._goes_on("}", at):
                break
        scan.at += 1
        return values, branch

    def _array(self, at: int, depth: int) -> tuple[object, Spot]:
        scan, branch = self._scan, Branch(at)
        values: list[object] = []
        while scan.skip() != "]":
            value, branch.children[len(values)] = self._value(depth)
            values.append(value)
            if not self._goes_on("]", at):
                break
        scan.at += 1
        return values, branch

    def _key(self, opened: int) -> str:
        scan = self._scan
        if scan.text[scan.at : scan.at + 1] == '"':
            return scan.string()
        word = scan.word()
        hint = f'write `"{quoted(word)[1:-1]}"`' if word else None
        return self._unexpected("a key in double quotes", opened, hint)

    def _goes_on(self, close: str, opened: int) -> bool:
        """True behind a comma, False before the closing bracket."""
        scan = self._scan
        char = scan.skip()
        if char == ",":
            scan.at += 1
            return True
        if char != close:
            begins_value = char in ('"', "{", "[") or scan.word()
            self._unexpected(f"`,` or `{close}`", opened, "put a `,` before it" if begins_value else None)
        return False

    def _unexpected(self, expected: str, opened: int, hint: str | None = None) -> NoReturn:
        """Refuse what stands here, inside of the bracket that was opened at `opened`."""
        scan = self._scan
        bracket, char = scan.text[opened], scan.text[scan.at : scan.at + 1]
        if char == "" or bracket + char in ("{]", "[}"):
            hint = f"the `{bracket}` in line {self._mistakes.line(opened)} is not closed"
        self._mistakes.fail(scan.at, f"expected {expected}, found {scan.found()}", scan.char_hint() or hint)
