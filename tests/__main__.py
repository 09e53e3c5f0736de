"""The test command: `python -m tests` sets itself up, runs everything that guards this project, sums up.

    python -m tests                     all parts
    python -m tests unit                one part, or several: lint, unit, git, package, web, faults, e2e
    python -m tests unit -- -k handoff  what follows `--` goes to pytest

The tools live in `.venv/` of the checkout; they are installed when `pyproject.toml` has changed since.
The last line is `N passed, N failed`, over tests and checks. Exit code 0 is: nothing failed.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

if sys.version_info < (3, 10):  # noqa: UP036 - whoever calls us may have an older one
    sys.exit("error: the tests need Python 3.10 or newer, this is %d.%d" % sys.version_info[:2])  # noqa: UP031

from tests.support.checkout import PYTHON, ROOT, Ended, SetupError, prepare, run, say

PARTS = ("lint", "unit", "git", "package", "web", "faults", "e2e")
CHECKS = {
    "ruff check": ("-m", "ruff", "check"),
    "ruff format": ("-m", "ruff", "format", "--check"),
    "mypy": ("-m", "mypy"),
}
PYTEST = ("-m", "pytest", "-q", "-o", "faulthandler_timeout=300")

SIDE_BY_SIDE = ("unit", "git")
"""Suites that share a machine's cores; the others measure time, or are told from each other's processes."""

MOST_TRIED_AGAIN = 3
"""So many failures of a suite are tried once more, alone: real processes on a busy machine may be late. What
passes only then is named in the summary, and is worth a look; more failures than that are no coincidence."""

# Seconds. The whole stays well below an hour, whatever hangs.
CHECK_S = 300.0
SUITE_S = {"unit": 600.0, "git": 600.0, "package": 600.0, "web": 600.0, "faults": 1500.0, "e2e": 1500.0}
CLI_SETUP_S = 900.0
WEB_SETUP_S = 600.0
TOTAL_S = 3000.0

NO_TESTS_COLLECTED = 5  # pytest's exit code


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the summary. A row with a failure fails the command."""

    name: str
    result: str
    seconds: float = 0.0
    passed: int = 0
    failed: int = 0
    note: str = ""


def counts(output: str) -> tuple[int, int]:
    """Passed and failed tests by pytest's last summary line; an error counts as a failure."""
    for line in reversed(output.splitlines()):
        if re.search(r"\bin \d[\d.]*s\b", line):
            found = {
                word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|errors?)\b", line)
            }
            failed = found.get("failed", 0) + found.get("error", 0) + found.get("errors", 0)
            return found.get("passed", 0), failed
    return 0, 0


def check_row(name: str, ended: Ended) -> Row:
    """A check counts as one test."""
    if ended.code == 0:
        return Row(name=name, result="ok", seconds=ended.seconds, passed=1)
    result = "TIMED OUT" if ended.code is None else "FAILED"
    return Row(name=name, result=result, seconds=ended.seconds, failed=1)


def suite_row(name: str, ended: Ended) -> Row:
    """What a pytest run of a suite means. Only the suites beside `unit` may still be empty."""
    passed, failed = counts(ended.output)
    if ended.code == NO_TESTS_COLLECTED and name != "unit":
        return Row(name=name, result="none yet", seconds=ended.seconds)
    if ended.code == 0:
        return Row(name=name, result="ok", seconds=ended.seconds, passed=passed, failed=failed)
    result, note = "FAILED", ""
    if ended.code is None:
        result, note = "TIMED OUT", "ended by its time limit"
    elif ended.code == NO_TESTS_COLLECTED:
        note = "no tests were collected"
    elif not failed:
        note = f"pytest ended with exit code {ended.code}"
    return Row(
        name=name, result=result, seconds=ended.seconds, passed=passed, failed=max(1, failed), note=note
    )


def tried_again(first: Row, again: Row) -> Row:
    """The suite's row after its failures were tried once more."""
    if again.result != "ok" or again.passed != first.failed:
        return first
    return replace(
        first,
        result="ok",
        seconds=first.seconds + again.seconds,
        passed=first.passed + again.passed,
        failed=0,
        note=f"{again.passed} passed on the second try only",
    )


