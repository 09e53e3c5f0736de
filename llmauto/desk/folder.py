"""The `Desk` on disk: `<home>/state/<chain>/`, and `<workdir>/state/<chain>/` where that is another folder.

The journal is the truth; these files are a view of it that old prompts, scripts and people read, and a
way to speak back. What is written where:

    status.txt         the status, one word; others may write ALL_DONE, STOPPED or BLOCKED
    round_counter.txt  rounds finished; ours alone
    start_time.txt     when the run began, ISO local time with offset; ours alone
    handoff.md         the handoff; whoever changes it writes the next one
    handoff_LINK.md    a link's last one; ours
    STOP               others write it; it is taken away when it is taken in

All other files belong to the agents. In the second folder nothing is made: a STOP or a status.txt that
is found there is taken in and removed; a handoff.md is taken in and from then on kept equal to the first
one, so that an agent which reads and writes it by its relative path sees the same as all others.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from llmauto import files
from llmauto.desk import reading
from llmauto.desk.second import SecondFolder
from llmauto.desk.stops import StopFile
from llmauto.desk.times import read_time, write_time
from llmauto.desk.watched import WatchedFile, clear
from llmauto.desk.whole import WHOLE_NAME, keep_whole
from llmauto.errors import DiskError
from llmauto.ports import Inbox, Mirror

if TYPE_CHECKING:
    from llmauto.rules.redaction import Redactor

OURS = ("status.txt", "round_counter.txt", "start_time.txt", "handoff.md", "STOP")
"""What `reset_folder` removes, besides the links' handoffs."""


