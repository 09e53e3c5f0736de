"""What the SQLite journal does when its file, its disk or its neighbours fail."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import zlib
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from llmauto.assembly import own_files
from llmauto.errors import BusyError, DiskError, JournalError
from llmauto.events import Event, Noted
from llmauto.home import Home, HowFound
from llmauto.journal import damage, migrations, opening, rows
from llmauto.journal.migrations import FORMAT
from llmauto.journal.sqlite import SqliteJournal
from llmauto.ports import KeptHandoff
from llmauto.testing.journal_checks import a_run

posix = pytest.mark.skipif(sys.platform == "win32", reason="kill, links and modes as POSIX has them")


PROSE = " ".join(f"Step {number} is done, and the next one is {number * number}." for number in range(40))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def noted(count: int, text: str = "x") -> list[Event]:
    return [Noted(code="warning", message=f"{text} {number}") for number in range(count)]


def fill(path: Path, count: int = 3) -> list[Event]:
    """A journal with a run of `count` events and a handoff, closed."""
    events = noted(count)
    with SqliteJournal.open(path) as journal:
        journal.append(events, a_run(), [KeptHandoff(sha="s", text="handoff")])
    return events


def read(path: Path, *, readonly: bool = True) -> list[Event]:
    with SqliteJournal.open(path, readonly=readonly) as journal:
        assert journal.handoff("s") == "handoff"
        return list(journal.events("r1"))


def kill_after_append(path: Path) -> None:
    """Append in another process that is then killed, so that the write-ahead log is not folded in."""
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from llmauto.journal.sqlite import SqliteJournal; from llmauto.events import Noted\n"
        "from llmauto.testing.journal_checks import a_run\n"
        "journal = SqliteJournal.open(Path(sys.argv[1]))\n"
        "journal.append([Noted(code='warning', message='last')], a_run())\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)


# --- S8: what is lost, damaged or newer is refused, with the way out ---------------------------------


@posix
def test_a_killed_writer_loses_nothing(path: Path) -> None:
    fill(path)
    kill_after_append(path)
    assert [event.message for event in read(path) if isinstance(event, Noted)][-1] == "last"


@posix
@pytest.mark.parametrize("readonly", [True, False])
@pytest.mark.parametrize("first", [True, False])
def test_a_deleted_write_ahead_log_is_noticed(path: Path, readonly: bool, first: bool) -> None:
    if not first:
        fill(path)
    kill_after_append(path)
    path.with_name("journal.db-wal").unlink()
    with pytest.raises(JournalError, match=rf"has lost .* event {1 if first else 4} of run r1") as caught:
        SqliteJournal.open(path, readonly=readonly)
    assert "journal.db-mark" in (caught.value.hint or "")
    path.with_name("journal.db-mark").unlink()
    SqliteJournal.open(path).close()


@pytest.mark.parametrize("readonly", [True, False])
def test_a_deleted_journal_is_noticed(path: Path, readonly: bool) -> None:
    fill(path)
    path.unlink()
    with pytest.raises(JournalError, match="the file itself is gone"):
        SqliteJournal.open(path, readonly=readonly)
    assert not path.exists()


def test_an_emptied_journal_is_noticed(path: Path) -> None:
    fill(path)
    path.write_bytes(b"")
    with pytest.raises(JournalError, match="has lost"):
        SqliteJournal.open(path)


def test_forgotten_runs_are_not_lost(path: Path) -> None:
    fill(path)
    with SqliteJournal.open(path) as journal:
        journal.forget_chain("c")
    with SqliteJournal.open(path) as journal:
        assert journal.runs() == ()


@pytest.mark.parametrize("readonly", [True, False])
def test_garbage_is_refused_and_the_copy_named(path: Path, readonly: bool) -> None:
    fill(path)
    garbage = b"this is no database, " * 500
    path.write_bytes(garbage)
    with pytest.raises(JournalError, match="is damaged: file is not a database") as caught:
        SqliteJournal.open(path, readonly=readonly)
    assert f"cp {path}.bak {path}" in (caught.value.hint or "")
    assert ".recover" in (caught.value.hint or "")
    assert path.read_bytes() == garbage


def test_the_named_way_out_works(path: Path) -> None:
    events = fill(path)
    path.write_bytes(b"garbage")
    for left in path.parent.glob("journal.db-*"):
        left.unlink()
    shutil.copy(f"{path}.bak", path)
    assert read(path, readonly=False) == events


def test_a_flipped_page_is_never_taken_for_the_truth(path: Path) -> None:
    events = fill(path, 120)
    whole = path.read_bytes()
    hints = []
    for page in range(len(whole) // 4096):
        for spoil in (b"\0" * 4096, bytes(255 - byte for byte in whole[page * 4096 : page * 4096 + 4096])):
            path.write_bytes(whole[: page * 4096] + spoil + whole[page * 4096 + 4096 :])
            try:
                assert read(path, readonly=False) == events
            except JournalError as error:
                hints.append(error.hint)
    assert len(hints) > 5
    assert all(hints)


def test_a_flipped_bit_in_a_text_is_noticed(path: Path) -> None:
    fill(path)
    path.write_bytes(path.read_bytes().replace(b'"message":"x 1"', b'"message":"x 3"'))
    with pytest.raises(JournalError, match="event 2 of run r1: its checksum is wrong"):
        read(path)


def test_a_flipped_bit_in_a_handoff_is_noticed(path: Path) -> None:
    with SqliteJournal.open(path) as journal:
        journal.append([], a_run(), [KeptHandoff(sha="s", text="handoff that is good")])
    path.write_bytes(path.read_bytes().replace(b"that is good", b"that is gone"))
    with (
        SqliteJournal.open(path, readonly=True) as journal,
        pytest.raises(JournalError, match="handoff s: its checksum is wrong"),
    ):
        journal.handoff("s")


@pytest.mark.parametrize("at", [0, 1, 40, -1])
def test_a_flipped_byte_in_a_packed_handoff_is_noticed(path: Path, at: int) -> None:
    with SqliteJournal.open(path) as journal:
        journal.append([], a_run(), [KeptHandoff(sha="s", text=PROSE)])
    with closing(sqlite3.connect(path)) as raw, raw:
        packed = bytearray(raw.execute("SELECT text FROM handoffs").fetchone()[0])
        packed[at] ^= 0x40
        raw.execute("UPDATE handoffs SET text = ?", (bytes(packed),))
    with (
        SqliteJournal.open(path, readonly=True) as journal,
        pytest.raises(JournalError, match="damaged: handoff s: "),
    ):
        journal.handoff("s")


def test_a_packed_handoff_that_is_cut_off_is_noticed(path: Path) -> None:
    with SqliteJournal.open(path) as journal:
        journal.append([], a_run(), [KeptHandoff(sha="s", text=PROSE)])
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE handoffs SET text = substr(text, 1, length(text) - 8)")
    with (
        SqliteJournal.open(path, readonly=True) as journal,
        pytest.raises(JournalError, match="handoff s: it is not whole"),
    ):
        journal.handoff("s")


def test_a_packed_handoff_that_would_fill_the_memory_is_refused(path: Path) -> None:
    bomb = zlib.compress(bytes(rows.MOST_UNPACKED + 1))
    with SqliteJournal.open(path) as journal:
        journal.append([], a_run(), [KeptHandoff(sha="s", text="short")])
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE handoffs SET text = ?, crc = NULL", (bomb,))
    with (
        SqliteJournal.open(path, readonly=True) as journal,
        pytest.raises(JournalError, match="handoff s: it is not whole"),
    ):
        journal.handoff("s")


def test_another_program_s_database_is_left_alone(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (x)")
    other.commit()
    other.close()
    before = path.read_bytes()
    for readonly in (True, False):
        with pytest.raises(JournalError, match="no journal of llmauto"):
            SqliteJournal.open(path, readonly=readonly)
    assert path.read_bytes()[100:] == before[100:]  # the header may say WAL now


def test_a_journal_of_a_newer_program_is_refused(path: Path) -> None:
    fill(path)
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA user_version = 7")
    raw.close()
    for readonly in (True, False):
        with pytest.raises(JournalError, match=f"its format is 7, this one reads up to {FORMAT}"):
            SqliteJournal.open(path, readonly=readonly)
    path.with_name("journal.db.format-1.bak").touch()
    with pytest.raises(JournalError) as caught:
        SqliteJournal.open(path)
    assert "journal.db.format-1.bak" in (caught.value.hint or "")


def test_a_folder_in_its_place_is_named(path: Path) -> None:
    path.mkdir()
    for readonly in (True, False):
        with pytest.raises(JournalError, match="is not a file"):
            SqliteJournal.open(path, readonly=readonly)


@posix
def test_a_linked_journal_is_refused(path: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"")
    path.symlink_to(tmp_path / "outside")
    for readonly in (True, False):
        with pytest.raises(DiskError, match="symbolic link"):
            SqliteJournal.open(path, readonly=readonly)
    assert (tmp_path / "outside").read_bytes() == b""


# --- U2: migrations ----------------------------------------------------------------------------------

SECOND = ("ALTER TABLE runs ADD COLUMN colour TEXT", "CREATE TABLE extra (x)", "INSERT INTO extra VALUES (1)")


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> Callable[[Sequence[str]], None]:
    def use(statements: Sequence[str]) -> None:
        monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, tuple(statements)))
        monkeypatch.setattr(migrations, "FORMAT", FORMAT + 1)
        monkeypatch.setattr(opening, "FORMAT", FORMAT + 1)

    return use


@pytest.mark.parametrize("readonly", [True, False])
def test_an_older_journal_becomes_new_and_a_copy_stays(
    path: Path, newer: Callable[[Sequence[str]], None], readonly: bool
) -> None:
    events = fill(path)
    newer(SECOND)
    assert read(path, readonly=readonly) == events
    copy = sqlite3.connect(path.with_name(f"journal.db.format-{FORMAT}.bak"))
    assert copy.execute("PRAGMA user_version").fetchone() == (FORMAT,)
    assert copy.execute("SELECT count(*) FROM events").fetchone() == (3,)
    copy.close()


@pytest.mark.parametrize("stop_at", range(3))
def test_a_migration_that_is_cut_short_changes_nothing(
    path: Path, newer: Callable[[Sequence[str]], None], stop_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = fill(path)
    newer([*SECOND[:stop_at], "this is no SQL"])
    with pytest.raises(JournalError):
        SqliteJournal.open(path)
    monkeypatch.undo()
    assert read(path, readonly=False) == events


def test_the_old_program_names_the_copy_after_an_update(
    path: Path, newer: Callable[[Sequence[str]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    events = fill(path)
    newer(SECOND)
    SqliteJournal.open(path).close()
    monkeypatch.undo()
    with pytest.raises(JournalError) as caught:
        SqliteJournal.open(path)
    copy = path.with_name(f"journal.db.format-{FORMAT}.bak")
    assert f"rename `{copy}`" in (caught.value.hint or "")
    for left in path.parent.glob("journal.db*"):
        if left != copy:
            left.unlink()
    copy.rename(path)
    assert read(path, readonly=False) == events


# --- neighbours --------------------------------------------------------------------------------------


def test_many_may_make_the_journal_at_the_same_moment(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from llmauto.journal.sqlite import SqliteJournal\n"
        "from llmauto.testing.journal_checks import a_run\n"
        "sys.stdin.read(1)\n"
        "SqliteJournal.open(Path(sys.argv[1])).append([], a_run(sys.argv[2]))\n"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(path), f"r{n}"], stdin=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for n in range(4)
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.write(b"x")
        child.stdin.flush()
    assert [child.communicate()[1] for child in children] == [b""] * 4
    with SqliteJournal.open(path, readonly=True) as journal:
        assert len(journal.runs()) == 4


def test_a_reader_holds_up_no_writer(path: Path) -> None:
    fill(path, 1200)
    with SqliteJournal.open(path) as writer, SqliteJournal.open(path, readonly=True) as reader:
        reading = iter(reader.events("r1"))
        next(reading)
        writer.append(noted(1), a_run())
        writer._fold_log()
        assert len(list(reading)) == 1200


def test_a_reader_writes_nothing(path: Path) -> None:
    with SqliteJournal.open(path, readonly=True) as journal:
        assert (journal.runs(), journal.chains(), journal.latest("c"), journal.spent_since(0)) == (
            (),
            (),
            None,
            (0.0, 0),
        )
    assert list(path.parent.iterdir()) == []
    fill(path)
    with SqliteJournal.open(path, readonly=True) as journal, pytest.raises(DiskError, match="read-only"):
        journal.append([], a_run())


def test_a_runner_whose_run_another_has_gone_on_with_writes_no_more(path: Path) -> None:
    """Its lock was removed, so that both hold one."""
    fill(path)
    with SqliteJournal.open(path) as first, SqliteJournal.open(path) as second:
        for journal in (first, second):
            list(journal.events("r1"))
        first.append(noted(1), a_run())
        with pytest.raises(BusyError, match="run r1 is gone on with by another runner") as caught:
            second.append(noted(1), a_run())
        assert "chain status" in (caught.value.hint or "")
        list(second.events("r1"))
        second.append(noted(1), a_run())
        with pytest.raises(BusyError):
            first.append(noted(1), a_run())
        first.append(noted(1), a_run("r2"))
        assert (second.count("r1"), second.count("r2")) == (5, 1)


def test_a_runner_whose_run_was_reset_does_not_begin_it_anew(path: Path) -> None:
    with SqliteJournal.open(path) as runner, SqliteJournal.open(path) as other:
        runner.append(noted(1), a_run())
        other.forget_chain("c")
        with pytest.raises(BusyError):
            runner.append(noted(1), a_run())
        assert other.runs() == ()


def test_a_change_by_another_process_is_told_once(path: Path) -> None:
    with SqliteJournal.open(path) as journal, SqliteJournal.open(path) as other:
        assert journal.changed()
        assert not journal.changed()
        journal.append([], a_run())
        assert not journal.changed()
        other.ask("c", "pause", "", 1.0)
        assert journal.changed()
        assert [request.kind for request in journal.take("c")] == ["pause"]
        assert not journal.changed()


# --- R1, X5: the disk --------------------------------------------------------------------------------


def test_a_full_disk_leaves_what_was_there(path: Path) -> None:
    events = fill(path)
    with SqliteJournal.open(path) as journal:
        big = random.Random(1).randbytes(100_000).hex()
        pages = journal._db.execute("PRAGMA page_count").fetchone()[0]
        journal._db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(DiskError, match="no space left") as caught:
            journal.append(noted(1), a_run(), [KeptHandoff(sha="big", text=big)])
        assert "make room" in (caught.value.hint or "")
        assert list(journal.events("r1")) == events
        journal._db.execute("PRAGMA max_page_count = 100000")
        journal.append(noted(1), a_run(), [KeptHandoff(sha="big", text=big)])
    assert len(read(path)) == 4


@pytest.mark.parametrize(
    ("said", "kind", "told"),
    [
        ("database or disk is full", DiskError, "no space left"),
        ("disk I/O error", DiskError, "reports an error"),
        ("attempt to write a readonly database", DiskError, "read-only"),
        ("unable to open database file", DiskError, "cannot be opened"),
        ("database is locked", JournalError, "locked by another program"),
        ("database disk image is malformed", JournalError, "damaged"),
        ("no such table: runs", JournalError, "damaged"),
    ],
)
def test_each_error_of_sqlite_says_what_to_do(
    path: Path, said: str, kind: type[JournalError], told: str
) -> None:
    error = damage.translate(sqlite3.OperationalError(said), path)
    assert type(error) is kind
    assert told in str(error)
    assert str(path) in str(error)
    assert error.hint


@posix
def test_all_its_files_are_private_under_umask_0(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        path = tmp_path / "home" / "journal.db"
        with SqliteJournal.open(path) as journal:
            journal.append(noted(1), a_run())
            journal.back_up()
            modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()}
    finally:
        os.umask(old)
    assert len(modes) == 6
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@posix
def test_a_journal_that_is_open_to_all_is_made_private(path: Path) -> None:
    fill(path)
    path.chmod(0o644)
    SqliteJournal.open(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


class NoWal:
    """A connection on a disk where SQLite has no shared memory."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def execute(self, statement: str) -> NoWal:
        self.said.append(statement)
        return self

    def fetchone(self) -> tuple[str]:
        return ("delete",)


