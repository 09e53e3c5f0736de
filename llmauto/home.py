"""Where do chains, prompts and what runs write live, and where do agents work?

The home is found anew by each command, by the first rule that applies: an option, the environment,
walking up from the current folder, the source checkout, the user's data folder. Finding it creates
nothing.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from llmauto.errors import UsageError
from llmauto.files import expanded
from llmauto.rules.names import NAME_HINT, check_alone, check_name, did_you_mean, problem_with
from llmauto.rules.text import quoted

PRIVATE_FOLDER = ".llmauto"
HOME_VARIABLE = "LLMAUTO_HOME"

# A text that has this is a chain, also one that is broken: a mistake in a file must not move the home.
_LINKS_KEY = re.compile(rb'"links"\s*:')
_LARGEST_LOOK = 1 << 20
"""Bytes of a file that are looked at to see whether it is a chain."""


class HowFound(str, Enum):
    """By which rule the home was found."""

    OPTION = "option"
    ENVIRONMENT = "environment"
    WALKED_UP = "walked_up"
    CHECKOUT = "checkout"
    USER = "user"


class ChainFile(NamedTuple):
    """A chain that can be named. `shipped` where it came with the program, not from the home."""

    name: str
    path: Path
    shipped: bool = False


class Home(NamedTuple):
    """Where chains, prompts and state live. All paths are absolute.

    `workdir_base` is the folder that agents work in where neither link nor chain say otherwise.
    `private`: the folder is llmauto's alone (`.llmauto/`, the user's data folder), not a project's.
    `shipped` holds `chains/`, `prompts/`, `templates/` of the program itself.
    """

    path: Path
    how_found: HowFound
    workdir_base: Path
    private: bool
    shipped: Path

    @property
    def config(self) -> Path:
        """The settings of this home; need not exist."""
        return self.path / "config.json"

    @property
    def chains(self) -> Path:
        """Chain files of the user."""
        return self.path / "chains"

    @property
    def prompts(self) -> Path:
        """Prompts of the user."""
        return self.path / "prompts"

    @property
    def templates(self) -> Path:
        """Patterns of chains to copy."""
        return self.path / "templates"

    @property
    def state(self) -> Path:
        """What agents and people see of each chain's run."""
        return self.path / "state"

    @property
    def logs(self) -> Path:
        """Logs for people."""
        return self.path / "logs"

    @property
    def calls(self) -> Path:
        """The folder of each call."""
        return self.path / "calls"

    @property
    def locks(self) -> Path:
        """Locks of chains; files in it are never deleted."""
        return self.calls / ".locks"

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return self.path / "journal.db"

    def list_chains(self) -> tuple[ChainFile, ...]:
        """Every chain that can be named, the home's before the shipped ones, each name once."""
        folders = [(self.chains, False), (self.chains / "_private", False), (self.shipped / "chains", True)]
        found: dict[str, ChainFile] = {}
        for folder, shipped in folders:
            for path in _json_files(folder):
                name = name_of(path)
                if problem_with(name) is None:
                    found.setdefault(name, ChainFile(name=name, path=path, shipped=shipped))
        return tuple(sorted(found.values(), key=lambda chain: (chain.shipped, chain.name)))

    def find_chain(self, name_or_path: str) -> Path:
        """The file of the chain that a person named, or whose path they gave.

        Raises:
            UsageError: there is none, it may not be called so, or another one is called almost so.
        """
        known = {chain.name: chain.path for chain in self.list_chains()}
        if is_path(name_or_path):
            return _existing_file(name_or_path, known)
        check_name(name_or_path)
        if name_or_path in known:
            return known[check_alone(name_or_path, known)]
        near = did_you_mean(name_or_path, known)
        hint = near or f"`llmauto chain list` shows all; this home is {self.path}"
        raise UsageError(f"there is no chain {quoted(name_or_path)}", hint=hint)

    def workdir(self, chain: str | None = None, link: str | None = None) -> Path:
        """The folder that a link's agent works in: its own, else the chain's, else the home's."""
        own = link or chain
        return self.workdir_base / own if own else self.workdir_base


def is_path(argument: str) -> bool:
    """True where a person gave a chain file's path rather than its name."""
    return "/" in argument or "\\" in argument or argument.endswith(".json")


def name_of(path: Path) -> str:
    """The chain's name, which is its file's without `.json`."""
    return path.name.removesuffix(".json")


