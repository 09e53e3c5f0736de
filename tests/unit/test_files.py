from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmauto import files
from llmauto.errors import DiskError

posix = pytest.mark.skipif(sys.platform == "win32", reason="links, modes and fifos as POSIX has them")


@pytest.fixture(params=[0o000, 0o022, 0o777])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    old = os.umask(request.param)
    yield request.param
    os.umask(old)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_written_file_holds_the_text_and_leaves_no_other(tmp_path: Path) -> None:
    files.write_atomic(tmp_path / "a", "grün\n")
    files.write_atomic(tmp_path / "a", b"\xff", sync=True)
    assert (tmp_path / "a").read_bytes() == b"\xff"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_text_that_is_no_unicode_is_written_with_marks(tmp_path: Path) -> None:
    files.write_atomic(tmp_path / "a", "x\udc80\0")
    assert (tmp_path / "a").read_bytes() == b"x?\0"


@posix
def test_files_and_folders_are_private_under_any_umask(tmp_path: Path, umask: int) -> None:
    folder = tmp_path / "home" / "state" / "a"
    files.make_private_dir(folder, root=tmp_path / "home")
    files.write_atomic(folder / "f", "x")
    with files.open_private_append(folder / "log") as log:
        log.write(b"x\n")
    assert [mode(p) for p in (folder, *folder.parents[:2])] == [0o700, 0o700, 0o700]
    assert [mode(p) for p in (folder / "f", folder / "log")] == [0o600, 0o600]


@posix
def test_a_folder_that_was_open_to_all_is_made_private(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(mode=0o777)
    (tmp_path / "a").chmod(0o777)
    files.make_private_dir(tmp_path / "a")
    assert mode(tmp_path / "a") == 0o700


@posix
def test_writing_replaces_a_link_and_leaves_its_target(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("mine", encoding="utf-8")
    (tmp_path / "a").symlink_to("outside")
    files.write_atomic(tmp_path / "a", "ours")
    assert not (tmp_path / "a").is_symlink()
    assert (tmp_path / "outside").read_text(encoding="utf-8") == "mine"


@posix
@pytest.mark.parametrize("linked", ["home/state", "home/state/chain"])
def test_a_linked_state_folder_is_refused(tmp_path: Path, linked: str) -> None:
    (tmp_path / "outside").mkdir(mode=0o755)
    (tmp_path / linked).parent.mkdir(parents=True)
    (tmp_path / linked).symlink_to(tmp_path / "outside")
    with pytest.raises(DiskError, match="symbolic link") as caught:
        files.make_private_dir(tmp_path / "home/state/chain", root=tmp_path / "home")
    assert str(tmp_path / linked) in str(caught.value)
    assert caught.value.hint is not None
    assert list((tmp_path / "outside").iterdir()) == []
    assert mode(tmp_path / "outside") == 0o755


@posix
def test_a_home_that_is_reached_through_a_link_is_fine(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "home").symlink_to("real")
    files.make_private_dir(tmp_path / "home/state/chain", root=tmp_path / "home")
    assert (tmp_path / "real/state/chain").is_dir()


def test_a_file_where_a_folder_belongs_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("", encoding="utf-8")
    with pytest.raises(DiskError, match=r"state` is not a folder"):
        files.make_private_dir(tmp_path / "state" / "a", root=tmp_path)


@posix
def test_a_linked_log_is_refused_and_its_target_stays(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("mine", encoding="utf-8")
    (tmp_path / "log").symlink_to("outside")
    with pytest.raises(DiskError, match="symbolic link"):
        files.open_private_append(tmp_path / "log")
    assert (tmp_path / "outside").read_text(encoding="utf-8") == "mine"


@posix
def test_a_log_that_is_a_fifo_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log")
    with pytest.raises(DiskError):
        files.open_private_append(tmp_path / "log")


def test_appending_goes_on_at_the_end(tmp_path: Path) -> None:
    for line in (b"a\n", b"b\n"):
        with files.open_private_append(tmp_path / "log") as log:
            log.write(line)
    assert (tmp_path / "log").read_bytes() == b"a\nb\n"


def test_looking_tells_a_file_with_its_whole_size(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    assert files.look(tmp_path / "a", 4) == files.Content("file", b"0123", 10)
    assert files.read_small(tmp_path / "a", 4) == b"0123"


@posix
def test_looking_tells_what_else_stands_there_and_never_hangs(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    (tmp_path / "dangling").symlink_to("nowhere")
    os.mkfifo(tmp_path / "fifo")
    kinds = {
        name: files.look(tmp_path / name, 9).kind for name in ("folder", "link", "dangling", "fifo", "none")
    }
    assert kinds == {
        "folder": "folder", "link": "link", "dangling": "link", "fifo": "special", "none": "missing",
    }  # fmt: skip
    assert files.look(Path("/dev/zero"), 9).kind == "special"
    assert files.look(tmp_path / "none" / "below", 9).kind == "missing"
    assert files.read_small(tmp_path / "fifo", 9) is None


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM])
def test_a_disk_error_names_the_path_and_what_to_do(tmp_path: Path, code: int) -> None:
    path = tmp_path / "status.txt"
    with pytest.raises(DiskError) as caught, files.disk_errors(path):
        raise OSError(code, os.strerror(code))
    assert str(caught.value) == f"cannot write `{path}`: {os.strerror(code).lower()}"
    assert caught.value.hint


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_leaves_the_old_file_and_no_temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.write_atomic(tmp_path / "a", "old")
    full = os.open("/dev/full", os.O_WRONLY)
    write = os.write
    monkeypatch.setattr(os, "write", lambda _fd, data: write(full, data))
    with pytest.raises(DiskError, match="no space left"):
        files.write_atomic(tmp_path / "a", "new")
    monkeypatch.undo()
    os.close(full)
    assert [(p.name, p.read_text(encoding="utf-8")) for p in tmp_path.iterdir()] == [("a", "old")]


def test_what_may_not_be_read_asks_for_no_permission_to_write(tmp_path: Path) -> None:
    with pytest.raises(DiskError) as caught, files.disk_errors(tmp_path, "read"):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    assert caught.value.hint == "give yourself permission to read it"


def test_a_missing_folder_is_a_disk_error(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match="no such file"):
        files.write_atomic(tmp_path / "gone" / "a", "x")


def test_old_temp_files_are_swept_and_nothing_else(tmp_path: Path) -> None:
    kept = [".hidden", "notes.tmp", ".a.txt.11223344.tmp"]
    for name in (*kept, ".status.txt.0a1b2c3d.tmp"):
        (tmp_path / name).write_text("x", encoding="utf-8")
        if name != kept[2]:
            os.utime(tmp_path / name, (1000, 1000))
    files.sweep_temp(tmp_path, (tmp_path / kept[2]).stat().st_mtime)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(kept)


def test_free_room_is_told_for_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    room = files.free_bytes(tmp_path / "not" / "yet")
    assert room is not None
    assert room > 0