def test_without_wal_another_mode_is_used_and_told(path: Path) -> None:
    notes: list[str] = []
    connection = NoWal()
    opening._use_wal(connection, path, notes)  # type: ignore[arg-type]
    assert connection.said[-1] == "PRAGMA journal_mode = TRUNCATE"
    assert "does not allow SQLite's WAL" in notes[0]


# --- S4: removed while it is open, and the daily copy ------------------------------------------------


@posix
@pytest.mark.parametrize("instead", [None, b"garbage", b""])
def test_a_journal_that_is_removed_during_a_run_is_put_back(path: Path, instead: bytes | None) -> None:
    with SqliteJournal.open(path) as journal:
        journal.append(noted(2), a_run(), [KeptHandoff(sha="s", text="handoff")])
        for file in path.parent.iterdir():
            file.unlink()
        if instead is not None:
            path.write_bytes(instead)
        journal.append(noted(1), a_run())
        assert journal.count("r1") == 4
    events = read(path)
    assert [event.code for event in events if isinstance(event, Noted)] == ["warning"] * 3 + ["tamper"]
    assert len(list(path.parent.glob("*.found"))) == (instead is not None)


@posix
def test_two_runners_put_it_back_once(path: Path) -> None:
    with SqliteJournal.open(path) as one, SqliteJournal.open(path) as two:
        one.append(noted(1), a_run("r1"), [KeptHandoff(sha="s", text="handoff")])
        two.append(noted(1), a_run("r2"))
        path.unlink()
        one.append(noted(1), a_run("r1"))
        two.append(noted(1), a_run("r2"))
        one.append(noted(1), a_run("r1"))
        assert [one.count("r1"), one.count("r2"), two.count("r1"), two.count("r2")] == [4, 3, 4, 3]
    assert list(path.parent.glob("*.found")) == []


