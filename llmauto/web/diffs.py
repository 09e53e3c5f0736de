"""How are two texts, or two checkpoints, shown beside each other? As lines that stay, go and come."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from llmauto.git import ask
from llmauto.rules.text import decode, plain

MOST_LINES = 4000
"""Lines of a text that are compared line by line; past that it is shown as replaced."""
LARGEST_DIFF = 600_000
"""Bytes of git's diff that are shown."""
AROUND = 3
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def text_diff(before: str, after: str) -> list[list[str]]:
    """Lines as [sign, text]; the sign is " ", "+", "-", or "@" for lines that are left out, which stay."""
    import difflib

    old, new = plain(before).splitlines(), plain(after).splitlines()
    if len(old) > MOST_LINES or len(new) > MOST_LINES:
        return [*(["-", one] for one in old[:MOST_LINES]), *(["+", one] for one in new[:MOST_LINES])]
    found: list[list[str]] = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for number, group in enumerate(matcher.get_grouped_opcodes(AROUND)):
        if number or group[0][1]:
            found.append(["@", f"line {group[0][3] + 1}"])
        for tag, a, b, c, d in group:
            if tag == "equal":
                found += [[" ", one] for one in old[a:b]]
                continue
            found += [["-", one] for one in old[a:b]]
            found += [["+", one] for one in new[c:d]]
    return found


def git_diff(workdir: str, first: str, last: str) -> dict[str, Any]:
    """What git shows between two commits, in the folder that was worked in.

    `lines` are [sign, text], "=" begins a file; `problem` says why there is nothing to show.
    """
    if not (_COMMIT.fullmatch(first) and _COMMIT.fullmatch(last)):
        return {"lines": [], "cut": False, "problem": "no checkpoints of the workdir were kept here"}
    if not workdir or not Path(workdir).is_dir():
        return {"lines": [], "cut": False, "problem": f"the workdir `{workdir}` is not there any more"}
    answer = ask(
        Path(workdir), "-c", "core.quotePath=false", "diff", "--no-color", "--no-ext-diff", "--no-textconv",
        "-M", first, last, "--", ".",
    )  # fmt: skip
    if not answer.ok:
        return {"lines": [], "cut": False, "problem": answer.why}
    text = plain(decode(answer.out[:LARGEST_DIFF]))
    return {"lines": list(_signed(text)), "cut": len(answer.out) > LARGEST_DIFF, "problem": ""}


def _signed(text: str) -> list[list[str]]:
    found: list[list[str]] = []
    in_head = False
    for one in text.split("\n"):
        if one.startswith("diff --git "):
            in_head = True
            name = one.rpartition(" b/")[2]
            found.append(["=", name or one])
        elif one.startswith("@@"):
            in_head = False
            found.append(["@", one])
        elif in_head:
            if one.startswith(("new file", "deleted file", "rename ", "Binary files")):
                found.append(["@", one])
        elif one[:1] in ("+", "-", " "):
            found.append([one[:1], one[1:]])
    return found
