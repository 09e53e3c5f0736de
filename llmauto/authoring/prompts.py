"""Which text does a link's `prompt` name?

In this order: an entry of the chain's `prompts`, a file in a `prompts/` folder, a path, the text
itself. A name never leads out of its folder; a path leads wherever the person says.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from llmauto.authoring.chain_keys import PROMPT_NEEDS
from llmauto.authoring.paths import Paths
from llmauto.home import Home
from llmauto.rules.names import nearest
from llmauto.rules.text import decode, human_bytes, is_text, quoted

LARGEST = 64 * 1024 * 1024
"""Bytes of a prompt file that are read at all; what a backend takes is less."""

SUFFIXES = ("", ".txt", ".md")
_OLDER_NAMES = {"generic_worker": "worker", "generic_reviewer": "reviewer"}
"""What the older tool's template names, and never had; our prompts of these roles serve."""
_LONGEST_NAME = 4096
_PATH_ENDINGS = (".txt", ".md", ".markdown", ".prompt")


class UnusableError(Exception):
    """A prompt that cannot be used; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A prompt's text, where it came from, and what a person should know about it."""

    text: str
    source: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """Where a chain's prompts are looked up.

    `named` is the chain's `prompts`, checked; `broken` are those whose mistakes were told already.
    """

    home: Home
    paths: Paths
    chain_folder: Path
    named: Mapping[str, Any]
    broken: frozenset[str] = frozenset()

    def for_role(self, role: str) -> Prompt:
        """The shipped prompt of a role.

        Raises:
            UnusableError: it is missing.
        """
        return self._read(self.home.shipped / "prompts" / f"{role}.txt")

    def find(self, given: str) -> Prompt:
        """The prompt that `given` names, or is.

        Raises:
            UnusableError: it is not found although it looks like a file's name, or cannot be used.
        """
        if given in self.broken:
            return Prompt(text="", source="none")
        if given in self.named:
            return self._entry(given, self.named[given])
        file = self._in_folders(given) or self._at_path(given)
        if file is not None:
            return self._read(file)
        if given in _OLDER_NAMES:
            note = (
                f"the older tool's prompt {quoted(given)} is not there; the shipped one of that role is used"
            )
            prompt = self.for_role(_OLDER_NAMES[given])
            return Prompt(text=prompt.text, source=prompt.source, notes=(*prompt.notes, note))
        if not any(char.isspace() for char in given):
            raise UnusableError(self._not_found(given))
        return self._inline(given, "inline")

    def _entry(self, name: str, entry: Any) -> Prompt:
        if isinstance(entry, str):
            return self._inline(entry, f"prompts.{name}")
        needed = PROMPT_NEEDS[entry["type"]]
        if needed not in entry:
            raise UnusableError(f"the prompt {quoted(name)} has no `{needed}`")
        if entry["type"] != "file":
            return self._inline(entry[needed], f"prompts.{name}")
        path = entry["path"]
        file = self._at_path(path) or self._in_folders(path)
        if file is None:
            raise UnusableError(self._not_found(path))
        return self._read(file)

    def _inline(self, text: str, source: str) -> Prompt:
        notes: tuple[str, ...] = ()
        if source == "inline" and "\n" not in text and text.endswith(_PATH_ENDINGS):
            notes = (f"there is no file {quoted(text)}; these words themselves are the prompt",)
        return Prompt(text=self._usable(self.paths.text(text)), source=source, notes=notes)

    def _roots(self) -> tuple[Path, ...]:
        """What holds `prompts/`: the home, what a chain file from elsewhere stands in, what ships."""
        beside = (self.chain_folder.parent,) if self.chain_folder.name == "chains" else ()
        return (self.home.path, *beside, self.home.shipped)

    def _folders(self) -> Iterator[Path]:
        for root in self._roots():
            yield root / "prompts"
            yield root / "prompts" / "_private"

    def _in_folders(self, name: str) -> Path | None:
        if _leads_out(name) or len(name) > _LONGEST_NAME:
            return None
        for folder in self._folders():
            for suffix in SUFFIXES:
                file = folder / f"{name}{suffix}"
                if _is_there(file) and not file.is_dir():
                    self._stays_inside(file, name)
                    return file
        return None

    def _stays_inside(self, file: Path, name: str) -> None:
        target = file.resolve()
        if not any(root.resolve() in target.parents for root in self._roots()):
            raise UnusableError(
                f"the prompt {quoted(name)} is a link that leads out of the home, to {target}; "
                "name that path itself if it is meant"
            )

    def _at_path(self, given: str) -> Path | None:
        if "\n" in given or len(given) > _LONGEST_NAME:
            return None
        first, *others = self._roots()
        bases = (first, self.chain_folder, self.home.workdir_base, *others)
        candidates = (self.paths.absolute(given, base) for base in bases)
        return next((file for file in candidates if _is_there(file)), None)

    def _not_found(self, given: str) -> str:
        # Compared without their endings: a common `.txt` makes no two names alike.
        known = {_stem(name): name for name in [*self.names(), *self.named]}
        near = nearest(_stem(PurePosixPath(given.replace("\\", "/")).name), sorted(known))
        guess = f', did you mean "{known[near]}"?' if near else "; without white space it names a file"
        return f"there is no prompt {quoted(given, 100)}{guess}"

    def names(self) -> list[str]:
        """The files of the prompts folders that can be named."""
        found: dict[str, None] = {}
        for folder in self._folders():
            try:
                files = sorted(file.name for file in folder.iterdir() if file.is_file())
            except OSError:
                continue
            found.update(dict.fromkeys(file for file in files if not file.startswith(".")))
        return list(found)

    def _read(self, file: Path) -> Prompt:
        data = _bytes_of(file)
        text = decode(data)
        notes: tuple[str, ...] = ()
        if "\ufffd" in text and not is_text(data):
            notes = (f"{file} is not UTF-8 throughout; what is no text was replaced by `\ufffd`",)
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        return Prompt(text=self._usable(self.paths.text(text), str(file)), source=str(file), notes=notes)

    def _usable(self, text: str, source: str = "") -> str:
        what = f"the prompt {source}" if source else "the prompt"
        if not text.strip():
            raise UnusableError(f"{what} is empty")
        if "\0" in text:
            raise UnusableError(f"{what} holds a NUL byte: it is no text")
        return text


def _stem(name: str) -> str:
    return name.removesuffix(".txt").removesuffix(".md")


def _leads_out(name: str) -> bool:
    """Whether joining `name` to a folder would leave the folder, on any system."""
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    return (
        posix.is_absolute()
        or bool(windows.drive or windows.root)
        or ".." in posix.parts
        or ".." in windows.parts
        or name.startswith("~")
        or "\n" in name
    )


def _is_there(file: Path) -> bool:
    try:
        return file.exists() and bool(file.name)
    except (OSError, ValueError):  # too long a name, no permission on the way, a NUL
        return False


def _bytes_of(file: Path) -> bytes:
    try:
        mode = file.stat().st_mode
        # Asked first: opening a pipe would wait for its writer.
        if not stat.S_ISREG(mode):
            raise UnusableError(
                f"the prompt {file} is {'a folder' if stat.S_ISDIR(mode) else 'no regular file'}"
            )
        with file.open("rb") as opened:
            data = opened.read(LARGEST + 1)
    except OSError as error:
        reason = error.strerror or os.strerror(error.errno or 0)
        raise UnusableError(f"the prompt {file} cannot be read: {reason}") from error
    if len(data) > LARGEST:
        raise UnusableError(f"the prompt {file} is larger than {human_bytes(LARGEST)}")
    return data
