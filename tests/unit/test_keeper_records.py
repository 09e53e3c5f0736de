"""What a runner reads in a call's folder may be anything; `ps` may say anything."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from llmauto.keeper import find, records
from llmauto.keeper.child import result, wire
from llmauto.keeper.child.folder import Folder
from llmauto.keeper.values import Ended


def test_a_result_is_read_as_the_keeper_wrote_it() -> None:
    facts = result.values("timeout", error="ü", survivors=3, exit_code=-15)
    facts.update(seconds=1.5, started_at=2.0, stdout_bytes=7)

    assert records.ended(wire.to_json(facts)) == Ended(
        exit_code=-15, ended_by="timeout", error="ü", survivors=3, seconds=1.5, started_at=2.0, stdout_bytes=7
    )


@pytest.mark.parametrize(
    "text",
    [None, b"", b"{", b"[]", b"{}", b'{"ended_by": 3}', b" " * 4096, b"\xff\xfe", b"[" * 100_000, b"null"],
)
def test_what_is_no_result_is_none(text: bytes | None) -> None:
    assert records.ended(text) is None


@given(
    some.dictionaries(
        some.sampled_from(list(Ended.__dataclass_fields__)), some.integers() | some.text() | some.none()
    )
)
def test_a_result_with_odd_values_is_still_one(values: dict[str, object]) -> None:
    ended = records.ended(json.dumps({**values, "ended_by": "exit"}).encode())

    assert ended is not None
    assert isinstance(ended.seconds, float)
    assert isinstance(ended.error, str)


@pytest.mark.parametrize("content", [b"", b"abc", b"\x00" * 100, b'{"output_cap": "x", "grace_s": -1e999}'])
def test_a_damaged_spec_gives_the_defaults(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "spec.json").write_bytes(content)
    folder = Folder(os.fsencode(tmp_path))

    assert records.bounds(folder) == records.Bounds()
    folder.close()


@pytest.mark.parametrize("name", ["result.json", "keeper.json", "spec.json", "lock"])
@pytest.mark.parametrize("content", [b"", b"abc", b"-5", b"\x00", "dir"])
def test_a_folder_with_anything_in_it_is_a_lost_call(tmp_path: Path, name: str, content: bytes | str) -> None:
    if isinstance(content, bytes):
        (tmp_path / name).write_bytes(content)
    else:
        (tmp_path / name).mkdir()

    assert find(tmp_path) is None


def test_a_folder_that_is_not_there_is_a_lost_call(tmp_path: Path) -> None:
    assert find(tmp_path / "nothing") is None


def test_a_finished_call_is_found(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_bytes(wire.to_json(result.values("exit", exit_code=0)))
    call = find(tmp_path)

    assert call is not None
    assert call.poll(0) == Ended(exit_code=0, ended_by="exit")
    assert (call.adopted, list(call.stdout_lines()), call.read_new(), call.stderr_tail()) == (
        True,
        [],
        b"",
        b"",
    )


def test_notes_of_another_boot_signal_nobody(tmp_path: Path) -> None:
    facts: result.Values = {
        "boot": "another",
        "agent": os.getppid(),
        "agent_start": 0,
        "keeper": os.getppid(),
    }
    (tmp_path / "keeper.json").write_bytes(wire.to_json(facts))

    assert find(tmp_path) is None


@pytest.mark.skipif(sys.platform == "win32", reason="there is no `ps`")
def test_ps_is_read_and_knows_us() -> None:
    from llmauto.keeper.child import posix_tree

    me = posix_tree.processes()[os.getpid()]
    again = posix_tree.process(os.getpid())

    assert (me.parent, me.group) == (os.getppid(), os.getpgid(0))
    assert again is not None
    assert again.start == me.start
    assert posix_tree.process(2**22 + 1) is None


@pytest.mark.skipif(sys.platform == "win32", reason="there is no `ps`")
@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (b"00:00:01", 1.0),
        (b"0:01.50", 1.5),
        (b"1-02:03:04", 93784.0),
        (b"10:00", 600.0),
        (b"??", 0.0),
        (b"", 0.0),
    ],
)
def test_times_of_ps(text: bytes, seconds: float) -> None:
    from llmauto.keeper.child import posix_tree

    assert posix_tree.seconds(text) == seconds


@pytest.mark.skipif(sys.platform == "win32", reason="there is no `ps`")
@given(some.binary(max_size=80))
def test_odd_lines_of_ps_are_no_process(line: bytes) -> None:
    from llmauto.keeper.child import posix_tree

    posix_tree.read_line(line)


def test_a_result_that_was_written_but_not_named_is_one(tmp_path: Path) -> None:
    (tmp_path / "result.json.tmp").write_bytes(wire.to_json(result.values("exit", exit_code=0)) + b" " * 3000)
    folder = Folder(os.fsencode(tmp_path))
    call = find(tmp_path)

    assert result.is_there(folder)
    assert call is not None
    assert call.poll(0) == Ended(exit_code=0, ended_by="exit")
    folder.close()


def test_the_room_kept_for_a_result_is_none(tmp_path: Path) -> None:
    (tmp_path / "result.json.tmp").write_bytes(b" " * result.RESERVED_BYTES)
    folder = Folder(os.fsencode(tmp_path))

    assert not result.is_there(folder)
    assert find(tmp_path) is None
    folder.close()
