"""How does a checkout get its tools, and how is one of them run? A virtual environment, a bounded child."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "llmauto-dev.stamp"
SETUP_S = 900.0
INTERRUPT_GRACE_S = 15.0
TAIL_BYTES = 256 * 1024


class SetupError(Exception):
    """The tools cannot be installed; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a child ended. `code` is None where its time limit ended it; `output` is its tail, both streams."""

    code: int | None
    output: str
    seconds: float


def say(text: str) -> None:
    """Write a line, at once: children write to the same stream."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without what another Python, a virtual environment or a running chain left in it."""
    dropped = ("PYTHON", "LLMAUTO_", "VIRTUAL_ENV", "PYTEST_", "MYPYPATH")
    env = {key: value for key, value in environ.items() if not key.upper().startswith(dropped)}
    return env | {"PIP_USER": "0", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def run(argv: tuple[str, ...], seconds: float) -> Ended:
    """Run a program in the checkout, show its output as it comes, end it after `seconds`."""
    started = time.monotonic()
    process = subprocess.Popen(
        argv,
        cwd=ROOT,
        env=clean_environment(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    tail = bytearray()
    # A thread, and a wait for the process rather than for its output: what a failing test leaves
    # running may hold the pipe open long after.
    reader = threading.Thread(target=_show, args=(process, tail), daemon=True)
    reader.start()
    code: int | None
    try:
        code = process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        _end(process)
        code = None
    except KeyboardInterrupt:
        _end(process)
        raise
    reader.join(timeout=1.0)
    return Ended(code=code, output=bytes(tail).decode("utf-8", "replace"), seconds=time.monotonic() - started)


def _show(process: subprocess.Popen[bytes], tail: bytearray) -> None:
    assert process.stdout is not None
    with process.stdout as pipe:
        while data := os.read(pipe.fileno(), 65536):
            tail += data
            del tail[:-TAIL_BYTES]
            with contextlib.suppress(OSError):  # nobody reads our output any more
                os.write(1, data)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ctrl-C first, so that pytest still says what failed; then the end of its whole group."""
    with contextlib.suppress(OSError):
        process.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=INTERRUPT_GRACE_S)
    with contextlib.suppress(OSError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def prepare() -> None:
    """Make `.venv/` and install the `dev` group into it, unless that was done for this `pyproject.toml`.

    Raises:
        SetupError: there is no way to a working set of tools.
    """
    wanted = fingerprint((ROOT / "pyproject.toml").read_bytes())
    known = STAMP.read_text(encoding="utf-8") if STAMP.is_file() else ""
    usable = _works("import sys; sys.exit(sys.version_info < (3, 10))")
    if usable and known == wanted:
        return
    moved_or_other_python = known.splitlines()[:2] != wanted.splitlines()[:2]
    if not usable or (known and moved_or_other_python):
        _make_venv()
    say(f"== set-up: the tools of the `dev` group go into {VENV.name}/")
    _python("-m", "pip", "install", "--quiet", "--upgrade", "pip")  # `--group` needs pip 25.1
    ended = _python("-m", "pip", "install", "--quiet", "--group", "dev")
    if ended.code == 0:
        STAMP.write_text(wanted, encoding="utf-8")
    elif _works("import hypothesis, jsonschema, mypy, pytest, ruff"):
        say("warning: the tools could not be updated; going on with those of last time")
    else:
        raise SetupError(
            "the tools could not be installed (see above)\n"
            "hint: they are those of `[dependency-groups] dev` in pyproject.toml; "
            f"delete {VENV.name}/ to begin anew"
        )


def fingerprint(pyproject: bytes) -> str:
    """What the tools depend on, one a line: where the checkout is, which Python, what is asked for."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return f"{ROOT}\n{version}\n{hashlib.sha256(pyproject).hexdigest()}\n"


def _make_venv() -> None:
    if importlib.util.find_spec("ensurepip") is None:
        raise SetupError(
            f"{sys.executable} cannot make a virtual environment: its module `ensurepip` is missing\n"
            "hint: on Debian and Ubuntu `apt install python3-venv` mends it; "
            "or use another Python, as in `python3.12 -m tests`"
        )
    say(f"== set-up: a virtual environment in {VENV.name}/")
    if run((sys.executable, "-m", "venv", "--clear", str(VENV)), SETUP_S).code != 0:
        raise SetupError(
            f"{sys.executable} could not make a virtual environment (see above)\n"
            "hint: on Debian and Ubuntu `apt install python3-venv` mends it"
        )


def _python(*args: str) -> Ended:
    return run((str(PYTHON), *args), SETUP_S)


def _works(code: str) -> bool:
    """True if the virtual environment's Python is there and can run this."""
    return PYTHON.exists() and run((str(PYTHON), "-c", code), 60.0).code == 0
