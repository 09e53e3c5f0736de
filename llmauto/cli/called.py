"""How did the person call us? So do the commands that we tell them to type begin.

From a clone, with nothing installed, there is no `llmauto` on PATH: `python -m llmauto` it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

NAME = "llmauto"

_COMMANDS = "chain|pipe|status|ui|prompt|init|doctor|clean|schema|completion|version|--help"
_COMMAND = re.compile(rf"(?:(?<=\x1b\[1m)|(?<![\w./\\-])){NAME}(?= (?:{_COMMANDS})\b)")
_STYLE = re.compile(r"\x1b\[[\d;]*m")
_WAYS = ("  next", "  then:", "  undo:", "        llmauto ", "    ? llmauto ", "`llmauto ")
"""With these begin the lines of a result that say what to type. All others are results, and stay."""


def called_as(argv: Sequence[str]) -> str:
    """The words before the command, by `sys.orig_argv`: `llmauto`, or `python -m llmauto`."""
    if list(argv[1:3]) != ["-m", NAME] or any(word.startswith("--begun-file=") for word in argv):
        return NAME  # what a runner in the background says is told by whoever started it
    python = f'"{argv[0]}"' if " " in argv[0] else argv[0]
    return f"{python} -m {NAME}"


def as_called(text: str, called: str) -> str:
    """`text` with each command of ours as this person has to type it."""
    return text if called == NAME else _COMMAND.sub(lambda _: called, text)


def line_as_called(line: str, called: str) -> str:
    """The same for a line on stdout, where it is one that says what to type."""
    if called == NAME or not _STYLE.sub("", line).startswith(_WAYS):
        return line
    return as_called(line, called)
