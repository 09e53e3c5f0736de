"""Which rows of the fault table hold, by which tests, with which figures?

A plugin of pytest (`-p tests.faults.table --fault-table FILE`) that notes how each test ended and what it
recorded (`record_property`), and the table that is made of that. A test belongs to the row that it is named
after (`test_p4_…`), else to the rows of its file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

ROWS = {
    "P1": "A call ends well and leaves a child that holds its output: no delay, no survivor",
    "P2": "A time limit ends the agent with seven kinds of descendants: none survives",
    "P3": "An agent deaf to TERM is killed after the grace",
    "P4": "The runner is killed: its agent goes on and is adopted, or is ended, as the chain says",
    "P5": "The keeper is killed: noticed at once, and nobody is left",
    "P6": "The agent's standard input ends at once, whatever the runner was started from",
    "P7": "An agent that is silent and idle is ended and tried once more",
    "P8": "1 GB of output costs neither memory nor disk",
    "P9": "Half, doubled, huge or binary output is never taken for a result",
    "P10": "A program that is missing, broken or crashes says which",
    "P11": "Ctrl-C once, twice, three times; TERM; closed terminals; runners behind",
    "A1": "A usage limit is waited for, with no call before its reset",
    "A2": "A limit without a time is probed seldom",
    "A3": "Overload is tried again, falls back, and has an end",
    "A4": "What no retry can mend ends the run at once",
    "A5": "Success is proven, and an exit code proves nothing",
    "A6": "A full or broken session gets exactly one fresh one",
    "A7": "A refused tool is said, with what to allow",
    "A8": "Rounds without progress open the breaker",
    "A9": "Money stops the run in time",
    "A10": "Words in what an agent says end nothing",
    "S1": "Runner, or runner and keeper, killed at any moment: nothing lost, nothing paid twice",
    "S2": "Status and log can be read at any time while a run writes",
    "S3": "Spoilt state files are put right from the journal",
    "S4": "An agent that tears everything down changes nothing of the run",
    "S5": "A stop of any kind stops, one of yesterday does not",
    "S6": "A bad handoff is replaced by the last good one",
    "S8": "A journal that is damaged, lost or newer is refused, with the way out",
    "C1": "Of eight starts at once exactly one runs",
    "C2": "A killed runner's lock is in nobody's way",
    "C3": "Reset, delete, edits and second starts during a run are safe",
    "C4": "Sessions by their own id; a second chain in the same folder is told",
    "B1": "Chain files that are cut, doubled, deep or no JSON",
    "B2": "Wrong types and unknown keys, all told at once",
    "B3": "Links and routes that cannot be",
    "B4": "Names that lead elsewhere are refused",
    "B5": "Prompts that are missing",
    "B6": "Prompts of every size and kind arrive byte for byte",
    "B7": "Texts that are no UTF-8, and terminal escapes",
    "B8": "Symbolic links where our files belong are refused",
    "B9": "No shell anywhere: what stands in a field arrives as it is",
    "R1": "A full or read-only disk pauses the run, and the next start goes on",
    "R2": "Memory that runs out is an outcome, and the runner lives",
    "R3": "Thousands of links leave nothing in the runner",
    "R4": "No free file, a thousand children",
    "T1": "A clock that is set changes no limit",
    "T2": "Summer time, and times without a zone",
    "T3": "A machine that slept; kept awake while a chain runs",
    "T4": "Bounds that are reached during a link end the run after it",
    "X1": "Dashboard: foreign hosts are turned away",
    "X5": "Everything that is written is private under any umask",
    "X6": "No secret in anything that is written, printed or sent",
    "X7": "An agent is not told of an agent around it, nor of our tokens",
    "X8": "Notices go where they may, and nowhere else",
    "X10": "What a text says moves nothing but what its link may",
    "U1": "Journals and folders of older programs are opened and finished",
    "U2": "Updates under a running call, kills during a migration, the way back",
}
"""Each row that is tried here, and what is promised in it."""

FILES = {
    "P9": ("tests/unit/test_backend_claude_fuzz.py", "tests/unit/test_backend_output.py"),
    "C2": ("tests/unit/test_locks.py",),
    "C4": ("tests/unit/test_backend_claude_launch.py",),
    "B1": ("tests/unit/test_reader.py",),
    "B2": ("tests/unit/test_chain_mistakes.py",),
    "B3": ("tests/unit/test_chain_routes.py",),
    "B4": ("tests/unit/test_names.py",),
    "B5": ("tests/unit/test_chain_prompts.py",),
    "B6": ("tests/unit/test_backend_command.py",),
    "B7": ("tests/unit/test_text.py",),
    "B8": ("tests/unit/test_files.py",),
    "S1": ("tests/unit/test_any_history.py", "tests/e2e/test_crashes_on_the_real_cli.py"),
    "S8": ("tests/unit/test_journal_faults.py",),
    "U1": ("tests/unit/test_older_chains.py",),
    "X1": ("tests/web/test_attacks.py",),
    "X6": ("tests/unit/test_redaction.py", "tests/unit/test_secrets.py"),
    "X8": ("tests/unit/test_notice_address.py", "tests/unit/test_notice_post.py"),
}
"""Test files that belong to a row as a whole."""
OTHER = "—"
"""The row of tests that are named after none."""
_NAME = re.compile(r"test_([a-z]\d{1,2})_")


@dataclass(frozen=True, slots=True)
class Seen:
    """How one test ended: `outcome` is passed, failed or skipped, `why` why it was skipped."""

    test: str
    outcome: str
    seconds: float
    figures: Mapping[str, Any]
    why: str = ""


def row_of(test: str) -> str:
    """The row that a test belongs to, by its pytest id."""
    path, _, name = test.partition("::")
    named = _NAME.match(name.rpartition("::")[2])
    if named and named[1].upper() in ROWS:
        return named[1].upper()
    return next((row for row, paths in FILES.items() if path in paths), OTHER)


def markdown(tests: Sequence[Seen]) -> str:
    """The table: a line for each row."""
    lines = ["| row | what is promised | tests | result | figures |", "|---|---|---|---|---|"]
    for row in [*ROWS, OTHER]:
        mine = [seen for seen in tests if row_of(seen.test) == row]
        promise = ROWS.get(row, "Beside the rows: what else was found out on the way")
        lines.append(f"| {row} | {promise} | {len(mine)} | {_result(mine)} | {_figures(mine)} |")
    return "\n".join(lines)


def total(tests: Sequence[Seen]) -> str:
    """All of it in one line."""
    count = {word: sum(seen.outcome == word for seen in tests) for word in ("passed", "failed", "skipped")}
    minutes = sum(seen.seconds for seen in tests) / 60
    return ", ".join(f"{number} {word}" for word, number in count.items()) + f", {minutes:.1f} minutes"


def _result(tests: Iterable[Seen]) -> str:
    tests = list(tests)
    failed = [seen for seen in tests if seen.outcome == "failed"]
    if failed:
        return f"**{len(failed)} failed**"
    skipped = {seen.why for seen in tests if seen.outcome == "skipped"}
    if not tests or all(seen.outcome == "skipped" for seen in tests):
        return f"not run: {'; '.join(sorted(skipped)) or 'no test here'}"
    return f"holds; partly not run: {'; '.join(sorted(skipped))}" if skipped else "holds"


def _figures(tests: Iterable[Seen]) -> str:
    return "; ".join(f"{what}: {value}" for seen in tests for what, value in seen.figures.items())


def suites(root: Path) -> list[str]:
    """What pytest is to be given."""
    paths = ["tests/faults", *(path for paths in FILES.values() for path in paths)]
    return [path for path in paths if (root / path).exists()]


def write(path: Path, tests: Sequence[Seen]) -> None:
    """Keep what was seen."""
    rows = [[s.test, s.outcome, s.seconds, dict(s.figures), s.why] for s in tests]
    path.write_text(json.dumps(rows), encoding="utf-8")


def read(path: Path) -> list[Seen]:
    """What was kept."""
    return [Seen(*row) for row in json.loads(path.read_text(encoding="utf-8"))]


# --- the plugin ------------------------------------------------------------------------------------------


class _Collector:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._tests: list[Seen] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test counts by its call; by its set-up or its end where these fail or skip it."""
        if report.when != "call" and report.outcome == "passed":
            return
        why = ""
        if report.outcome == "skipped" and isinstance(report.longrepr, tuple):
            why = report.longrepr[2].removeprefix("Skipped: ")
        figures = dict(report.user_properties)
        self._tests.append(Seen(report.nodeid, report.outcome, round(report.duration, 3), figures, why))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that is skipped as a whole counts as one test."""
        if report.outcome != "passed":
            where = report.longrepr
            why = where[2].removeprefix("Skipped: ") if isinstance(where, tuple) else "it cannot be read"
            self._tests.append(Seen(report.nodeid, report.outcome, 0.0, {}, why))

    def pytest_sessionfinish(self) -> None:
        write(self._path, self._tests)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option by which the plugin is told where to write."""
    parser.addoption("--fault-table", metavar="FILE", help="write how each test ended to FILE, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    """Collect, where that is asked for."""
    path = config.getoption("--fault-table")
    if path:
        config.pluginmanager.register(_Collector(Path(path)))
