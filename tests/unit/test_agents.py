"""The adapter that starts calls, follows them, and finds those of an earlier runner."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmauto.agents import KeptAgents
from llmauto.errors import DiskError
from llmauto.keeper.values import Ended, Launch
from llmauto.model import Link
from llmauto.outcomes import Outcome
from llmauto.ports import CallOrder, EndHow
from tests.support.calls import INIT, ended, lines_of, order, result, says

CLAUDE = Link(name="worker", backend="claude", timeout_s=60)


class FakeClock:
    """Time that moves when it is told to."""

    poll_s = 0.5

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> float:
        return 1795561200.0 + self.at

    def monotonic(self) -> float:
        return self.at

    def pause(self, seconds: float) -> None:
        self.at += seconds


class FakeCall:
    """A kept call whose output and end are given by the test."""

    def __init__(self, adopted: bool = False) -> None:
        self.adopted = adopted
        self.output: list[bytes] = []
        self.kept: list[bytes | None] = []
        self.ended: Ended | None = None
        self.wishes: list[str] = []
        self.closed = False
        self.stderr = b""

    def say(self, *events: dict[str, Any] | bytes) -> None:
        self.output += [line + b"\n" for line in lines_of(*events) if line is not None]

    def poll(self, timeout_s: float) -> Ended | None:
        return self.ended

    def end(self, how: str) -> None:
        self.wishes.append(how)

    def read_new(self) -> bytes:
        return self.output.pop(0) if self.output else b""

    def stdout_lines(self) -> Iterator[bytes]:
        return (line or b"" for line in self.kept)

    def stderr_tail(self, limit: int) -> bytes:
        return self.stderr[-limit:]

    def close(self) -> None:
        self.closed = True


class FakeKeeper:
    """Hands out one call, and remembers what was to be started."""

    def __init__(self) -> None:
        self.call = FakeCall()
        self.launches: list[Launch] = []
        self.found: FakeCall | None = None

    def start(self, folder: Path, launch: Launch) -> FakeCall:
        self.launches.append(launch)
        return self.call

    def find(self, folder: Path) -> FakeCall | None:
        return self.found


@pytest.fixture
def keeper() -> FakeKeeper:
    return FakeKeeper()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def agents(keeper: FakeKeeper, clock: FakeClock, tmp_path: Path) -> KeptAgents:
    program = tmp_path / ("claude.exe" if os.name == "nt" else "claude")
    program.write_text("", encoding="utf-8")
    program.chmod(0o755)
    environ = {"PATH": str(tmp_path), "CLAUDECODE": "1", "OWN_TOKEN": "s3cret"}
    return KeptAgents(keeper=keeper, clock=clock, environ=environ, tokens=("OWN_TOKEN",))


def a_call(tmp_path: Path, link: Link = CLAUDE, **changes: Any) -> CallOrder:
    return order(tmp_path, link, **changes)


def test_a_call_is_launched_by_its_order(agents: KeptAgents, keeper: FakeKeeper, tmp_path: Path) -> None:
    call = agents.begin(a_call(tmp_path, finish_alone=False, stall_s=7.0))
    launch = keeper.launches[0]

    assert not call.adopted
    assert launch.argv[:2] == (str(tmp_path / "claude"), "-p")
    assert (launch.cwd, launch.timeout_s, launch.stall_s, launch.finish_alone) == (
        str(tmp_path),
        60,
        7.0,
        False,
    )
    assert launch.env["LLMAUTO_LINK"] == "worker"
    assert launch.env["CLAUDE_CODE_MAX_RETRIES"] == "2"
    assert not {"CLAUDECODE", "OWN_TOKEN"} & set(launch.env)


def test_the_prompt_lies_in_a_private_folder_and_is_the_standard_input(
    agents: KeptAgents, keeper: FakeKeeper, tmp_path: Path
) -> None:
    link = Link(name="worker", backend="claude", system_prompt="Be brief.")
    call = a_call(tmp_path, link, prompt="Do it: ü \ud800.")
    agents.begin(call)

    stdin = Path(keeper.launches[0].stdin)
    assert stdin == call.folder / "prompt.md"
    assert stdin.read_bytes() == "Do it: ü ?.".encode()
    assert (call.folder / "system_prompt.md").read_text(encoding="utf-8") == "Be brief."
    if os.name != "nt":
        assert stat.S_IMODE(call.folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in call.folder.iterdir()} == {0o600}
    assert "Do it" not in " ".join(keeper.launches[0].argv)


def test_a_folder_that_cannot_be_written_is_a_disk_error(agents: KeptAgents, tmp_path: Path) -> None:
    (tmp_path / "calls").write_text("in the way", encoding="utf-8")

    with pytest.raises(DiskError):
        agents.begin(a_call(tmp_path))


@pytest.mark.parametrize(
    ("link", "outcome", "message"),
    [
        (Link(name="w", backend="command", run=("no-such-program",)), Outcome.MISSING, "is not on PATH"),
        (Link(name="w", backend="codex"), Outcome.MISSING, "not built yet"),
    ],
)
def test_a_program_that_is_not_there_is_a_reply_and_costs_nothing(
    agents: KeptAgents, keeper: FakeKeeper, tmp_path: Path, link: Link, outcome: Outcome, message: str
) -> None:
    reply = agents.begin(a_call(tmp_path, link)).poll(0)

    assert reply is not None
    assert (reply.outcome, reply.charged, reply.cost_usd) == (outcome, False, 0.0)
    assert message in reply.message
    assert reply.hint
    assert keeper.launches == []


def test_a_prompt_that_is_too_large_is_not_sent(
    agents: KeptAgents, keeper: FakeKeeper, tmp_path: Path
) -> None:
    reply = agents.begin(a_call(tmp_path, prompt="x" * 10_000_001)).poll(0)

    assert reply is not None
    assert reply.outcome is Outcome.BAD_REQUEST
    assert reply.message == "the prompt has 10,000,001 bytes, `claude` takes 10,000,000"
    assert keeper.launches == []


def test_output_is_shown_as_it_comes_and_the_reply_is_judged_at_the_end(
    agents: KeptAgents, keeper: FakeKeeper, tmp_path: Path
) -> None:
    call = agents.begin(a_call(tmp_path))
    keeper.call.say(INIT)
    keeper.call.output.append(json.dumps(says("Hel lo")).encode()[:40])

    assert call.poll(0) is None
    assert [seen.kind for seen in call.activities()] == ["session"]
    keeper.call.output.append(json.dumps(says("Hel lo")).encode()[40:] + b"\n")
    assert [seen.text for seen in call.activities() if seen.kind == "text"] == ["Hel lo"]

    keeper.call.say(result("Done."))
    keeper.call.ended = ended(stdout_bytes=1)
    reply = call.poll(0)
    assert reply is not None
    assert (reply.outcome, reply.text) == (Outcome.DONE, "Done.")
    assert keeper.call.closed
    assert call.poll(0) is reply


def test_a_last_line_without_a_line_feed_counts(
    agents: KeptAgents, keeper: FakeKeeper, tmp_path: Path
) -> None:
    call = agents.begin(a_call(tmp_path))
    keeper.call.output.append(json.dumps(result("Done.")).encode())
    keeper.call.ended = ended()

    reply = call.poll(0)
    assert reply is not None
    assert reply.outcome is Outcome.DONE


def test_where_output_was_dropped_the_kept_lines_are_read_once_more(
    agents: KeptAgents, keeper: FakeKeeper, tmp_path: Path
) -> None:
    call = agents.begin(a_call(tmp_path))
    keeper.call.say(INIT, b"half a li")
    call.poll(0)
    keeper.call.kept = lines_of(INIT, b"", result("From the end."))
    keeper.call.ended = ended(stdout_dropped=10**9)

    reply = call.poll(0)
    assert reply is not None
    assert (reply.outcome, reply.text) == (Outcome.DONE, "From the end.")


def test_a_call_that_has_used_its_tokens_is_ended_once(
    agents: KeptAgents, keeper: FakeKeeper, tmp_path: Path
) -> None:
    call = agents.begin(a_call(tmp_path, max_tokens=100))
    keeper.call.say(says("short"))
    call.poll(0)
    assert keeper.call.wishes == []

    keeper.call.say(says("x" * 400))
    call.poll(0)
    call.poll(0)
    assert keeper.call.wishes == ["budget"]


def test_a_process_that_stays_after_its_result_is_ended_as_a_success(
    agents: KeptAgents, keeper: FakeKeeper, clock: FakeClock, tmp_path: Path
) -> None:
    call = agents.begin(a_call(tmp_path, max_tokens=1))
    keeper.call.say(result("Done."))
    call.poll(0)
    clock.at = 1.9
    call.poll(0)
    assert keeper.call.wishes == []

    clock.at = 2.1
    call.poll(0)
    assert keeper.call.wishes == ["stop"]

    keeper.call.ended = ended(143, "stop")
    reply = call.poll(0)
    assert reply is not None
    assert reply.outcome is Outcome.DONE
    assert reply.warnings == ("it had to be ended after its result was there",)


def test_a_wish_to_end_is_handed_on_and_ours_do_not_follow_it(
    agents: KeptAgents, keeper: FakeKeeper, tmp_path: Path
) -> None:
    call = agents.begin(a_call(tmp_path, max_tokens=1))
    call.end(EndHow.STOP)
    call.end(EndHow.KILL)
    keeper.call.say(says("x" * 400))
    call.poll(0)

    assert keeper.call.wishes == ["stop", "kill"]


def test_a_lost_call_is_not_found(agents: KeptAgents, tmp_path: Path) -> None:
    assert agents.recover(a_call(tmp_path)) is None


def test_a_call_of_an_earlier_runner_is_read_from_its_beginning(
    agents: KeptAgents, keeper: FakeKeeper, tmp_path: Path
) -> None:
    keeper.found = FakeCall(adopted=True)
    keeper.found.say(INIT, says("x"), result("Done."))
    keeper.found.ended = ended()
    call = agents.recover(a_call(tmp_path))

    assert call is not None
    assert call.adopted
    reply = call.poll(0)
    assert reply is not None
    assert (reply.outcome, reply.worked, reply.cost_usd) == (Outcome.DONE, True, 0.4)
    assert [seen.text for seen in call.activities() if seen.kind == "text"] == ["x"]


def test_a_call_is_read_by_the_backend_that_began_it_whatever_the_link_says_now(
    agents: KeptAgents, keeper: FakeKeeper, tmp_path: Path
) -> None:
    agents.begin(a_call(tmp_path))
    keeper.found = FakeCall(adopted=True)
    keeper.found.say(INIT, result("Done."))
    keeper.found.ended = ended()
    call = agents.recover(a_call(tmp_path, Link(name="worker", backend="demo")))

    assert call is not None
    reply = call.poll(0)
    assert reply is not None
    assert reply.text == "Done."


def test_what_would_be_started_can_be_shown_without_a_trace(agents: KeptAgents, tmp_path: Path) -> None:
    call = a_call(tmp_path)

    assert agents.command_line(call).argv[1] == "-p"
    assert not call.folder.exists()