def test_a_copy_is_made_once_a_day(path: Path) -> None:
    fill(path)
    copy = path.with_name("journal.db.bak")
    first = copy.stat().st_ino
    fill(path)
    assert copy.stat().st_ino == first
    os.utime(copy, (1000, 1000))
    fill(path)
    assert copy.stat().st_ino != first
    with sqlite3.connect(copy) as raw:
        assert raw.execute("SELECT count(*) FROM events").fetchone() == (6,)
    raw.close()


def test_damage_is_not_copied_over_the_copy(path: Path) -> None:
    fill(path, 200)
    copy = path.with_name("journal.db.bak")
    good = copy.read_bytes()
    with SqliteJournal.open(path) as journal:
        data = bytearray(path.read_bytes())
        data[4096:8192] = b"\xff" * 4096
        journal._db.execute("PRAGMA shrink_memory")
        path.write_bytes(bytes(data))
        with pytest.raises(JournalError):
            journal.back_up()
        assert copy.read_bytes() == good


# --- start-up ----------------------------------------------------------------------------------------


def test_importing_the_journal_loads_nothing_heavy() -> None:
    code = "import sys, llmauto.journal.sqlite; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"dataclasses", "inspect", "llmauto.events", "llmauto.ports", "threading", "shutil", "hashlib"}
    assert heavy.isdisjoint(loaded.stdout.split())


