"""Which names may chains, links and prompts have, and which known name was meant by a wrong one?

Names become names of files on every system, so one allow-list holds everywhere: what is not in it
cannot lead out of the home, look like an option, or mean a device.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from llmauto.errors import UsageError
from llmauto.rules.text import quoted

LONGEST = 64
NAME_HINT = (
    f"a name has 1 to {LONGEST} characters: letters A-Z and a-z, digits, `.`, `_`, `-`; "
    "it begins with a letter or a digit and ends in no dot"
)

_FOREIGN = re.compile(r"[^A-Za-z0-9._-]")
# Windows opens a device for these in any folder, case and with any extension (`nul.txt`).
_DEVICES = frozenset(
    ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"]
    + [f"{port}{number}" for port in ("COM", "LPT") for number in range(10)]
)
# A longer word is no slip of the fingers, and comparing it would cost its length squared.
_LONGEST_GUESS = 100


def problem_with(name: str) -> str | None:
    """What is wrong with `name`, as the end of a sentence ("is empty"); None if it is good."""
    if not name:
        return "is empty"
    if name.split(".")[0].upper() in _DEVICES:
        return "is reserved by Windows"
    foreign = _FOREIGN.search(name)
    if name[0] in "._-" or (foreign and foreign.start() == 0):
        return f"begins with {quoted(name[0])}"
    if foreign:
        return f"holds {quoted(foreign.group())}"
    if len(name) > LONGEST:
        return f"has {len(name)} characters, {LONGEST} are allowed"
    if name.endswith("."):
        return "ends in a dot"
    return None


def check_name(name: str, what: str = "chain") -> str:
    """`name` itself, if a `what` may be called so.

    Raises:
        UsageError: it may not; the hint says what a name looks like.
    """
    problem = problem_with(name)
    if problem is None:
        return name
    subject = f"{what} name {quoted(name)}" if name else f"the {what} name"
    raise UsageError(f"{subject} {problem}", hint=NAME_HINT)


def case_twins(names: Iterable[str]) -> list[tuple[str, str]]:
    """Names that differ by case alone, each with the first of its kind.

    They would be one file on Windows and macOS. The same name twice is no twin.
    """
    first: dict[str, str] = {}
    twins = ((first.setdefault(name.casefold(), name), name) for name in names)
    return list(dict.fromkeys((one, other) for one, other in twins if one != other))


def check_alone(name: str, known: Iterable[str]) -> str:
    """`name` itself, if none of the `known` chains is called so in another case.

    Raises:
        UsageError: one is.
    """
    for other in known:
        if other != name and other.casefold() == name.casefold():
            raise UsageError(
                f"{quoted(name)} and the chain {quoted(other)} differ by case alone",
                hint="they would be one chain on Windows and macOS: give one of them another name",
            )
    return name


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `word` most likely meant, whatever the case; None if none is near."""
    from difflib import get_close_matches  # only after a mistake

    if not word or len(word) > _LONGEST_GUESS:
        return None
    by_fold = {name.casefold(): name for name in reversed(list(known))}
    folded = word.casefold()
    # Two letters that changed places are the commonest slip, and difflib ranks "mode" above "model"
    # for "modle".
    swapped = [fold for fold in by_fold if sorted(fold) == sorted(folded)]
    near = swapped or get_close_matches(folded, by_fold, n=1)
    if near:
        return by_fold[near[0]]
    begun = [name for fold, name in by_fold.items() if fold.startswith(folded)]
    return begun[0] if len(begun) == 1 else None


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """The hint `did you mean "x"?`; None if nothing known is near `word`."""
    name = nearest(word, known)
    return None if name is None else f'did you mean "{name}"?'
