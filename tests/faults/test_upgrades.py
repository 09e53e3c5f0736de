"""S8, U1, U2 through the whole command line: journals that are damaged, older, newer, or half migrated."""

from __future__ import annotations

import contextlib
import os
import random
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from llmauto.journal import opening
from llmauto.journal.migrations import FORMAT
from llmauto.journal.sqlite import SqliteJournal
from tests.faults.scale import pick
from tests.faults.test_kills import Victim
from tests.support.nights import Night
from tests.support.project import ROOT, Project

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="kills by signal"),
]

Record = Callable[[str, object], None]
JOURNALS = sorted((ROOT / "tests" / "fixtures" / "journals").glob("format-*"))
READERS = (["chain", "status", "c"], ["chain", "log", "c"], ["status"], ["doctor"])


@pytest.fixture
def stopped(tmp_path: Path) -> Victim:
    """A home whose chain was stopped after its first round, with two links paid for."""
    victim = Victim(tmp_path, 2)
    stop = str(victim.project.folder / "state" / "c" / "STOP")
    done = {"say": "done", "cost": 0.1}
    victim.script(
        {"links": {"reviewer": [[{"write": stop, "text": "enough"}, done], [done]]}, "default": [done]}
    )
    assert victim.project.run("chain", "start", "c").returncode == 3
    assert victim.count("DONE") == 2
    return victim


def journal_of(victim: Victim) -> Path:
    return victim.project.folder / "journal.db"


def refused(victim: Victim, *says: str) -> str:
    """Every command that needs the journal says so, with these words, and starts and changes nothing."""
    before = journal_of(victim).read_bytes() if journal_of(victim).exists() else None
    text = ""
    for words in (["chain", "start", "c"], *READERS):
        done = victim.project.run(*words)
        text = done.stderr + done.stdout
        assert done.returncode != 0, (words, text)
        assert "Traceback" not in text
        for word in says:
            assert word in text, (words, text)
    assert victim.count("START") == 2, "nothing was begun anew"
    after = journal_of(victim).read_bytes() if journal_of(victim).exists() else None
    assert after == before
    return text


def goes_on(victim: Victim) -> None:
    """The next start plays what was left of the run, and nothing twice."""
    done = victim.project.run("chain", "start", "c")
    assert done.returncode == 0, done.stderr
    assert victim.count("START") == victim.count("DONE") == 4
    assert victim.project.json("chain", "status", "c")["rounds_done"] == 2


