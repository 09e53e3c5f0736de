"""The command line: words in, exit code out. Errors are caught here, and only here."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from llmauto.errors import LlmautoError, UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from llmauto.ports import Clock

INTERRUPTED = 130
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def main(
    argv: Sequence[str], *, clock: Clock | None = None, loaded: Callable[[], None] = lambda: None
) -> int:
    """Run one command; the exit code is the contract's (section 2).

    A `clock` of one's own lets a night of waits pass in a test. `loaded` is called before the command begins,
    once its modules are there.
    """
    from llmauto.cli.called import called_as
    from llmauto.cli.context import Context
    from llmauto.cli.output import Output
    from llmauto.cli.quick import quick

    out = Output(sys.stdout, sys.stderr, os.environ, called=called_as(sys.orig_argv))
    debug = "--debug" in argv
    try:
        args = quick(argv) or _parse(argv)
        command: Callable[[Context], int] = _load(args.command)
        loaded()
        context = Context(args=args, out=out, environ=os.environ, clock=clock)
        try:
            code = command(context)
        finally:
            context.close()
        sys.stdout.flush()
        return code
    except LlmautoError as error:
        out.error(error)
        if debug:
            out.traceback(error)
        return error.exit_code
    except KeyboardInterrupt:
        out.say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (`| head`) has gone: nothing is wrong, and nothing more can be said.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  stays for the exit
        return 0
    except Exception as error:  # noqa: BLE001  no traceback ever reaches a person who did not ask
        told = _outside(error)
        if told is None:
            out.crash(error, debug=debug)
        else:
            out.error(told)
        return told.exit_code if told else 1


def _outside(error: Exception) -> LlmautoError | None:
    """What the machine would not let us do, where that is all that is wrong; None for a fault of ours."""
    if isinstance(error, OSError) and error.filename is None and error.errno in _NO_ROOM:
        # Our own files raise `DiskError`: it is what stdout leads to.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  stays for the exit
        return LlmautoError(f"the output cannot be written: {(error.strerror or '').lower()}")
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return LlmautoError("too many files are open", hint="raise `ulimit -n`, then start again")
    if isinstance(error, PermissionError) and error.filename is not None:
        hint = "give yourself that permission, or use another home with `--home DIR`"
        return LlmautoError(f"no permission to use `{os.fsdecode(error.filename)}`", hint=hint)
    if isinstance(error, FileNotFoundError) and not _is_anywhere():
        return UsageError("the folder that you are in has been removed", hint="`cd` to one that is there")
    return None


def _is_anywhere() -> bool:
    from pathlib import Path

    try:
        Path.cwd()
    except OSError:
        return False
    return True


def _parse(argv: Sequence[str]) -> Namespace:
    from llmauto.cli.parser import parse

    return parse(list(argv))


def _load(target: str) -> Callable[..., int]:
    """The function behind `module:name`; commands are imported when they are called."""
    module, _, name = target.partition(":")
    found: Callable[..., int] = getattr(importlib.import_module(f"llmauto.cli.{module}"), name)
    return found
