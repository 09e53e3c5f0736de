"""How the agent's process is made: noted on disk before its program runs, and clean of all that is ours.

The forked process waits for one byte, which is sent when its pid has been written down; it ends when
that byte cannot come any more. So no agent ever runs that nobody knows of.
"""

from __future__ import annotations

import os

from . import cgroup, posix
from .wire import Order

_PIPE_SIZE = 1 << 20
_F_SETPIPE_SZ = 1031
_OOM_SCORE = b"300"
"""When memory runs out, the kernel takes an agent rather than the runner (browsers give their tabs 300)."""


class Child:
    """The agent's process and our ends of its pipes. `report` says why its program could not be run;
    `is_placed`, that it is in its group already.
    """

    __slots__ = ("err", "go", "is_placed", "out", "pid", "report")

    def __init__(self, pid: int, out: int, err: int, go: int, report: int, *, is_placed: bool) -> None:
        self.pid = pid
        self.is_placed = is_placed
        self.out = out
        self.err = err
        self.go = go
        self.report = report


Pipes = tuple[int, int, int, int]


def pipes() -> Pipes:
    """The agent's stdout and stderr: our end and its end of each. Raises `OSError`."""
    return (*_wide_pipe(), *_wide_pipe())


def start(order: Order, umask: int, group: str, ends: Pipes) -> Child:
    """Fork the agent's process, into its control group if it has one and where that can be done at once.

    It runs its program once a byte comes through `go`. Raises `OSError`.
    """
    out, out_w, err, err_w = ends
    go_r, go = os.pipe()
    report, report_w = os.pipe()
    pid = cgroup.fork_into(group) if group else -1
    is_placed = pid >= 0
    if not is_placed:
        pid = os.fork()
    if pid == 0:
        os.close(go)
        _become_agent(order, umask, (out_w, err_w, go_r, report_w))
    for fd in (out_w, err_w, go_r, report_w):
        os.close(fd)
    for fd in (out, err, report):
        os.set_blocking(fd, False)
    return Child(pid, out, err, go, report, is_placed=is_placed)


def _wide_pipe() -> tuple[int, int]:
    ends = os.pipe()
    try:
        import fcntl

        fcntl.fcntl(ends[0], getattr(fcntl, "F_SETPIPE_SZ", _F_SETPIPE_SZ), _PIPE_SIZE)
    except (ImportError, OSError, ValueError):  # not Linux, or the user has no more room for pipes
        pass
    return ends


def _become_agent(order: Order, umask: int, ends: tuple[int, int, int, int]) -> None:
    """Never returns. What fails goes to the report as `where`, NUL, errno."""
    out, err, go, report = ends
    where = b""
    try:
        os.setsid()
        if not os.read(go, 1):
            os._exit(127)
        posix.reset()
        _raise_oom_score()
        os.umask(umask)
        where = b"stdin"
        source = os.open(order.stdin or os.devnull, os.O_RDONLY | os.O_NOCTTY)
        where = b"cwd"
        os.chdir(order.cwd)
        where = b""
        os.dup2(source, 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        _execute(order)
    except OSError as error:
        os.write(report, b"%s\0%d" % (where, error.errno or 0))
    finally:
        os._exit(127)


def _execute(order: Order) -> None:
    program = order.argv[0]
    if b"/" in program:
        os.execve(program, order.argv, order.env)
    failure = FileNotFoundError(2, "not found")
    for place in order.env.get(b"PATH", b"/usr/local/bin:/usr/bin:/bin").split(b":"):
        try:
            os.execve(os.path.join(place or b".", program), order.argv, order.env)  # noqa: PTH118
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError as error:
            failure = error  # type: ignore[assignment]
    raise failure


def _raise_oom_score() -> None:
    try:
        fd = os.open("/proc/self/oom_score_adj", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if int(os.read(fd, 16)) < int(_OOM_SCORE):
            os.write(fd, _OOM_SCORE)
    except (OSError, ValueError):
        pass
    finally:
        os.close(fd)
