"""What does a check's end mean: passed, failed, or just as it was before?"""

from __future__ import annotations

import re
from typing import NamedTuple

PASSED, FAILED = "PASSED", "FAILED"
TAIL_LINES = 60
TAIL_CHARS = 8000
"""What of a check's output goes into the handoff."""

PATTERNS = {
    "pytest": r"^(?:FAILED|ERROR) ([^\s:]+(?:::\S+)?)",
    "unittest": r"^(?:FAIL|ERROR): (\S+ \([\w.]+\))",
    "go": r"^\s*--- FAIL: (\S+)",
    "cargo": r"^test (\S+) \.\.\. FAILED",
    "jest": r"^\s*● (.+?)\s*$",
}
"""How each test runner names what failed: the first group is the id."""


class CheckVerdict(NamedTuple):
    """PASSED or FAILED, and one sentence that says why."""

    verdict: str
    why: str


def failing_ids(pattern: str | None, output: str) -> frozenset[str]:
    """The ids of what failed, by a pattern of our own or a ready-made one; none without a pattern."""
    if not pattern:
        return frozenset()
    found = re.finditer(PATTERNS.get(pattern, pattern), output, re.MULTILINE)
    return frozenset((match[1] if match.re.groups else match[0]).strip() for match in found)


def judge_check(exit_code: int | None, ids: frozenset[str], baseline: frozenset[str] | None) -> CheckVerdict:
    """Exit code 0 passes. With a baseline, so does a run in which only known failures failed."""
    if exit_code == 0:
        return CheckVerdict(PASSED, "exit code 0")
    if baseline is not None and ids:
        new = sorted(ids - baseline)
        if not new:
            return CheckVerdict(PASSED, f"{len(ids)} failed before round 1 too, nothing new")
        return CheckVerdict(FAILED, f"{len(new)} new: {', '.join(new[:10])}")
    return CheckVerdict(FAILED, f"exit code {exit_code}" + (f", {len(ids)} failed" if ids else ""))


def tail_of(output: str) -> str:
    """The end of the output, bounded in lines and characters."""
    lines = output.rstrip().splitlines()
    tail = "\n".join(lines[-TAIL_LINES:])[-TAIL_CHARS:]
    cut = len(lines) > TAIL_LINES or len(tail) == TAIL_CHARS
    return f"[… the last lines of {len(lines)}]\n{tail}" if cut else tail


def with_check(handoff: str, link: str, found: CheckVerdict, output: str) -> str:
    """The handoff with this check's result at its end, in place of the same check's earlier one."""
    tail = tail_of(output)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", tail)), default=0))
    section = f"## Check `{link}`: {found.verdict}\n\n{found.why}\n\n{fence}text\n{tail}\n{fence}\n"
    earlier = re.compile(rf"^## Check `{re.escape(link)}`: .*?(?=^## (?!#)|\Z)", re.MULTILINE | re.DOTALL)
    kept = earlier.sub("", handoff).rstrip()
    return f"{kept}\n\n{section}" if kept else section
