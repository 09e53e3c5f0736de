"""What the keeper needs of POSIX signals without the cost of the `signal` module.

`signal` makes enums and costs 4 ms of a start-up of 12; the C module below it has the same functions.
"""

from __future__ import annotations

import os

__all__ = ["CHLD", "CONT", "HUP", "INT", "KILL", "STOP", "TERM", "listen", "pass_on", "reset", "sig"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as sig
else:
    try:
        import _signal as sig
    except ImportError:  # another Python than CPython
        import signal as sig

TERM = int(sig.SIGTERM)
KILL = int(sig.SIGKILL)
CONT = int(sig.SIGCONT)
STOP = int(sig.SIGSTOP)
CHLD = int(sig.SIGCHLD)
INT = int(sig.SIGINT)
HUP = int(sig.SIGHUP)


def _nothing(_number: int, _frame: object) -> None:
    """Only the wake-up of the loop matters."""


def listen(wakeup_fd: int) -> None:
    """Send TERM and CHLD to the loop; be deaf to a closed terminal and to Ctrl-C."""
    sig.set_wakeup_fd(wakeup_fd, warn_on_full_buffer=False)
    sig.signal(sig.SIGTERM, _nothing)
    sig.signal(sig.SIGCHLD, _nothing)
    for number in (sig.SIGINT, sig.SIGHUP, sig.SIGQUIT, sig.SIGPIPE, sig.SIGUSR1, sig.SIGUSR2):
        sig.signal(number, sig.SIG_IGN)
    sig.pthread_sigmask(sig.SIG_SETMASK, ())


def pass_on(pid: int) -> None:
    """In a guard: what asks this process to end is for the keeper to do."""

    def tell(_number: int, _frame: object) -> None:
        try:  # noqa: SIM105
            os.kill(pid, TERM)
        except OSError:
            pass

    sig.signal(sig.SIGTERM, tell)
    sig.signal(sig.SIGCHLD, sig.SIG_DFL)
    for number in (sig.SIGINT, sig.SIGHUP, sig.SIGQUIT, sig.SIGPIPE, sig.SIGUSR1, sig.SIGUSR2):
        sig.signal(number, sig.SIG_IGN)


def reset() -> None:
    """In the agent's process before its program: every signal as a fresh process has it."""
    sig.set_wakeup_fd(-1)
    for number in range(1, sig.NSIG):
        try:
            sig.signal(number, sig.SIG_DFL)
        except (OSError, ValueError):  # KILL, STOP and those of the C library itself
            continue
    sig.pthread_sigmask(sig.SIG_SETMASK, ())
