"""What differs between the workdir and an index, and may it be kept? Answers of git, read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

LARGEST_FILE = 100 * 1024 * 1024
"""Bytes of one file that are kept; a larger one is left alone by checkpoints and rewinds."""

GITLINK = "160000"


class Row(NamedTuple):
    """An entry of an index. `tag` is that of `git ls-files -v`: `H` is an ordinary entry."""

    tag: str
    mode: str
    name: str
    stage: str
    path: str


class Change(NamedTuple):
    """One path that two trees have differently. Modes are "000000" where the path is not there."""

    old_mode: str
    new_mode: str
    old: str
    new: str
    path: str


@dataclass(slots=True)
class Found:
    """What is to be put into the index (`kept`), taken out of it (`gone`), and what is left alone, and why.

    `left` maps paths to a word: large, repository, special, unreadable. A path with `/` at its end is all
    that is in that folder.
    """

    kept: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)


def rows(listing: bytes) -> Iterator[Row]:
    """The entries of `git ls-files -s -v -z`."""
    for entry in listing.split(b"\0"):
        if entry:
            head, _, path = entry.partition(b"\t")
            tag, mode, name, stage = head.decode("ascii").split(" ")
            yield Row(tag, mode, name, stage, os.fsdecode(path))


def changes(raw: bytes) -> Iterator[Change]:
    """The entries of a `--raw -z --no-renames` diff."""
    fields = raw.split(b"\0")
    for head, path in zip(fields[::2], fields[1::2], strict=False):
        old_mode, new_mode, old, new, _ = head.decode("ascii").lstrip(":").split(" ")
        yield Change(old_mode, new_mode, old, new, os.fsdecode(path))


def names(listing: bytes) -> list[str]:
    """The paths of a `-z` listing."""
    return [os.fsdecode(name) for name in listing.split(b"\0") if name]


def sort_out(top: Path, differing: bytes, untracked: bytes) -> Found:
    """Look at each path that `git diff-files` and `git ls-files -o` name."""
    found = Found()
    for change in changes(differing):
        if GITLINK in (change.old_mode, change.new_mode):
            continue  # a submodule has its own history
        _look(top, change.path, found)
    for path in names(untracked):
        if path.endswith("/"):
            found.left[path] = "repository"
        else:
            _look(top, path, found)
    return found


def _look(top: Path, path: str, found: Found) -> None:
    whole = top / path
    try:
        status = whole.lstat()
    except (FileNotFoundError, NotADirectoryError):
        found.gone.append(path)
        return
    except OSError:
        found.left[path] = "unreadable"
        return
    if stat.S_ISDIR(status.st_mode) or _behind_a_link(top, path):
        found.gone.append(path)  # what is there now comes under its own names
    elif not (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
        found.left[path] = "special"
    elif status.st_size > LARGEST_FILE:
        found.left[path] = "large"
    elif stat.S_ISREG(status.st_mode) and not os.access(whole, os.R_OK):
        found.left[path] = "unreadable"
    else:
        found.kept.append(path)


def _behind_a_link(top: Path, path: str) -> bool:
    """Whether a folder on the way to it is a link now: what it leads to is not the workdir's."""
    return any((top / folder).is_symlink() for folder in PurePosixPath(path).parents)


def index_lines(entries: Sequence[tuple[str, str, str]]) -> bytes:
    """Lines for `git update-index -z --index-info`: (mode, name, path); mode "0" takes the path out."""
    out = []
    for mode, name, path in entries:
        out.append(f"{mode} {name} 0\t".encode("ascii") + os.fsencode(path) + b"\0")
    return b"".join(out)