@posix
def test_kills_at_any_moment_lose_nothing_that_was_confirmed(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from llmauto.journal.sqlite import SqliteJournal\n"
        "from llmauto.testing.journal_checks import a_run; from llmauto.events import Noted\n"
        "journal = SqliteJournal.open(Path(sys.argv[1])); n = journal.count('r1')\n"
        "while True:\n"
        "    journal.append([Noted(code='warning', message=str(n))], a_run()); n += 1\n"
        "    print(n, flush=True)\n"
    )
    for lines in (1, 7, 40):
        child = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        for _ in range(lines):
            last = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        rest = child.communicate()[0].split()
        confirmed = int(rest[-1]) if rest and rest[-1].isdigit() else last
        with SqliteJournal.open(path, readonly=True) as journal:
            events = [event.message for event in journal.events("r1") if isinstance(event, Noted)]
        assert events == [str(n) for n in range(len(events))]
        assert len(events) >= confirmed


def test_no_file_of_the_journal_counts_as_a_change_of_the_project(path: Path) -> None:
    fill(path)
    with SqliteJournal.open(path) as journal:
        journal.append(noted(1), a_run())
        journal.back_up()
        made = set(path.parent.glob("journal.db*"))
    home = Home(path.parent, HowFound.OPTION, path.parent, private=False, shipped=path.parent)
    assert len(made) == 6
    assert made <= set(own_files(home))
