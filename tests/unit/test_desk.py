"""The state folder on disk: what is written there, and what is made of what others write."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from llmauto import files as files_module
from llmauto.desk import StateDesk, reset_folder
from llmauto.desk import watched as watched_module
from llmauto.desk.reading import HANDOFF_CAP
from llmauto.desk.times import read_time, write_time
from llmauto.errors import DiskError
from llmauto.ports import Desk, Inbox, Mirror

posix = pytest.mark.skipif(sys.platform == "win32", reason="links and fifos as POSIX has them")
STARTED = 1_760_000_000.0
GOOD = "# Handoff\n\nall good\n"
MIRROR = Mirror(status="RUNNING", rounds_done=3, started_at=STARTED, handoff=GOOD)


@pytest.fixture
def desk(tmp_path: Path) -> StateDesk:
    desk = StateDesk(tmp_path, "chain")
    desk.publish(MIRROR)
    return desk


def put(path: Path, data: bytes | str) -> None:
    path.write_bytes(data.encode() if isinstance(data, str) else data)


def shown(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


RIGHT = {
    "status.txt": b"RUNNING\n",
    "round_counter.txt": b"3\n",
    "start_time.txt": write_time(STARTED).encode() + b"\n",
    "handoff.md": GOOD.encode(),
}


# --- publish -----------------------------------------------------------------------------------------


def test_the_folder_shows_the_run(desk: StateDesk) -> None:
    port: Desk = desk
    assert shown(port.folder) == RIGHT
    assert desk.collect() == Inbox()


@posix
def test_the_folder_and_its_files_are_private(desk: StateDesk) -> None:
    desk.keep_link_handoff("worker", "x")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in desk.folder.iterdir()}
    assert modes == {0o600}
    assert [stat.S_IMODE(p.stat().st_mode) for p in (desk.folder, desk.folder.parent)] == [0o700, 0o700]


@posix
def test_a_handoff_that_was_written_for_all_to_read_is_private_once_it_is_taken_in(
    desk: StateDesk,
) -> None:
    put(desk.folder / "handoff.md", "by an agent")
    (desk.folder / "handoff.md").chmod(0o666)
    assert desk.collect().handoff == "by an agent"
    desk.publish(replace(MIRROR, handoff="by an agent"))
    assert stat.S_IMODE((desk.folder / "handoff.md").stat().st_mode) == 0o600
    assert desk.collect() == Inbox()


def test_before_the_first_round_there_is_no_handoff_and_no_start(tmp_path: Path) -> None:
    desk = StateDesk(tmp_path, "chain")
    desk.publish(Mirror(status="READY", rounds_done=0, started_at=0.0, handoff=None))
    assert shown(desk.folder) == {"status.txt": b"READY\n", "round_counter.txt": b"0\n"}
    assert desk.collect() == Inbox()


def test_what_is_the_same_is_not_written_again(desk: StateDesk) -> None:
    inodes = {path.name: path.stat().st_ino for path in desk.folder.iterdir()}
    desk.publish(MIRROR)
    desk.publish(Mirror(status="WAITING", rounds_done=3, started_at=STARTED, handoff=GOOD))
    changed = [path.name for path in desk.folder.iterdir() if path.stat().st_ino != inodes[path.name]]
    assert changed == ["status.txt"]


def test_a_publish_that_changes_nothing_reads_nothing(
    desk: StateDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(desk.folder)
    monkeypatch.setattr(watched_module, "_TICK_NS", 0)
    desk.publish(MIRROR)  # looks once more: the files have changed since they were written
    monkeypatch.setattr(files_module, "look", lambda *_: pytest.fail("it was read"))
    desk.publish(MIRROR)
    assert desk.collect().handoff is None


def age(folder: Path) -> None:
    for path in folder.iterdir():
        os.utime(path, (STARTED, STARTED))


def test_a_change_of_the_same_size_within_the_same_tick_is_seen(desk: StateDesk) -> None:
    before = (desk.folder / "handoff.md").stat()
    put(desk.folder / "handoff.md", GOOD.upper())
    os.utime(desk.folder / "handoff.md", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert desk.collect().handoff == GOOD.upper()


def test_a_link_s_last_handoff_is_kept_beside_it(desk: StateDesk) -> None:
    desk.keep_link_handoff("worker", "mine")
    assert (desk.folder / "handoff_worker.md").read_text(encoding="utf-8") == "mine"
    assert desk.collect() == Inbox()


def test_a_start_time_can_be_read_back_also_from_older_programs() -> None:
    assert read_time(write_time(STARTED)) == STARTED
    assert read_time("2025-10-09T08:53:20Z") == STARTED
    naive = read_time("2025-10-09T08:53:20.123456\n")
    assert naive is not None
    assert abs(naive - STARTED) <= 15 * 3600
    assert [read_time(text) for text in ("", "abc", "-5", "9e99", "\0", "9999999-01-01")] == [None] * 6


# --- the handoff -------------------------------------------------------------------------------------


def test_a_changed_handoff_is_the_next_one_and_told_once(desk: StateDesk) -> None:
    put(desk.folder / "handoff.md", "next\n")
    inbox = desk.collect()
    assert inbox.handoff == "next\n"
    assert inbox.handoff_at == pytest.approx((desk.folder / "handoff.md").stat().st_mtime)
    assert desk.collect() == Inbox()


def test_one_that_is_not_accepted_is_put_right_by_the_next_publish(desk: StateDesk) -> None:
    put(desk.folder / "handoff.md", "SKIPPED")
    assert desk.collect().handoff == "SKIPPED"
    desk.publish(MIRROR)
    assert shown(desk.folder) == RIGHT


def test_a_handoff_that_stood_there_before_the_first_run_is_taken_in(tmp_path: Path) -> None:
    (tmp_path / "state" / "chain").mkdir(parents=True)
    put(tmp_path / "state" / "chain" / "handoff.md", "do this")
    desk = StateDesk(tmp_path, "chain")
    desk.expect(Mirror(status="READY", rounds_done=0, started_at=0.0, handoff=None))
    assert desk.collect().handoff == "do this"


def test_an_expected_handoff_is_no_news_to_a_new_process(desk: StateDesk, tmp_path: Path) -> None:
    other = StateDesk(tmp_path, "chain")
    other.expect(MIRROR)
    assert other.collect() == Inbox()


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("grün\n".encode("utf-16"), "grün\n"),
        (b"\xef\xbb\xbfmarked\r\n", "marked\r\n"),
        (b"half \xc3 a character, and then some more", "half \ufffd a character, and then some more"),
    ],
)
def test_other_encodings_are_read_and_written_back_as_utf8(desk: StateDesk, data: bytes, text: str) -> None:
    put(desk.folder / "handoff.md", data)
    assert desk.collect().handoff == text
    desk.publish(Mirror(status="RUNNING", rounds_done=3, started_at=STARTED, handoff=text))
    assert (desk.folder / "handoff.md").read_bytes() == text.encode()


def nothing(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    put(path, b"")


def blank(path: Path) -> None:
    put(path, b" \n\t\n")


def nul(path: Path) -> None:
    put(path, b"a\0b")


def noise(path: Path) -> None:
    put(path, bytes(range(128, 256)) * 9)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def full_folder(path: Path) -> None:
    folder(path)
    put(path / "precious", b"work")


def link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def utf16(path: Path) -> None:
    put(path, "x".encode("utf-16"))


def text(value: str) -> Callable[[Path], None]:
    return lambda path: put(path, value)


POSIX_ONLY = () if sys.platform == "win32" else (link, fifo)


@pytest.mark.parametrize("spoil", [nothing, empty, blank, nul, noise, folder, full_folder, *POSIX_ONLY])
def test_a_spoilt_handoff_is_told_and_the_last_good_one_put_back(
    desk: StateDesk, spoil: Callable[[Path], None]
) -> None:
    spoil(desk.folder / "handoff.md")
    inbox = desk.collect()
    assert inbox.handoff is None
    assert inbox.handoff_problem
    assert desk.collect() == Inbox()
    desk.publish(MIRROR)
    assert (desk.folder / "handoff.md").read_bytes() == RIGHT["handoff.md"]
    assert not (desk.folder / "handoff.md").is_symlink()


def test_a_folder_with_work_in_it_is_moved_aside_not_removed(desk: StateDesk) -> None:
    full_folder(desk.folder / "handoff.md")
    desk.publish(MIRROR)
    [kept] = desk.folder.glob("*/precious")
    assert kept.read_bytes() == b"work"


@pytest.mark.parametrize("spoil", [nothing, empty, blank])
def test_without_a_handoff_an_empty_one_is_no_problem(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    desk = StateDesk(tmp_path, "chain")
    desk.publish(Mirror(status="RUNNING", rounds_done=0, started_at=STARTED, handoff=None))
    put(desk.folder / "handoff.md", b"")
    spoil(desk.folder / "handoff.md")
    assert desk.collect() == Inbox()


@pytest.mark.parametrize("spoil", [nul, noise, folder, full_folder, *POSIX_ONLY])
def test_without_a_good_one_a_spoilt_handoff_is_moved_aside_before_the_next_agent_reads_it(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    desk = StateDesk(tmp_path, "chain")
    first = Mirror(status="RUNNING", rounds_done=0, started_at=STARTED, handoff=None)
    desk.publish(first)
    put(desk.folder / "handoff.md", b"")
    spoil(desk.folder / "handoff.md")
    inbox = desk.collect()
    assert (inbox.handoff, inbox.handoff_aside) == (None, True)
    desk.publish(first)
    assert not os.path.lexists(desk.folder / "handoff.md")
    assert desk.collect() == Inbox()


def test_what_somebody_put_right_meanwhile_stays(tmp_path: Path) -> None:
    desk = StateDesk(tmp_path, "chain")
    first = Mirror(status="RUNNING", rounds_done=0, started_at=STARTED, handoff=None)
    desk.publish(first)
    put(desk.folder / "handoff.md", b"a\0")
    assert desk.collect().handoff_aside
    put(desk.folder / "handoff.md", "good")
    desk.publish(first)
    assert desk.collect().handoff == "good"


def test_a_huge_handoff_is_cut_at_a_line_and_kept_whole(desk: StateDesk) -> None:
    whole = b"".join(b"line %07d\n" % number for number in range(100_000))
    put(desk.folder / "handoff.md", whole)
    inbox = desk.collect()
    assert inbox.handoff is not None
    first, _, pointer = inbox.handoff.rpartition("\n\n")
    assert whole.startswith(first.encode())
    assert HANDOFF_CAP - 20 < len(first) <= HANDOFF_CAP
    assert Path(inbox.oversize).read_bytes() == whole
    assert inbox.oversize in pointer
    assert Path(inbox.oversize).parent == desk.folder
    published = Mirror(status="RUNNING", rounds_done=3, started_at=STARTED, handoff=inbox.handoff)
    desk.publish(published)
    assert desk.collect() == Inbox()
    assert Path(inbox.oversize).read_bytes() == whole
    desk.publish(published)
    assert desk.collect() == Inbox()


def test_a_program_killed_before_it_wrote_the_cut_one_finds_the_same_again(
    desk: StateDesk, tmp_path: Path
) -> None:
    put(desk.folder / "handoff.md", b"x" * 300_000)
    cut = desk.collect()
    other = StateDesk(tmp_path, "chain")
    other.expect(MIRROR)
    assert other.collect() == cut
    third = StateDesk(tmp_path, "chain")
    third.expect(Mirror(status="RUNNING", rounds_done=3, started_at=STARTED, handoff=cut.handoff))
    assert third.collect() == Inbox()
    assert len(list(desk.folder.glob("handoff_whole_*"))) == 1


def test_a_cut_never_parts_a_character(desk: StateDesk) -> None:
    put(desk.folder / "handoff.md", "€" * 100_000)
    inbox = desk.collect()
    assert inbox.handoff is not None
    assert set(inbox.handoff.partition("\n")[0]) == {"€"}


def test_only_the_newest_whole_handoffs_are_kept(desk: StateDesk) -> None:
    for number in range(8):
        put(desk.folder / "handoff.md", b"%d" % number * 300_000)
        inbox = desk.collect()
        desk.publish(Mirror(status="RUNNING", rounds_done=3, started_at=STARTED, handoff=inbox.handoff))
    kept = sorted(path.name for path in desk.folder.glob("handoff_whole_*"))
    assert kept == [f"handoff_whole_{n}.md" for n in (4, 5, 6, 7, 8)]


# --- status, counter, start --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("ALL_DONE", "ALL_DONE"),
        ("**Status:** all_done - nothing is left\n", "ALL_DONE"),
        ("STOPPED\nbecause", "STOPPED"),
        ("# BLOCKED", "BLOCKED"),
    ],
)
def test_the_words_that_others_may_say_are_heard_once(desk: StateDesk, content: str, word: str) -> None:
    put(desk.folder / "status.txt", content)
    assert desk.collect() == Inbox(status_word=word)
    assert desk.collect() == Inbox()
    desk.publish(MIRROR)
    assert shown(desk.folder) == RIGHT


def test_our_own_word_written_again_is_nothing(desk: StateDesk) -> None:
    put(desk.folder / "status.txt", "running\n")
    assert desk.collect() == Inbox()


SPOILT: list[Callable[[Path], None]] = [
    nothing, empty, text("abc"), text("-5"), text("9e99"), nul, utf16, folder, full_folder, *POSIX_ONLY,
]  # fmt: skip


@pytest.mark.parametrize("name", ["status.txt", "round_counter.txt", "start_time.txt"])
@pytest.mark.parametrize("spoil", SPOILT)
def test_a_spoilt_file_is_named_once_and_put_right(
    desk: StateDesk, name: str, spoil: Callable[[Path], None]
) -> None:
    spoil(desk.folder / name)
    assert desk.collect() == Inbox(tampered=(name,))
    assert desk.collect() == Inbox()
    desk.publish(MIRROR)
    assert {n: data for n, data in shown_files(desk.folder).items() if n in RIGHT} == RIGHT
    assert desk.collect() == Inbox()


def shown_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_the_same_start_written_for_another_zone_is_no_tampering(desk: StateDesk) -> None:
    put(desk.folder / "start_time.txt", "2025-10-09T10:53:20+02:00\n")
    assert desk.collect() == Inbox()


# --- STOP --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"too dear\n", "too dear"), (b"", ""), ("weil’s reicht".encode("utf-16"), "weil’s reicht")],
)
def test_a_stop_is_seen_then_taken_away(desk: StateDesk, data: bytes, reason: str) -> None:
    assert desk.stop_text() is None
    put(desk.folder / "STOP", data)
    assert desk.stop_text() == desk.stop_text() == reason
    assert desk.collect() == Inbox(stop=reason)
    assert desk.stop_text() is None
    assert desk.collect() == Inbox()


def test_an_endless_reason_is_cut(desk: StateDesk) -> None:
    put(desk.folder / "STOP", b"x" * 10_000_000)
    assert desk.collect().stop == "x" * 2000


@posix
def test_a_linked_stop_counts_and_is_not_read(desk: StateDesk, tmp_path: Path) -> None:
    put(tmp_path / "secret", b"secret")
    (desk.folder / "STOP").symlink_to(tmp_path / "secret")
    assert desk.stop_text() == ""
    assert desk.collect() == Inbox(stop="")
    assert (tmp_path / "secret").read_bytes() == b"secret"
    assert not os.path.lexists(desk.folder / "STOP")


def test_a_folder_named_stop_counts_and_its_content_stays(desk: StateDesk) -> None:
    (desk.folder / "STOP").mkdir()
    assert desk.collect() == Inbox(stop="")
    (desk.folder / "STOP").mkdir()
    put(desk.folder / "STOP" / "precious", b"work")
    assert desk.collect() == Inbox(stop="")
    assert desk.stop_text() is None
    assert len(list(desk.folder.glob("*/precious"))) == 1


# --- everything at once ------------------------------------------------------------------------------


def test_a_removed_state_folder_is_made_again(desk: StateDesk, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "state")
    inbox = desk.collect()
    assert inbox.handoff_problem == "it was deleted"
    assert sorted(inbox.tampered) == ["round_counter.txt", "start_time.txt", "status.txt"]
    desk.publish(MIRROR)
    assert shown(desk.folder) == RIGHT


def test_files_of_the_agents_are_never_touched(desk: StateDesk) -> None:
    (desk.folder / "work").mkdir()
    theirs = {"queue.md": b"- [ ] a", "work/notes.txt": b"n", "handoff_ideas.md": b"i", ".hidden": b"h"}
    for name, data in theirs.items():
        put(desk.folder / name, data)
    desk.collect()
    desk.publish(MIRROR)
    desk.collect()
    assert {name: (desk.folder / name).read_bytes() for name in theirs} == theirs


@posix
@pytest.mark.parametrize("linked", ["state", "state/chain"])
def test_a_linked_state_folder_is_refused_also_during_a_run(
    desk: StateDesk, tmp_path: Path, linked: str
) -> None:
    outside = tmp_path / "outside"
    shutil.move(tmp_path / linked, outside)
    (tmp_path / linked).symlink_to(outside)
    before = digest(outside)
    with pytest.raises(DiskError, match="symbolic link"):
        desk.publish(Mirror(status="STOPPED", rounds_done=9, started_at=STARTED, handoff="other"))
    assert digest(outside) == before


def digest(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


# --- the folder in the workdir -----------------------------------------------------------------------


@pytest.fixture
def second(tmp_path: Path) -> Path:
    folder = tmp_path / "project" / "state" / "chain"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def two(tmp_path: Path, second: Path) -> StateDesk:
    desk = StateDesk(tmp_path / "home", "chain", tmp_path / "project")
    desk.publish(MIRROR)
    return desk


def test_nothing_is_made_in_the_workdir(two: StateDesk, second: Path) -> None:
    assert two.collect() == Inbox()
    assert list(second.iterdir()) == []


def test_a_handoff_in_the_workdir_is_taken_in_and_then_kept_equal(two: StateDesk, second: Path) -> None:
    put(second / "handoff.md", "from the workdir")
    assert two.collect().handoff == "from the workdir"
    two.publish(Mirror(status="RUNNING", rounds_done=3, started_at=STARTED, handoff="from the workdir"))
    assert two.collect() == Inbox()
    two.publish(MIRROR)
    assert (second / "handoff.md").read_text(encoding="utf-8") == GOOD
    assert two.collect() == Inbox()
    put(second / "handoff.md", "once more")
    assert two.collect().handoff == "once more"


def test_the_handoff_that_was_written_last_counts(two: StateDesk, second: Path) -> None:
    put(two.folder / "handoff.md", "older")
    put(second / "handoff.md", "newer")
    os.utime(two.folder / "handoff.md", (STARTED, STARTED))
    assert two.collect().handoff == "newer"


def test_a_handoff_in_the_workdir_goes_before_a_deleted_one(two: StateDesk, second: Path) -> None:
    (two.folder / "handoff.md").unlink()
    put(second / "handoff.md", "here")
    assert two.collect() == Inbox(handoff="here", handoff_at=(second / "handoff.md").stat().st_mtime)


@pytest.mark.parametrize("spoil", [nothing, empty, nul, folder])
def test_a_spoilt_handoff_in_the_workdir_is_no_problem(
    two: StateDesk, second: Path, spoil: Callable[[Path], None]
) -> None:
    put(second / "handoff.md", b"x")
    spoil(second / "handoff.md")
    assert two.collect() == Inbox()
    two.publish(MIRROR)


def test_a_huge_handoff_in_the_workdir_is_kept_whole_in_the_home(two: StateDesk, second: Path) -> None:
    put(second / "handoff.md", b"y" * 300_000)
    inbox = two.collect()
    assert Path(inbox.oversize).parent == two.folder
    assert Path(inbox.oversize).stat().st_size == 300_000


def test_a_status_in_the_workdir_is_read_once_and_removed(two: StateDesk, second: Path) -> None:
    put(second / "status.txt", "ALL_DONE\n")
    assert two.collect() == Inbox(status_word="ALL_DONE")
    assert two.collect() == Inbox()
    two.publish(MIRROR)
    assert list(second.iterdir()) == []
    put(second / "status.txt", "ALL_DONE\n")
    assert two.collect() == Inbox(status_word="ALL_DONE")


def test_a_stop_in_the_workdir_is_taken_away(two: StateDesk, second: Path) -> None:
    put(second / "STOP", "enough")
    assert two.stop_text() == "enough"
    assert two.collect() == Inbox(stop="enough")
    assert list(second.iterdir()) == []


def test_a_workdir_that_is_the_home_has_no_second_folder(tmp_path: Path) -> None:
    desk = StateDesk(tmp_path, "chain", tmp_path / "state" / "..")
    desk.publish(MIRROR)
    put(desk.folder / "status.txt", "ALL_DONE")
    assert desk.collect() == Inbox(status_word="ALL_DONE")
    desk.publish(MIRROR)
    assert shown(desk.folder) == RIGHT


# --- reset -------------------------------------------------------------------------------------------


def test_a_reset_removes_what_is_ours_and_nothing_else(desk: StateDesk) -> None:
    desk.keep_link_handoff("worker", "x")
    put(desk.folder / "handoff.md", b"z" * 300_000)
    desk.collect()
    put(desk.folder / "STOP", b"")
    (desk.folder / "work").mkdir()
    put(desk.folder / "queue.md", b"q")
    put(desk.folder / "handoff_ideas.md", b"i")
    removed = reset_folder(desk.folder, ["worker"])
    assert sorted(path.name for path in desk.folder.iterdir()) == ["handoff_ideas.md", "queue.md", "work"]
    assert set(removed) == {*RIGHT, "STOP", "handoff_worker.md", "handoff_whole_1.md"}


def test_a_reset_of_a_folder_with_nothing_else_removes_it(desk: StateDesk) -> None:
    reset_folder(desk.folder)
    assert not desk.folder.exists()
    assert reset_folder(desk.folder) == ()
