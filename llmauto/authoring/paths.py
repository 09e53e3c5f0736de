"""What does a path in a chain file mean on this machine?

Chains travel: a path under the user's home of another machine (`known_user_homes`) is rewritten to
this one's, `{HOME}` and `{BASH_HOME}` are this user's home, `~` too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_DRIVE = re.compile(r"^([A-Za-z]):[\\/]?")
# What may follow a home for it to be that home, and not one whose name merely begins so.
_BORDER = r"(?=[\\/\s\"'`)\]}>,;:]|$)"


def bash_form(path: str) -> str:
    """A path as bash writes it: `C:\\Users\\x` is `/c/Users/x`, all others stay."""
    drive = _DRIVE.match(path)
    if drive is None:
        return path
    return f"/{drive[1].lower()}/" + path[drive.end() :].replace("\\", "/")


@dataclass(frozen=True, slots=True)
class Paths:
    """How paths are read. `user_home` is this user's home as the system writes it."""

    user_home: str
    known_homes: Sequence[str] = ()

    def text(self, text: str) -> str:
        """`text` with the homes of other machines rewritten, wherever they stand in it."""
        for pattern, home in self._rewrites():
            text = pattern.sub(lambda _, home=home: home, text)  # type: ignore[misc]
        return text

    def path(self, text: str) -> str:
        """`text` where it is a path, or begins with one: rewritten, `{HOME}` filled in, `~` expanded."""
        for pattern, home in self._rewrites():
            match = pattern.match(text)
            if match:
                rest = text[match.end() :]
                # The rest was written with the other system's separator.
                text = home + (rest.replace("\\", "/") if "\\" not in home else rest.replace("/", "\\"))
                break
        text = self.filled(text)
        if text == "~" or text.startswith(("~/", "~\\")):
            text = self.user_home + text[1:]
        return text

    def value(self, text: str) -> str:
        """A variable's value: a path where it begins with a known home, else only filled in."""
        for pattern, _ in self._rewrites():
            if pattern.match(text):
                return self.path(text)
        return self.filled(text)

    def filled(self, text: str) -> str:
        """`{HOME}` and `{BASH_HOME}` replaced."""
        return text.replace("{HOME}", self.user_home).replace("{BASH_HOME}", bash_form(self.user_home))

    def absolute(self, text: str, base: Path) -> Path:
        """The path that `text` means, from `base` where it is relative."""
        return base / self.path(text)

    def _rewrites(self) -> list[tuple[re.Pattern[str], str]]:
        """Each way to write a known home, longest first, with this home in the same way."""
        ways: dict[str, str] = {}
        for known in self.known_homes:
            bare = known.rstrip("\\/")
            if not bare or bare == self.user_home:
                continue
            ways[bare] = self.user_home
            if _DRIVE.match(bare):
                ways[bare.replace("\\", "/")] = self.user_home.replace("\\", "/")
                ways[bash_form(bare)] = bash_form(self.user_home)
        longest_first = sorted(ways, key=len, reverse=True)
        return [(_pattern(way), ways[way]) for way in longest_first]


def _pattern(way: str) -> re.Pattern[str]:
    # Windows does not tell case apart.
    flags = re.IGNORECASE if _DRIVE.match(way) else 0
    return re.compile(re.escape(way) + _BORDER, flags)
