"""How does a command write files that a person will own? Whole, never over one that is there, or not at all.

They get the person's own umask, unlike what the engine writes for itself.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import TracebackType

from llmauto import files
from llmauto.errors import UsageError
from llmauto.home import Home, shown


class NewFiles:
    """New files of one command: all of them stay, or, where the block is left by an exception, none."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._written: list[Path] = []

    def __enter__(self) -> NewFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            for path in reversed(self._written):
                with contextlib.suppress(OSError):
                    path.unlink()

    def write(self, path: Path, text: str, way_out: str) -> None:
        """Write a file of the home. `way_out` is the hint where there is one already.

        Raises `UsageError` where there is, or where the folder leads out of the home; `DiskError`.
        """
        make_folder(self._home, path.parent)
        write_new(path, text, way_out)
        self._written.append(path)


def make_folder(home: Home, folder: Path) -> None:
    """Make a folder of the home where it is missing.

    Raises `UsageError` where it leads out of the home; `DiskError`.
    """
    if home.private and not home.path.exists():
        files.make_private_dir(home.path)
    with files.disk_errors(folder, "make the folder"):
        folder.mkdir(parents=True, exist_ok=True)
        inside = folder.resolve().is_relative_to(home.path.resolve())
    if not inside:
        raise UsageError(
            f"`{shown(folder)}` is a link that leads out of the home, to `{folder.resolve()}`",
            hint="nothing is written outside of the home: use the other folder's home, with `--home DIR`",
        )


def write_new(path: Path, text: str, way_out: str) -> None:
    """Write the file in one step. Raises `UsageError` where one is there; `DiskError`."""
    temp = path.with_name(f".{path.name}.{files.temp_mark()}.tmp")
    with files.disk_errors(path):
        try:
            with temp.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
            _name(temp, path)
        except FileExistsError:
            raise UsageError(f"`{shown(path)}` exists already", hint=way_out) from None
        finally:
            with contextlib.suppress(OSError):
                temp.unlink()


def _name(temp: Path, path: Path) -> None:
    """Give the file its name, which no other may have: a rename would take it away from that one."""
    try:
        path.hardlink_to(temp)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):  # a disk without hard links
        if path.exists() or path.is_symlink():
            raise FileExistsError(str(path)) from None
        temp.rename(path)
