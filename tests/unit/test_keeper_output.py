"""Streams that are kept within a bound, and read back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from llmauto.keeper import output
from llmauto.keeper.child.folder import Folder
from llmauto.keeper.child.spool import Spool, head_size, segment_size

CAP = 40_000
HEAD, SEGMENT = head_size(CAP), segment_size(CAP)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    place = Folder(os.fsencode(tmp_path))
    yield place
    place.close()


def keep(folder: Folder, *parts: bytes, cap: int = CAP) -> Spool:
    spool = Spool(folder, "stdout", cap)
    for part in parts:
        spool.write(memoryview(part))
    spool.close()
    return spool


def read_all(folder: Folder) -> bytes:
    reader = output.Reader(folder, "stdout", CAP)
    parts = []
    while data := reader.read(7_000):
        parts.append(b"<GAP>" if isinstance(data, output.Gap) else data)
    return b"".join(parts)


@settings(max_examples=40, deadline=None)
@given(sizes=some.lists(some.integers(0, 30_000), max_size=8))
def test_beginning_and_end_are_kept_and_all_is_counted(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    place = tmp_path_factory.mktemp("call")
    folder = Folder(os.fsencode(place))
    whole = bytes(n % 251 for n in range(sum(sizes)))
    parts, at = [], 0
    for size in sizes:
        parts.append(whole[at : at + size])
        at += size
    spool = keep(folder, *parts)
    before, gap, after = read_all(folder).partition(b"<GAP>")
    folder.close()

    assert spool.total == len(whole)
    assert spool.dropped == len(whole) - len(before) - len(after)
    assert whole.startswith(before)
    assert whole.endswith(after)
    assert bool(gap) == bool(spool.dropped)
    assert len(before) + len(after) <= CAP
    assert not gap or len(before) == HEAD
    assert not gap or len(after) > SEGMENT


def test_a_gap_is_one_empty_line_in_place_of_all_that_it_spoilt(folder: Folder) -> None:
    keep(folder, b"first\n", b"x" * HEAD, b"y" * (SEGMENT * 4), b"\nlast\n")

    assert list(output.lines(folder, "stdout", CAP)) == [b"first", b"", b"last"]


def test_lines_lose_only_their_ends(folder: Folder) -> None:
    keep(folder, b"a\r\n\nb\x00\xff\n", b"half", b" line")

    assert list(output.lines(folder, "stdout", CAP)) == [b"a", b"", b"b\x00\xff", b"half line"]


def test_a_line_beyond_all_measure_comes_as_an_empty_one(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "LINE_LIMIT", 100)
    keep(folder, b"a\n" + b"x" * 101 + b"\nb\n" + b"y" * 500)

    assert list(output.lines(folder, "stdout", CAP)) == [b"a", b"", b"b", b""]


def test_the_mark_for_people_is_no_part_of_the_stream(folder: Folder, tmp_path: Path) -> None:
    keep(folder, b"z" * (HEAD + SEGMENT * 5))

    assert b"truncated" in (tmp_path / "stdout").read_bytes()
    assert b"truncated" not in read_all(folder)
    assert b"truncated" not in output.tail(folder, "stdout", CAP, 10**6)


@pytest.mark.parametrize("size", [0, 10, HEAD, HEAD + 5, HEAD + SEGMENT + 1, HEAD + 9 * SEGMENT])
def test_the_tail_is_the_end_of_what_was_written(folder: Folder, size: int) -> None:
    data = os.urandom(size)
    keep(folder, data)

    assert output.tail(folder, "stdout", CAP, 3_000) == data[-3_000:]
    assert output.kept_bytes(folder, "stdout", CAP) >= min(size, HEAD)


def test_a_reader_goes_on_where_it_was(folder: Folder) -> None:
    spool = Spool(folder, "stdout", CAP)
    reader = output.Reader(folder, "stdout", CAP)

    assert reader.read() == b""
    spool.write(memoryview(b"a"))
    assert reader.read() == b"a"
    assert reader.read() == b""
    spool.write(memoryview(b"b" * HEAD))
    assert reader.read() == b"b" * (HEAD - 1)
    assert reader.read() == b"b"
    reader.close()
    spool.close()


def test_what_cannot_be_written_is_counted_and_told(folder: Folder) -> None:
    spool = Spool(folder, "stdout", CAP)
    os.close(spool._fd)
    with pytest.raises(OSError, match="Bad file descriptor"):
        spool.write(memoryview(b"abc"))
    spool.drop(4)

    assert (spool.total, spool.dropped) == (7, 7)


def test_a_link_is_not_followed(folder: Folder, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"precious")
    (tmp_path / "stdout").symlink_to(target)
    with pytest.raises(OSError, match="symbolic"):
        Spool(folder, "stdout", CAP)

    assert read_all(folder) == b""
    assert folder.read("stdout") is None
