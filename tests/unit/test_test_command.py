"""Does `python -m tests` tell the truth about what ran?"""

from __future__ import annotations

import sys

import pytest

from tests.__main__ import Row, check_row, counts, main, suite_row, summary, tried_again
from tests.support.checkout import Ended, clean_environment, fingerprint, run


def ended(code: int | None, output: str = "") -> Ended:
    return Ended(code=code, output=output, seconds=1.5)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("....\n101 passed in 0.54s\n", (101, 0)),
        ("F.\n=== 1 failed, 12 passed, 3 skipped, 2 deselected in 61.02s (0:01:01) ===\n", (12, 1)),
        ("2 passed, 1 warning, 3 errors in 2s\n", (2, 3)),
        ("1 passed, 1 error in 2s\n", (1, 1)),
        ("no tests ran in 0.01s\n", (0, 0)),
        ("5 passed in 1.00s\nleft over: a child said 7 failed\n", (5, 0)),
        ("Traceback (most recent call last):\n", (0, 0)),
    ],
)
def test_passed_and_failed_are_read_from_the_last_summary_line(
    output: str, expected: tuple[int, int]
) -> None:
    assert counts(output) == expected


def test_a_suite_that_collects_nothing_is_a_failure_for_unit_alone() -> None:
    assert suite_row("unit", ended(5)).failed == 1
    assert suite_row("faults", ended(5)).result == "none yet"
    assert suite_row("faults", ended(5)).failed == 0


@pytest.mark.parametrize("code", [None, 2, 3, 4, -9])
def test_a_suite_that_was_cut_short_is_never_ok(code: int | None) -> None:
    assert suite_row("faults", ended(code, "9 passed in 3s\n")).failed == 1


def test_a_suite_keeps_its_own_count_of_failures() -> None:
    row = suite_row("unit", ended(1, "3 failed, 9 passed in 3s\n"))
    assert (row.passed, row.failed) == (9, 3)


def test_a_check_counts_as_one() -> None:
    assert check_row("mypy", ended(0)).passed == 1
    assert check_row("mypy", ended(1)).failed == 1
    assert check_row("mypy", ended(None)).result == "TIMED OUT"


def test_the_last_line_of_the_summary_is_the_closing_line() -> None:
    rows = [Row(name="unit", result="FAILED", passed=9, failed=3), Row(name="mypy", result="ok", passed=1)]
    assert summary(rows).splitlines()[-1] == "10 passed, 3 failed"


def test_what_was_not_run_is_said_aloud_with_its_reason() -> None:
    text = summary([Row(name="e2e", result="NOT RUN", note="npm is not here")])
    assert "!!! e2e was NOT RUN: npm is not here" in text.splitlines()


def test_a_word_that_is_no_part_is_refused_before_anything_is_set_up(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["unti"]) == 2
    assert "`unti`" in capsys.readouterr().err


def test_children_do_not_see_what_another_python_left_in_the_environment() -> None:
    env = clean_environment(
        {"PATH": "/bin", "PYTHONPATH": "x", "PYTHONHOME": "x", "VIRTUAL_ENV": "x", "LLMAUTO_HOME": "x"}
    )
    assert "PATH" in env
    assert not [key for key in env if key.startswith(("PYTHON", "LLMAUTO", "VIRTUAL"))]


def test_the_set_up_depends_on_what_pyproject_says() -> None:
    assert fingerprint(b"a") == fingerprint(b"a")
    assert fingerprint(b"a") != fingerprint(b"b")


def test_a_child_has_no_stdin_and_its_output_is_kept(capfd: pytest.CaptureFixture[str]) -> None:
    result = run((sys.executable, "-c", "import sys; print('read:', sys.stdin.read()); sys.exit(7)"), 30)
    assert (result.code, result.output.strip()) == (7, "read:")
    assert "read:" in capfd.readouterr().out


def test_a_child_that_never_ends_is_ended_at_its_time_limit(capfd: pytest.CaptureFixture[str]) -> None:
    result = run((sys.executable, "-c", "import time; print('on', flush=True); time.sleep(60)"), 1.0)
    assert result.code is None
    assert result.seconds < 20
    assert capfd.readouterr().out.startswith("on")


def test_a_grandchild_that_holds_the_output_open_holds_nothing_up(capfd: pytest.CaptureFixture[str]) -> None:
    spawn = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(4)'])"
    result = run((sys.executable, "-c", spawn + "; print('done')"), 30)
    assert (result.code, result.output.strip()) == (0, "done")
    assert result.seconds < 3.5
    assert capfd.readouterr().out.strip() == "done"


def test_what_passes_on_the_second_try_only_is_said() -> None:
    first = Row(name="faults", result="FAILED", seconds=10, passed=8, failed=2)
    row = tried_again(first, Row(name="faults", result="ok", seconds=1, passed=2))
    assert (row.result, row.passed, row.failed) == ("ok", 10, 0)
    assert "second try" in row.note


def test_what_fails_twice_has_failed() -> None:
    first = Row(name="faults", result="FAILED", passed=8, failed=2)
    assert tried_again(first, Row(name="faults", result="FAILED", passed=1, failed=1)) == first
