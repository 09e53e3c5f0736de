"""Any program as a backend."""

from __future__ import annotations

import pytest

from llmauto.backends.base import TEXT_LIMIT
from llmauto.backends.command import BACKEND, TextReader
from llmauto.keeper.values import Ended
from llmauto.model import Link
from llmauto.outcomes import Outcome
from llmauto.ports import Activity, Reply
from tests.support.calls import ended, order, read


def reply(output: bytes, end: Ended | None = None, stderr: str = "") -> Reply:
    return read(TextReader(order()), output.split(b"\n"), end or ended(), stderr)


def test_exit_code_0_is_success_and_what_was_printed_is_the_answer() -> None:
    got = reply(b"one\r\ntwo\n")

    assert (got.outcome, got.text, got.message) == (Outcome.DONE, "one\ntwo", "")


def test_nothing_printed_is_success_too() -> None:
    assert (reply(b"").outcome, reply(b"").text) == (Outcome.DONE, "")


def test_any_other_exit_code_is_a_crash_that_keeps_the_output() -> None:
    got = reply(b"3 tests failed", ended(1), "boom\n")

    assert (got.outcome, got.text, got.message) == (Outcome.CRASHED, "3 tests failed", "exit code 1: boom")


def test_a_text_that_as_a_whole_is_a_limit_is_that_whatever_the_exit_code() -> None:
    got = reply(b"Claude AI usage limit reached|1795570818\n")

    assert (got.outcome, got.reset_at) == (Outcome.LIMITED, 1795570818.0)


def test_a_program_has_no_price_and_no_session() -> None:
    got = reply(b"x")

    assert (got.charged, got.cost_usd, got.session) == (False, 0.0, "")
    assert not BACKEND.keeps_sessions


def test_an_early_end_keeps_what_was_printed() -> None:
    got = reply(b"half", ended(143, "timeout"))

    assert (got.outcome, got.text) == (Outcome.TIMEOUT, "half")


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert reply(b"a\xff\x00b").text == "a\ufffd\x00b"


def test_of_a_flood_the_end_is_kept_and_it_is_said() -> None:
    got = read(TextReader(order()), [b"x" * 1_000_000] * 12 + [b"the end"], ended())

    assert len(got.text) <= TEXT_LIMIT
    assert got.text.endswith("the end")
    assert "are not kept" in got.warnings[0]


def test_what_the_keeper_dropped_is_said_too() -> None:
    assert reply(b"x", ended(stdout_dropped=5000)).warnings == (
        "of its output, 5,000 bytes or more are not kept",
    )


def test_a_line_that_is_too_long_is_passed_over_and_it_is_said() -> None:
    got = read(TextReader(order()), [b"one", None, b"two"], ended())

    assert got.text == "one\ntwo"
    assert "are not kept" in got.warnings[0]


def test_each_line_is_shown() -> None:
    assert TextReader(order()).feed(b"hello") == (Activity(kind="text", text="hello"),)


def test_the_command_line_is_the_links_own() -> None:
    link = Link(name="c", run=("x",), backend_args=("-v",))

    assert BACKEND.launch(order(link=link), ("/bin/x", "a b")).argv == ("/bin/x", "a b", "-v")


@pytest.mark.parametrize("error", ["ENOENT: No such file or directory", "EACCES: Permission denied"])
def test_a_program_that_is_not_there_is_missing(error: str) -> None:
    assert reply(b"", ended(None, "not_started", error=error)).outcome is Outcome.MISSING