class StateDesk:
    """A chain's state folder in the home `home`, seen from a run in `workdir` (None: there is no other).

    What others wrote is taken in without the secrets that `redactor` knows, and written back so.
    """

    def __init__(
        self, home: Path, chain: str, workdir: Path | None = None, redactor: Redactor | None = None
    ) -> None:
        self._redactor = redactor
        self.folder = home / "state" / chain
        self._home = home
        self._status = WatchedFile(self.folder / "status.txt", reading.SMALL_CAP)
        self._counter = WatchedFile(self.folder / "round_counter.txt", reading.SMALL_CAP)
        self._start = WatchedFile(self.folder / "start_time.txt", reading.SMALL_CAP)
        self._handoff = WatchedFile(self.folder / "handoff.md", reading.HANDOFF_CAP)
        self._stop = StopFile(self.folder / "STOP")
        second = workdir / "state" / chain if workdir is not None else None
        self._second = None if second is None or _same(second, self.folder) else SecondFolder(second)
        self._word = ""
        self._started_at = 0.0
        self._aside = False
        self._swept = False

    # --- what the engine says ---------------------------------------------------------------------

    def expect(self, mirror: Mirror) -> None:
        """Say what should be there, without writing it."""
        self._word, self._started_at = mirror.status, mirror.started_at
        self._status.expect(_line(mirror.status))
        self._counter.expect(_line(mirror.rounds_done))
        self._start.expect(_line(write_time(mirror.started_at)) if mirror.started_at else None)
        raw = None if mirror.handoff is None else _raw(mirror.handoff)
        self._handoff.expect(raw)
        if self._second:
            self._second.expect(raw)

    def publish(self, mirror: Mirror) -> None:
        """Write what differs, each file in one step; the status last. Raises `DiskError`."""
        self._word, self._started_at = mirror.status, mirror.started_at
        self._have_folder()
        if mirror.handoff is not None:
            raw = _raw(mirror.handoff)
            _make_private(self._handoff.path)
            self._handoff.publish(raw)
            if self._second:
                self._second.publish(raw)
        elif self._aside and self._is_spoilt():
            self._handoff.set_aside()
        self._aside = False
        if self._second:
            self._second.settle()
        if mirror.started_at:
            self._start.publish(_line(write_time(mirror.started_at)))
        self._counter.publish(_line(mirror.rounds_done))
        self._status.publish(_line(mirror.status))

    def keep_link_handoff(self, link: str, text: str) -> None:
        """Write `handoff_<link>.md`, at most as much of it as is ever passed on. Raises `DiskError`."""
        self._have_folder()
        path, text = self.folder / f"handoff_{link}.md", self._clean(text)
        if files.look(path, 0).kind == "folder":
            clear(path)
        raw = _raw(text)
        files.write_atomic(path, raw if len(raw) <= reading.HANDOFF_CAP else _raw(reading.cut_text(raw)))

    def _is_spoilt(self) -> bool:
        found = files.look(self._handoff.path, reading.HANDOFF_CAP)
        return found.kind != "missing" and bool(reading.read_handoff(found).problem)

    def _have_folder(self) -> None:
        if not self._swept or not all(_is_folder(folder) for folder in (self.folder.parent, self.folder)):
            files.make_private_dir(self.folder, root=self._home)
            files.sweep_temp(self.folder, time.time())
            self._swept = True

    # --- what others say --------------------------------------------------------------------------

    def collect(self) -> Inbox:
        """Take in what was written since the last `publish` or `collect`; a STOP file is taken away."""
        tampered = [watched.path.name for watched in (self._counter, self._start) if self._spoilt(watched)]
        word, spoilt = self._status_word()
        if spoilt:
            tampered.append("status.txt")
        again = self._handoff.written_again() or bool(self._second and self._second.written_again())
        handoff, source, oversize = self._new_handoff()
        stop, left = self._stop.take()
        if self._second:
            second_stop, second_left = self._second.stop.take()
            stop = second_stop if stop is None else stop
            left = left or second_left
            word = word or self._second.status_word()
        if left:
            tampered.append("STOP")
        return Inbox(
            handoff=handoff.text,
            handoff_again=again and handoff.text is None and not handoff.problem,
            handoff_problem=handoff.problem,
            handoff_aside=bool(handoff.problem) and self._aside,
            status_word=word,
            stop=None if stop is None else self._clean(stop),
            tampered=tuple(tampered),
            oversize=oversize,
            handoff_at=_changed_at(source) if handoff.text is not None else 0.0,
        )

    def stop_text(self) -> str | None:
        """The text of a STOP file, without taking it: one or two `lstat` calls where there is none."""
        text = self._stop.text()
        text = self._second.stop.text() if text is None and self._second else text
        return None if text is None else self._clean(text)

    def _clean(self, text: str) -> str:
        return text if self._redactor is None else self._redactor.text(text)

    def _spoilt(self, watched: WatchedFile) -> bool:
        found = watched.changed()
        if found is None:
            return False
        if watched is self._start and found.kind == "file":
            # The same moment in another zone: the machine has travelled, nobody has lied.
            return read_time(found.data.decode("utf-8", errors="replace")) != int(self._started_at)
        return watched.raw is not None

    def _status_word(self) -> tuple[str, bool]:
        found = self._status.changed()
        return ("", False) if found is None else reading.read_status(found, self._word)

    def _new_handoff(self) -> tuple[reading.Handoff, Path, str]:
        """The newest handoff that was written in either folder, its file, and where a cut one is whole."""
        best, source = self._read_handoff(self._handoff)
        if self._second and self._second.has_handoff():
            other, path = self._read_handoff(self._second.handoff)
            if other.text is not None and (best.text is None or _changed_at(path) > _changed_at(source)):
                best, source = other, path
        if not best.cut or best.text is None:
            return best, source, ""
        whole = keep_whole(source, self.folder, self._redactor)
        text = reading.with_pointer(best.text, str(whole or ""), files.look(source, 0).size)
        if _raw(text) == self._handoff.raw:
            return reading.Handoff(), source, ""  # taken in by a program that was killed right then
        return best._replace(text=text), source, str(whole or source)

    def _read_handoff(self, watched: WatchedFile) -> tuple[reading.Handoff, Path]:
        found = watched.changed()
        if found is None:
            return reading.Handoff(), watched.path
        read = reading.read_handoff(found)
        if watched.raw is None and read.problem in (reading.EMPTIED, reading.DELETED):
            return reading.Handoff(), watched.path  # there was none before, and there still is none
        self._aside = self._aside or (watched is self._handoff and watched.raw is None and bool(read.problem))
        return read._replace(text=None if read.text is None else self._clean(read.text)), watched.path


def reset_folder(folder: Path, links: Iterable[str] = ()) -> tuple[str, ...]:
    """Remove the engine's own files from a state folder, and the folder if nothing else is in it.

    `links` are the links whose `handoff_<link>.md` go too. What agents keep there (`work/`, `queue.md`)
    stays. Returns the names that were removed. Raises `DiskError`.
    """
    ours = {*OURS, *(f"handoff_{link}.md" for link in links)}
    removed = []
    if files.look(folder, 0).kind != "folder":
        return ()
    for path in sorted(folder.iterdir()):
        if path.name in ours or WHOLE_NAME.fullmatch(path.name):
            with files.disk_errors(path, "remove"):
                if path.is_dir() and not path.is_symlink():
                    clear(path)
                else:
                    path.unlink()
            removed.append(path.name)
    with contextlib.suppress(OSError):
        folder.rmdir()
    return tuple(removed)


def _raw(text: str) -> bytes:
    return text.encode("utf-8", errors="replace")


def _line(value: object) -> bytes:
    return f"{value}\n".encode()


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _make_private(path: Path) -> None:
    """An agent writes under the umask of whoever started it."""
    with contextlib.suppress(OSError, DiskError):
        mode = path.lstat().st_mode
        if sys.platform != "win32" and stat.S_ISREG(mode) and mode & 0o077:
            os.close(files.open_private(path))


def _changed_at(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0
