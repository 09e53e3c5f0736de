"""The desk in memory does what the one on disk does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from llmauto.desk import StateDesk
from llmauto.ports import Desk, Inbox, Mirror
from llmauto.testing.desk import MemoryDesk

MIRROR = Mirror(status="RUNNING", rounds_done=1, started_at=1_760_000_000.0, handoff="good\n")
Put = Callable[[str, bytes | None], None]


@pytest.fixture(params=["disk", "memory"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Desk, Put]:
    if request.param == "memory":
        memory = MemoryDesk()

        def put_memory(name: str, data: bytes | None) -> None:
            memory.files.pop(name, None)
            if data is not None:
                memory.files[name] = data

        return memory, put_memory
    disk = StateDesk(tmp_path, "chain")

    def put_disk(name: str, data: bytes | None) -> None:
        (disk.folder / name).unlink(missing_ok=True)
        if data is not None:
            (disk.folder / name).write_bytes(data)

    return disk, put_disk


@pytest.mark.parametrize(
    ("name", "data", "inbox"),
    [
        ("handoff.md", b"next", Inbox(handoff="next")),
        ("handoff.md", b"", Inbox(handoff_problem="it was emptied")),
        ("handoff.md", None, Inbox(handoff_problem="it was deleted")),
        ("handoff.md", b"a\0", Inbox(handoff_problem="it is binary")),
        ("status.txt", b"all_done", Inbox(status_word="ALL_DONE")),
        ("status.txt", b"abc", Inbox(tampered=("status.txt",))),
        ("status.txt", None, Inbox(tampered=("status.txt",))),
        ("round_counter.txt", b"99", Inbox(tampered=("round_counter.txt",))),
        ("start_time.txt", b"", Inbox(tampered=("start_time.txt",))),
        ("STOP", b"why\n", Inbox(stop="why")),
        ("queue.md", b"theirs", Inbox()),
    ],
)
def test_what_others_write_is_taken_in_once(
    both: tuple[Desk, Put], name: str, data: bytes | None, inbox: Inbox
) -> None:
    desk, put = both
    desk.publish(MIRROR)
    assert desk.collect() == Inbox()
    put(name, data)
    assert (desk.stop_text() == "why") == (name == "STOP")
    assert replace(desk.collect(), handoff_at=0.0) == inbox
    assert desk.collect() == Inbox()
    desk.publish(MIRROR)
    assert desk.collect() == Inbox()


def test_a_huge_handoff_is_cut_in_both(both: tuple[Desk, Put]) -> None:
    desk, put = both
    desk.publish(MIRROR)
    put("handoff.md", b"line\n" * 100_000)
    inbox = desk.collect()
    assert inbox.handoff is not None
    assert inbox.oversize == str(desk.folder / "handoff_whole_1.md")
    assert len(inbox.handoff) < 263_000
    desk.publish(replace(MIRROR, handoff=inbox.handoff))
    assert desk.collect() == Inbox()


def test_what_was_there_before_is_news_unless_expected(both: tuple[Desk, Put]) -> None:
    desk, put = both
    desk.publish(MIRROR)
    desk.expect(replace(MIRROR, handoff=None))
    assert desk.collect().handoff == "good\n"
    desk.expect(MIRROR)
    assert desk.collect() == Inbox()
    put("handoff.md", b"else")
    assert desk.collect().handoff == "else"


def test_texts_of_the_memory_desk_can_be_read_and_written() -> None:
    desk = MemoryDesk()
    desk.publish(MIRROR)
    desk.keep_link_handoff("worker", "mine")
    desk.write("STOP", "grün")
    assert [desk.text(name) for name in ("status.txt", "handoff_worker.md", "none")] == [
        "RUNNING\n",
        "mine",
        "",
    ]
    assert desk.collect().stop == "grün"
    assert desk.mirror == MIRROR
