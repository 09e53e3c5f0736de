"""Where is a program? An absolute path from a setting or from PATH, and never a batch file.

Windows runs `.cmd` and `.bat` files through its shell, which reads arguments by rules of its own: what
a prompt's author puts into a link's fields could then start other programs.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from llmauto.errors import BackendError
from llmauto.rules.text import quoted

_BATCH = (".cmd", ".bat", ".ps1")
_INTERPRETER = re.compile(rb"#![ \t]*(/[^ \t\n\0]+)")
_FIRST_LINE = 256
"""Bytes of a script's first line that Linux reads; the others read no more."""


def find_program(
    name: str, *, paths: Mapping[str, str], env: Mapping[str, str], cwd: Path, backend: str, hint: str
) -> str:
    """The backend's program, an absolute path.

    `LLMAUTO_<BACKEND>_PATH` in `env` comes before `paths[backend]`, and both before `name` on PATH.
    Raises `BackendError`.
    """
    variable = f"LLMAUTO_{backend.upper()}_PATH"
    if env.get(variable):
        return named_program(env[variable], env=env, cwd=cwd, where=f"`{variable}`")
    if paths.get(backend):
        return named_program(paths[backend], env=env, cwd=cwd, where=f"`backends.{backend}.path`")
    found = on_path(name, env)
    if found is None:
        plain = next((path for path in _places(name, env) if _is(path, Path.is_file)), None)
        if plain is not None:
            raise BackendError(f"`{plain}` is not executable", hint=f"make it so: `chmod +x {plain}`")
        raise BackendError(f"`{name}` is not on PATH", hint=hint)
    return _startable(found)


def named_program(word: str, *, env: Mapping[str, str], cwd: Path, where: str) -> str:
    """The program that somebody named: a path (`~` and relative to `cwd` allowed), or a word on PATH."""
    if not _is_path(word):
        found = on_path(word, env)
        if found is None:
            raise BackendError(f"{where}: `{word}` is not on PATH", hint="install it, or give its whole path")
        return _startable(found)
    path = Path(os.path.abspath(cwd / _expanded(word, env)))  # noqa: PTH100 - no link is to be resolved
    if _is(path, Path.is_dir):
        raise BackendError(f"{where}: `{path}` is a folder", hint="name the program in it")
    found = shutil.which(path.name, path=str(path.parent)) if os.name == "nt" else str(path)
    if found is None or not _is(Path(found), Path.exists):
        raise BackendError(f"{where}: there is no `{path}`", hint="correct the path")
    if not os.access(found, os.X_OK):
        raise BackendError(f"{where}: `{path}` is not executable", hint=f"make it so: `chmod +x {path}`")
    return _startable(found)


def on_path(word: str, env: Mapping[str, str]) -> str | None:
    """The absolute path of `word` by the PATH in `env`; relative entries of PATH do not count."""
    folders = [str(path.parent) for path in _places(word, env)]
    return shutil.which(word, path=os.pathsep.join(folders)) if folders else None


def _places(word: str, env: Mapping[str, str]) -> list[Path]:
    path = next((value for key, value in env.items() if key.upper() == "PATH"), os.defpath)
    return [Path(entry) / word for entry in path.split(os.pathsep) if Path(entry).is_absolute()]


def _is(path: Path, kind: Callable[[Path], bool]) -> bool:
    try:
        return kind(path)
    except OSError:  # in a folder of another user, into which we may not look
        return False


def _is_path(word: str) -> bool:
    return os.sep in word or "/" in word or word.startswith("~")


def _expanded(word: str, env: Mapping[str, str]) -> str:
    """`word` with a leading `~` as the home of `env`, not of this process."""
    home = env.get("HOME") or env.get("USERPROFILE")
    if home and (word == "~" or word[:2] in ("~/", "~\\")):
        return home + word[1:]
    return word


def _startable(found: str) -> str:
    """`found`, once the system has all that it takes to start it."""
    interpreter = _interpreter(found)
    if interpreter is None or _is(Path(interpreter), Path.exists):
        return _no_batch(found)
    hint = "correct its first line, or name the interpreter before it"
    if interpreter.endswith("\r"):
        hint = "save it with the line ends of Unix, without carriage returns"
    what = f"`{found}` cannot be started: its first line names {quoted(interpreter, 200)}"
    raise BackendError(f"{what}, which is missing", hint=hint)


def _interpreter(script: str) -> str | None:
    """The absolute path behind a script's `#!`; None where there is none, or no telling."""
    if os.name == "nt":
        return None
    try:
        with Path(script).open("rb") as file:
            named = _INTERPRETER.match(file.read(_FIRST_LINE))
    except OSError:  # it may be startable all the same
        return None
    return os.fsdecode(named[1]) if named else None


def _no_batch(found: str) -> str:
    """`found`, or the real program that an npm shim of that name would start."""
    if not found.lower().endswith(_BATCH):
        return found
    real = _behind_shim(Path(found))
    if real is not None:
        return str(real)
    raise BackendError(
        f"`{found}` is a batch file, which cannot be given arguments safely",
        hint='name the program that it starts, an `.exe`; or with the backend "command", the interpreter',
    )


def _behind_shim(shim: Path) -> Path | None:
    """npm puts `NAME.cmd` beside `node_modules/…/bin/NAME.exe`."""
    modules = shim.parent / "node_modules"
    for pattern in (f"*/bin/{shim.stem}.exe", f"@*/*/bin/{shim.stem}.exe"):
        for real in modules.glob(pattern):
            return real
    return None
