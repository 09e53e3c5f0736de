"""What a scripted agent can do: each step is a JSON object whose first key names it.

    {"print": "text"}  {"err": "text"}  {"raw": "text without an end"}   say something
    {"say": "text"}                     the answer: as `print`; as a result where it acts as claude
    {"garbage": 4096}                   bytes that are no text
    {"flood": 1000000, "to": "stderr"}  many bytes
    {"sleep": 2.5}                      wait, with no processor time
    {"burn": 2.5}                       use a core; {"burn_child": 2.5} lets a child do that, and waits
    {"read": true}                      standard input to its end; its size and SHA-256 go to the ledger
    {"write": "path", "text": "…"}      write a file; {"append": …}, {"remove": …}; $NAMES are replaced
    {"touch": "path", "for": 3}         change a file five times a second
    {"wait_for": "path"}                until that file is there
    {"spawn": "abc", "for": 60}         leave descendants of these kinds, as `KINDS` says
    {"children": 1000}                  leave that many sleeping children
    {"ignore": ["TERM", "INT"]}         be deaf to signals
    {"signal": "SEGV"}                  get a signal from oneself
    {"allocate": 1000000000}            take so much memory and touch it
    {"note": ["env", "fds", "ids"]}     record in the ledger what one is given
    {"exit": 3}                         end here

Every descendant holds a shared lock on the file `alive-KIND` in the folder that FAKE_ALIVE names, for as
long as it lives: so a test knows for certain whether one is left, whatever its pid is by now.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

KINDS = {
    "a": "same process group",
    "b": "own session, holds stdout",
    "c": "own session, files closed",
    "d": "double-forked daemon",
    "e": "deaf to TERM, INT and HUP",
    "f": "daemon with an empty environment",
    "g": "forks itself into new sessions without end",
}
Step = dict[str, Any]


class Stage:
    """Where a script is played: the way to the ledger, and the exit code so far."""

    def __init__(self, note: Callable[..., None]) -> None:
        self.note = note
        self.code = 0
        self.kept: list[bytearray] = []


def play(steps: list[Step], stage: Stage, special: Callable[[Step], int | None] | None = None) -> int:
    """Play the steps; the exit code. `special` may take a step over by returning a code."""
    for step in steps:
        taken = special(step) if special else None
        if taken is not None:
            stage.code = taken
        elif "exit" in step:
            return int(step["exit"])
        else:
            name = next(iter(step))
            STEPS[name](stage, step)
        sys.stdout.flush()
    return stage.code


def _out(text: bytes, to: str = "stdout") -> None:
    stream = sys.stderr.buffer if to == "stderr" else sys.stdout.buffer
    stream.write(text)
    stream.flush()


def _flood(_: Stage, step: Step) -> None:
    block = (b"x" * 1023 + b"\n") * 64
    left = int(step["flood"])
    while left > 0:
        _out(block[:left], str(step.get("to", "stdout")))
        left -= len(block)


def _garbage(_: Stage, step: Step) -> None:
    seed = b"garbage"
    for _count in range(max(1, int(step["garbage"]) // 32)):
        seed = hashlib.sha256(seed).digest()
        _out(seed)


def _sleep(_: Stage, step: Step) -> None:
    time.sleep(float(step["sleep"]))  # noqa: TID251 (it plays a program that waits)


def _burn(_: Stage, step: Step) -> None:
    until = time.monotonic() + float(step["burn"])
    while time.monotonic() < until:
        pass


def _burn_child(stage: Stage, step: Step) -> None:
    pid = os.fork()
    if pid == 0:
        _burn(stage, {"burn": step["burn_child"]})
        os._exit(0)
    os.waitpid(pid, 0)


def _read(stage: Stage, _: Step) -> None:
    data = sys.stdin.buffer.read()
    stage.note("READ", bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def _place(name: object) -> Path:
    return Path(os.path.expandvars(str(name)))


def _write(_: Stage, step: Step) -> None:
    path = _place(step["write"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(os.path.expandvars(str(step.get("text", ""))), encoding="utf-8")


def _append(_: Stage, step: Step) -> None:
    with _place(step["append"]).open("a", encoding="utf-8") as file:
        file.write(os.path.expandvars(str(step.get("text", ""))))


def _remove(_: Stage, step: Step) -> None:
    place = _place(step["remove"])
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


def _touch(_: Stage, step: Step) -> None:
    until = time.monotonic() + float(step.get("for", 1))
    while time.monotonic() < until:
        _place(step["touch"]).write_text(str(time.time()), encoding="utf-8")
        _sleep(_, {"sleep": 0.2})


def _wait_for(_: Stage, step: Step) -> None:
    while not _place(step["wait_for"]).exists():
        _sleep(_, {"sleep": 0.02})


def _ignore(_: Stage, step: Step) -> None:
    for name in step["ignore"]:
        signal.signal(signal.Signals["SIG" + str(name)], signal.SIG_IGN)


def _signal(_: Stage, step: Step) -> None:
    number = signal.Signals["SIG" + str(step["signal"])]
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _allocate(stage: Stage, step: Step) -> None:
    left, block = int(step["allocate"]), 1 << 24
    while left > 0:
        stage.kept.append(bytearray(b"x" * min(left, block)))
        left -= block


def _note(stage: Stage, step: Step) -> None:
    facts: dict[str, Callable[[], object]] = {
        "env": lambda: dict(os.environ),
        "fds": lambda: _open_files(),
        "ids": lambda: {"pid": os.getpid(), "ppid": os.getppid(), "pgid": os.getpgid(0), "sid": os.getsid(0)},
        "umask": _umask,
        "parent": lambda: _readable(f"/proc/{os.getppid()}/environ"),
    }
    stage.note("NOTE", **{name: facts[name]() for name in step["note"]})


def _open_files() -> list[int]:
    seen = [int(path.name) for path in Path("/proc/self/fd").iterdir()]
    return sorted(fd for fd in seen if _is_open(fd))


def _umask() -> int:
    old = os.umask(0)
    os.umask(old)
    return old


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _readable(path: str) -> str | None:
    try:
        return Path(path).read_bytes().decode("utf-8", "replace")
    except OSError:
        return None


def _spawn(_: Stage, step: Step) -> None:
    sys.stdout.flush()
    for kind in step["spawn"]:
        _descend(kind, float(step.get("for", 60)))


def _children(_: Stage, step: Step) -> None:
    for _count in range(int(step["children"])):
        if os.fork() == 0:
            _linger("h", float(step.get("for", 60)))


def _descend(kind: str, seconds: float) -> None:
    ready, done = os.pipe()
    pid = os.fork()
    if pid:
        os.close(done)
        os.read(ready, 1)  # it holds its lock, or has passed it on
        os.close(ready)
        if kind in "df":
            os.waitpid(pid, 0)
        return
    if kind == "e":
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
    if kind in "bcdfg":
        os.setsid()
    if kind in "df" and os.fork():
        os._exit(0)
    if kind in "cdf":
        nothing = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(nothing, fd)
    _linger(kind, seconds)


def _linger(kind: str, seconds: float) -> None:
    """Never returns. What the parent waits on is closed here, once the lock is held."""
    held = _hold(kind)
    os.closerange(3 if held < 0 else held + 1, 256)
    if held > 3:
        os.closerange(3, held)
    until = time.monotonic() + seconds
    if kind == "f":
        if held >= 0:
            os.set_inheritable(held, True)
        os.execve("/bin/sleep", ["sleep", str(seconds)], {})
    while time.monotonic() < until:
        if kind != "g":
            _sleep(Stage(print), {"sleep": until - time.monotonic()})
        elif os.fork():
            os._exit(0)
        else:
            os.setsid()
    os._exit(0)


def _hold(kind: str) -> int:
    folder = os.environ.get("FAKE_ALIVE", "")
    if not folder:
        return -1
    import fcntl

    fd = os.open(f"{folder}/alive-{kind}", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(fd, fcntl.LOCK_SH)
    return fd


STEPS: dict[str, Callable[[Stage, Step], None]] = {
    "print": lambda _, step: _out(str(step["print"]).encode() + b"\n"),
    "say": lambda _, step: _out(str(step["say"]).encode() + b"\n"),
    "raw": lambda _, step: _out(str(step["raw"]).encode()),
    "err": lambda _, step: _out(str(step["err"]).encode() + b"\n", "stderr"),
    "garbage": _garbage,
    "flood": _flood,
    "sleep": _sleep,
    "burn": _burn,
    "burn_child": _burn_child,
    "read": _read,
    "write": _write,
    "append": _append,
    "remove": _remove,
    "touch": _touch,
    "wait_for": _wait_for,
    "spawn": _spawn,
    "children": _children,
    "ignore": _ignore,
    "signal": _signal,
    "allocate": _allocate,
    "note": _note,
}
