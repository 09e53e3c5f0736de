"""Does the watcher count what people and agents write, and nothing that llmauto does?"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from llmauto.watcher import TreeWatcher


@pytest.fixture(params=["git", "no git"])
def workdir(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    if request.param == "git":
        subprocess.run(["git", "init", "-q", str(folder)], check=True, capture_output=True)
    return folder


def write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")


def test_what_runs_of_another_home_write_is_no_work(workdir: Path) -> None:
    watcher = TreeWatcher(workdir)
    before = watcher.snapshot()
    home = ("journal.db", "journal.db-wal", "calls/r1/stdout", "state/x/status.txt", "logs/x.log")
    for folder in ("", "package/.llmauto/", "other/"):
        write(workdir, *(folder + name for name in home))
    assert watcher.changed(before, watcher.snapshot()) == 0


def test_what_is_only_called_as_a_home_calls_its_files_is_work(workdir: Path) -> None:
    watcher = TreeWatcher(workdir)
    before = watcher.snapshot()
    write(workdir, "app/state/a.py", "app/logs/b.txt", "app/calls/c.txt", "other/journal.db")
    assert watcher.changed(before, watcher.snapshot()) == 4


def test_what_else_lies_in_a_home_is_work(workdir: Path) -> None:
    write(workdir, "other/journal.db", "other/calls/r1/stdout")
    watcher = TreeWatcher(workdir)
    before = watcher.snapshot()
    write(workdir, "other/chains/x.json", "other/prompts/y.txt", "other/notes/state/z.md")
    assert watcher.changed(before, watcher.snapshot()) == 3