def test_s8_a_flipped_page_is_refused_and_the_named_command_brings_the_copy_back(stopped: Victim) -> None:
    with SqliteJournal.open(journal_of(stopped)) as journal:
        journal.back_up()
    data = bytearray(journal_of(stopped).read_bytes())
    for page in range(1, len(data) // 4096):
        data[page * 4096 : (page + 1) * 4096] = bytes(
            255 - byte for byte in data[page * 4096 : (page + 1) * 4096]
        )
    journal_of(stopped).write_bytes(data)
    said = refused(stopped, "damaged", "cp ", "journal.db.bak")
    command = next(part for part in said.split("`") if part.startswith("cp "))
    for left in journal_of(stopped).parent.glob("journal.db"):
        left.rename(left.with_name("away"))
    for left in journal_of(stopped).parent.glob("journal.db-*"):
        left.rename(left.with_name(f"away{left.name[10:]}"))
    subprocess.run(shlex.split(command), check=True)
    goes_on(stopped)


def test_s8_a_deleted_journal_is_no_beginning_from_nothing(stopped: Victim) -> None:
    with SqliteJournal.open(journal_of(stopped)) as journal:
        copy = journal.back_up()
    journal_of(stopped).unlink()
    refused(stopped, "has lost what was last recorded", "the file itself is gone", "journal.db.bak")
    shutil.copy(copy, journal_of(stopped))
    goes_on(stopped)


def test_s8_a_deleted_write_ahead_log_is_noticed(tmp_path: Path) -> None:
    victim = Victim(tmp_path, 2)
    done = {"say": "done", "cost": 0.1}
    victim.script({"links": {"worker": [[done], [{"sleep": 60}]]}, "default": [done]})
    runner = victim.begin()
    end = time.monotonic() + 20
    while not (victim.ledger_file.exists() and victim.count("START") == 3) and time.monotonic() < end:
        time.sleep(0.02)
    os.kill(runner.pid, signal.SIGKILL)
    runner.communicate()
    for pid in victim.keepers():
        os.kill(pid, signal.SIGKILL)
    log = journal_of(victim).with_name("journal.db-wal")
    assert log.stat().st_size
    log.rename(tmp_path / "wal")
    for words in (["chain", "start", "c"], ["chain", "status", "c"]):
        said = victim.project.run(*words)
        assert said.returncode != 0
        assert "put `journal.db` and `journal.db-wal` back as they were" in said.stderr
    assert victim.count("START") == 3
    for left in journal_of(victim).parent.glob("journal.db-shm"):
        left.unlink()
    (tmp_path / "wal").rename(log)
    victim.script({"default": [done]})
    assert victim.project.run("chain", "start", "c").returncode == 0
    assert victim.count("START") == 5, "the call that was cut came again, and no other"


def test_s8_a_journal_of_a_newer_program_is_refused_with_the_way_back(stopped: Victim) -> None:
    with SqliteJournal.open(journal_of(stopped)) as journal:
        copy = journal.back_up()
    copy.rename(journal_of(stopped).with_name(f"journal.db.format-{FORMAT}.bak"))
    with contextlib.closing(sqlite3.connect(journal_of(stopped))) as raw:
        raw.execute(f"PRAGMA user_version = {FORMAT + 1}")
    refused(stopped, "newer llmauto", "update llmauto", f"journal.db.format-{FORMAT}.bak")


@pytest.mark.parametrize("frozen", JOURNALS, ids=lambda folder: folder.name)
def test_u1_a_journal_of_each_released_format_is_opened_and_its_run_finished(
    tmp_path: Path, frozen: Path
) -> None:
    project = Project(tmp_path / "repo")
    project.env |= {"LEDGER": str(tmp_path / "ledger"), "NAP": "0", "LLMAUTO_HOME": str(project.folder)}
    shutil.copy(frozen / "journal.db", project.folder / "journal.db")
    shutil.copy(frozen / "alpha.json", project.folder / "chains" / "alpha.json")
    before = project.json("chain", "status", "alpha")
    assert (before["rounds_done"], before["calls"], before["runner_died"]) == (0, 2, True)
    assert project.json("chain", "status", "beta")["stop_reason"] == "max_rounds"
    assert "make it work" in project.run("chain", "handoff", "alpha").stdout
    done = project.run("chain", "start", "alpha")
    assert done.returncode == 0, done.stderr
    played = (tmp_path / "ledger").read_text(encoding="utf-8").split()
    assert played == ["reviewer", "worker", "reviewer"], "the worker of round 1 was not paid again"
    after = project.json("chain", "status", "alpha")
    assert (after["run"], after["rounds_done"], after["stop_reason"]) == (before["run"], 2, "max_rounds")
    assert "make it work" in project.state("alpha", "handoff.md")


def test_every_format_has_a_frozen_journal() -> None:
    assert [folder.name for folder in JOURNALS] == [f"format-{n}" for n in range(1, FORMAT + 1)]


MIGRATE = """
import sys
from pathlib import Path
from llmauto.journal import migrations, opening
from llmauto.journal.sqlite import SqliteJournal
steps = ["ALTER TABLE runs ADD COLUMN colour TEXT", "CREATE TABLE extra (x)"]
steps += ["INSERT INTO extra SELECT data FROM events"] * 40 + ["CREATE INDEX more ON extra (x)"]
migrations.MIGRATIONS = (*migrations.MIGRATIONS, tuple(steps))
migrations.FORMAT = opening.FORMAT = migrations.FORMAT + 1
print("go", flush=True)
SqliteJournal.open(Path(sys.argv[1])).close()
print("done", flush=True)
"""


def test_u2_a_kill_in_the_middle_of_a_migration_damages_nothing(
    tmp_path: Path, record_property: Record
) -> None:
    dice, kills, cut = random.Random(21), pick(100, 20), 0
    for number in range(kills):
        path = tmp_path / str(number) / "journal.db"
        path.parent.mkdir()
        shutil.copy(JOURNALS[-1] / "journal.db", path)
        with contextlib.closing(sqlite3.connect(path)) as raw:
            whole = raw.execute("SELECT run, seq, data FROM events ORDER BY run, seq").fetchall()
        child = subprocess.Popen(
            [sys.executable, "-c", MIGRATE, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(dice.uniform(0.0, 0.06))
        child.kill()
        said, _ = child.communicate()
        cut += "done" not in said
        with contextlib.closing(sqlite3.connect(path)) as raw:
            assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert raw.execute("SELECT run, seq, data FROM events ORDER BY run, seq").fetchall() == whole
            found = raw.execute("PRAGMA user_version").fetchone()[0]
            extra = raw.execute(
                "SELECT count(*) FROM sqlite_master WHERE name IN ('extra', 'more')"
            ).fetchone()
            assert extra == ((2,) if found > FORMAT else (0,)), "all of it, or nothing"
        if found > FORMAT:
            assert path.with_name(f"journal.db.format-{FORMAT}.bak").exists()
        again = subprocess.run(
            [sys.executable, "-c", MIGRATE, str(path)], cwd=ROOT, capture_output=True, text=True, check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert again.returncode == 0, again.stderr
    assert cut, "no kill came in time"
    record_property("kills, of them before the end, damaged", f"{kills}, {cut}, 0")


def test_u2_llmauto_is_updated_while_a_call_is_under_way(tmp_path: Path) -> None:
    """The old program's runner dies; another copy of the program takes the call over."""
    victim = Victim(tmp_path, 1)
    victim.script({"default": [{"assistant": "begun"}, {"sleep": 1.0}, {"say": "done", "cost": 0.1}]})
    runner = victim.begin()
    end = time.monotonic() + 20
    while not (victim.ledger_file.exists() and victim.count("START") == 1) and time.monotonic() < end:
        time.sleep(0.02)
    os.kill(runner.pid, signal.SIGKILL)
    runner.communicate()
    other = tmp_path / "updated"
    for folder in ("llmauto", "chains", "prompts", "templates"):
        shutil.copytree(ROOT / folder, other / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "config.json", other / "config.json")
    victim.project.env["PYTHONPATH"] = str(other)
    assert victim.project.run("chain", "start", "c").returncode == 0
    assert victim.count("START") == victim.count("DONE") == 2


def test_s8_a_disk_that_allows_no_write_ahead_log_is_told_and_the_run_is_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_wal(connection: sqlite3.Connection, path: Path, notes: list[str]) -> None:
        connection.execute("PRAGMA journal_mode = TRUNCATE")
        notes.append("the journal is kept in TRUNCATE mode")

    monkeypatch.setattr(opening, "_use_wal", no_wal)
    night = Night(tmp_path, monkeypatch)
    night.chain(max_rounds=2, breakers={"no_progress": 0})
    assert night.start() == 0
    assert len(night.calls) == 2
    assert "the journal is kept in TRUNCATE mode" in capsys.readouterr().err