class Session:
    """Runs the parts, one after the other, within one time limit for all."""

    def __init__(self, pytest_args: Sequence[str]) -> None:
        self._pytest_args = tuple(pytest_args)
        self._deadline = time.monotonic() + TOTAL_S

    def play(self, part: str) -> list[Row]:
        """Run one part and say how each of its steps ended."""
        if part == "lint":
            return [check_row(name, self._run(name, args, CHECK_S)) for name, args in CHECKS.items()]
        if part == "e2e":
            return [self._not_runnable_e2e() or self._suite(part)]
        if part == "web":  # what needs no browser runs in any case
            missing = self._missing("web set-up", "web browser", "tests.support.web_tools", WEB_SETUP_S)
            return [self._suite(part), *([missing] if missing else [])]
        return [self._suite(part)]

    def _suite(self, name: str) -> Row:
        mark = () if name == "unit" else ("-m", name)  # pyproject.toml leaves the marked ones out
        if name in SIDE_BY_SIDE:
            mark = (*mark, "-n", "auto", "--dist", "loadfile")
        row = suite_row(name, self._run(name, (*PYTEST, *mark, *self._pytest_args), SUITE_S[name]))
        if row.result != "FAILED" or not 0 < row.failed <= MOST_TRIED_AGAIN:
            return row
        only = (*(word for word in mark if word in ("-m", name)), "--last-failed", *self._pytest_args)
        again = suite_row(name, self._run(f"{name}, once more", (*PYTEST, *only), SUITE_S[name]))
        return tried_again(row, again)

    def _not_runnable_e2e(self) -> Row | None:
        """The reason why the end-to-end tests cannot run; also installs the CLI that they drive."""
        tests = ROOT / "tests"
        if not any((tests / "e2e").glob("test_*.py")):
            return Row(name="e2e", result="none yet")
        return self._missing("e2e set-up", "e2e", "tests.support.claude_cli", CLI_SETUP_S)

    def _missing(self, step: str, name: str, module: str, seconds: float) -> Row | None:
        """Install what these tests drive; where that cannot be, the row that says so, and why."""
        ended = self._run(step, ("-m", module), seconds)
        if ended.code == 0:
            return None
        lines = [line for line in ended.output.splitlines() if line.strip()]
        reason = lines[-1].strip() if lines else "no reason was given"
        return Row(name=name, result="NOT RUN", seconds=ended.seconds, note=reason)

    def _run(self, name: str, args: tuple[str, ...], seconds: float) -> Ended:
        say(f"\n== {name}: python {' '.join(args)}")
        left = self._deadline - time.monotonic()
        return run((str(PYTHON), *args), max(1.0, min(seconds, left)))


def summary(rows: Sequence[Row]) -> str:
    """The table of what ran, and the closing line on a line of its own."""
    lines = ["", f"{'what':<14}{'result':<12}{'time':>9}{'passed':>9}{'failed':>9}"]
    for row in rows:
        numbers = f"{row.seconds:>7.1f} s{row.passed:>9}{row.failed:>9}"
        lines.append(f"{row.name:<14}{row.result:<12}{numbers}  {row.note}".rstrip())
    for row in rows:
        if row.result == "NOT RUN":
            lines += ["", f"!!! {row.name} was NOT RUN: {row.note}"]
    passed, failed = sum(row.passed for row in rows), sum(row.failed for row in rows)
    return "\n".join([*lines, "", f"{passed} passed, {failed} failed"])


def main(argv: Sequence[str]) -> int:
    """Run the parts named in `argv`; the exit code is 0 if nothing failed."""
    words = list(argv)
    cut = words.index("--") if "--" in words else len(words)
    parts, pytest_args = words[:cut], words[cut + 1 :]
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        asked_for_help = unknown[0] in ("-h", "--help")
        if not asked_for_help:
            sys.stderr.write(f"error: `{unknown[0]}` is no part of the tests\n")
        say((__doc__ or "").strip())
        return 0 if asked_for_help else 2
    try:
        prepare()
    except SetupError as error:
        say(f"error: {error}\n\n0 passed, 1 failed")
        return 2
    session = Session(pytest_args)
    rows = [row for part in PARTS if part in (parts or PARTS) for row in session.play(part)]
    say(summary(rows))
    return 1 if any(row.failed for row in rows) else 0


if __name__ == "__main__":
    os.chdir(ROOT)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