def shown(path: Path) -> str:
    """The path as messages give it: from the current folder where it lies in that, else whole."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (OSError, ValueError):
        return str(path)


def find_home(cwd: Path, environ: Mapping[str, str], option: Path | None = None) -> Home:
    """The home by the first rule that applies; `option` is what a person gave as `--home`.

    Raises:
        UsageError: the option or the environment names something that is no folder.
    """
    if option is not None:
        return _named_home(str(option), HowFound.OPTION, cwd, "--home")
    if environ.get(HOME_VARIABLE):
        return _named_home(environ[HOME_VARIABLE], HowFound.ENVIRONMENT, cwd, f"`{HOME_VARIABLE}`")
    walked = walk_up(cwd)
    if walked is not None:
        return walked
    checkout = checkout_root()
    if checkout is not None:
        return _home(checkout, HowFound.CHECKOUT, cwd, private=False)
    return _home(user_data_folder(environ), HowFound.USER, cwd, private=True)


def walk_up(cwd: Path) -> Home | None:
    """The nearest home that is in this folder or above it; None where there is none."""
    here = cwd.resolve()
    for folder in (here, *here.parents):
        if folder.name == PRIVATE_FOLDER:
            return _home(folder, HowFound.WALKED_UP, folder.parent, private=True)
        if _is(folder / PRIVATE_FOLDER, Path.is_dir) and not _planted(folder / PRIVATE_FOLDER):
            return _home(folder / PRIVATE_FOLDER, HowFound.WALKED_UP, folder, private=True)
        chains = folder / "chains"
        if any(_looks_like_chain(path) for path in _json_files(chains)) and not _planted(chains):
            return _home(folder, HowFound.WALKED_UP, folder, private=False)
    return None


def checkout_root() -> Path | None:
    """The root of the source checkout that the program runs from; None where it is installed."""
    root = Path(__file__).resolve().parent.parent
    return root if (root / "chains").is_dir() and (root / "pyproject.toml").is_file() else None


def shipped_root() -> Path:
    """The folder with the `chains/`, `prompts/` and `templates/` that came with the program."""
    return checkout_root() or Path(__file__).resolve().parent / "shipped"


def user_data_folder(
    environ: Mapping[str, str], *, platform: str = sys.platform, user_home: Path | None = None
) -> Path:
    """The folder for a user's own data, by the custom of the platform."""
    user_home = Path.home() if user_home is None else user_home
    if platform == "win32":
        base = environ.get("LOCALAPPDATA") or str(user_home / "AppData" / "Local")
        return Path(base) / "llmauto"
    if platform == "darwin":
        return user_home / "Library" / "Application Support" / "llmauto"
    base = environ.get("XDG_DATA_HOME", "")
    # The XDG specification has relative paths ignored.
    return (Path(base) if Path(base).is_absolute() else user_home / ".local" / "share") / "llmauto"


def unfit(path: Path) -> str | None:
    """Why no folder can be named so; None where one is there, or is just not there."""
    try:
        return None if stat.S_ISDIR(path.stat().st_mode) else "is not a folder"
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
    except (OSError, ValueError) as error:
        return f"cannot be a folder: {(getattr(error, 'strerror', None) or str(error)).lower()}"


def _home(path: Path, how: HowFound, workdir_base: Path, *, private: bool) -> Home:
    return Home(
        path=path.resolve(), how_found=how, workdir_base=workdir_base.resolve(), private=private,
        shipped=shipped_root(),
    )  # fmt: skip


def _named_home(given: str, how: HowFound, cwd: Path, what: str) -> Home:
    path = cwd / expanded(given)
    if (problem := unfit(path)) is not None:
        message = f"{what}: {quoted(given, 200)} {problem}"
        raise UsageError(message, hint="name a folder; it need not exist yet")
    return _home(path, how, cwd, private=path.name == PRIVATE_FOLDER)


def _is(path: Path, test: Callable[[Path], bool]) -> bool:
    """The answer to `test`, False where it cannot be had: no permission, too long a name, a NUL."""
    try:
        return test(path)
    except (OSError, ValueError):
        return False


def _planted(folder: Path) -> bool:
    """Whether another user put `folder` where everybody may write, as in `/tmp`, for us to find it.

    A chain may start any program: what is found by walking up must be the user's own, or their host's.
    """
    if sys.platform == "win32":
        return False
    try:
        open_to_all = folder.parent.stat().st_mode & stat.S_IWOTH
        owner = folder.stat().st_uid
    except OSError:
        return True
    return bool(open_to_all) and owner not in (os.geteuid(), 0)


def _json_files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".json" and path.is_file())
    except (OSError, ValueError):
        return []


def _looks_like_chain(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _LINKS_KEY.search(file.read(_LARGEST_LOOK)) is not None
    except OSError:
        return False


def _existing_file(given: str, known: Mapping[str, Path]) -> Path:
    path = expanded(given)
    if not _is(path, Path.is_file):
        near = did_you_mean(path.name, [file.name for file in _json_files(path.parent)])
        if name_of(path) in known:
            near = f"the chain is called `{name_of(path)}`, without a path and without `.json`"
        found = ", it is a folder" if _is(path, Path.is_dir) else ""
        raise UsageError(f"there is no chain file {quoted(given, 200)}{found}", hint=near)
    if (problem := problem_with(name_of(path))) is not None:
        raise UsageError(f"chain file {quoted(given, 200)}: its name {problem}", hint=NAME_HINT)
    check_alone(name_of(path), known)
    return path.parent.resolve() / path.name  # a link to a chain is a chain under the link's name
